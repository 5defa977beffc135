"""The container of the fleet: its contexts as attributes, each built when it is first asked for.

A context of one part is built here, one of several in the module of its name. As in `platform.wiring`, the modules of a
part are imported by the property that builds it: a function loads what it uses.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.fleet.aliases.service import Aliases
    from chalicelib.fleet.clusters.model import DefaultCluster
    from chalicelib.fleet.clusters.service import Clusters
    from chalicelib.fleet.distribution.service import Distribution
    from chalicelib.fleet.enrollment.service import Enrollment
    from chalicelib.fleet.events.testing import TestEvents
    from chalicelib.fleet.nodes.wiring import Nodes
    from chalicelib.fleet.scripts.service import Scripts
    from chalicelib.fleet.tails.service import Tails
    from chalicelib.fleet.vpn.port import Vpn
    from chalicelib.fleet.wiring.admins import AdminParts
    from chalicelib.fleet.wiring.commands import CommandParts
    from chalicelib.fleet.wiring.mesh import MeshParts
    from chalicelib.fleet.wiring.metrics import MetricParts
    from chalicelib.fleet.wiring.schedules import ScheduleParts
    from chalicelib.fleet.wiring.ssh import SshParts
    from chalicelib.fleet.wiring.transport import TransportParts
    from chalicelib.fleet.wiring.updates import UpdateParts
    from chalicelib.platform.secrets.service import Secrets
    from chalicelib.platform.wiring import Platform
    from chalicelib.settings import Settings
    from chalicelib.web.results import HealthCheck


class Fleet:
    """The parts of the fleet by name, made of the parts of the platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    @cached_property
    def vpn(self) -> Vpn:
        from chalicelib.fleet.vpn.registry import REGISTRY

        return self.mesh.netmaker if self.platform.settings.has_mesh else REGISTRY

    @cached_property
    def clusters(self) -> Clusters:
        platform = self.platform
        return self._clusters(lists=platform.lists, default=_default_cluster(platform.settings), vpn=self.vpn)

    @cached_property
    def every_cluster(self) -> Clusters:
        """For walks over all clusters: makes no default cluster and asks no counter."""
        from chalicelib.fleet.admins.service import MOST_CLUSTERS
        from chalicelib.kit.listing import Lists

        return self._clusters(lists=Lists(self.platform.tables, self.platform.clock, MOST_CLUSTERS))

    def _clusters(self, **more: Any) -> Clusters:
        from chalicelib.fleet.clusters.ranges import Pools
        from chalicelib.fleet.clusters.service import Clusters

        platform, settings = self.platform, self.platform.settings
        return Clusters(
            platform.tables,
            platform.clock,
            platform.ids,
            pools=Pools.of(settings.cluster_auto_generated_ranges, settings.cluster_subnet_prefix),
            reserved_slots=settings.admin_slot_reservation + settings.node_slot_reservation,
            **more,
        )

    @cached_property
    def enrollment(self) -> Enrollment:
        from chalicelib.fleet.enrollment.service import Enrollment
        from chalicelib.fleet.nodes.standing import KnownMachines

        platform, settings = self.platform, self.platform.settings
        return Enrollment(
            platform.tables,
            platform.clock,
            platform.ids,
            clusters=self.clusters,
            events=platform.events,
            sealer=platform.sealer,
            admin_urls=settings.own_urls,
            public_keys=settings.public_enrollment_key_enabled,
            public_keys_last_seconds=settings.public_enrollment_key_seconds,
            lists=platform.lists,
            machines=KnownMachines(),
            vpn=self.vpn,
        )

    @cached_property
    def nodes(self) -> Nodes:
        from chalicelib.fleet.aliases import store as aliases_store
        from chalicelib.fleet.nodes.wiring import PATIENCE_SECONDS, Nodes

        platform, settings = self.platform, self.platform.settings
        return Nodes(
            platform.tables,
            platform.patient_tables(PATIENCE_SECONDS),
            platform.clock,
            platform.ids,
            platform.sealer,
            self.clusters,
            self.enrollment,
            unreachable_seconds=settings.node_unreachable_seconds,
            lists=platform.lists,
            release_aliases=aliases_store.release,
            vpn=self.vpn,
            trusts_hosts=settings.netmaker_hosts_prove_nodes,
            admin_urls=settings.own_urls,
        )

    @cached_property
    def aliases(self) -> Aliases:
        from chalicelib.fleet.aliases.service import Aliases

        platform = self.platform
        return Aliases(
            platform.tables, platform.clock, self.nodes.reading, self.clusters, self.vpn, lists=platform.lists
        )

    @cached_property
    def commands(self) -> CommandParts:
        from chalicelib.fleet.wiring.commands import CommandParts

        return CommandParts(self)

    @cached_property
    def schedules(self) -> ScheduleParts:
        from chalicelib.fleet.wiring.schedules import ScheduleParts

        return ScheduleParts(self)

    @cached_property
    def secrets(self) -> Secrets:
        """Those of the operator of this installation."""
        from chalicelib.platform.access.principal import DEFAULT_TENANT
        from chalicelib.platform.secrets.wiring import secrets_of

        return secrets_of(self.platform, DEFAULT_TENANT)

    @cached_property
    def scripts(self) -> Scripts:
        from chalicelib.fleet.scripts.service import Scripts

        platform = self.platform
        return Scripts(
            platform.tables,
            platform.clock,
            commands=self.commands.registry,
            secrets=self.secrets,
            lists=platform.lists,
        )

    @cached_property
    def transport(self) -> TransportParts:
        from chalicelib.fleet.wiring.transport import TransportParts

        return TransportParts(self)

    @cached_property
    def tails(self) -> Tails:
        from chalicelib.fleet.tails.service import Tails

        platform = self.platform
        return Tails(
            platform.tables,
            platform.clock,
            platform.ids,
            self.nodes,
            self.commands.executions,
            platform.sockets,
            lambda: platform.callers.standing,
            platform.log,
        )

    @cached_property
    def updates(self) -> UpdateParts:
        from chalicelib.fleet.wiring.updates import UpdateParts

        return UpdateParts(self)

    @cached_property
    def ssh(self) -> SshParts:
        from chalicelib.fleet.wiring.ssh import SshParts

        return SshParts(self)

    @cached_property
    def metrics(self) -> MetricParts:
        from chalicelib.fleet.wiring.metrics import MetricParts

        return MetricParts(self)

    @cached_property
    def admins(self) -> AdminParts:
        from chalicelib.fleet.wiring.admins import AdminParts

        return AdminParts(self)

    @cached_property
    def mesh(self) -> MeshParts:
        from chalicelib.fleet.wiring.mesh import MeshParts

        return MeshParts(self)

    @cached_property
    def distribution(self) -> Distribution:
        from chalicelib.fleet.distribution.service import Distribution

        return Distribution(self.platform.objects(self.platform.settings.agent_bucket))

    @cached_property
    def test_events(self) -> TestEvents:
        from chalicelib.fleet.events.testing import TestEvents

        return TestEvents(self.platform.tables, self.platform.clock, self.platform.events)

    def health_checks(self) -> list[HealthCheck]:
        """The dependencies of requests: a read of a row that is not there, a queue that answers, the mesh, the keys."""
        from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
        from chalicelib.platform.events.queues import EVENTS
        from chalicelib.web.results import HealthCheck

        platform = self.platform
        checks = [
            HealthCheck("Database", lambda: platform.tables.get(CLUSTERS, {"name": "-"}, consistent=False)),
            HealthCheck("Queues", lambda: platform.queues.check(EVENTS)),
        ]
        if platform.settings.has_mesh:
            checks.append(HealthCheck("Netmaker API", self.mesh.netmaker.check))
        return (
            [*checks, HealthCheck("Keys", lambda: platform.callers.keys)] if platform.settings.auth_enabled else checks
        )

    def degraded(self) -> bool:
        """Whether the installation is over its capacity; never where ADMIN_MAX_WIREGUARD_PEERS sets none."""
        return self.admins.registry.degraded()


def _default_cluster(settings: Settings) -> DefaultCluster | None:
    if settings.default_cluster_name is None:
        return None
    from chalicelib.fleet.clusters.model import DefaultCluster

    return DefaultCluster(
        name=settings.default_cluster_name,
        ipv4_range=settings.default_cluster_subnet,
        node_limit=settings.default_cluster_node_limit,
    )
