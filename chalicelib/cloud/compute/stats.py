"""`InstanceStats`: how much of its machine an instance uses, as its agent tells."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chalicelib.cloud.compute.instances import CloudInstances
from chalicelib.kit.errors import conflict
from chalicelib.machines.public import NODE_ID


class Host(Protocol):
    """The part of `fleet.public.HostFacts` that is used."""

    @property
    def busy_percent(self) -> float | None: ...
    @property
    def memory_total(self) -> int | None: ...
    @property
    def memory_used(self) -> int | None: ...


@dataclass(frozen=True)
class Stats:
    """The use of a machine: shares in percent, sizes in bytes; 0 where the machine does not tell."""

    cpu_percentage: float
    memory_usage_bytes: int
    memory_limit_bytes: int
    memory_percentage: float


class InstanceStats:
    """``host`` tells what the machine of a node says of itself; None if it says nothing."""

    def __init__(self, instances: CloudInstances, host: Callable[[str], Host | None]) -> None:
        self._instances = instances
        self._host = host

    def get(self, tenant: str, wanted: str) -> Stats:
        """Raises `EdgeError` (not found), (conflict) for an instance that says nothing."""
        node_id = self._instances.get(tenant, wanted).observed.get(NODE_ID)
        if node_id is None:
            raise conflict("it is no node of a cluster, and so has no agent that tells")
        host = self._host(str(node_id))
        if host is None:
            raise conflict("its agent does not answer now: it has to be RUNNING and connected")
        used, total = host.memory_used or 0, host.memory_total or 0
        return Stats(host.busy_percent or 0.0, used, total, round(used / total * 100, 2) if total else 0.0)
