"""The services that the HTTP edge needs from the composition root."""

from typing import Any, Protocol

from chalicelib.kit.clock import Clock
from chalicelib.kit.ids import Ids
from chalicelib.kit.log import Log
from chalicelib.kit.tables import Tables
from chalicelib.platform.access.keys import OperatorKeys
from chalicelib.platform.access.throttle import Throttle
from chalicelib.settings import Settings


class AgentsDoor(Protocol):
    """The part of `nodes.service.Nodes` that the edge uses."""

    def authenticate(self, bearer: str, instance_id: str | None) -> Any: ...

    def touch(self, agent: Any) -> Any: ...


class EdgeServices(Protocol):
    """The services that the edge itself needs. Views get the same object."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def ids(self) -> Ids: ...
    @property
    def tables(self) -> Tables: ...
    @property
    def keys(self) -> OperatorKeys: ...
    @property
    def throttle(self) -> Throttle: ...
    @property
    def wrong_keys(self) -> Throttle: ...
    @property
    def log(self) -> Log: ...
    @property
    def nodes(self) -> AgentsDoor: ...
    def degraded(self) -> bool: ...
