"""A world with machines and schedules, whose time passes."""

from typing import Any

from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.schedules.model import Definition, Schedule, ScheduledCommand, Timing
from chalicelib.fleet.schedules.store import RUNS, SCHEDULES, schedule_from_item
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.tables import Item
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Principal, root
from tests.support.world import World

OWNER = root("MASTER_KEY")
ALL = Targeting(type=TargetType.ALL)
HOURLY = Timing(cron="0 * * * *")


def a_schedule(
    world: World,
    timing: Timing = HOURLY,
    owner: Principal = OWNER,
    name: str = "hourly",
    window: int | None = 1800,
    **fields: Any,
) -> Schedule:
    """A schedule of a command for all, which machines that are off run within half an hour."""
    command = ScheduledCommand(**{"command_text": "true", "targeting": ALL, **fields})
    return world.fleet.schedules.registry.create(
        Definition(name, command, timing, window), owner, reach=reach_of(owner)
    )


def pass_time(world: World, seconds: float, *, twice: bool = False) -> None:
    """Let time pass, sweep and work until all is at rest."""
    world.clock.advance(seconds)
    world.sweep("sweep_commands")
    world.settle(twice=twice)


def commands(world: World) -> list[Item]:
    return world.driver.rows(COMMANDS)


def executions(world: World) -> list[Item]:
    return world.driver.rows(EXECUTIONS)


def runs(world: World) -> list[tuple[str, str, int]]:
    rows = sorted((row for row in world.driver.rows(RUNS) if "result" in row), key=lambda row: str(row["planned_at"]))
    return [(str(row["planned_at"]), str(row["result"]), int(str(row["count"]))) for row in rows]


def now_of(world: World, schedule: Schedule) -> Schedule:
    return schedule_from_item(world.driver.row(SCHEDULES, {"id": schedule.id}) or {})


def key_id(world: World, **wanted: Any) -> str:
    """The id of a new key of an operator."""
    return str(world.key_with(**{"role": KeyRole.OPERATOR, **wanted})).split("_")[1]
