"""The parts of the context `hosted`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.machines.hosted.export_store import ExportStore
from chalicelib.machines.hosted.store import NodeStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.fleet.public import FleetAccess
    from chalicelib.machines.catalogue.service import Catalogue
    from chalicelib.machines.hosted.exports import Exports
    from chalicelib.machines.hosted.exposure import Exposure
    from chalicelib.machines.hosted.running import Builds
    from chalicelib.machines.hosted.service import HostedNodes
    from chalicelib.machines.instances.service import Instances
    from chalicelib.platform.provisioning.model import Resource
    from chalicelib.platform.wiring import Platform

DUE_ROWS = 500
"""Rows that one sweep queues at most; the rest stays due."""


class HostedParts:
    """`nodes` are the use cases of owners, `builds` and `exports` those of the worker. ``read_console`` gives what the
    machine of an instance last wrote to its console."""

    def __init__(
        self,
        platform: Platform,
        catalogue: Catalogue,
        *,
        find_fleet: Callable[[], FleetAccess],
        find_instances: Callable[[], Instances],
        read_console: Callable[[Resource], str | None],
    ) -> None:
        self._platform = platform
        self._catalogue = catalogue
        self._find_fleet = find_fleet
        self._find_instances = find_instances
        self._read_console = read_console

    @cached_property
    def fleet(self) -> FleetAccess:
        return self._find_fleet()

    @cached_property
    def instances(self) -> Instances:
        return self._find_instances()

    def nodes_of(self, tenant: str) -> NodeStore:
        """The rows of a tenant's nodes."""
        return NodeStore(self._platform.tables.scoped(tenant))

    def exports_of(self, tenant: str) -> ExportStore:
        """The rows of a tenant's exports."""
        return ExportStore(self._platform.tables.scoped(tenant))

    @cached_property
    def nodes(self) -> HostedNodes:
        from chalicelib.machines.hosted.service import HostedNodes

        platform = self._platform
        settings = platform.settings
        return HostedNodes(
            self.nodes_of,
            {name: cluster_of(name) for name in settings.hosted_networks},
            lambda: self._catalogue.find_template(settings.hosted_template),
            platform.identity.tenant,
            lambda name: self.fleet.find_cluster(name) is not None,
            lambda tenant: self.instances.check_room(tenant),  # noqa: PLW0108 - loads what it uses
            platform.webhooks.owned,
            platform.clock,
            platform.ids,
        )

    @cached_property
    def exposure(self) -> Exposure:
        from chalicelib.machines.catalogue.model import Service
        from chalicelib.machines.hosted.exposure import Exposure

        settings = self._platform.settings
        template = self._catalogue.known_template(settings.hosted_template)
        service = Service() if template is None else template.service
        base_url = settings.public_url.rstrip("/")
        return Exposure(service.protocol, service.port, service.peer_port, base_url, settings.netmaker_default_domain)

    @cached_property
    def builds(self) -> Builds:
        from chalicelib.machines.hosted.machine_builder import MachineBuilder
        from chalicelib.machines.hosted.running import Builds

        builder = MachineBuilder(self.instances, self.fleet, self._platform.webhooks.owned)
        return Builds(self.nodes_of, builder, self._platform.clock)

    @cached_property
    def exports(self) -> Exports:
        from chalicelib.machines.hosted.exports import Exports

        platform = self._platform
        objects = platform.objects(platform.settings.export_bucket)
        return Exports(self.exports_of, objects, lambda: self.fleet, self._console_of, platform.clock, platform.ids)

    def due_messages(self) -> Iterator[dict[str, str]]:
        """The messages for what is due: nodes with a build under way or just destroyed, and exports. Each is put off
        before its message is returned, so that a lost one is sent again."""
        from chalicelib.kit.clock import to_seconds_text
        from chalicelib.machines.hosted import export_store, store
        from chalicelib.machines.hosted.changes import export_message, message_of
        from chalicelib.platform.background.due import due_of_tenants

        tables, now = self._platform.tables, to_seconds_text(self._platform.clock.now())
        for row in due_of_tenants(tables, store.TABLE, store.DUE, now, DUE_ROWS):
            if self.builds.claim(row.tenant, str(row.key["id"])):
                yield message_of(row.tenant, str(row.key["id"]))
        for row in due_of_tenants(tables, export_store.TABLE, export_store.DUE, now, DUE_ROWS):
            node_id, export_id = str(row.key["node_id"]), str(row.key["id"])
            if self.exports.claim(row.tenant, node_id, export_id):
                yield export_message(row.tenant, node_id, export_id)

    def _console_of(self, tenant: str, node_id: str) -> str | None:
        from chalicelib.machines.instances.model import INSTANCE
        from chalicelib.platform.provisioning.ports import ProviderError

        instance = self._platform.resources(tenant).find(INSTANCE, node_id)
        try:
            return None if instance is None else self._read_console(instance)
        except ProviderError:
            return None


def cluster_of(network: str) -> str:
    """The name of the cluster of a network: names of clusters have no underscores."""
    return network.replace("_", "-")
