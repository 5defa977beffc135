"""Makes the parts of billing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from chalicelib.platform.billing.service import Bills, Metering

if TYPE_CHECKING:
    from chalicelib.kit.clock import Clock
    from chalicelib.kit.tables import Tables


class Parts(Protocol):
    """The parts of the platform that these are made of."""

    clock: Clock

    @property
    def tables(self) -> Tables: ...


def metering_of(platform: Parts) -> Metering:
    """The recorder of marks."""
    return Metering(platform.tables.scoped)


def bills_of(platform: Parts) -> Bills:
    """The bills of all tenants."""
    return Bills(platform.tables.scoped, platform.clock)
