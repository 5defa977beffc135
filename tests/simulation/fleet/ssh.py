"""SSH access: user names and their keys; both belong to nodes, and a key stands on its user name too."""

from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.ssh.model import NewKey, NewUsername
from chalicelib.fleet.ssh.store import KEYS, USERNAMES
from tests.simulation.scene import Scene, Simulation
from tests.support.ssh_keys import ed25519_key


def create_username(scene: Scene) -> None:
    name = scene.rng.choice(("deploy", "admin"))
    keys = (_a_key(scene),) if scene.rng.random() < 0.5 else ()
    scene.fleet.ssh.usernames.create(scene.some_machine().id, NewUsername(name, public_keys=keys), reach=EVERYWHERE)


def delete_username(scene: Scene) -> None:
    scene.fleet.ssh.usernames.delete(str(scene.some_row(USERNAMES)["id"]), reach=EVERYWHERE)


def add_key(scene: Scene) -> None:
    scene.fleet.ssh.public_keys.create(str(scene.some_row(USERNAMES)["id"]), _a_key(scene), reach=EVERYWHERE)


def delete_key(scene: Scene) -> None:
    scene.fleet.ssh.public_keys.delete(str(scene.some_row(KEYS)["id"]), reach=EVERYWHERE)


def _a_key(scene: Scene) -> NewKey:
    number = scene.rng.choice((1, 2, 3))
    return NewKey(f"key {number}", ed25519_key(number))


def usernames_are_of_nodes(scene: Scene) -> None:
    nodes = {row["id"] for row in scene.rows(NODES)}
    lost = [row["username"] for row in scene.rows(USERNAMES) if row["node_id"] not in nodes]
    assert not lost, f"user names outlived their nodes: {lost}"


def keys_stand_on_their_usernames(scene: Scene) -> None:
    listed = {(row["id"], key["id"]) for row in scene.rows(USERNAMES) for key in row["public_keys"]}
    stored = {(row["ssh_username_id"], row["id"]) for row in scene.rows(KEYS)}
    assert listed == stored, f"keys stand in one place only: {listed ^ stored}"


def totals_are_those_of_the_rows(scene: Scene) -> None:
    for table in (USERNAMES, KEYS):
        counted, there = scene.world.platform.counters.read(table.name), len(scene.rows(table))
        assert counted == there, f"{counted} {table.name} are counted, {there} are there"


SIMULATION = Simulation(
    operations=(create_username, create_username, delete_username, add_key, delete_key),
    invariants=(usernames_are_of_nodes, keys_stand_on_their_usernames, totals_are_those_of_the_rows),
)
