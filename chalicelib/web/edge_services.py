"""The part of the container that the edge itself needs."""

from typing import TYPE_CHECKING, Protocol

from chalicelib.kit.clock import Clock
from chalicelib.kit.ids import Ids
from chalicelib.kit.log import Log
from chalicelib.kit.tables import Tables
from chalicelib.platform.access.identities import Identities
from chalicelib.platform.idempotency.service import Idempotency
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.platform.audit.service import Audit
    from chalicelib.platform.callers import Callers
    from chalicelib.platform.limits.service import Limits


class EdgePlatform(Protocol):
    """The parts of the platform that the edge itself needs."""

    settings: Settings
    clock: Clock
    ids: Ids
    log: Log

    @property
    def tables(self) -> Tables: ...
    @property
    def identities(self) -> Identities: ...
    @property
    def idempotency(self) -> Idempotency: ...
    @property
    def callers(self) -> "Callers": ...
    @property
    def limits(self) -> "Limits": ...
    @property
    def audit(self) -> "Audit": ...


class EdgeServices(Protocol):
    """The part of a family's container that the edge itself needs. Views get the whole container."""

    @property
    def platform(self) -> EdgePlatform: ...
