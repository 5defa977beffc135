"""Who and where: the parts that know clusters, nodes, their names, and the stacks that look after them.

As in `bootstrap`, a part's modules are imported by the property that builds it: a function loads what it uses.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.platform.foundations import Foundations

if TYPE_CHECKING:
    from chalicelib.fleet.admins.handover import Handover
    from chalicelib.fleet.admins.model import Admin
    from chalicelib.fleet.admins.ownership import Ownership
    from chalicelib.fleet.admins.service import Admins
    from chalicelib.fleet.aliases.service import Aliases
    from chalicelib.fleet.clusters.model import DefaultCluster
    from chalicelib.fleet.clusters.service import Clusters
    from chalicelib.fleet.enrollment.service import Enrollment
    from chalicelib.fleet.mesh.netmaker import Netmaker
    from chalicelib.fleet.mesh.reconciling import Reconciling
    from chalicelib.fleet.mesh.settling import Settling
    from chalicelib.fleet.mesh.store import NetworkStore
    from chalicelib.fleet.nodes.wiring import Nodes
    from chalicelib.fleet.vpn.port import Vpn
    from chalicelib.platform.events.service import Events
    from chalicelib.settings import Settings


class Fleet(Foundations):
    """Parts that other parts are given."""

    @cached_property
    def events(self) -> Events:
        from chalicelib.platform.events.service import Events

        return Events(self.clock, self.ids, self.settings.core_name)

    @cached_property
    def clusters(self) -> Clusters:
        return self._clusters(
            lists=self.lists,
            default=_default_cluster(self.settings),
            vpn=self.vpn,
        )

    @cached_property
    def every_cluster(self) -> Clusters:
        """For those who walk over all there are: makes no default cluster and asks no counter."""
        from chalicelib.fleet.admins.service import MOST_CLUSTERS
        from chalicelib.kit.listing import Lists

        return self._clusters(lists=Lists(self.tables, self.clock, MOST_CLUSTERS))

    def _clusters(self, **more: Any) -> Clusters:
        from chalicelib.fleet.clusters.ranges import Pools
        from chalicelib.fleet.clusters.service import Clusters

        settings = self.settings
        return Clusters(
            self.tables,
            self.clock,
            self.ids,
            pools=Pools.of(settings.cluster_auto_generated_ranges, settings.cluster_subnet_prefix),
            reserved_slots=settings.admin_slot_reservation + settings.node_slot_reservation,
            **more,
        )

    @cached_property
    def admins(self) -> Admins:
        from chalicelib.fleet.admins.service import Admins

        limit = self.settings.list_read_limit
        return Admins(
            self.tables, self.clock, self.every_cluster, self.nodes.reading, me=self.own_admin, list_read_limit=limit
        )

    @cached_property
    def own_admin(self) -> Admin:
        """The admin that this stack announces."""
        from chalicelib.fleet.admins.model import UNLIMITED_PEERS, Admin

        settings = self.settings
        return Admin(
            name=settings.own_admin_name,
            admin_cluster_name=settings.admin_cluster_name,
            max_wireguard_peers=settings.admin_max_wireguard_peers or UNLIMITED_PEERS,
            delivery_queue_url=settings.delivery_queue_url,
            reaches_nodes=settings.push_enabled,
        )

    @cached_property
    def ownership(self) -> Ownership:
        from chalicelib.fleet.admins.ownership import Ownership

        return Ownership(self.tables, self.clock, self.log, self.own_admin)

    @cached_property
    def handover(self) -> Handover:
        from chalicelib.fleet.admins.handover import Handover

        return Handover(self.tables, self.clock, self.settings.admin_cluster_name)

    @cached_property
    def enrollment(self) -> Enrollment:
        from chalicelib.fleet.enrollment.service import Enrollment
        from chalicelib.fleet.nodes.standing import KnownMachines

        return Enrollment(
            self.tables,
            self.clock,
            self.ids,
            clusters=self.clusters,
            events=self.events,
            sealer=self.sealer,
            admin_urls=self.settings.own_urls,
            public_keys=self.settings.public_enrollment_key_enabled,
            public_keys_last_seconds=self.settings.public_enrollment_key_seconds,
            lists=self.lists,
            machines=KnownMachines(),
            vpn=self.vpn,
        )

    @cached_property
    def nodes(self) -> Nodes:
        from chalicelib.fleet.aliases import store as aliases_store
        from chalicelib.fleet.nodes.wiring import PATIENCE_SECONDS, Nodes
        from chalicelib.kit.tables import Tables

        patient = Tables(self._outside.driver, self.clock, self.ids, repeat_seconds=PATIENCE_SECONDS)
        return Nodes(
            self.tables,
            patient,
            self.clock,
            self.ids,
            self.sealer,
            self.clusters,
            self.enrollment,
            unreachable_seconds=self.settings.node_unreachable_seconds,
            lists=self.lists,
            release_aliases=aliases_store.release,
            vpn=self.vpn,
            trusts_hosts=self.settings.netmaker_hosts_prove_nodes,
        )

    @cached_property
    def vpn(self) -> Vpn:
        from chalicelib.fleet.vpn.registry import REGISTRY

        return self.mesh if self.settings.has_mesh else REGISTRY

    @cached_property
    def mesh(self) -> Netmaker:
        """Only where the settings say that there is one."""
        from chalicelib.fleet.mesh.master_key import master_key_of
        from chalicelib.fleet.mesh.netmaker import Netmaker
        from chalicelib.fleet.mesh.netmaker_api import netmaker_over_http

        settings, secret = self.settings, self.stage_secret
        api = netmaker_over_http(
            settings.netmaker_api_url,
            lambda: settings.netmaker_master_key or master_key_of(secret.values()),
            self.clock,
            self.ids,
            self.log,
            look_again=secret.look_again,
        )
        return Netmaker(api, self.vpn_networks, self.clock, self.ids, domain=settings.netmaker_default_domain)

    @cached_property
    def vpn_networks(self) -> NetworkStore:
        from chalicelib.fleet.mesh.store import NetworkStore

        return NetworkStore(self.tables)

    @cached_property
    def vpn_settling(self) -> Settling:
        from chalicelib.fleet.mesh.settling import Settling

        return Settling(self.clusters, self.nodes.reading, self.aliases, self.mesh)

    @cached_property
    def vpn_reconciling(self) -> Reconciling:
        from chalicelib.fleet.mesh.reconciling import Reconciling

        return Reconciling(
            self.every_cluster,
            self.nodes.reading,
            self.aliases,
            self.mesh,
            self.vpn_networks,
            self.vpn_settling,
            self.clock,
            evicts_strangers=self.settings.evict_rogue_hosts,
        )

    @cached_property
    def aliases(self) -> Aliases:
        from chalicelib.fleet.aliases.service import Aliases

        return Aliases(
            self.tables,
            self.clock,
            self.nodes.reading,
            self.clusters,
            self.vpn,
            lists=self.lists,
        )


def _default_cluster(settings: Settings) -> DefaultCluster | None:
    if settings.default_cluster_name is None:
        return None
    from chalicelib.fleet.clusters.model import DefaultCluster

    return DefaultCluster(
        name=settings.default_cluster_name,
        ipv4_range=settings.default_cluster_subnet,
        node_limit=settings.default_cluster_node_limit,
    )
