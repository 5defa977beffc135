"""Clusters: created, limited and deleted; each knows how many nodes it has."""

from collections import Counter
from ipaddress import ip_network
from zlib import crc32

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from tests.simulation.scene import Scene, Simulation
from tests.support.fakes.dynamo import Plan


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


def no_cluster_is_overfull(_scene: Scene, _operation: str, plan: Plan) -> None:
    for write, _key, _old, new in plan:
        if write.table is CLUSTERS and new is not None and "node_limit" in new:
            assert new["node_count"] <= new["node_limit"], f"{new['name']} has more nodes than its limit: {new}"


def no_two_ranges_overlap(scene: Scene, _operation: str, plan: Plan) -> None:
    for write, _key, old, new in plan:
        if write.table is CLUSTERS and new is not None and new.get("ipv4_range") != (old or {}).get("ipv4_range"):
            wanted = ip_network(str(new["ipv4_range"]))
            others = [row for row in scene.rows(CLUSTERS) if row["name"] != new["name"]]
            over = [row["name"] for row in others if wanted.overlaps(ip_network(str(row["ipv4_range"])))]
            assert not over, f"the range {wanted} of {new['name']} overlaps those of {over}"


def lag_indexes(scene: Scene) -> None:
    """All partitions of the indexes, or half of them."""
    seed, half = scene.rng.getrandbits(32), scene.rng.random() < 0.5
    lags = lambda name: not half or crc32(f"{seed} {name}".encode()) % 2 == 0  # noqa: E731
    scene.world.driver.index_lag(scene.rng.choice((0, 5, 60, 60)), lags)
    scene.mends.append(lambda: scene.world.driver.index_lag(0))


SIMULATION = Simulation(
    operations=(create_cluster, create_cluster, change_limit, delete_cluster),
    openings=(create_cluster,) * 4,
    invariants=(counts_are_those_of_the_rows,),
    watches=(no_cluster_is_overfull, no_two_ranges_overlap),
    faults=(lag_indexes,),
)
