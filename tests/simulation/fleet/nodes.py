"""Nodes: moved, deleted, cut off and cut short; who was removed stays away, and nobody else is ever stranded."""

from collections import Counter
from contextlib import suppress

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.nodes.store import NODES, node_from_item
from chalicelib.fleet.nodes.term_store import NODE_TERMS, entries_of
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.counters import total_of
from chalicelib.kit.errors import EdgeError
from tests.simulation.engine.machine import STATE, Machine
from tests.simulation.fleet.enrollment import usable_keys
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.support.fakes.dynamo import Plan

SHORT_BLOCKS = 0.6


class _Lives:
    """Who was ever a node, who was removed, or blocked; how often each registered for the first time, and moved."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.removed: set[str] = set()
        self.blocked: set[str] = set()
        self.moves: Counter[str] = Counter()


def note_lives(scene: Scene, _operation: str, plan: Plan) -> None:
    lives = scene.recall(_Lives)
    for write, _, old, new in plan:
        if write.table is NODES and new is not None:
            lives.begun[str(new["id"])] += old is None
            lives.moves[str(new["id"])] += old is not None and old["cluster_name"] != new["cluster_name"]
        if write.table is NODES and new is None and old is not None:
            lives.removed.add(str(old["id"]))


def move_node(scene: Scene) -> None:
    node_id, cluster = str(scene.some_row(NODES)["id"]), str(scene.some_row(CLUSTERS)["name"])
    scene.fleet.nodes.placing.change_cluster(node_id, cluster, reach=EVERYWHERE)


def delete_node(scene: Scene) -> None:
    scene.fleet.nodes.placing.delete(scene.some_machine().id, reach=EVERYWHERE)


def machine_leaves(scene: Scene) -> None:
    """Somebody at a machine that works asks its agent to leave."""
    working = [machine for machine in scene.machines if machine.works]
    if not working:
        raise NothingThereError("machines that work")
    with suppress(OSError):
        scene.rng.choice(working).leave()


def label_node(scene: Scene) -> None:
    """Several operators set and take off the same few labels."""
    labels = {scene.rng.choice(("env", "rack")): scene.rng.choice(("a", "b", None))}
    scene.ask("PATCH", f"/api/v1/nodes/{scene.some_machine().id}", json={"labels": labels})


def block_machine(scene: Scene) -> None:
    """A machine is shut out, and let in again at the latest when the world comes to rest."""
    node_id = scene.some_machine().id
    scene.recall(_Lives).blocked.add(node_id)
    scene.mends.append(lambda: _let_in(scene, node_id))
    scene.fleet.nodes.excluding.block(node_id, reach=EVERYWHERE)
    if scene.rng.random() < SHORT_BLOCKS:
        scene.wait(scene.rng.choice((5, 60, 300)))
        _let_in(scene, node_id)


def _let_in(scene: Scene, node_id: str) -> None:
    """Lift the block of a machine; what was deleted stays away."""
    if node_id not in scene.recall(_Lives).removed:
        scene.fleet.nodes.excluding.unblock(node_id, reach=EVERYWHERE)


def drop_socket(scene: Scene) -> None:
    """The gateway loses a socket."""
    connections = scene.gateway.connections
    if not connections:
        raise NothingThereError("sockets")
    scene.gateway.drop(scene.rng.choice(connections))


def cut_network(scene: Scene) -> None:
    """A machine reaches nobody, for seconds or for minutes."""
    machine = scene.some_machine()
    machine.is_cut_off = True
    seconds = scene.rng.choice((5, 90, 900))

    def mend() -> None:
        machine.is_cut_off = False

    scene.world.timeline.after(seconds, mend)
    scene.mends.append(mend)


def fill_disk(scene: Scene) -> None:
    """A machine's disk is full for a while."""
    _fill(scene, scene.some_machine(), scene.rng.choice((30, 600)))


def _fill(scene: Scene, machine: Machine, seconds: float) -> None:
    def become(*, full: bool) -> None:
        machine.disk.is_full = full

    become(full=True)
    scene.world.timeline.after(seconds, lambda: become(full=False))
    scene.mends.append(lambda: become(full=False))


def deafen_machine(scene: Scene) -> None:
    """What a machine sends arrives, and it hears no answer."""
    _deafen(scene, scene.some_machine(), scene.rng.choice((5, 90, 600)))


def fill_disk_and_deafen(scene: Scene) -> None:
    """A machine's disk is full for about a minute, in which it hears no answer: it tells of it once."""
    machine, seconds = scene.some_machine(), scene.rng.uniform(61, 90)
    _fill(scene, machine, seconds)
    _deafen(scene, machine, seconds + 5)


def _deafen(scene: Scene, machine: Machine, seconds: float) -> None:
    def become(*, deaf: bool) -> None:
        machine.is_deaf = deaf

    become(deaf=True)
    scene.world.timeline.after(seconds, lambda: become(deaf=False))
    scene.mends.append(lambda: become(deaf=False))


def kill_agent(scene: Scene) -> None:
    scene.some_machine().kill()


def cut_power(scene: Scene) -> None:
    scene.some_machine().kill(power_cut=True)


def nobody_is_stranded(scene: Scene) -> None:
    """Whoever was let in and not removed is a node, works, and is held for nobody else. One whose key was deleted
    before it heard that it had been let in waits for another key, one that is switched off for its start."""
    rows = {str(row["id"]): row for row in scene.rows(NODES)}
    keys = {str(row["id"]) for row in scene.rows(ENROLLMENT_KEYS)}
    lives = scene.recall(_Lives)
    for machine in scene.machines:
        if machine.is_leaving and machine.stopped_for_good:
            continue
        assert machine.stopped_for_good is None, f"machine {machine.number} has given up: {machine.stopped_for_good}"
        needs_a_key = not machine.token and machine.key_id not in keys
        is_on = not machine.is_switched_off
        if is_on and machine.id in lives.begun and machine.id not in lives.removed and not needs_a_key:
            row = rows.get(machine.id)
            assert row is not None, f"machine {machine.number} is no node any more, and nobody removed it"
            assert "identity_conflict_at" not in row, f"machine {machine.number} is held as a duplicate of itself"
            assert _is_known(scene, machine), f"machine {machine.number} is a node and its token is refused"
            assert row["status"] == "healthy", f"machine {machine.number} works and is {row['status']}"


def who_is_to_leave_has_left(scene: Scene) -> None:
    """It is a node no more, has no token, and its agent is not started again. The node of one that was blocked is the
    operator's to delete: nobody believes its token, with which it asks."""
    nodes = {row["id"] for row in scene.rows(NODES)}
    for machine in scene.machines:
        is_over = machine.is_switched_off or machine.stopped_for_good
        assert not machine.wants_to_leave or is_over, f"machine {machine.number} never leaves"
        has_left = machine.is_leaving and machine.stopped_for_good is not None
        is_blocked = machine.id in scene.recall(_Lives).blocked
        assert not has_left or is_blocked or machine.id not in nodes, (
            f"machine {machine.number} has left, and is a node"
        )
        assert not has_left or not machine.disk.token(STATE), f"machine {machine.number} has left, and has a token"


def _is_known(scene: Scene, machine: Machine) -> bool:
    try:
        scene.fleet.nodes.identity.authenticate(machine.token)
    except EdgeError:
        return False
    return True


def who_may_come_has_come(scene: Scene) -> None:
    """A machine with a key that is good for it is a node in the end."""
    keys = usable_keys(scene)
    for machine in scene.machines:
        if machine.key_id in keys:
            assert machine.id in scene.recall(_Lives).begun, f"machine {machine.number} was never let in"


def terms_are_those_of_the_rows(scene: Scene) -> None:
    """Labels and names are found by the terms of the nodes that have them, and of no others."""
    entries = [entries_of(node_from_item(row)) for row in scene.rows(NODES)]
    expected = {(key, entry["id"]) for each in entries for key, entry in each.items()}
    there = {((row["term_shard"], row["position"]), row["id"]) for row in scene.rows(NODE_TERMS) if "id" in row}
    assert there == expected, f"too many: {sorted(there - expected)}; missing: {sorted(expected - there)}"


def who_was_removed_stays_away(scene: Scene) -> None:
    back = scene.recall(_Lives).removed & {str(row["id"]) for row in scene.rows(NODES)}
    assert not back, f"removed, and a node again: {sorted(back)}"


def each_beginning_and_each_move_is_one_event(scene: Scene) -> None:
    lives = scene.recall(_Lives)
    for name, happened in (("registered", lives.begun), ("cluster_changed", lives.moves)):
        ids = {
            (envelope["data"]["node_id"], envelope["id"])
            for envelope in scene.world.bus_client.envelopes
            if envelope["type"] == f"edge.node.{name}"
        }
        told = Counter(node_id for node_id, _ in ids)
        assert told == +happened, f"{name}: told {dict(told)}, happened {dict(+happened)}"


def totals_are_those_of_the_rows(scene: Scene) -> None:
    read, rows = scene.world.platform.counters.read, scene.rows(NODES)
    assert read("nodes") == len(rows), f"{read('nodes')} nodes are counted, {len(rows)} are there"
    for status, count in Counter(str(row["status"]) for row in rows).items():
        assert read(total_of("nodes", "status", status)) == count, f"the count of {status} nodes is wrong"


SIMULATION = Simulation(
    operations=(*(move_node,) * 2, delete_node, machine_leaves, label_node, block_machine),
    invariants=(
        nobody_is_stranded,
        who_may_come_has_come,
        who_was_removed_stays_away,
        who_is_to_leave_has_left,
        terms_are_those_of_the_rows,
        each_beginning_and_each_move_is_one_event,
        totals_are_those_of_the_rows,
    ),
    watches=(note_lives,),
    faults=(drop_socket, cut_network, deafen_machine, fill_disk, fill_disk_and_deafen, kill_agent, cut_power),
)
