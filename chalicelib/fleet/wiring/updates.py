"""The parts of `updates`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.fleet.updates.fan_out import UpdateFanOuts
    from chalicelib.fleet.updates.outcomes import Outcomes
    from chalicelib.fleet.updates.service import SelfUpdates
    from chalicelib.fleet.updates.triggering import Triggering
    from chalicelib.fleet.wiring import Fleet


class UpdateParts:
    """`requests` creates and lists self-update requests, `fan_outs` finds their nodes, `triggering` tells agents."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._platform = fleet.platform

    @cached_property
    def requests(self) -> SelfUpdates:
        from chalicelib.fleet.updates.service import SelfUpdates

        return SelfUpdates(
            self._platform.tables,
            self._platform.clock,
            self._platform.ids,
            self._fleet.nodes.reading,
            self._fleet.clusters,
            self.triggering,
            deadline_seconds=self._platform.settings.self_update_deadline_seconds,
            lists=self._platform.lists,
        )

    @cached_property
    def triggering(self) -> Triggering:
        from chalicelib.fleet.updates.triggering import Triggering

        platform, fleet = self._platform, self._fleet
        return Triggering(
            platform.tables, platform.clock, fleet.nodes.reading, platform.events, lambda: fleet.transport.direct
        )

    @cached_property
    def fan_outs(self) -> UpdateFanOuts:
        from chalicelib.fleet.updates.fan_out import UpdateFanOuts

        return UpdateFanOuts(
            self._platform.tables, self._platform.clock, self._fleet.nodes.reading, self._fleet.clusters
        )

    @cached_property
    def outcomes(self) -> Outcomes:
        from chalicelib.fleet.clusters.reached_lists import ReachedLists
        from chalicelib.fleet.updates.outcomes import Outcomes

        lists = ReachedLists(self._platform.lists, self._fleet.clusters.within)
        return Outcomes(self._platform.tables, self._platform.clock, lists)
