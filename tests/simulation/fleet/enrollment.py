"""Enrollment keys: created, used by machines, and gone with their cluster."""

from collections import Counter

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.enrollment.store import TOKENS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables import Item
from tests.simulation.engine.machine import Machine
from tests.simulation.scene import Scene, Simulation
from tests.support.fakes.dynamo import Plan

SHARED = 0.4
USE_OF = "#"
"""Stands between a key and a machine in the id of the note that it had its use."""


class _Keys:
    """The keys that were made, id and text; those of limited uses, how often each was used, also before it was deleted
    and made anew, and those used and deleted; who registered by it; by which key whose use is noted; who ever was a
    node."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str]] = []
        self.limited: set[str] = set()
        self.uses: Counter[str] = Counter()
        self.deleted: set[str] = set()
        self.users: dict[str, set[str]] = {}
        self.noted: set[tuple[str, str]] = set()
        self.nodes: set[str] = set()


def note_uses(scene: Scene, _operation: str, plan: Plan) -> None:
    keys = scene.recall(_Keys)
    for write, _, old, new in plan:
        if write.table is ENROLLMENT_KEYS and new is not None and new.get("uses_remaining") is not None:
            keys.limited.add(str(new["id"]))
            keys.uses[str(new["id"])] += 0 if old is None else old["uses_remaining"] - new["uses_remaining"]
        if write.table is TOKENS and new is not None and USE_OF in str(new["id"]):
            key_id, _, node_id = str(new["id"]).partition(USE_OF)
            keys.noted.add((key_id, node_id))
        if write.table is NODES and old is None and new is not None:
            keys.nodes.add(str(new["id"]))
        if write.table is NODES and old is None and new is not None and new.get("enrollment_key_id"):
            keys.users.setdefault(str(new["enrollment_key_id"]), set()).add(str(new["id"]))


def create_key(scene: Scene) -> None:
    _a_key(scene, scene.some_name())


def set_up_machine(scene: Scene) -> Machine:
    """A new machine gets a key of its own, or one that others use too."""
    made = scene.recall(_Keys).made
    shares = made and scene.rng.random() < SHARED
    key_id, text = scene.rng.choice(made) if shares else _a_key(scene, scene.some_name())
    return scene.set_up(text, key_id, updates=scene.rng.choice((False, True)))


def set_up_machines_together(scene: Scene) -> None:
    """Three machines start at the same moment with one key, which is good for two of them."""
    key_id, text = _a_key(scene, scene.some_name(), uses=2)
    for _ in range(3):
        scene.set_up(text, key_id, updates=False)


def set_up_machine_in_a_cluster_that_goes(scene: Scene) -> None:
    """One operator sets up the first machine of a cluster that another one finds empty and deletes."""
    name = f"brief-{scene.rng.randrange(1000)}"
    scene.fleet.clusters.create(name, None, None)
    key_id, text = _a_key(scene, name)
    scene.set_up(text, key_id, updates=False)
    scene.wait(scene.rng.uniform(0.1, 1.2))
    scene.fleet.clusters.delete(name, reach=EVERYWHERE)


def _a_key(scene: Scene, cluster: str, *, uses: int | None = None) -> tuple[str, str]:
    uses = uses or scene.rng.choice((None, 1, 2))
    made = scene.ask("POST", f"/api/v1/clusters/{cluster}/enrollment_keys", json={"uses_remaining": uses})
    key = str(made.data["id"]), str(made.data["key"])
    scene.recall(_Keys).made.append(key)
    return key


def label_key(scene: Scene) -> None:
    """Machines may be using it meanwhile."""
    body = {"name": scene.rng.choice(("rack", "shelf"))}
    scene.ask("PATCH", f"/api/v1/enrollment_keys/{scene.some_row(ENROLLMENT_KEYS)['id']}", json=body)


def delete_key(scene: Scene) -> None:
    scene.ask("DELETE", f"/api/v1/enrollment_keys/{scene.some_row(ENROLLMENT_KEYS)['id']}")


def keys_belong_to_clusters(scene: Scene) -> None:
    names = {row["name"] for row in scene.rows(CLUSTERS)}
    assert {row["cluster_name"] for row in scene.rows(ENROLLMENT_KEYS)} <= names, "a key outlived its cluster"


def no_key_is_used_too_often(_scene: Scene, _operation: str, plan: Plan) -> None:
    for write, _key, _old, new in plan:
        if write.table is ENROLLMENT_KEYS and new is not None:
            left = new.get("uses_remaining")
            assert left is None or left >= 0, f"the key {new['id']} has {left} uses left"


def a_used_key_stays_deleted(scene: Scene, _operation: str, plan: Plan) -> None:
    """But where a worker paused beyond its lease, which then makes the key of an instance anew, for minutes."""
    keys = scene.recall(_Keys)
    for write, _key, old, new in plan:
        if write.table is ENROLLMENT_KEYS and new is None and old is not None and keys.uses[str(old["id"])]:
            keys.deleted.add(str(old["id"]))
        if write.table is ENROLLMENT_KEYS and old is None and new is not None and "pause" not in scene.faults:
            assert new["id"] not in keys.deleted, f"the key {new['id']} was used and deleted, and is there again"


def no_use_is_lost(scene: Scene) -> None:
    """A key lets in no more machines than it granted, and each takes one use of it at most. Each use has let one in,
    where the key and its cluster, with room, are still there."""
    keys, there = scene.recall(_Keys), open_keys(scene)
    for key_id in sorted(keys.limited):
        used, registered = keys.uses[key_id], len(keys.users.get(key_id, ()))
        held = sum(machine.key_id == key_id for machine in scene.machines)
        told = f"key {key_id}: {registered} registered, {used} uses, {held} machines"
        assert registered <= used <= held, told
        assert used == registered or key_id not in there, told


def each_use_lets_its_machine_in(scene: Scene) -> None:
    """Whoever had a use of a key gets in with it, however often an answer was lost on the way."""
    keys, there = scene.recall(_Keys), open_keys(scene)
    for key_id, node_id in sorted(keys.noted):
        if key_id in there:
            assert node_id in keys.nodes, f"{node_id} has used the key {key_id}, and was never let in"


def open_keys(scene: Scene) -> dict[str, Item]:
    """The keys with which a machine that had its use can still come, by id: none whose cluster is full, or whose
    machine is switched off."""
    rows = scene.rows(CLUSTERS)
    room = {row["name"] for row in rows if row.get("node_limit") is None or row["node_count"] < row["node_limit"]}
    off = {machine.key_id for machine in scene.machines if machine.is_switched_off}
    return {
        str(row["id"]): row
        for row in scene.rows(ENROLLMENT_KEYS)
        if row["cluster_name"] in room and row["id"] not in off
    }


def usable_keys(scene: Scene) -> set[str]:
    """The ids of the open keys that take in one machine more: they have uses left, and have not expired."""
    now = to_seconds_text(scene.world.clock.now())
    return {
        key_id
        for key_id, row in open_keys(scene).items()
        if row.get("uses_remaining") != 0 and str(row.get("expired_at", now)) >= now
    }


SIMULATION = Simulation(
    operations=(
        create_key,
        label_key,
        delete_key,
        set_up_machine,
        set_up_machines_together,
        *(set_up_machine_in_a_cluster_that_goes,) * 2,
    ),
    openings=(set_up_machine, set_up_machines_together, set_up_machine),
    invariants=(keys_belong_to_clusters, no_use_is_lost, each_use_lets_its_machine_in),
    watches=(note_uses, no_key_is_used_too_often, a_used_key_stays_deleted),
)
