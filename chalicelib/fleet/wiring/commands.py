"""The parts of `commands`."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.fleet.commands.at_once import AtOnce
    from chalicelib.fleet.commands.cancelling import PartCancel
    from chalicelib.fleet.commands.clean_up import CleanUp
    from chalicelib.fleet.commands.environments import Environments
    from chalicelib.fleet.commands.executions import Executions
    from chalicelib.fleet.commands.fan_out import FanOuts
    from chalicelib.fleet.commands.large_outputs import LargeOutputs
    from chalicelib.fleet.commands.looking import Looking
    from chalicelib.fleet.commands.model import Command, Execution
    from chalicelib.fleet.commands.moved import Moved
    from chalicelib.fleet.commands.pruning import Pruning
    from chalicelib.fleet.commands.retries import Retries
    from chalicelib.fleet.commands.service import Commands
    from chalicelib.fleet.commands.steering import Steering
    from chalicelib.fleet.commands.waves import Waves
    from chalicelib.fleet.wiring import Fleet


class CommandParts:
    """`registry` creates, lists, cancels and deletes commands; `fan_outs`, `waves` and `looking` create their
    executions, and `steering` pauses, resumes and stops rollouts."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._platform = fleet.platform

    @cached_property
    def registry(self) -> Commands:
        from chalicelib.fleet.commands.service import Commands

        platform, deadline = self._platform, self._platform.settings.command_default_deadline
        return Commands(
            platform.tables,
            platform.clock,
            platform.ids,
            self._fleet.nodes.reading,
            self._fleet.clusters,
            lists=platform.lists,
            read_total=platform.counters.read,
            at_once=self._at_once if platform.settings.short_way else None,
            default_deadline=timedelta(seconds=deadline) if deadline else None,
        )

    @property
    def _at_once(self) -> AtOnce:
        from chalicelib.fleet.commands.at_once import AtOnce

        def tell(command: Command, created: Sequence[Execution]) -> None:
            self._fleet.transport.direct.hint(command, created)

        fleet, platform = self._fleet, self._platform
        reaches_all = not platform.settings.push_enabled  # a request pushes to no agent
        return AtOnce(platform.tables, fleet.nodes.reading, fleet.clusters, tell, reaches_all=reaches_all)

    @cached_property
    def retries(self) -> Retries:
        from chalicelib.fleet.commands.part_store import Parts
        from chalicelib.fleet.commands.retries import Retries

        tables = self._platform.tables
        return Retries(tables, self.registry, Parts(tables, self._fleet.clusters.within))

    @cached_property
    def steering(self) -> Steering:
        from chalicelib.fleet.commands.steering import Steering

        return Steering(self._platform.tables, self._platform.clock, self.registry)

    @cached_property
    def executions(self) -> Executions:
        from chalicelib.fleet.commands.executions import Executions

        platform = self._platform
        return Executions(platform.tables, platform.clock, platform.lists, self._fleet.clusters.within)

    @cached_property
    def environments(self) -> Environments:
        from chalicelib.fleet.commands.environments import Environments

        return Environments(self._platform.tables, self._platform.clock, self._fleet.secrets)

    @cached_property
    def large_outputs(self) -> LargeOutputs:
        from chalicelib.fleet.commands.large_outputs import LargeOutputs

        platform = self._platform
        objects = platform.objects(platform.settings.output_bucket)
        return LargeOutputs(platform.tables, objects, platform.clock)

    @cached_property
    def cancelling(self) -> PartCancel:
        from chalicelib.fleet.commands.cancelling import PartCancel

        return PartCancel(self._platform.tables, self._platform.clock)

    @cached_property
    def fan_outs(self) -> FanOuts:
        from chalicelib.fleet.commands.fan_out import FanOuts

        return FanOuts(self._platform.tables, self._platform.clock, self._fleet.nodes.reading, self._fleet.clusters)

    @cached_property
    def waves(self) -> Waves:
        from chalicelib.fleet.commands.waves import Waves

        return Waves(self._platform.tables, self._platform.clock, self._fleet.nodes.reading, self._fleet.clusters)

    @cached_property
    def looking(self) -> Looking:
        from chalicelib.fleet.commands.looking import Looking

        return Looking(self._platform.tables, self._platform.clock, self._fleet.nodes.reading, self._fleet.clusters)

    @cached_property
    def moved(self) -> Moved:
        from chalicelib.fleet.commands.moved import Moved

        return Moved(self._platform.tables, self._platform.clock, self._fleet.nodes.reading, self._fleet.clusters)

    @cached_property
    def clean_up(self) -> CleanUp:
        from chalicelib.fleet.commands.clean_up import CleanUp

        return CleanUp(self._platform.tables, self._platform.clock, self._fleet.nodes.reading)

    @cached_property
    def pruning(self) -> Pruning:
        from chalicelib.fleet.commands.pruning import Pruning

        settings = self._platform.settings
        kept = timedelta(days=settings.execution_retention_days) if settings.execution_pruning_enabled else None
        return Pruning(self._platform.tables, self._platform.clock, kept)
