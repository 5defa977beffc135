"""The models of billing: marks, intervals and bills. Times are seconds text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel

NANOS = 1_000_000_000
"""Prices are whole billionths of a dollar, so that bills add whole numbers."""


class Charged(BaseModel, frozen=True):
    """A charge at its price: ``units`` of a type and size, each at ``nanos`` billionths of a dollar an hour."""

    type: str
    size: str
    unit: str
    units: int
    nanos: int


class Mark(BaseModel, frozen=True):
    """A change of a resource's charge: from ``at`` on it is charged for this type and size, or for nothing (None).
    ``version`` is that of the resource's row, which grows with each change: marks are put into order by it, and may
    arrive in any other."""

    tenant: str
    resource_id: str
    kind: str
    owner: str
    version: int
    at: str
    charge_type: str | None = None
    charge_size: str = ""
    units: int = 0


class Amount(BaseModel, frozen=True):
    """So much was used by a resource within the hour that begins ``at`` (seconds text): ``units`` of a type and size.
    ``name`` tells amounts of one resource apart; of each name there is one an hour."""

    tenant: str
    resource_id: str
    kind: str
    owner: str
    name: str
    at: str
    charge_type: str
    charge_size: str
    units: int


class Interval(BaseModel, frozen=True):
    """The time from a mark to the next of its resource. ``ended_by`` is the version of that, None: it goes on."""

    resource_id: str
    position: str
    kind: str
    owner: str
    starts_at: str
    ends_at: str | None = None
    ended_by: int | None = None
    charged: Charged | None = None

    @property
    def version(self) -> int:
        """The version of the mark that it begins with."""
        return int(self.position)


@dataclass(frozen=True)
class Period:
    """From ``start`` to before ``end``, in whole seconds."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Part:
    """The part of an interval that lies in a period, up to now: ``seconds`` of ``charged``."""

    interval: Interval
    charged: Charged
    start: datetime
    end: datetime

    @property
    def seconds(self) -> int:
        return int((self.end - self.start).total_seconds())

    @property
    def nano_seconds(self) -> int:
        """Its cost, in billionths of a dollar an hour times seconds: a whole number."""
        return self.charged.nanos * self.charged.units * self.seconds

    @property
    def unit_seconds(self) -> int:
        return self.charged.units * self.seconds


@dataclass(frozen=True)
class Bill:
    """The debt of a tenant for a period, by type, in US dollars; ``hours`` of each type are those of its units."""

    period: Period
    amounts: Mapping[str, Decimal]
    hours: Mapping[str, Decimal]

    @property
    def total(self) -> Decimal:
        return sum(self.amounts.values(), Decimal(0))


@dataclass(frozen=True)
class Forecast:
    """A period that is under way: ``so_far`` is owed already, ``expected`` at its end, if all stays as it is now."""

    so_far: Bill
    expected: Bill
