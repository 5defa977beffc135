"""Recomputes bills from states of resources that a test writes down by itself."""

from collections import defaultdict
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from chalicelib.platform.billing.prices import PRICES

PER_HOUR = {price.size: price.per_hour for price in PRICES if price.type == "instance"}
"""By the size of an instance."""


class Accountant:
    """Knows for each resource since when it has been in which size, and adds up seconds one resource at a time."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], dict[int, tuple[datetime, str | None]]] = defaultdict(dict)

    def write_down(self, tenant: str, resource: str, order: int, at: datetime, size: str | None) -> None:
        """From ``at`` on the resource runs in that size; None: it does not."""
        self.states[tenant, resource][order] = (at, size)

    def bill(self, tenant: str, start: datetime, end: datetime) -> Decimal:
        """The dollars of a tenant's resources between two times."""
        cost = Decimal(0)
        for (owner, _), states in self.states.items():
            told = [states[order] for order in sorted(states)] if owner == tenant else []
            ends = [at for at, _ in told[1:]] + [end]
            for (at, size), until in zip(told, ends, strict=False):
                seconds = (min(until, end) - max(at, start)).total_seconds()
                if size is not None and seconds > 0:
                    cost += PER_HOUR[size] * int(seconds) / 3600
        return cost.quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
