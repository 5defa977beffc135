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


EXCEPTIONS = (
    Exempt("clock", "chalicelib/kit/clock.py", "it is the clock"),
    Exempt("clock", "chalicelib/kit/outbound/exchange.py", "the deadline of a real socket, which no other clock moves"),
    Exempt("clock", "chalicelib/kit/outbound/guard.py", "as in exchange.py, for the resolver before it"),
    Exempt("clock", "chalicelib/platform/gateways.py", "the application is wired here"),
    Exempt("clock", "chalicelib/web/endpoint.py", "answers when the container, which has the clock, cannot be built"),
    Exempt("randomness", "chalicelib/kit/ids.py", "it draws for all others"),
    Exempt("randomness", "chalicelib/platform/gateways.py", "the application is wired here"),
    Exempt("randomness", "chalicelib/web/endpoint.py", "answers when the container cannot be built"),
    Exempt("sleep", "chalicelib/kit/clock.py", "it is the clock"),
    Exempt("sleep", "chalicelib/kit/backoff.py", "the pauses between retries, bounded by the caller's patience"),
    Exempt("sleep", "chalicelib/kit/counters.py", "one pause in a recount, for the change stream to catch up"),
    Exempt("sleep", "chalicelib/platform/quotas/service.py", "as in counters.py, for an index to catch up"),
    Exempt("sleep", "chalicelib/fleet/commands/creation.py", "spreads a fan-out's writes within one invocation"),
    Exempt("sleep", "chalicelib/fleet/metrics/waking.py", "a caller waits for metrics that the agent sends meanwhile"),
    Exempt("scan", "infra/data_key.py", "an operator's tool that must read every sealed value"),
    Exempt("scan", "infra/restore.py", "an operator's tool that copies whole tables"),
    Exempt("scan", "infra/house/purity.py", "it names the permissions that it refuses"),
)


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
