"""Chooses among the plans of a list request where entries of terms are among them: the one with the fewest entries."""

from collections.abc import Iterator
from dataclasses import replace

from chalicelib.kit.listing.plan import ReadPlan, ReadTotal
from chalicelib.kit.listing.sources import TermSource, read_round
from chalicelib.kit.tables import Tables

WEIGHED = 1000
"""Entries that are counted at most to compare two plans, the same number of each partition; beyond that, plans count
as equal."""


def choose(plans: Iterator[ReadPlan], tables: Tables, read_total: ReadTotal | None) -> ReadPlan:
    """The first plan, unless it is of terms: then the one with the fewest entries of all. One call for each that is
    weighed; none where it is the only one."""
    first = next(plans)
    if not isinstance(first.source, TermSource):
        return first
    found = [first, *plans]
    return first if len(found) == 1 else min(found, key=lambda one: _weight(one, tables, read_total))


def _weight(plan: ReadPlan, tables: Tables, read_total: ReadTotal | None) -> int:
    if plan.weight and read_total is not None:
        return min(WEIGHED, sum(map(read_total, plan.weight)))
    if not plan.queries:
        return 0
    counts = [replace(query, count_only=True) for query in plan.queries]
    return min(WEIGHED, read_round(tables, counts, -(-WEIGHED // len(counts))).count)
