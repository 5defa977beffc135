"""Open sessions end when what let them in is gone."""

import pytest

from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.fleet.ssh.group_model import Credentials, Person
from chalicelib.fleet.ssh.model import NewKey, OpenSession
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.crypto import Secret
from chalicelib.kit.openssh import parse
from tests.application.fleet.ssh.world import PASSWORD, SshWorld
from tests.support.builders import a_cluster
from tests.support.ssh_keys import ed25519_key

MINE, OTHER = ed25519_key(1), ed25519_key(2)


@pytest.fixture
def world():
    return SshWorld()


def opened(world, name, key=None, session="s"):
    """A session that starts now, by this key or by a password."""
    fingerprint = None if key is None else parse(key).fingerprint
    return OpenSession(session, name, fingerprint, to_seconds_text(world.clock.now()))


def ended(world, *sessions):
    agent = world.fleet.nodes.identity.authenticate(world.machine.token)
    return world.fleet.ssh.sessions.ended(agent.node, sessions)


def revoke(world, reach=EVERYWHERE, **person):
    world.fleet.ssh.revoking.revoke(Person(**person), reach=reach)


def test_sessions_go_on_while_nothing_changes(world):
    world.username("ada", MINE)
    world.group_user("bob", OTHER, password=PASSWORD)

    assert ended(world, opened(world, "ada", MINE), opened(world, "bob"), opened(world, "bob", OTHER)) == []


def test_revocation_ends_the_sessions_of_that_name_alone(world):
    for name in ("ada", "bob"):
        world.username(name, MINE, password=PASSWORD)
    sessions = [opened(world, "ada", MINE, "1"), opened(world, "ada", None, "2"), opened(world, "bob", MINE, "3")]
    revoke(world, username="ada")

    assert ended(world, *sessions) == ["1", "2"]
    world.settle(twice=True)
    assert ended(world, *sessions) == ["1", "2"]


def test_revocation_of_a_key_ends_what_it_let_in(world):
    world.username("ada", MINE, OTHER, password=PASSWORD)
    sessions = [opened(world, "ada", MINE, "1"), opened(world, "ada", OTHER, "2"), opened(world, "ada", None, "3")]
    revoke(world, fingerprint=parse(MINE).fingerprint)

    assert ended(world, *sessions) == ["1"]


def test_session_from_before_a_revocation_ends_despite_a_new_account(world):
    world.username("ada", MINE, password=PASSWORD)
    before = [opened(world, "ada", MINE, "1"), opened(world, "ada", None, "2")]
    revoke(world, username="ada")
    world.settle(twice=True)
    world.clock.advance(1)
    world.username("ada", MINE, password=PASSWORD)

    assert ended(world, *before, opened(world, "ada", MINE, "3")) == ["1", "2"]


def test_revocation_in_another_cluster_ends_nothing(world):
    a_cluster(world, "south")
    world.username("ada", MINE)
    session = opened(world, "ada", MINE)
    revoke(world, Reach(frozenset({world.fleet.clusters.find("south").id})), username="ada")

    assert ended(world, session) == []


def test_deleted_key_and_deleted_user_end_their_sessions(world):
    ada = world.username("ada", MINE, OTHER)
    bob = world.username("bob", password=PASSWORD)
    sessions = [opened(world, "ada", MINE, "1"), opened(world, "ada", OTHER, "2"), opened(world, "bob", None, "3")]
    world.fleet.ssh.public_keys.delete(ada.public_keys[0].id, reach=EVERYWHERE)
    world.fleet.ssh.usernames.delete(bob.id, reach=EVERYWHERE)

    assert ended(world, *sessions) == ["1", "3"]


def test_new_account_of_the_same_name_keeps_no_former_password_session(world):
    bob = world.username("bob", password=PASSWORD)
    session = opened(world, "bob")
    world.fleet.ssh.usernames.delete(bob.id, reach=EVERYWHERE)
    world.clock.advance(1)
    world.username("bob", password=PASSWORD + "!")

    assert ended(world, session) == ["s"]


def test_replaced_keys_of_a_group_end_sessions_and_a_replaced_password_does_not(world):
    user = world.group_user("deploy", MINE, password=PASSWORD)
    sessions = [opened(world, "deploy", MINE, "1"), opened(world, "deploy", None, "2")]
    given = Credentials(public_keys=(NewKey("k", OTHER),), password=Secret(PASSWORD + "!"), keeps_password=False)
    world.fleet.ssh.group_users.change(user.id, given, reach=EVERYWHERE)

    assert ended(world, *sessions) == ["1"]


def test_node_that_moves_ends_the_sessions_of_its_former_clusters_users(world):
    world.group_user("deploy", MINE)
    session = opened(world, "deploy", MINE)
    a_cluster(world, "south")
    world.fleet.nodes.placing.change_cluster(world.node_id, "south", reach=EVERYWHERE)

    assert ended(world, session) == ["s"]


def test_check_reads_each_row_once_and_writes_nothing(world):
    world.username("ada", MINE)
    agent = world.fleet.nodes.identity.authenticate(world.machine.token)
    same = [opened(world, "ada", MINE, str(number)) for number in range(16)]
    world.platform.tables.meter.reset()

    assert world.fleet.ssh.sessions.ended(agent.node, same) == []
    meter = world.platform.tables.meter
    assert (meter.count, meter.read_units, meter.write_units) == (1, 6, 0)
