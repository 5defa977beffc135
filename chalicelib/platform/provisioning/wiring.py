"""The parts of the provisioning engine that work for it, as one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.platform.provisioning.resource_store import ResourceStore
from chalicelib.platform.provisioning.strangers import Strangers
from chalicelib.platform.provisioning.sweeping import Sweep
from chalicelib.platform.provisioning.working import Provisioning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.kit.clock import Clock
    from chalicelib.kit.log import Log
    from chalicelib.kit.queues import Queues
    from chalicelib.platform.context import Family
    from chalicelib.platform.provisioning.ports import Driver, Kind


class ProvisioningContext:
    """The worker, the sweep and the report. ``kinds`` are the kinds by name, each with its family, whose container
    ``container_of`` finds."""

    def __init__(
        self,
        store: ResourceStore,
        kinds: Mapping[str, tuple[Family, Kind]],
        container_of: Callable[[Family], Any],
        *,
        queues: Queues,
        clock: Clock,
        log: Log,
    ) -> None:
        self._store = store
        self._families = {name: family for name, (family, _) in kinds.items()}
        self._kinds = {name: kind for name, (_, kind) in kinds.items()}
        self._container_of = container_of
        self._queues = queues
        self._clock = clock
        self._log = log
        self._drivers: dict[str, Driver] = {}

    @cached_property
    def working(self) -> Provisioning:
        return Provisioning(self._store, self._kinds, self.driver_of, self._queues, self._clock, self._log)

    @cached_property
    def sweep(self) -> Sweep:
        return Sweep(self._store, self._queues, self._clock)

    @cached_property
    def strangers(self) -> Strangers:
        return Strangers(self._store, tuple(self._kinds), self.driver_of, self._clock)

    def driver_of(self, kind: str) -> Driver:
        """The driver of the kind of that name. Raises LookupError."""
        if kind not in self._drivers:
            self._drivers[kind] = self._kinds[kind].driver(self._container_of(self._families[kind]))
        return self._drivers[kind]
