"""The price table: what an hour of each thing costs, in US dollars. A change of a price adds a row.

A row holds from ``since`` on, until the next of its type and size. An interval is charged at the price of when it
began, also if that is noticed later. So a row that has begun is never changed or removed: earlier bills follow from it.
The size ``*`` stands for all that have no row of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from chalicelib.platform.billing.model import NANOS, Charged, Mark

CURRENCY = "USD"

ANY = "*"
"""The size of a row for all sizes that have none."""


@dataclass(frozen=True)
class Price:
    """The price of a type in one size: ``per_hour`` of one unit, which ``unit`` names ("hours", "gb-hours"). For an
    amount that was used within an hour it is the price of a unit ("mb")."""

    type: str
    size: str
    since: str
    per_hour: Decimal
    unit: str = "hours"

    @property
    def nanos(self) -> int:
        """The price in billionths of a dollar: bills add whole numbers."""
        return int(self.per_hour * NANOS)


PRICES: Sequence[Price] = (
    # Instances, by the template that they are made from: from when one is ready until EC2 is asked to end it.
    Price("instance", "local-small", "2026-01-01T00:00:00Z", Decimal("0.0060")),
    Price("instance", "ubuntu-small", "2026-01-01T00:00:00Z", Decimal("0.0276")),
    Price("instance", "ubuntu-small-arm", "2026-01-01T00:00:00Z", Decimal("0.0228")),
    Price("instance", "debian-small-arm", "2026-01-01T00:00:00Z", Decimal("0.0228")),
    Price("instance", "debian-small", "2026-01-01T00:00:00Z", Decimal("0.0276")),
    Price("instance", "ubuntu-large-arm", "2026-01-01T00:00:00Z", Decimal("0.1045")),
    # The same, by the type of the cloud's API.
    Price("instance", "basic-1", "2026-01-01T00:00:00Z", Decimal("0.005")),
    Price("instance", "basic-2", "2026-01-01T00:00:00Z", Decimal("0.01")),
    Price("instance", "standard-1", "2026-01-01T00:00:00Z", Decimal("0.02")),
    Price("instance", "standard-2", "2026-01-01T00:00:00Z", Decimal("0.04")),
    Price("instance", "standard-4", "2026-01-01T00:00:00Z", Decimal("0.08")),
    Price("instance", "performance-1", "2026-01-01T00:00:00Z", Decimal("0.16")),
    Price("instance", "performance-2", "2026-01-01T00:00:00Z", Decimal("0.32")),
    # Disks, by their size, and copies of them, by the size of the disk.
    Price("volume", "gp3", "2026-01-01T00:00:00Z", Decimal("0.00011"), "gb-hours"),
    Price("snapshot", "standard", "2026-01-01T00:00:00Z", Decimal("0.00007"), "gb-hours"),
    # Buckets, by what S3 says that they hold.
    Price("bucket", "standard", "2026-01-01T00:00:00Z", Decimal("0.00000004"), "mb-hours"),
    # Images, by the size of the snapshot that each is.
    Price("image", "standard", "2026-01-01T00:00:00Z", Decimal("0.00007"), "gb-hours"),
    # Public addresses, in use or not.
    Price("eip", "ipv4", "2026-01-01T00:00:00Z", Decimal("0.005")),
    # Ways from subnets to the internet.
    Price("nat_gateway", "public", "2026-01-01T00:00:00Z", Decimal("0.05")),
    # The traffic through them by the MB, as amounts of an hour each.
    Price("nat_traffic", "processed", "2026-01-01T00:00:00Z", Decimal("0.000055"), "mb"),
    # An instance of a template that the catalogue has no more.
    Price("instance", ANY, "2026-01-01T00:00:00Z", Decimal("0.1045")),
)


class NoPriceError(Exception):
    """A thing that is charged has no price."""


def price_of(type_name: str, size: str, at: str, prices: Sequence[Price] = PRICES) -> Price:
    """The price of an interval that begins at a time (seconds text). Raises `NoPriceError`."""
    known = [price for price in prices if price.type == type_name and price.since <= at]
    fitting = [price for price in known if price.size == size] or [price for price in known if price.size == ANY]
    if not fitting:
        raise NoPriceError(f"{type_name} of size {size} has no price at {at}: add one to platform/billing/prices.py")
    return max(fitting, key=lambda price: price.since)


def charged_of(mark: Mark) -> Charged | None:
    """The charge of a mark, at the price of its time. Raises `NoPriceError`."""
    if mark.charge_type is None:
        return None
    return charged_at(mark.charge_type, mark.charge_size, mark.units, mark.at)


def charged_at(type_name: str, size: str, units: int, at: str) -> Charged:
    """The charge of so many units at the price of a time (seconds text). Raises `NoPriceError`."""
    price = price_of(type_name, size, at)
    return Charged(type=type_name, size=size, unit=price.unit, units=units, nanos=price.nanos)
