"""The parts of `admins`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.fleet.admins.handover import Handover
    from chalicelib.fleet.admins.model import Admin
    from chalicelib.fleet.admins.ownership import Ownership
    from chalicelib.fleet.admins.service import Admins
    from chalicelib.fleet.wiring import Fleet


class AdminParts:
    """`registry` knows the stacks of an installation, `ownership` which of them serves a cluster."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._platform = fleet.platform

    @cached_property
    def registry(self) -> Admins:
        from chalicelib.fleet.admins.service import Admins

        platform, fleet = self._platform, self._fleet
        limit = platform.settings.list_read_limit
        return Admins(
            platform.tables,
            platform.clock,
            fleet.every_cluster,
            fleet.nodes.reading,
            me=self.own,
            list_read_limit=limit,
        )

    @cached_property
    def own(self) -> Admin:
        """The admin that is this stack, as its settings describe it."""
        from chalicelib.fleet.admins.model import UNLIMITED_PEERS, Admin

        settings = self._platform.settings
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

        return Ownership(self._platform.tables, self._platform.clock, self._platform.log, self.own)

    @cached_property
    def handover(self) -> Handover:
        from chalicelib.fleet.admins.handover import Handover

        platform = self._platform
        return Handover(platform.tables, platform.clock, platform.settings.admin_cluster_name)
