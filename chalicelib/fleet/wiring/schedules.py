"""The parts of `schedules`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.fleet.schedules.running import Running
    from chalicelib.fleet.schedules.service import Schedules
    from chalicelib.fleet.wiring import Fleet


class ScheduleParts:
    """`registry` creates, lists and changes schedules, `running` runs them."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._platform = fleet.platform

    @cached_property
    def registry(self) -> Schedules:
        from chalicelib.fleet.schedules.service import Schedules

        platform = self._platform
        return Schedules(
            platform.tables,
            platform.clock,
            platform.ids,
            self._fleet.commands.registry,
            self._fleet.scripts,
            lists=platform.lists,
        )

    @cached_property
    def running(self) -> Running:
        from chalicelib.fleet.schedules.running import Running

        platform = self._platform
        return Running(
            platform.tables,
            platform.clock,
            platform.ids,
            self._fleet.commands.registry,
            self._fleet.scripts,
            platform.callers.standing,
        )
