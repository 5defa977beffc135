"""The parts of the provisioning engine by name, each built when it is first asked for.

Requests use `resources` and `all_resources`; those of the workers know every kind, and so every family.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from chalicelib.kit.clock import Clock
    from chalicelib.kit.ids import Ids
    from chalicelib.kit.listing import Lists
    from chalicelib.kit.log import Log
    from chalicelib.kit.queues import Queues
    from chalicelib.kit.tables import Tables
    from chalicelib.platform.context import Family
    from chalicelib.platform.families import Families
    from chalicelib.platform.provisioning.overall import AllResources
    from chalicelib.platform.provisioning.ports import Driver
    from chalicelib.platform.provisioning.resource_store import ResourceStore
    from chalicelib.platform.provisioning.service import Resources
    from chalicelib.platform.provisioning.strangers import Strangers
    from chalicelib.platform.provisioning.sweeping import Sweep
    from chalicelib.platform.provisioning.working import Provisioning
    from chalicelib.platform.quotas.service import Quotas


class Parts(Protocol):
    """The parts of the platform that the engine stands on. ``container_of`` gives the container of a family."""

    clock: Clock
    ids: Ids
    log: Log

    @property
    def tables(self) -> Tables: ...

    @property
    def lists(self) -> Lists: ...

    @property
    def queues(self) -> Queues: ...

    @property
    def quotas(self) -> Quotas: ...

    @property
    def families(self) -> Families: ...

    def container_of(self, family: Family) -> Any: ...


class ProvisioningContext:
    """The engine on the parts of the platform."""

    def __init__(self, platform: Parts) -> None:
        self._platform = platform
        self._drivers: dict[str, Driver] = {}

    def resources(self, tenant: str) -> Resources:
        """The resources of a tenant."""
        from chalicelib.platform.provisioning.service import Resources

        platform = self._platform
        return Resources(tenant, self._store, platform.clock, platform.ids)

    @cached_property
    def all_resources(self) -> AllResources:
        from chalicelib.platform.provisioning.overall import AllResources

        return AllResources(self._store, self._platform.lists, self._platform.clock)

    @cached_property
    def working(self) -> Provisioning:
        from chalicelib.platform.provisioning.working import Provisioning

        platform = self._platform
        kinds = {name: kind for name, (_, kind) in platform.families.kinds.items()}
        return Provisioning(self._store, kinds, self.driver_of, platform.queues, platform.clock, platform.log)

    @cached_property
    def sweep(self) -> Sweep:
        from chalicelib.platform.provisioning.sweeping import Sweep

        return Sweep(self._store, self._platform.queues, self._platform.clock)

    @cached_property
    def strangers(self) -> Strangers:
        from chalicelib.platform.provisioning.strangers import Strangers

        return Strangers(self._store, tuple(self._platform.families.kinds), self.driver_of, self._platform.clock)

    def driver_of(self, kind: str) -> Driver:
        """The driver of the kind of that name. Raises LookupError."""
        if kind not in self._drivers:
            family, declared = self._platform.families.kinds[kind]
            self._drivers[kind] = declared.driver(self._platform.container_of(family))
        return self._drivers[kind]

    @cached_property
    def _store(self) -> ResourceStore:
        from chalicelib.platform.provisioning.resource_store import ResourceStore

        return ResourceStore(self._platform.tables, self._platform.quotas)
