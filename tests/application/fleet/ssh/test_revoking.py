"""A person's access is taken away everywhere by one call, before anything is deleted."""

import pytest

from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.fleet.ssh.group_model import Person
from chalicelib.fleet.ssh.group_store import GROUP_USERS
from chalicelib.fleet.ssh.rules import one_person_only
from chalicelib.fleet.ssh.store import KEYS, USERNAMES
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.openssh import parse
from tests.application.fleet.ssh.world import PASSWORD, SshWorld
from tests.support.builders import a_cluster, machines
from tests.support.ssh_keys import ed25519_key

MINE, OTHER = ed25519_key(1), ed25519_key(2)


@pytest.fixture
def world():
    return SshWorld()


def revoke(world, reach=EVERYWHERE, **person):
    world.fleet.ssh.revoking.revoke(Person(**person), reach=reach)


def fingerprint(line):
    return parse(line).fingerprint


def test_revoked_name_is_refused_at_once_and_deleted_afterwards(world):
    (second,) = machines(world, 1)
    world.username("ada", MINE, password=PASSWORD)
    world.username("ada", MINE, machine=second)
    world.username("bob", OTHER)
    world.group_user("ada", MINE)
    revoke(world, username="ada")

    for machine in (world.machine, second):
        assert not world.lets_in("ada", key=MINE, machine=machine)
    assert not world.lets_in("ada", password=PASSWORD)
    assert world.lets_in("bob", key=OTHER)

    world.settle(twice=True)
    assert [row["username"] for row in world.driver.rows(USERNAMES)] == ["bob"]
    assert world.driver.rows(GROUP_USERS) == []
    assert len(world.driver.rows(KEYS)) == 1


def test_caller_who_reaches_no_cluster_is_told_that_nothing_was_taken_away(world):
    world.username("ada", MINE)

    with pytest.raises(EdgeError) as error:
        revoke(world, Reach(frozenset()), username="ada")
    assert error.value.kind is Kind.FORBIDDEN
    assert world.lets_in("ada", key=MINE)


def test_revoked_key_is_refused_under_any_name_and_others_stay(world):
    world.username("ada", MINE, OTHER)
    world.group_user("deploy", MINE, OTHER, password=PASSWORD)
    revoke(world, fingerprint=fingerprint(MINE))

    for name in ("ada", "deploy"):
        assert not world.lets_in(name, key=MINE)
        assert world.lets_in(name, key=OTHER)

    world.settle(twice=True)
    assert {row["fingerprint"] for row in world.driver.rows(KEYS)} == {fingerprint(OTHER)}
    (user,) = world.driver.rows(GROUP_USERS)
    assert [key["fingerprint"] for key in user["public_keys"]] == [fingerprint(OTHER)]


def test_user_made_a_second_after_a_revocation_is_let_in(world):
    world.username("ada", MINE)
    revoke(world, username="ada")
    world.settle(twice=True)
    world.clock.advance(1)
    world.username("ada", MINE)
    world.settle(twice=True)

    assert world.lets_in("ada", key=MINE)


def test_revocation_of_a_restricted_caller_holds_in_its_clusters_only(world):
    a_cluster(world, "south")
    (there,) = machines(world, 1, "south")
    world.username("ada", MINE)
    world.username("ada", MINE, machine=there)
    world.group_user("ada", MINE, cluster="south")
    revoke(world, Reach(frozenset({world.machine.node.cluster_id})), username="ada")
    world.settle(twice=True)

    assert not world.lets_in("ada", key=MINE)
    assert world.lets_in("ada", key=MINE, machine=there)
    assert [row["node_id"] for row in world.driver.rows(USERNAMES)] == [there.id]


def test_revocation_with_a_crash_after_any_write_completes(world):
    for name in ("ada", "bob"):
        world.username(name, MINE, OTHER)
        world.group_user(name, MINE)
    revoke(world, username="ada")
    world.settle(twice=True, crash_after=1)
    for seconds in (120, 900, 3600):
        world.clock.advance(seconds)
        world.sweep("sweep_commands")
        world.settle()

    assert [row["username"] for row in world.driver.rows(USERNAMES)] == ["bob"]
    assert [row["username"] for row in world.driver.rows(GROUP_USERS)] == ["bob"]


@pytest.mark.parametrize("person", [{}, {"username": "ada", "fingerprint": fingerprint(MINE)}])
def test_revocation_of_nobody_or_of_two_is_refused(world, person):
    with pytest.raises(EdgeError) as error:
        revoke(world, **person)
    assert error.value.details == one_person_only().details
