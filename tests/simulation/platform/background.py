"""Background work: repeated, replayed, thrown out; none of it is ever left."""

from datetime import timedelta

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tasks import TABLE as TASKS
from tests.simulation.scene import Scene, Simulation

LATE = timedelta(minutes=10)


def replay_streams(scene: Scene) -> None:
    """Every change record so far is relayed once more, as when a reader of the streams is made anew."""
    scene.world.replay()


def expire_rows(scene: Scene) -> None:
    """The database deletes what has expired: at some time or other, as it promises no more."""
    scene.world.driver.collect_expired()


def no_task_is_late(scene: Scene) -> None:
    now = to_seconds_text(scene.world.clock.now() - LATE)
    late = [row["id"] for row in scene.rows(TASKS) if not row.get("settles") or str(row["due_at"]) < now]
    assert not late, f"tasks are left: {late}"


def no_letter_is_dead(scene: Scene) -> None:
    """What failed while faults lasted succeeds when it is moved back into its queue."""
    dead = [f"{queue}: {message.entry['MessageBody'][:100]}" for queue, message in scene.world.dead]
    assert not dead, f"dead letters that nobody caused: {dead}"


def nothing_is_set_aside(scene: Scene) -> None:
    aside = {queue: len(entries) for queue, entries in scene.world.set_aside.items()}
    assert not aside, f"messages for queues that only people look at: {aside}"


def nothing_is_under_way(scene: Scene) -> None:
    assert scene.world.is_quiet, "messages or change records never come to an end"


def no_recount_corrects_a_total(scene: Scene) -> None:
    """But where change records came once more after they had long been counted."""
    corrected = scene.told("total_corrected")
    assert not corrected or scene.coverage.faults[replay_streams.__name__], f"a recount corrected {corrected}"


SIMULATION = Simulation(
    invariants=(
        no_task_is_late,
        no_letter_is_dead,
        nothing_is_set_aside,
        nothing_is_under_way,
        no_recount_corrects_a_total,
    ),
    faults=(replay_streams, expire_rows),
)
