"""Schedules: made, changed, paused and run; each time has one outcome, and none is lost."""

from collections import Counter
from datetime import timedelta

from chalicelib.fleet.commands.store import COMMANDS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.schedules.model import Definition, ScheduledCommand, Timing
from chalicelib.fleet.schedules.store import RUNS, SCHEDULES, run_from_item
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.clock import to_seconds_text
from chalicelib.platform.access.principal import root
from tests.simulation.scene import NothingThereError, Scene, Simulation

_OWNER = root("MASTER_KEY")

SWEEPS = timedelta(minutes=2)
"""One comes each minute."""


def make_schedule(scene: Scene) -> None:
    minutes = scene.rng.choice(("*/5", "*/20", "0"))
    command = ScheduledCommand(command_text="true", targeting=Targeting(type=TargetType.ALL))
    timing, window = Timing(cron=f"{minutes} * * * *"), scene.rng.choice((None, 600))
    scene.fleet.schedules.registry.create(
        Definition(scene.some_name(), command, timing, window), _OWNER, reach=EVERYWHERE
    )


def pause_schedule(scene: Scene) -> None:
    scene.fleet.schedules.registry.pause(_some_id(scene), reach=EVERYWHERE)


def resume_schedule(scene: Scene) -> None:
    scene.fleet.schedules.registry.resume(_some_id(scene), _OWNER, reach=EVERYWHERE)


def rename_schedule(scene: Scene) -> None:
    registry = scene.fleet.schedules.registry
    known = registry.get(_some_id(scene), reach=EVERYWHERE)
    renamed = Definition(scene.some_name(), known.command, known.timing, 600)
    registry.change(known.id, renamed, known, _OWNER, reach=EVERYWHERE)


def delete_schedule(scene: Scene) -> None:
    scene.fleet.schedules.registry.delete(_some_id(scene), reach=EVERYWHERE)


def a_time_gives_one_command(scene: Scene) -> None:
    runs = [run_from_item(row) for row in scene.rows(RUNS) if "result" in row]
    told = Counter(run.command_id for run in runs if run.command_id)
    given = {str(row["id"]) for row in scene.rows(COMMANDS) if row.get("schedule")}
    assert set(told.values()) <= {1}, "two times of schedules name one command"
    assert given <= set(told), f"commands of schedules without a time: {given - set(told)}"
    times = Counter((run.schedule_id, run.planned_at) for run in runs)
    assert set(times.values()) <= {1}, "a time of a schedule has two outcomes"


def no_time_is_lost(scene: Scene) -> None:
    """But one that has come since the sweep before the last."""
    now = to_seconds_text(scene.world.clock.now() - SWEEPS)
    late = [row["id"] for row in scene.rows(SCHEDULES) if str(row.get("next_at") or "9") <= now]
    assert not late, f"times of {late} have come and nothing was done"
    unseen = [row["id"] for row in scene.rows(SCHEDULES) if row.get("state") == "active" and not row.get("due")]
    assert not unseen, f"no sweep ever looks at {unseen}"


def names_are_those_of_schedules(scene: Scene) -> None:
    claims = {str(row["schedule_id"]): row["taken_by"] for row in scene.rows(RUNS) if "taken_by" in row}
    names = {f"name#{row['name']}": row["id"] for row in scene.rows(SCHEDULES)}
    assert claims == names, f"names {claims} are taken, schedules have {names}"


def _some_id(scene: Scene) -> str:
    ids = sorted(str(row["id"]) for row in scene.rows(SCHEDULES))
    if not ids:
        raise NothingThereError(SCHEDULES.name)
    return scene.rng.choice(ids)


SIMULATION = Simulation(
    operations=(
        make_schedule,
        pause_schedule,
        resume_schedule,
        rename_schedule,
        delete_schedule,
    ),
    invariants=(a_time_gives_one_command, no_time_is_lost, names_are_those_of_schedules),
)
