"""Commands: given, reported, cancelled and deleted; no work is left at rest."""

from collections import Counter

from chalicelib.fleet.commands.model import Report, RetriedOutcome, Retry, Status
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS, FAN_OUTS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.counters import total_of
from chalicelib.platform.access.principal import root
from tests.simulation.scene import Scene, Simulation
from tests.support.builders import a_command


def give_command(scene: Scene) -> None:
    a_command(scene.world)


def report_result(scene: Scene) -> None:
    row = scene.some_row(EXECUTIONS)
    report = Report(is_expired=False, exit_code=scene.rng.choice((0, 1)))
    scene.fleet.commands.executions.report(str(row["node_id"]), str(row["id"]), report)


def retry_command(scene: Scene) -> None:
    wanted = Retry(tuple(scene.rng.sample(tuple(RetriedOutcome), 2)))
    command_id = str(scene.some_row(COMMANDS)["id"])
    scene.fleet.commands.retries.retry(command_id, wanted, reach=EVERYWHERE, by=root("MASTER_KEY"))


def cancel_command(scene: Scene) -> None:
    scene.fleet.commands.registry.cancel(str(scene.some_row(COMMANDS)["id"]), reach=EVERYWHERE)


def delete_command(scene: Scene) -> None:
    scene.fleet.commands.registry.delete(str(scene.some_row(COMMANDS)["id"]), reach=EVERYWHERE)


def a_node_has_a_command_once(scene: Scene) -> None:
    pairs = Counter((row["command_id"], row["node_id"]) for row in scene.rows(EXECUTIONS))
    assert all(count == 1 for count in pairs.values()), "a node has two executions of one command"


def no_part_of_a_fan_out_is_left(scene: Scene) -> None:
    left = [row["command_id"] for row in scene.rows(FAN_OUTS) if row.get("parts")]
    assert not left, f"parts are left of {left}"


def totals_are_those_of_the_rows(scene: Scene) -> None:
    read, rows = scene.world.platform.counters.read, scene.rows(EXECUTIONS)
    assert read("executions") == len(rows), f"{read('executions')} executions are counted, {len(rows)} are there"
    statuses = Counter(str(row["status"]) for row in rows)
    for status in Status:
        assert read(total_of("executions", "status", status)) == statuses[status], f"the count of {status} is wrong"


SIMULATION = Simulation(
    operations=(
        give_command,
        give_command,
        report_result,
        report_result,
        cancel_command,
        retry_command,
        delete_command,
    ),
    invariants=(a_node_has_a_command_once, no_part_of_a_fan_out_is_left, totals_are_those_of_the_rows),
)
