"""Enrollment keys: created, used by machines, and gone with their cluster."""

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.reach import EVERYWHERE
from tests.simulation.scene import Scene, Simulation
from tests.support.builders import machines


def create_key(scene: Scene) -> None:
    scene.fleet.enrollment.create(
        scene.some_name(), {"uses_remaining": scene.rng.choice((None, 1, 2))}, reach=EVERYWHERE
    )


def enrol_machine(scene: Scene) -> None:
    scene.machines += machines(scene.world, 1, scene.some_name(), self_update_enabled=scene.rng.choice((False, True)))


def keys_belong_to_clusters(scene: Scene) -> None:
    names = {row["name"] for row in scene.rows(CLUSTERS)}
    assert {row["cluster_name"] for row in scene.rows(ENROLLMENT_KEYS)} <= names, "a key outlived its cluster"


def no_key_is_used_too_often(scene: Scene) -> None:
    left = [row.get("uses_remaining") for row in scene.rows(ENROLLMENT_KEYS)]
    assert all(uses is None or uses >= 0 for uses in left), f"uses that remain: {left}"


SIMULATION = Simulation(
    operations=(create_key, enrol_machine, enrol_machine),
    invariants=(keys_belong_to_clusters, no_key_is_used_too_often),
)
