"""The exceptions from the rules, each with its reason. One that matches nothing any more is an error."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from infra.house.findings import Finding

FILE: Final = "infra/house/exceptions.py"


@dataclass(frozen=True)
class Exempt:
    """The findings of ``rule`` in the file ``path``."""

    rule: str
    path: str
    reason: str


EXCEPTIONS: tuple[Exempt, ...] = ()


def apply(findings: Iterable[Finding], exceptions: Iterable[Exempt]) -> Iterator[Finding]:
    """The findings that are not exempt, and one for each exception without a finding."""
    unused = {(each.rule, each.path): each for each in exceptions}
    exempt = {*unused}
    for found in findings:
        key = (found.rule, found.path)
        if key in exempt:
            unused.pop(key, None)
        else:
            yield found
    for each in unused.values():
        wrong = f"the exception of {each.path} from {each.rule!r} matches nothing any more"
        yield Finding(FILE, 1, "exceptions", wrong, "remove it")
