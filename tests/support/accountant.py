"""Recomputes bills from states of resources that a test writes down by itself."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from chalicelib.kit.clock import parse_time
from chalicelib.platform.billing.prices import ANY, PRICES

Charge = tuple[str, str, int]
"""A type, a size, and units of them."""

NANOS_AN_HOUR = 3600 * 10**9
MILLIONTH = Decimal("0.000001")


class Accountant:
    """Knows for each resource since when it has cost how much, and adds up seconds one resource at a time."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], dict[int, tuple[datetime, Charge | None]]] = defaultdict(dict)

    def write_down(self, tenant: str, resource: str, order: int, at: datetime, charge: Charge | None) -> None:
        """From ``at`` on the resource costs this; None: nothing."""
        self.states[tenant, resource][order] = (at, charge)

    def tenants(self) -> list[str]:
        """Those that have, or had, resources."""
        return sorted({tenant for tenant, _ in self.states})

    def bill(self, tenant: str, start: datetime, end: datetime) -> dict[str, Decimal]:
        """The dollars of a tenant's resources between two times, by type."""
        costs: dict[str, int] = defaultdict(int)
        for (owner, _), states in self.states.items():
            changes = list(_changes([states[order] for order in sorted(states)])) if owner == tenant else []
            ends = [at for at, _ in changes[1:]] + [end]
            for (at, charge), until in zip(changes, ends, strict=True) if changes else ():
                seconds = int((min(until, end) - max(at, start)).total_seconds())
                if charge is not None and seconds > 0:
                    costs[charge[0]] += _nanos(charge, at) * charge[2] * seconds
        return {
            name: (Decimal(cost) / NANOS_AN_HOUR).quantize(MILLIONTH, ROUND_HALF_EVEN) for name, cost in costs.items()
        }


def _changes(states: list[tuple[datetime, Charge | None]]) -> Iterator[tuple[datetime, Charge | None]]:
    """The states that differ from those before: a state that only goes on has no time of its own, and clocks of those
    who write may be apart."""
    before = None
    for at, charge in states:
        if charge != before:
            yield at, charge
        before = charge


def _nanos(charge: Charge, at: datetime) -> int:
    """The price of a unit in billionths of a dollar an hour, as it was then."""
    known = [each for each in PRICES if each.type == charge[0] and each.size in {charge[1], ANY}]
    begun = [each for each in known if parse_time(each.since) <= at]
    return int(max(begun, key=lambda each: (each.size != ANY, each.since)).per_hour * 10**9)
