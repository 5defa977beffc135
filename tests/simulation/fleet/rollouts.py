"""Rollouts: commands in waves, paused, resumed and stopped while machines work on them."""

from collections.abc import Iterator

from chalicelib.fleet.commands.model import OPEN
from chalicelib.fleet.commands.rollout import Rollout, RolloutLimits
from chalicelib.fleet.commands.rollout_store import RolloutStore
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS, fan_out_from_item, fan_out_key, outcome_of_row
from chalicelib.fleet.commands.undone import FanOut
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.tables import Item
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.support.builders import a_command
from tests.support.fakes.dynamo import Plan


def give_rollout(scene: Scene) -> None:
    most, errors = scene.rng.choice((1, 2, "50%")), scene.rng.choice((None, 0, 1))
    a_command(scene.world, rollout=RolloutLimits(max_concurrency=most, max_errors=errors))


def pause_rollout(scene: Scene) -> None:
    scene.fleet.commands.steering.pause(_some_rollout(scene), reach=EVERYWHERE)


def resume_rollout(scene: Scene) -> None:
    scene.fleet.commands.steering.resume(_some_rollout(scene), reach=EVERYWHERE)


def stop_rollout(scene: Scene) -> None:
    scene.fleet.commands.steering.stop(_some_rollout(scene), reach=EVERYWHERE)


def step_rollout_late(scene: Scene) -> None:
    """A message that was long under way."""
    scene.fleet.commands.waves.step(_some_rollout(scene), None, lambda _command, _made: None)


def a_rollout_that_goes_on_waits_for_something(scene: Scene) -> None:
    """For ends of executions, or until it is resumed: a crash or a lost message stops none for good."""
    for fan_out, rollout, rows in _rollouts(scene):
        if not fan_out.parts:
            continue
        assert rollout.is_found, f"targets of {fan_out.command_id} are still being found"
        assert not rollout.has_ended, f"{fan_out.command_id} has ended, and its part is left"
        assert fan_out.paused_at or not rollout.room, f"{fan_out.command_id} could make {rollout.room} executions"
        open_slots = {row["rollout_slot"] for row in rows if row["status"] in {*OPEN}}
        assert open_slots == {*rollout.out}, f"{fan_out.command_id} keeps {rollout.out}, open are {open_slots}"


class _Out:
    """The executions of rollouts that are out, by command."""

    def __init__(self) -> None:
        self.ids: dict[str, set[str]] = {}


def no_wave_is_too_large(scene: Scene, _operation: str, plan: Plan) -> None:
    """No more executions of a rollout are out at a time than its limits say, when some are added."""
    more = set[str]()
    for write, _key, old, new in plan:
        row = new or old
        if write.table is EXECUTIONS and row is not None and "rollout_slot" in row:
            out = scene.recall(_Out).ids.setdefault(str(row["command_id"]), set())
            if new is not None and new["status"] in {*OPEN}:
                more |= {str(row["command_id"])} if row["id"] not in out else set()
                out.add(str(row["id"]))
            else:
                out.discard(str(row["id"]))
    for command_id in more:
        count, most = len(scene.recall(_Out).ids[command_id]), _most_out(scene, command_id)
        assert count <= most, f"{count} of {command_id} are out, {most} may be"


def _most_out(scene: Scene, command_id: str) -> int:
    row = scene.world.driver.row(FAN_OUTS, fan_out_key(command_id))
    rollout = None if row is None else fan_out_from_item(row).rollout
    return 0 if rollout is None else rollout.most_out


def a_rollout_keeps_its_limits(scene: Scene) -> None:
    for fan_out, rollout, rows in _rollouts(scene):
        assert len(rows) == rollout.taken - rollout.dropped, f"{fan_out.command_id} counts other executions"
        if rollout.errors_allowed is not None:
            errors = sum(outcome_of_row(row) in {"failed", "expired"} for row in rows)
            most = rollout.most_out + rollout.errors_allowed
            assert errors <= most, f"{errors} of {fan_out.command_id} failed, {most} may"


def outcomes_of_a_rollout_add_up(scene: Scene) -> None:
    for fan_out, rollout, _ in _rollouts(scene):
        progress = scene.fleet.commands.registry.get_with_progress(fan_out.command_id, reach=EVERYWHERE)[1]
        assert progress.summary is not None
        shown, known = progress.summary.total, rollout.total
        assert shown == known, f"outcomes of {fan_out.command_id} add up to {shown}, it has {known} targets"
        assert len({*_targets(scene, fan_out.command_id, rollout)}) == known, "a target was found twice"


def _some_rollout(scene: Scene) -> str:
    """The command of a rollout."""
    ids = sorted(str(row["command_id"]) for row in scene.rows(FAN_OUTS) if row.get("rollout"))
    if not ids:
        raise NothingThereError("rollouts")
    return scene.rng.choice(ids)


def _rollouts(scene: Scene) -> Iterator[tuple[FanOut, Rollout, list[Item]]]:
    """The rollouts of commands that are there, with their executions."""
    rows = scene.rows(EXECUTIONS)
    for fan_out in map(fan_out_from_item, scene.rows(FAN_OUTS)):
        if fan_out.rollout is not None and fan_out.deleted_at is None:
            yield fan_out, fan_out.rollout, [row for row in rows if row["command_id"] == fan_out.command_id]


def _targets(scene: Scene, command_id: str, rollout: Rollout) -> Iterator[str]:
    for chunk in RolloutStore(scene.world.platform.tables).chunks(command_id, rollout.chunks):
        yield from (node_id for node_id, _ in chunk)


ROLLOUTS = Simulation(
    operations=(
        give_rollout,
        give_rollout,
        pause_rollout,
        resume_rollout,
        resume_rollout,
        stop_rollout,
        step_rollout_late,
    ),
    invariants=(
        a_rollout_that_goes_on_waits_for_something,
        a_rollout_keeps_its_limits,
        outcomes_of_a_rollout_add_up,
    ),
    watches=(no_wave_is_too_large,),
)
"""A part of that of commands."""
