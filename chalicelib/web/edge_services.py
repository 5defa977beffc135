"""The services that the HTTP edge needs from the composition root."""

from typing import Any, Protocol

from chalicelib.kit.clock import Clock
from chalicelib.kit.ids import Ids
from chalicelib.kit.log import Log
from chalicelib.kit.tables import Tables
from chalicelib.platform.access.keys import OperatorKeys
from chalicelib.platform.access.throttle import Throttle
from chalicelib.settings import Settings


class Identity(Protocol):
    """Authenticates agents: `nodes.identity.Identity`."""

    def authenticate(self, bearer: str, instance_id: str | None) -> Any: ...


class Health(Protocol):
    """Records heartbeats: `nodes.health.Health`."""

    def touch(self, agent: Any) -> Any: ...


class Nodes(Protocol):
    """The parts of `nodes.wiring.Nodes` that the edge calls."""

    @property
    def identity(self) -> Identity: ...
    @property
    def health(self) -> Health: ...


class EdgePlatform(Protocol):
    """The parts of the platform that the edge itself needs."""

    settings: Settings
    clock: Clock
    ids: Ids
    log: Log

    @property
    def tables(self) -> Tables: ...
    @property
    def keys(self) -> OperatorKeys: ...
    @property
    def throttle(self) -> Throttle: ...
    @property
    def wrong_keys(self) -> Throttle: ...


class EdgeServices(Protocol):
    """The parts of a family's container that the edge itself needs. Views get the same object."""

    @property
    def platform(self) -> EdgePlatform: ...
    @property
    def nodes(self) -> Nodes: ...
    def degraded(self) -> bool: ...
