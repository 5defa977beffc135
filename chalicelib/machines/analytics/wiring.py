"""The parts of analytics."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.machines.analytics.model import Kept, Made, NodeSeen
from chalicelib.machines.instances.model import INSTANCE

if TYPE_CHECKING:
    from chalicelib.machines.analytics.queries import Queries
    from chalicelib.machines.analytics.recording import Recorder
    from chalicelib.platform.wiring import Platform


class Analytics:
    """Records what happens, and answers what tenants ask."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        settings = platform.settings
        hours = timedelta(days=settings.analytics_kept_days)
        self._kept = Kept(hours, max(hours, timedelta(days=settings.analytics_daily_kept_days)))

    @cached_property
    def recorder(self) -> Recorder:
        from chalicelib.machines.analytics.owners import Owners
        from chalicelib.machines.analytics.recording import Recorder

        platform = self._platform
        owners = Owners(platform.tables, self._made)
        return Recorder(platform.tables.scoped, platform.clock, owners, self._kept)

    def queries(self, tenant: str) -> Queries:
        """The questions of a tenant."""
        from chalicelib.machines.analytics.queries import Queries

        platform = self._platform
        tables, lists = platform.tables.scoped(tenant), platform.lists.scoped(tenant)
        return Queries(tables, lists, platform.clock, self._node, self._kept)

    def _node(self, node_id: str) -> NodeSeen | None:
        from chalicelib.fleet.public import fleet_of

        node = fleet_of(self._platform).find_nodes([node_id]).get(node_id)
        return None if node is None else NodeSeen(node.status != "unreachable", node.inserted_at, node.last_seen_at)

    def _made(self, instance_id: str) -> Made | None:
        found = self._platform.all_resources.find(INSTANCE, instance_id)
        return None if found is None else Made(found.tenant, found.name)
