"""Findings that are older than their rule: ``path:rule:count`` a line, in a file whose counts may only fall."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from infra.house.findings import Finding

FILE: Final = "infra/house/known.txt"

Counts = Mapping[tuple[str, str], int]
"""The number of findings by path and rule."""


class RaisedError(Exception):
    """A rule has more findings than the file allows."""


def parse(text: str) -> Counts:
    """The smaller count wins if a merge has left two lines of one key. Raises ValueError for a line of another form."""
    counts: dict[tuple[str, str], int] = {}
    for line in text.splitlines():
        path, rule, count = line.split(":")
        key = path, rule
        counts[key] = min(int(count), counts.get(key, int(count)))
    return counts


def text_of(counts: Counts) -> str:
    return "".join(f"{path}:{rule}:{count}\n" for (path, rule), count in sorted(counts.items()))


def count(findings: Iterable[Finding]) -> Counts:
    return Counter((each.path, each.rule) for each in findings)


def apply(findings: Iterable[Finding], known: Counts) -> Iterator[Finding]:
    """The findings of each file and rule that has more than known, and one for each count that is too high."""
    by_key = defaultdict(list)
    for each in findings:
        by_key[each.path, each.rule].append(each)
    for (path, rule), found in by_key.items():
        if len(found) > known.get((path, rule), 0):
            yield from found
    for (path, rule), allowed in known.items():
        if len(by_key.get((path, rule), ())) < allowed:
            wrong = f"{path} has {len(by_key.get((path, rule), ()))} findings of {rule!r}, not {allowed}"
            yield Finding(FILE, 1, "known", wrong, "lower the count: make format")


def lowered(findings: Iterable[Finding], known: Counts) -> Counts:
    """The counts of now. A file may take over those of another (it was moved or split), as long as no rule has more
    findings in all. Raises `RaisedError`."""
    now = count(findings)
    allowed, found = _by_rule(known), _by_rule(now)
    if raised := [
        f"{rule}: {found[rule]}, not {allowed[rule]}" for rule in sorted(found) if found[rule] > allowed[rule]
    ]:
        raise RaisedError("more findings than are known of " + "; ".join(raised))
    return now


def _by_rule(counts: Counts) -> Counter[str]:
    total: Counter[str] = Counter()
    for (_, rule), each in counts.items():
        total[rule] += each
    return total
