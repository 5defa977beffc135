"""User names and their keys: made whole or not at all, whoever else is at work."""

from functools import partial

import pytest

from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.ssh.model import KEYS_MAX, NewKey, NewUsername
from chalicelib.fleet.ssh.rules import too_many_keys
from chalicelib.fleet.ssh.store import KEYS, USERNAMES
from chalicelib.kit.errors import EdgeError, Kind, not_found, taken
from chalicelib.kit.listing import ListRequest
from chalicelib.platform.relay.queues import RELAY_FAILURES
from tests.application.fleet.ssh.world import PASSWORD, SshWorld
from tests.support.builders import machines
from tests.support.fakes.dynamo import Crash
from tests.support.ssh_keys import ed25519_key

ABSENT = "01936d2c-0000-7000-8000-0123456789ab"


@pytest.fixture
def world():
    return SshWorld()


def refused(call, *arguments):
    with pytest.raises(EdgeError) as error:
        call(*arguments)
    return error.value.kind, error.value.message


def key_rows(world):
    return sorted(str(row["key_name"]) for row in world.driver.rows(KEYS))


class TestCreate:
    def test_username_is_created_with_its_keys_and_password(self, world):
        made = world.username("deploy", ed25519_key(1), ed25519_key(2), password=PASSWORD)

        assert world.fleet.ssh.usernames.get(made.id, reach=EVERYWHERE).model_copy(update={"write_id": ""}) == made
        assert [key.key_name for key in made.public_keys] == ["k0", "k1"]
        assert {world.fleet.ssh.public_keys.get(key.id, reach=EVERYWHERE) for key in made.public_keys} == set(
            made.public_keys
        )
        assert made.has_password
        assert PASSWORD not in repr(made)

    def test_username_without_credentials_is_created(self, world):
        assert not world.username().has_password

    def test_username_of_unknown_node_is_not_found(self, world):
        assert refused(partial(world.fleet.ssh.usernames.create, reach=EVERYWHERE), ABSENT, NewUsername("root")) == (
            Kind.NOT_FOUND,
            not_found().message,
        )

    def test_username_is_unique_per_node(self, world):
        (other,) = machines(world, 1)
        world.username("deploy", ed25519_key(1))

        with pytest.raises(EdgeError) as error:
            world.username("deploy", ed25519_key(2))

        assert (error.value.kind, error.value.message) == (Kind.CONFLICT, taken("username").message)
        assert len(world.driver.rows(KEYS)) == 1
        assert world.username("deploy", machine=other).node_id == other.id

    def test_username_with_an_invalid_key_writes_nothing(self, world):
        with pytest.raises(EdgeError):
            world.username("deploy", ed25519_key(1), "nonsense")

        assert world.driver.rows(USERNAMES) == world.driver.rows(KEYS) == []

    def test_concurrent_usernames_of_one_name_keep_one_with_its_keys(self, world):
        tasks = [lambda number=number: world.username("deploy", ed25519_key(number)) for number in (1, 2)]
        world.driver.latency(0.01)

        results = world.clock.run_together(tasks)

        (winner,) = [result for result in results if not isinstance(result, EdgeError)]
        assert [row["public_key"] for row in world.driver.rows(KEYS)] == [winner.public_keys[0].public_key]

    def test_username_of_a_node_deleted_meanwhile_is_not_found(self, world):
        world.driver.before_next(
            lambda: world.fleet.nodes.placing.delete(world.node_id, reach=EVERYWHERE),
            operation="TransactWriteItems",
            table=USERNAMES,
        )

        assert (
            refused(partial(world.fleet.ssh.usernames.create, reach=EVERYWHERE), world.node_id, NewUsername("root"))[0]
            is Kind.NOT_FOUND
        )
        assert world.driver.rows(USERNAMES) == []

    def test_username_of_a_node_reenrolled_meanwhile_is_created(self, world):
        world.driver.before_next(world.enrol_again, operation="TransactWriteItems", table=USERNAMES)

        made = world.username("deploy", password=PASSWORD)

        assert world.lets_in("deploy", password=PASSWORD)
        assert made.node_inserted_at == world.machine.node.inserted_at

    def test_username_with_the_maximum_of_long_keys_fits(self, world):
        long = [ed25519_key(number, "ä" * 2000) for number in range(KEYS_MAX)]

        made = world.username("deploy", *long)

        assert len(world.fleet.ssh.usernames.get(made.id, reach=EVERYWHERE).public_keys) == KEYS_MAX

    def test_username_creation_with_a_lost_answer_succeeds(self, world):
        world.driver.fail_next(1, "lost_answer", operation="TransactWriteItems", table=USERNAMES)

        assert world.username("deploy", ed25519_key(1)).username == "deploy"


class TestKeys:
    def test_public_key_is_added_and_removed(self, world):
        owner = world.username("deploy", ed25519_key(1))
        world.clock.advance(5)

        key = world.key(owner, "more", ed25519_key(2))

        assert world.fleet.ssh.public_keys.get(key.id, reach=EVERYWHERE) == key
        assert [one.key_name for one in world.fleet.ssh.usernames.get(owner.id, reach=EVERYWHERE).public_keys] == [
            "k0",
            "more",
        ]
        assert world.lets_in("deploy", key=ed25519_key(2))
        world.fleet.ssh.public_keys.delete(key.id, reach=EVERYWHERE)
        assert not world.lets_in("deploy", key=ed25519_key(2))
        assert refused(partial(world.fleet.ssh.public_keys.get, reach=EVERYWHERE), key.id)[0] is Kind.NOT_FOUND
        assert refused(partial(world.fleet.ssh.public_keys.delete, reach=EVERYWHERE), key.id)[0] is Kind.NOT_FOUND

    def test_key_name_is_unique_per_username(self, world):
        owner, other = world.username("deploy", ed25519_key(1)), world.username("admin")

        repeated = refused(
            partial(world.fleet.ssh.public_keys.create, reach=EVERYWHERE), owner.id, NewKey("k0", ed25519_key(2))
        )

        assert repeated == (Kind.CONFLICT, taken("key_name").message)
        assert world.key(other, "k0", ed25519_key(1)).ssh_username_id == other.id

    def test_public_key_beyond_the_limit_is_a_conflict(self, world):
        owner = world.username("deploy", *(ed25519_key(number) for number in range(KEYS_MAX)))

        full = refused(
            partial(world.fleet.ssh.public_keys.create, reach=EVERYWHERE), owner.id, NewKey("more", ed25519_key(99))
        )

        assert full == (Kind.CONFLICT, too_many_keys().message)

    def test_public_key_of_unknown_username_is_not_found(self, world):
        absent = refused(
            partial(world.fleet.ssh.public_keys.create, reach=EVERYWHERE), ABSENT, NewKey("a", ed25519_key())
        )

        assert absent[0] is Kind.NOT_FOUND

    def test_concurrent_key_changes_are_all_kept(self, world):
        owner = world.username("deploy", ed25519_key(9))
        world.driver.latency(0.01)
        tasks = [lambda n=n: world.key(owner, f"n{n}", ed25519_key(n)) for n in range(4)]
        tasks.append(lambda: world.fleet.ssh.public_keys.delete(owner.public_keys[0].id, reach=EVERYWHERE))

        results = world.clock.run_together(tasks)

        assert [result for result in results if isinstance(result, EdgeError)] == []
        on_row = [key.key_name for key in world.fleet.ssh.usernames.get(owner.id, reach=EVERYWHERE).public_keys]
        assert sorted(on_row) == key_rows(world) == ["n0", "n1", "n2", "n3"]

    def test_concurrent_keys_of_one_name_keep_one(self, world):
        owner = world.username("deploy")
        world.driver.latency(0.01)

        results = world.clock.run_together([lambda n=n: world.key(owner, "a", ed25519_key(n)) for n in range(2)])

        assert [result.kind for result in results if isinstance(result, EdgeError)] == [Kind.CONFLICT]
        assert key_rows(world) == ["a"]


class TestDelete:
    def test_username_deletion_removes_its_keys(self, world):
        made = world.username("deploy", ed25519_key(1), ed25519_key(2), password=PASSWORD)
        kept = world.username("admin", ed25519_key(1))

        world.fleet.ssh.usernames.delete(made.id, reach=EVERYWHERE)

        assert not world.lets_in("deploy", password=PASSWORD)
        assert [row["id"] for row in world.driver.rows(KEYS)] == [kept.public_keys[0].id]
        assert refused(partial(world.fleet.ssh.usernames.delete, reach=EVERYWHERE), made.id)[0] is Kind.NOT_FOUND

    def test_key_added_during_the_username_deletion_is_removed(self, world):
        made = world.username("deploy", ed25519_key(1))
        world.driver.before_next(
            lambda: world.key(made, "late", ed25519_key(2)), operation="TransactWriteItems", table=USERNAMES
        )

        world.fleet.ssh.usernames.delete(made.id, reach=EVERYWHERE)

        assert world.driver.rows(USERNAMES) == world.driver.rows(KEYS) == []

    def test_concurrent_username_deletions_both_succeed(self, world):
        made = world.username("deploy", ed25519_key(1))
        world.driver.latency(0.01)

        results = world.clock.run_together([lambda: world.fleet.ssh.usernames.delete(made.id, reach=EVERYWHERE)] * 2)

        assert results == [None, None]
        assert world.driver.rows(KEYS) == []

    def test_recreated_username_has_no_old_credentials(self, world):
        made = world.username("deploy", ed25519_key(1), password=PASSWORD)
        world.fleet.ssh.usernames.delete(made.id, reach=EVERYWHERE)

        world.username("deploy")

        assert not world.lets_in("deploy", password=PASSWORD)
        assert not world.lets_in("deploy", key=ed25519_key(1))


class TestAfterANode:
    def test_node_deletion_removes_its_usernames_and_keys(self, world):
        (other,) = machines(world, 1)
        for number in range(45):
            world.username(f"user-{number}", ed25519_key(number))
            world.clock.advance(1)
        kept = world.username("deploy", ed25519_key(1), machine=other)
        world.settle()

        world.fleet.nodes.placing.delete(world.node_id, reach=EVERYWHERE)
        world.settle()

        assert [row["id"] for row in world.driver.rows(USERNAMES)] == [kept.id]
        assert [row["id"] for row in world.driver.rows(KEYS)] == [kept.public_keys[0].id]
        assert world.platform.counters.read("ssh_usernames") == world.platform.counters.read("ssh_public_keys") == 1

    def test_username_clean_up_survives_duplicates_and_crashes(self):
        def left(*, twice=False, crash_after=None):
            world = SshWorld()
            for number in range(3):
                world.username(f"user-{number}", ed25519_key(number))
            world.settle()
            world.fleet.nodes.placing.delete(world.node_id, reach=EVERYWHERE)
            world.settle(twice=twice, crash_after=crash_after)
            counters = [world.platform.counters.read(name) for name in ("ssh_usernames", "ssh_public_keys")]
            return world.driver.rows(USERNAMES), world.driver.rows(KEYS), world.driver.rows(NODES), counters

        expected = ([], [], [], [0, 0])
        assert left() == expected
        assert left(twice=True) == expected
        assert [left(crash_after=write) for write in range(1, 12)] == [expected] * 11

    def test_username_of_the_reenrolled_node_survives_the_clean_up(self, world):
        world.username("old", password=PASSWORD)
        world.username("deploy", password=PASSWORD)
        world.settle()
        world.enrol_again()
        assert not world.lets_in("old", password=PASSWORD)
        world.username("deploy", password=PASSWORD)

        world.settle(twice=True)

        assert [row["username"] for row in world.driver.rows(USERNAMES)] == ["deploy"]
        assert world.lets_in("deploy", password=PASSWORD)

    def test_username_hidden_by_index_lag_is_removed_by_the_second_pass(self, world):
        world.settle()
        world.driver.index_lag(30)
        world.username("deploy", ed25519_key(1))
        world.fleet.nodes.placing.delete(world.node_id, reach=EVERYWHERE)
        world.settle()
        assert len(world.driver.rows(USERNAMES)) == 1

        world.driver.index_lag(0)
        world.clock.advance(900)
        world.sweep("sweep_commands")
        world.settle()

        assert world.driver.rows(USERNAMES) == world.driver.rows(KEYS) == []


class TestCrashes:
    def test_username_creation_with_a_crash_writes_all_or_nothing(self, world):
        world.driver.crash_after(1)
        with pytest.raises(Crash):
            world.username("deploy", ed25519_key(1))

        (row,) = world.driver.rows(USERNAMES)
        assert len(world.driver.rows(KEYS)) == len(row["public_keys"]) == 1


def test_unreadable_username_change_is_parked_without_credentials(world):
    """Operators read that queue, and the 50 keys of both images would exceed a message."""
    world.username("deploy", ed25519_key(1), password=PASSWORD)
    (record,) = world.driver.records(USERNAMES, 0)
    record["dynamodb"]["NewImage"]["version"] = {"?": "1"}

    assert world.platform.relay.relay([record]) == 1

    (parked,) = world.queue_client.take(RELAY_FAILURES)
    assert "deploy" in str(parked)
    assert not [text for text in ("AAAA", PASSWORD, "SHA256") if text in str(parked)]


class TestCost:
    def test_ssh_reads_by_id_take_one_call_and_changes_one_transaction(self, world):
        made = world.username("deploy", ed25519_key(1))
        meter = world.platform.tables.meter
        calls = []
        for act in (
            lambda: world.fleet.ssh.usernames.get(made.id, reach=EVERYWHERE),
            lambda: world.fleet.ssh.public_keys.get(made.public_keys[0].id, reach=EVERYWHERE),
            lambda: world.key(made, "more", ed25519_key(2)),
            lambda: world.fleet.ssh.usernames.delete(made.id, reach=EVERYWHERE),
        ):
            meter.reset()
            act()
            calls.append([call.operation for call in meter.calls])

        assert calls == [["GetItem"], ["GetItem"], ["GetItem", "TransactWriteItems"], ["GetItem", "TransactWriteItems"]]

    def test_first_page_of_ssh_lists_takes_four_calls(self, world):
        for number in range(25):
            world.username(f"user-{number}", ed25519_key(number))
        world.settle()
        meter = world.platform.tables.meter
        for listed in (world.fleet.ssh.usernames, world.fleet.ssh.public_keys):
            meter.reset()
            page = listed.list_page(ListRequest(), reach=EVERYWHERE)
            assert (len(page.items), page.total_count) == (20, 25)
            assert meter.count <= 4
