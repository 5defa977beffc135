"""Commands: given, retried, cancelled and deleted; each target has one execution, which comes to one end."""

from collections import Counter

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.commands.model import FINAL, OPEN, WITHOUT_RESULT, RetriedOutcome, Retry, Status
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS, FAN_OUTS, output_of
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.clock import parse_time
from chalicelib.kit.counters import total_of
from chalicelib.kit.ids import moment_of
from chalicelib.kit.tables import Item
from chalicelib.platform.access.principal import root
from tests.simulation.fleet.clusters import lag_indexes
from tests.simulation.fleet.enrollment import set_up_machine
from tests.simulation.fleet.rollouts import ROLLOUTS
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.support.fakes.dynamo import Plan

FILTERED = 0.3
LOOKS = 15
LONG_LAG_SECONDS = 60
UPDATING = "self_update_enabled"
"""What a machine says of itself for good."""

EXECUTION_EVENT = "edge.command_execution."


class _Given:
    """What has to become of the commands: the targets of each when it was accepted, by its id; who was deleted since;
    which were cancelled; whose executions were deleted, with their commands."""

    def __init__(self) -> None:
        self.targets: dict[str, set[str]] = {}
        self.withdrawn: set[str] = set()
        self.deleted: set[tuple[str, str]] = set()


def give_command(scene: Scene) -> None:
    """A command for all, one cluster or one machine; sometimes for those of them alone that update themselves."""
    seconds, code = scene.rng.choice((0.1, 5, 200)), scene.rng.choice((0, 0, 1))
    targeting = _a_target(scene)
    if scene.rng.random() < FILTERED and targeting["type"] != "nodes":
        targeting["node_filters"] = {UPDATING: scene.rng.choice((True, False))}
    body = {"command_text": f"{seconds} {code} said", "targeting": targeting}
    scene.ask("POST", "/api/v1/commands", json=body)


def command_a_new_machine(scene: Scene) -> None:
    """A machine is set up, and is to work some seconds later: as any, or as one that updates itself or does not."""
    set_up_machine(scene)
    scene.wait(scene.rng.uniform(1, 6))
    filters = scene.rng.choice(({}, *({"node_filters": {UPDATING: value}} for value in (True, False))))
    scene.ask("POST", "/api/v1/commands", json={"command_text": "0.1 0 said", "targeting": {"type": "all", **filters}})


def command_and_touch_a_hidden_machine(scene: Scene) -> None:
    """A machine that an index hides is given a command by what it says of itself, and changes in something else before
    it is looked for again."""
    if lag_indexes.__name__ in scene.faults:
        scene.world.driver.index_lag(LONG_LAG_SECONDS)
        scene.mends.append(lambda: scene.world.driver.index_lag(0))
    machine = set_up_machine(scene)
    for _ in range(LOOKS):
        if machine.works:
            break
        scene.wait(1)
    filters = {"node_filters": {UPDATING: machine.updates}}
    scene.ask("POST", "/api/v1/commands", json={"command_text": "0.1 0 said", "targeting": {"type": "all", **filters}})
    scene.wait(scene.rng.uniform(1, 20))
    scene.ask("PATCH", f"/api/v1/nodes/{machine.id}", json={"labels": {"env": scene.rng.choice(("a", "b"))}})


def move_a_target(scene: Scene) -> None:
    """A node leaves the cluster that a command was given for a moment ago."""
    node, cluster = scene.some_row(NODES), str(scene.some_row(CLUSTERS)["name"])
    targeting = {"type": "clusters", "cluster_names": [node["cluster_name"]]}
    scene.ask("POST", "/api/v1/commands", json={"command_text": "0.1 0 said", "targeting": targeting})
    scene.fleet.nodes.placing.change_cluster(str(node["id"]), cluster, reach=EVERYWHERE)


def _a_target(scene: Scene) -> dict[str, object]:
    match scene.rng.choice(("all", "clusters", "nodes")):
        case "clusters":
            return {"type": "clusters", "cluster_names": [scene.some_name()]}
        case "nodes":
            return {"type": "nodes", "node_ids": [scene.some_machine().id]}
        case _:
            return {"type": "all"}


def retry_command(scene: Scene) -> None:
    wanted = Retry(tuple(scene.rng.sample(tuple(RetriedOutcome), 2)))
    command_id = str(scene.some_row(COMMANDS)["id"])
    scene.fleet.commands.retries.retry(command_id, wanted, reach=EVERYWHERE, by=root("MASTER_KEY"))


def cancel_command(scene: Scene) -> None:
    _withdraw(scene, "cancel", "POST")


def delete_command(scene: Scene) -> None:
    _withdraw(scene, "", "DELETE")


def cancel_execution(scene: Scene) -> None:
    """Mostly one that is open."""
    rows = sorted((str(row["id"]), row["status"] in OPEN) for row in scene.rows(EXECUTIONS))
    pool = [execution_id for execution_id, is_open in rows if is_open] or [execution_id for execution_id, _ in rows]
    if not pool:
        raise NothingThereError("executions")
    method = scene.rng.choice(("POST", "PATCH"))
    scene.ask(method, f"/api/v1/command_executions/{scene.rng.choice(pool)}/cancel")


def delete_execution(scene: Scene) -> None:
    """One that no rollout counts."""
    rolled_out = {row["id"] for row in scene.rows(COMMANDS) if "rollout" in row}
    rows = [row for row in scene.rows(EXECUTIONS) if row["command_id"] not in rolled_out]
    if not rows:
        raise NothingThereError("executions")
    row = scene.rng.choice(sorted(rows, key=lambda row: str(row["id"])))
    scene.recall(_Given).deleted.add((str(row["command_id"]), str(row["node_id"])))
    scene.ask("DELETE", f"/api/v1/command_executions/{row['id']}")


def _withdraw(scene: Scene, act: str, method: str) -> None:
    command_id = str(scene.some_row(COMMANDS)["id"])
    scene.recall(_Given).withdrawn.add(command_id)
    scene.ask(method, f"/api/v1/commands/{command_id}{act and '/' + act}")


def note_targets(scene: Scene, _operation: str, plan: Plan) -> None:
    """Who was a target when a command was accepted, read from the nodes themselves; who is deleted is none any more,
    nor who left by a request that is older than the command."""
    given = scene.recall(_Given)
    for write, _, old, new in plan:
        if write.table is NODES and new is None and old is not None:
            for targets in given.targets.values():
                targets.discard(str(old["id"]))
        if write.table is NODES and new is not None and old is not None and new["cluster_name"] != old["cluster_name"]:
            for command_id, targets in given.targets.items():
                if _is_placed_before(new, command_id):
                    targets.discard(str(new["id"]))
        if write.table is COMMANDS and old is None and new is not None and _is_plain(new):
            given.targets[str(new["id"])] = {str(row["id"]) for row in scene.rows(NODES) if _is_meant(new, row)}


def _is_placed_before(node: Item, command_id: str) -> bool:
    """Whether the node's request to move began before that for the command. Of requests that overlap either may be the
    first: the times at which they began decide, as they do for the product."""
    return parse_time(str(node["placed_at"])) < moment_of(command_id)


def _is_plain(command: Item) -> bool:
    """Whether everybody whom it names is to have it: no retry, no rollout, no deadline."""
    targeting = command["targeting"]
    known = {"type", "cluster_names", "node_ids", "node_filters"}
    return targeting.keys() <= known and not {"rollout", "expired_at"} & command.keys()


def _is_meant(command: Item, node: Item) -> bool:
    if node["inserted_at"] > command["inserted_at"]:  # it enrolled while the request for the command was under way
        return False
    if (command["targeting"].get("node_filters") or {UPDATING: node[UPDATING]})[UPDATING] is not node[UPDATING]:
        return False
    match command["targeting"]:
        case {"cluster_names": names}:
            is_there = "placed_at" not in node or _is_placed_before(node, str(command["id"]))
            return node["cluster_name"] in names and is_there
        case {"node_ids": ids}:
            return node["id"] in ids
        case _:
            return True


def an_end_is_an_end(_scene: Scene, _operation: str, plan: Plan) -> None:
    """An execution that has ended keeps its end, but for the first result of one that ended without any: that may come
    late. One that an agent has reported keeps its result."""
    for write, _, old, new in plan:
        if write.table is EXECUTIONS and old is not None and new is not None and old["status"] in FINAL:
            takes_result = old["status"] in WITHOUT_RESULT and "exit_code" not in old and "completed_at" in new
            assert new["status"] == old["status"] or takes_result, (
                f"{old['id']} was {old['status']} and became {new['status']}"
            )
            assert "exit_code" not in old or new.get("exit_code") == old["exit_code"], (
                f"{old['id']} has a second result"
            )


def every_target_is_served(scene: Scene) -> None:
    given = scene.recall(_Given)
    commands = {row["id"] for row in scene.rows(COMMANDS) if "deleted_at" not in row} - given.withdrawn
    served = {(row["command_id"], row["node_id"]) for row in scene.rows(EXECUTIONS)} | given.deleted
    missing = [
        (command_id, node_id)
        for command_id, targets in given.targets.items()
        if command_id in commands
        for node_id in sorted(targets)
        if (command_id, node_id) not in served
    ]
    assert not missing, f"commands never reached their targets: {missing}"


def every_execution_ends(scene: Scene) -> None:
    """No execution of a machine that works stays open."""
    working = {machine.id for machine in scene.machines if machine.works}
    left = [row["id"] for row in scene.rows(EXECUTIONS) if row["status"] in OPEN and row["node_id"] in working]
    assert not left, f"open for ever: {left}"


def no_execution_outlives_its_node(scene: Scene) -> None:
    nodes = {row["id"] for row in scene.rows(NODES)}
    left = [row["id"] for row in scene.rows(EXECUTIONS) if row["status"] in OPEN and row["node_id"] not in nodes]
    assert not left, f"open on machines that are no nodes: {left}"


def each_runs_once(scene: Scene) -> None:
    runs = Counter(execution_id for machine in scene.machines for execution_id in machine.started)
    twice = [execution_id for execution_id, count in runs.items() if count > 1]
    assert not twice, f"ran more than once: {twice}"


def each_result_is_an_agents(scene: Scene) -> None:
    by_machine = {machine.id: machine.reported for machine in scene.machines}
    for row in scene.rows(EXECUTIONS):
        if row["status"] == Status.COMPLETED:
            sent = by_machine[row["node_id"]].get(str(row["id"]), [])
            known = [(report.get("exit_code"), (report.get("output") or "").strip()) for report in sent]
            result = row.get("exit_code"), (output_of(row) or "").strip()
            assert result in known, f"{row['id']} has the result {result}, its agent sent {known}"


def each_end_was_run(scene: Scene) -> None:
    """A command that has succeeded has run."""
    started = {execution_id for machine in scene.machines for execution_id in machine.started}
    for row in scene.rows(EXECUTIONS):
        if row["status"] == Status.COMPLETED and row.get("exit_code") == 0:
            assert row["id"] in started, f"{row['id']} has succeeded and never ran"


def a_node_has_a_command_once(scene: Scene) -> None:
    pairs = Counter((row["command_id"], row["node_id"]) for row in scene.rows(EXECUTIONS))
    assert all(count == 1 for count in pairs.values()), "a node has two executions of one command"


def no_part_of_a_fan_out_is_left(scene: Scene) -> None:
    left = [row["command_id"] for row in scene.rows(FAN_OUTS) if row.get("parts") and not row.get("rollout")]
    assert not left, f"parts are left of {left}"


class _Changes:
    """The changes of executions that have to be told: ids with what they became."""

    def __init__(self) -> None:
        self.told: set[tuple[str, str]] = set()


def note_changes(scene: Scene, _operation: str, plan: Plan) -> None:
    for write, _, old, new in plan:
        if write.table is EXECUTIONS and new is not None and (old is None or old["status"] != new["status"]):
            became = "created" if old is None else str(new["status"])
            scene.recall(_Changes).told.add((str(new["id"]), became))


def each_change_is_one_event(scene: Scene) -> None:
    """Each change of an execution is told under one id, and nothing else is."""
    ids: dict[tuple[str, str], set[str]] = {}
    for envelope in scene.world.bus_client.envelopes:
        if envelope["type"].startswith(EXECUTION_EVENT):
            became = envelope["type"].removeprefix(EXECUTION_EVENT)
            if became == "completed" and envelope["data"]["status"] == Status.EXPIRED:
                became = "expired"
            ids.setdefault((envelope["data"]["command_execution_id"], became), set()).add(envelope["id"])
    told = {key for key in ids if key[1] != "pruned"}
    expected = scene.recall(_Changes).told
    assert told == expected, (
        f"told and did not happen: {sorted(told - expected)}; never told: {sorted(expected - told)}"
    )
    twice = {key: sorted(each) for key, each in ids.items() if len(each) > 1}
    assert not twice, f"told under two ids: {twice}"


def totals_are_those_of_the_rows(scene: Scene) -> None:
    read, rows = scene.world.platform.counters.read, scene.rows(EXECUTIONS)
    assert read("executions") == len(rows), f"{read('executions')} executions are counted, {len(rows)} are there"
    statuses = Counter(str(row["status"]) for row in rows)
    for status in Status:
        assert read(total_of("executions", "status", status)) == statuses[status], f"the count of {status} is wrong"


SIMULATION = Simulation(
    operations=(
        *(give_command,) * 8,
        *(command_a_new_machine, move_a_target),
        *(command_and_touch_a_hidden_machine,) * 3,
        *(cancel_command,) * 2,
        *(retry_command,) * 2,
        delete_command,
        *(cancel_execution, cancel_execution, delete_execution),
        *ROLLOUTS.operations,
    ),
    openings=(give_command, give_command),
    invariants=(
        a_node_has_a_command_once,
        no_part_of_a_fan_out_is_left,
        every_target_is_served,
        every_execution_ends,
        no_execution_outlives_its_node,
        each_runs_once,
        each_result_is_an_agents,
        each_end_was_run,
        each_change_is_one_event,
        totals_are_those_of_the_rows,
        *ROLLOUTS.invariants,
    ),
    watches=(note_targets, note_changes, an_end_is_an_end, *ROLLOUTS.watches),
)
