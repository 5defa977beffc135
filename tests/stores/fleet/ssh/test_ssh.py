"""Rows of SSH access, on the fake and on the emulator alike."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.ssh import keyring, service
from chalicelib.fleet.ssh.attempt_store import ATTEMPTS
from chalicelib.fleet.ssh.model import KEYS_MAX
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import ListRequest, filter_names
from chalicelib.kit.listing.sources import PARTITION_LIMIT
from tests.application.fleet.ssh.world import PASSWORD, SshWorld
from tests.support.builders import a_cluster, machines
from tests.support.declared import TABLES
from tests.support.drivers import BOTH, FAKE, emulated
from tests.support.ssh_keys import ecdsa_key, ed25519_key


@pytest.fixture(params=BOTH)
def world(request: pytest.FixtureRequest) -> Iterator[SshWorld]:
    with nullcontext() if request.param == FAKE else emulated(request, TABLES) as driver:
        yield SshWorld(driver)


def test_ssh_user_name_verifies_its_credentials_until_deleted(world):
    usernames, keys = world.fleet.ssh.usernames, world.fleet.ssh.public_keys
    made = world.username("deploy", ed25519_key(1), ecdsa_key(), password=PASSWORD)
    assert usernames.get(made.id, reach=EVERYWHERE).model_copy(update={"write_id": ""}) == made
    added = world.key(made, "more", ed25519_key(2))
    assert keys.get(added.id, reach=EVERYWHERE) == added
    with pytest.raises(EdgeError) as error:
        world.username("deploy", ed25519_key(3))
    assert error.value.kind is Kind.CONFLICT
    assert [world.lets_in("deploy", key=ed25519_key(number)) for number in (1, 2, 3)] == [True, True, False]
    assert [world.lets_in("deploy", password=word) for word in (PASSWORD, "wrong", "wrong")] == [True, False, False]
    assert usernames.get(made.id, reach=EVERYWHERE).last_verified_at == "2026-11-21T10:00:00Z"
    keys.delete(added.id, reach=EVERYWHERE)
    assert not world.lets_in("deploy", key=ed25519_key(2))
    usernames.delete(made.id, reach=EVERYWHERE)
    assert not world.lets_in("deploy", password=PASSWORD)
    assert keys.list_page(ListRequest(), reach=EVERYWHERE).items == []


def test_failed_verifications_are_counted_up_to_the_limit(world):
    for _ in range(10):
        assert not world.lets_in("nobody", password="wrong")
    with pytest.raises(EdgeError) as error:
        world.lets_in("nobody", password="wrong")

    assert (error.value.kind, error.value.retry_after_seconds) == (Kind.RATE_LIMITED, 6)
    row = world.platform.tables.get(ATTEMPTS, {"node_id": world.node_id, "auth_method": "password"})
    now = int(world.clock.now().timestamp())
    assert (row["repaid_at_ms"], row["expires_epoch"]) == ((now + 60) * 1000, now + 3600)


def test_user_name_with_most_and_longest_keys_fits_its_row(world):
    made = world.username("deploy", *(ed25519_key(number, "ä" * 2000) for number in range(KEYS_MAX)))

    assert world.lets_in("deploy", key=ed25519_key(KEYS_MAX - 1))
    world.fleet.ssh.usernames.delete(made.id, reach=EVERYWHERE)
    assert world.fleet.ssh.public_keys.list_page(ListRequest(), reach=EVERYWHERE).total_count == 0


def test_user_names_of_a_deleted_node_are_cleaned_up(world):
    for number in range(3):
        world.username(f"user-{number}", ed25519_key(number))
    world.fleet.nodes.placing.delete(world.node_id, reach=EVERYWHERE)

    assert world.fleet.ssh.usernames.clean_up_chunk(world.node_id, None) is None
    assert world.fleet.ssh.usernames.list_page(ListRequest(), reach=EVERYWHERE).items == []
    assert world.fleet.ssh.public_keys.list_page(ListRequest(), reach=EVERYWHERE).items == []


def test_clean_up_of_user_names_continues_from_its_cursor(world):
    for number in range(service.CLEAN_UP_USERNAMES + 1):
        world.username(f"user-{number}")
        world.clock.advance(1)
    world.fleet.nodes.placing.delete(world.node_id, reach=EVERYWHERE)

    cursor = world.fleet.ssh.usernames.clean_up_chunk(world.node_id, None)

    assert cursor is not None
    assert world.fleet.ssh.usernames.list_page(ListRequest(), reach=EVERYWHERE).total_count == 1
    assert world.fleet.ssh.usernames.clean_up_chunk(world.node_id, cursor) is None
    assert world.fleet.ssh.usernames.list_page(ListRequest(), reach=EVERYWHERE).total_count == 0


@pytest.fixture
def shelf(world):
    """User names and keys on two nodes of two clusters, a second apart. Returns the nodes, north first."""
    a_cluster(world, "south")
    (south,) = machines(world, 1, "south")
    world.username("deploy", ed25519_key(0, "ann@example.com"), password=PASSWORD)
    world.clock.advance(1)
    world.username("root", ed25519_key(1, "bob@example.com"), ecdsa_key())
    world.clock.advance(1)
    world.username("deploy", ed25519_key(2, "ann@example.org"), machine=south)
    world.clock.advance(1)
    world.username("backup", password=PASSWORD, machine=south)
    return world.machine, south


USERNAMES = [
    ({}, "backup deploy root deploy"),
    ({"username": "deploy"}, "deploy deploy"),
    ({"username": "root,backup"}, "backup root"),
    ({"username": "*O*"}, "deploy root deploy"),
    ({"has_password": True}, "backup deploy"),
    ({"has_password": False}, "deploy root"),
    ({"node_id": "north"}, "root deploy"),
    ({"node_id": "south", "username": "b*"}, "backup"),
    ({"cluster_name": "north"}, "root deploy"),
    ({"cluster_name": "south,none"}, "backup deploy"),
    ({"cluster_name": "none"}, ""),
    ({"cluster_name": "S*"}, "backup deploy"),
    ({"cluster_name": "*o*", "has_password": True}, "backup deploy"),
    ({"inserted_at__gte": "2026-11-21T10:00:02Z"}, "backup deploy"),
    ({"inserted_at__lte": "2026-11-21T10:00:00Z"}, "deploy"),
    ({"updated_at__gte": "2026-11-22"}, ""),
    ({"updated_at__lte": "2026-11-21T10:00:01Z", "cluster_name": "north"}, "root deploy"),
    ({"username__in": "root,nobody"}, "root"),
    ({"node_id__in": "north", "username": "root,deploy"}, "root deploy"),
    ({"cluster_name__in": "north,none", "username": "root,deploy"}, "root deploy"),
    ({"key_name": "K1"}, ""),
    ({"key_name": "k1*"}, "root"),
    ({"key_name__in": "k1,k2"}, "root"),
]

KEYS = [
    ({}, "deploy/k0 root/k1 root/k0 deploy/k0"),
    ({"key_name": "k1"}, "root/k1"),
    ({"key_name": "K*", "username": "root"}, "root/k1 root/k0"),
    ({"public_key": "*@example.com"}, "root/k0 deploy/k0"),
    ({"ssh_username_id": "root"}, "root/k1 root/k0"),
    ({"ssh_username_id": "root", "key_name": "k0"}, "root/k0"),
    ({"node_id": "north"}, "root/k1 root/k0 deploy/k0"),
    ({"node_id": "south"}, "deploy/k0"),
    ({"username": "root"}, "root/k1 root/k0"),
    ({"username": "root,backup"}, "root/k1 root/k0"),
    ({"username": "d*"}, "deploy/k0 deploy/k0"),
    ({"cluster_name": "south"}, "deploy/k0"),
    ({"cluster_name": "n*"}, "root/k1 root/k0 deploy/k0"),
    ({"cluster_name": "no*,south"}, "deploy/k0"),
    ({"inserted_at__gte": "2026-11-21T10:00:01Z"}, "deploy/k0 root/k1 root/k0"),
    ({"inserted_at__lte": "2026-11-21T10:00:01Z"}, "root/k1 root/k0 deploy/k0"),
    ({"updated_at__gte": "2026-11-21T10:00:02Z"}, "deploy/k0"),
    ({"updated_at__lte": "2026-11-21T10:00:00Z"}, "deploy/k0"),
    ({"key_name__in": "k1,k7"}, "root/k1"),
    ({"ssh_username_id__in": "root"}, "root/k1 root/k0"),
    ({"node_id__in": "south"}, "deploy/k0"),
    ({"username__in": "root,backup"}, "root/k1 root/k0"),
    ({"cluster_name__in": "south,n*"}, "deploy/k0"),
]


def requested(world, shelf, filters):
    """Names in place of ids."""
    north, south = shelf
    ids = {"north": north.id, "south": south.id}
    given = dict(filters)
    if "node_id" in given:
        given["node_id"] = ids[given["node_id"]].upper()
    if "node_id__in" in given:
        given["node_id__in"] = ids[given["node_id__in"]]
    if "ssh_username_id__in" in given:
        (row,) = world.fleet.ssh.usernames.list_page(ListRequest(filters={"username": "root"}), reach=EVERYWHERE).items
        given["ssh_username_id__in"] = row.id
    if "ssh_username_id" in given:
        (row,) = world.fleet.ssh.usernames.list_page(ListRequest(filters={"username": "root"}), reach=EVERYWHERE).items
        given["ssh_username_id"] = row.id
    return ListRequest(filters=given)


def test_user_name_list_filters_rows(world, shelf):
    for filters, expected in USERNAMES:
        page = world.fleet.ssh.usernames.list_page(requested(world, shelf, filters), reach=EVERYWHERE)
        assert " ".join(username.username for username in page.items) == expected, filters
        assert page.total_count == len(expected.split())


def test_public_key_list_filters_rows(world, shelf):
    for filters, expected in KEYS:
        page = world.fleet.ssh.public_keys.list_page(requested(world, shelf, filters), reach=EVERYWHERE)
        # Two keys of one second stand in the order of their ids.
        assert sorted(f"{key.username}/{key.key_name}" for key in page.items) == sorted(expected.split()), filters
        assert page.total_count == len(expected.split())
        assert [key.inserted_at for key in page.items] == sorted((key.inserted_at for key in page.items), reverse=True)


def test_every_ssh_list_filter_has_a_case():
    assert {name for filters, _ in USERNAMES for name in filters} == filter_names(service.FIELDS)
    assert {name for filters, _ in KEYS for name in filters} == filter_names(keyring.FIELDS)


def test_ssh_lists_sort_rows(world, shelf):
    by_name = ListRequest(order=(("username", False), ("inserted_at", True)))
    assert [one.username for one in world.fleet.ssh.usernames.list_page(by_name, reach=EVERYWHERE).items] == [
        "backup", "deploy", "deploy", "root",
    ]  # fmt: skip
    by_key = ListRequest(order=(("key_name", True), ("inserted_at", False)))
    page = world.fleet.ssh.public_keys.list_page(by_key, reach=EVERYWHERE)
    assert [f"{key.username}/{key.key_name}" for key in page.items] == ["root/k1", "deploy/k0", "root/k0", "deploy/k0"]


def test_user_names_of_a_moved_node_are_listed_in_its_new_cluster(world, shelf):
    north, _ = shelf
    world.fleet.nodes.placing.change_cluster(north.id, "south", reach=EVERYWHERE)

    for listed in (world.fleet.ssh.usernames, world.fleet.ssh.public_keys):
        for name in ("north", "north*"):
            assert listed.list_page(ListRequest(filters={"cluster_name": name}), reach=EVERYWHERE).items == []
        assert listed.list_page(ListRequest(filters={"cluster_name": "south"}), reach=EVERYWHERE).total_count == 4


def test_cluster_filter_with_more_nodes_than_partitions_finds_all_rows():
    world = SshWorld()
    a_cluster(world, "south")
    many = machines(world, PARTITION_LIMIT + 1, "south")
    world.username("north", ed25519_key(0))
    for machine in (many[0], many[-1]):
        world.username("south", ed25519_key(1), machine=machine)

    for listed in (world.fleet.ssh.usernames, world.fleet.ssh.public_keys):
        page = listed.list_page(ListRequest(filters={"cluster_name": "south"}), reach=EVERYWHERE)
        assert [row.username for row in page.items] == ["south", "south"]


def test_ssh_verification_costs_a_read_and_an_event_write():
    world = SshWorld()
    world.username("deploy", ed25519_key(1))
    agent = world.fleet.nodes.identity.authenticate(world.machine.token)
    assert agent.node.id == world.node_id
    world.lets_in("deploy", key=ed25519_key(1))
    world.platform.tables.meter.reset()

    assert world.lets_in("deploy", key=ed25519_key(1))

    assert [call.operation for call in world.platform.tables.meter.calls] == ["BatchGetItem", "BatchGetItem", "PutItem"]
