"""Enrollment keys: created, used by machines, and gone with their cluster."""

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from tests.simulation.scene import Scene, Simulation
from tests.support.fakes.dynamo import Plan

SHARED = 0.4


class _Keys:
    """The keys that were made, id and text; how many uses each granted; who registered by it."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str]] = []
        self.granted: dict[str, int | None] = {}
        self.left: dict[str, int] = {}
        self.users: dict[str, set[str]] = {}


def note_uses(scene: Scene, _operation: str, plan: Plan) -> None:
    keys = scene.recall(_Keys)
    for write, _, old, new in plan:
        if write.table is ENROLLMENT_KEYS and new is not None:
            if old is None:
                keys.granted[str(new["id"])] = new.get("uses_remaining")
            if new.get("uses_remaining") is not None:
                keys.left[str(new["id"])] = new["uses_remaining"]
        if write.table is NODES and old is None and new is not None and new.get("enrollment_key_id"):
            keys.users.setdefault(str(new["enrollment_key_id"]), set()).add(str(new["id"]))


def create_key(scene: Scene) -> None:
    _a_key(scene, scene.some_name())


def set_up_machine(scene: Scene) -> None:
    """A new machine gets a key of its own, or one that others use too."""
    made = scene.recall(_Keys).made
    shares = made and scene.rng.random() < SHARED
    key_id, text = scene.rng.choice(made) if shares else _a_key(scene, scene.some_name())
    scene.set_up(text, key_id, updates=scene.rng.choice((False, True)))


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


def keys_belong_to_clusters(scene: Scene) -> None:
    names = {row["name"] for row in scene.rows(CLUSTERS)}
    assert {row["cluster_name"] for row in scene.rows(ENROLLMENT_KEYS)} <= names, "a key outlived its cluster"


def no_key_is_used_too_often(scene: Scene) -> None:
    left = [row.get("uses_remaining") for row in scene.rows(ENROLLMENT_KEYS)]
    assert all(uses is None or uses >= 0 for uses in left), f"uses that remain: {left}"


def no_use_is_lost(scene: Scene) -> None:
    """A key lets in no more machines than it granted, and each takes one use of it at most."""
    keys = scene.recall(_Keys)
    for key_id, granted in keys.granted.items():
        if granted is not None:
            used = granted - keys.left[key_id]
            held = sum(machine.key_id == key_id for machine in scene.machines)
            registered = len(keys.users.get(key_id, ()))
            assert registered <= used <= held, f"key {key_id}: {registered} registered, {used} uses, {held} machines"


SIMULATION = Simulation(
    operations=(create_key, set_up_machine, set_up_machines_together, *(set_up_machine_in_a_cluster_that_goes,) * 2),
    openings=(set_up_machine, set_up_machines_together, set_up_machine),
    invariants=(keys_belong_to_clusters, no_key_is_used_too_often, no_use_is_lost),
    watches=(note_uses,),
)
