"""Aliases: each belongs to a node and follows it."""

from chalicelib.fleet.aliases.store import TABLE as ALIASES
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from tests.simulation.scene import Scene, Simulation


def create_alias(scene: Scene) -> None:
    scene.fleet.aliases.create(scene.some_machine().id, scene.rng.choice(("web", "db", "cache")), reach=EVERYWHERE)


def delete_alias(scene: Scene) -> None:
    scene.fleet.aliases.delete(str(scene.some_row(ALIASES)["id"]), reach=EVERYWHERE)


def aliases_are_of_nodes_in_their_cluster(scene: Scene) -> None:
    places = {row["id"]: row["cluster_name"] for row in scene.rows(NODES)}
    for row in scene.rows(ALIASES):
        assert places.get(row["node_id"]) == row["cluster_name"], f"the alias {row['name']} has lost its node"


SIMULATION = Simulation(
    operations=(create_alias, delete_alias),
    invariants=(aliases_are_of_nodes_in_their_cluster,),
)
