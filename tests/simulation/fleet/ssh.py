"""SSH access: user names and their keys; both belong to nodes, and a key stands on its user name too."""

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.ssh.group_model import Credentials, NewGroupUser, Person
from chalicelib.fleet.ssh.group_store import GROUP_USERS, REVOCATIONS
from chalicelib.fleet.ssh.model import NewKey, NewUsername
from chalicelib.fleet.ssh.store import KEYS, USERNAMES
from chalicelib.kit.crypto import Secret
from chalicelib.kit.openssh import parse
from tests.simulation.fleet.logins import LOGINS, NAMES, NUMBERS, PASSWORD, come_again, last_who_came, log_in
from tests.simulation.fleet.nodes import move_node
from tests.simulation.scene import Scene, Simulation
from tests.support.ssh_keys import ed25519_key

COME_AGAIN = 0.5
"""The part of people who log in again as soon as access was taken away."""


def create_username(scene: Scene) -> None:
    keys = (_a_key(scene),) if scene.rng.random() < 0.5 else ()
    new = NewUsername(scene.rng.choice(NAMES), scene.rng.choice((None, Secret(PASSWORD))), keys)
    scene.fleet.ssh.usernames.create(scene.some_machine().id, new, reach=EVERYWHERE)


def delete_username(scene: Scene) -> None:
    scene.fleet.ssh.usernames.delete(str(scene.some_row(USERNAMES)["id"]), reach=EVERYWHERE)


def add_key(scene: Scene) -> None:
    scene.fleet.ssh.public_keys.create(str(scene.some_row(USERNAMES)["id"]), _a_key(scene), reach=EVERYWHERE)


def delete_key(scene: Scene) -> None:
    scene.fleet.ssh.public_keys.delete(str(scene.some_row(KEYS)["id"]), reach=EVERYWHERE)


def create_group_user(scene: Scene) -> None:
    """Of a cluster, or of a label that nodes may have."""
    cluster = str(scene.some_row(CLUSTERS)["name"])
    group = scene.rng.choice(({"cluster_name": cluster}, {"cluster_name": cluster}, {"label": "env:a"}))
    new = NewGroupUser(scene.rng.choice(NAMES), **group, public_keys=(_a_key(scene),))
    scene.fleet.ssh.group_users.create(new, reach=EVERYWHERE)


def change_group_user(scene: Scene) -> None:
    row_id = str(scene.some_row(GROUP_USERS)["id"])
    scene.fleet.ssh.group_users.change(row_id, Credentials(public_keys=(_a_key(scene),)), reach=EVERYWHERE)


def delete_group_user(scene: Scene) -> None:
    scene.fleet.ssh.group_users.delete(str(scene.some_row(GROUP_USERS)["id"]), reach=EVERYWHERE)


def revoke(scene: Scene) -> None:
    key = parse(_a_key(scene).public_key).fingerprint
    person = scene.rng.choice((Person(username="admin"), Person(fingerprint=key)))
    scene.fleet.ssh.revoking.revoke(person, reach=EVERYWHERE)


def revoke_the_last(scene: Scene) -> None:
    """The last one who came loses access everywhere, with the key, where there was one, or with the name."""
    name, key = last_who_came(scene)
    person = Person(fingerprint=parse(key).fingerprint) if key else Person(username=name)
    scene.fleet.ssh.revoking.revoke(person, reach=EVERYWHERE)


def log_in_and_lose_access(scene: Scene) -> None:
    """Somebody logs in, a moment later access is taken away, from this one or another, and some come again at once."""
    log_in(scene)
    scene.wait(scene.rng.uniform(0, 3))
    others = (revoke, delete_username, delete_key, delete_group_user, change_group_user, move_node)
    scene.rng.choice((revoke_the_last, revoke_the_last, *others))(scene)
    if scene.rng.random() < COME_AGAIN:
        come_again(scene)


def _a_key(scene: Scene) -> NewKey:
    number = scene.rng.choice(NUMBERS)
    return NewKey(f"key {number}", ed25519_key(number))


def usernames_are_of_nodes(scene: Scene) -> None:
    nodes = {row["id"] for row in scene.rows(NODES)}
    lost = [row["username"] for row in scene.rows(USERNAMES) if row["node_id"] not in nodes]
    assert not lost, f"user names outlived their nodes: {lost}"


def keys_stand_on_their_usernames(scene: Scene) -> None:
    listed = {(row["id"], key["id"]) for row in scene.rows(USERNAMES) for key in row["public_keys"]}
    stored = {(row["ssh_username_id"], row["id"]) for row in scene.rows(KEYS)}
    assert listed == stored, f"keys stand in one place only: {listed ^ stored}"


def group_users_are_of_clusters(scene: Scene) -> None:
    clusters = {row["id"] for row in scene.rows(CLUSTERS)}
    lost = [row["username"] for row in scene.rows(GROUP_USERS) if row.get("cluster_id") not in {None, *clusters}]
    assert not lost, f"users outlived their clusters: {lost}"


def what_is_revoked_is_gone(scene: Scene) -> None:
    """A name or a key that was made before the person lost access is deleted in the end."""
    until = {row["id"]: str(row["revoked_at"]) for row in scene.rows(REVOCATIONS)}
    users = [*scene.rows(USERNAMES), *scene.rows(GROUP_USERS)]
    names = [(Person(username=str(row["username"])), row) for row in users]
    keys = [(Person(fingerprint=str(key["fingerprint"])), key) for row in users for key in row["public_keys"]]
    left = [who for who, row in (*names, *keys) if row["inserted_at"] <= until.get(f"everywhere#{who.key}", "")]
    assert not left, f"revoked, and still there: {left}"


def totals_are_those_of_the_rows(scene: Scene) -> None:
    for table in (USERNAMES, KEYS, GROUP_USERS):
        counted, there = scene.world.platform.counters.read(table.name), len(scene.rows(table))
        assert counted == there, f"{counted} {table.name} are counted, {there} are there"


SIMULATION = Simulation(
    operations=(
        *(create_username, create_username, delete_username, add_key, delete_key),
        *(create_group_user, change_group_user, delete_group_user, revoke),
        *(log_in_and_lose_access, log_in_and_lose_access, *LOGINS.operations),
    ),
    invariants=(
        usernames_are_of_nodes,
        keys_stand_on_their_usernames,
        group_users_are_of_clusters,
        what_is_revoked_is_gone,
        totals_are_those_of_the_rows,
        *LOGINS.invariants,
    ),
    watches=LOGINS.watches,
    ears=LOGINS.ears,
)
