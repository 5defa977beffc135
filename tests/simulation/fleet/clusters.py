"""Clusters: created, limited and deleted; each knows how many nodes it has."""

from collections import Counter
from ipaddress import ip_network
from itertools import combinations

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from tests.simulation.scene import Scene, Simulation


def create_cluster(scene: Scene) -> None:
    scene.fleet.clusters.create(scene.some_name(), None, scene.rng.choice((None, 1, 3)))


def change_limit(scene: Scene) -> None:
    scene.fleet.clusters.change_node_limit(scene.some_name(), scene.rng.choice((None, 1, 3)), reach=EVERYWHERE)


def delete_cluster(scene: Scene) -> None:
    scene.fleet.clusters.delete(scene.some_name(), reach=EVERYWHERE)


def counts_are_those_of_the_rows(scene: Scene) -> None:
    nodes = Counter(row["cluster_name"] for row in scene.rows(NODES))
    counts = {row["name"]: row["node_count"] for row in scene.rows(CLUSTERS)}
    assert counts == {name: nodes[name] for name in counts}, f"{counts} against {dict(nodes)}"
    assert set(nodes) <= set(counts), "a node is in a cluster that is not there"


def no_cluster_is_overfull(scene: Scene) -> None:
    full = [row["name"] for row in scene.rows(CLUSTERS) if row["node_count"] > row.get("node_limit", row["node_count"])]
    assert not full, f"more nodes than their limits: {full}"


def no_two_ranges_overlap(scene: Scene) -> None:
    ranges = [(row["name"], ip_network(str(row["ipv4_range"]))) for row in scene.rows(CLUSTERS)]
    for (one, first), (other, second) in combinations(ranges, 2):
        assert not first.overlaps(second), f"{one} and {other} overlap: {first}, {second}"


def lag_indexes(scene: Scene) -> None:
    scene.world.driver.index_lag(scene.rng.choice((0, 5, 60, 60)))
    scene.mends.append(lambda: scene.world.driver.index_lag(0))


SIMULATION = Simulation(
    operations=(create_cluster, create_cluster, change_limit, delete_cluster),
    openings=(create_cluster,) * 4,
    invariants=(counts_are_those_of_the_rows, no_cluster_is_overfull, no_two_ranges_overlap),
    faults=(lag_indexes,),
)
