"""Makes the object of a tenant's secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from chalicelib.platform.secrets.service import Secrets

if TYPE_CHECKING:
    from chalicelib.kit.clock import Clock
    from chalicelib.kit.crypto import Sealer
    from chalicelib.kit.ids import Ids
    from chalicelib.kit.listing import Lists
    from chalicelib.kit.tables import Tables
    from chalicelib.platform.quotas.service import Quotas


class Parts(Protocol):
    """The parts of the platform that it is made of."""

    clock: Clock
    ids: Ids

    @property
    def tables(self) -> Tables: ...

    @property
    def sealer(self) -> Sealer: ...

    @property
    def lists(self) -> Lists: ...

    @property
    def quotas(self) -> Quotas: ...


def secrets_of(platform: Parts, tenant: str) -> Secrets:
    """The secrets of a tenant, for its family."""
    return Secrets(
        platform.tables.scoped(tenant),
        platform.clock,
        platform.ids,
        platform.sealer,
        lists=platform.lists.scoped(tenant),
        quotas=platform.quotas,
    )
