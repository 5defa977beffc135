"""The part of the container that the edge itself needs."""

from typing import Protocol

from chalicelib.kit.clock import Clock
from chalicelib.kit.ids import Ids
from chalicelib.kit.log import Log
from chalicelib.kit.tables import Tables
from chalicelib.platform.access.identities import Identities
from chalicelib.platform.access.throttle import Throttle
from chalicelib.platform.idempotency.service import Idempotency
from chalicelib.settings import Settings


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
    def throttle(self) -> Throttle: ...


class EdgeServices(Protocol):
    """The part of a family's container that the edge itself needs. Views get the whole container."""

    @property
    def platform(self) -> EdgePlatform: ...
