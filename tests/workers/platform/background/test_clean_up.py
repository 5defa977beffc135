"""Clean-ups by the deployed worker: what an index hid ends with the second pass, what the stream lost with a sweep."""

import pytest

from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.metrics.store import TABLE as METRICS_CACHE
from chalicelib.fleet.nodes.store import PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.ssh.model import NewKey, NewUsername
from chalicelib.fleet.ssh.store import KEYS, USERNAMES
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.updates.store import NODE_UPDATES
from chalicelib.kit.tasks import TABLE as TASKS
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.webhooks.model import NewWebhook
from chalicelib.platform.webhooks.store import DELIVERIES
from tests.support.builders import a_cluster, a_command, machines
from tests.support.declared import WORKERS
from tests.support.ssh_keys import ed25519_key
from tests.support.world import World, sqs_record

WORKER = WORKERS[CLEAN_UP]

CHILDREN = (EXECUTIONS, ENROLLMENT_KEYS, PRESENCE, METRICS_CACHE, USERNAMES, KEYS, NODE_UPDATES, DELIVERIES)
"""What hangs on something that can be deleted."""


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    return world


def later(world):
    """Indexes have caught up, and what was put off is done."""
    world.driver.index_lag(0)
    world.clock.advance(900)
    world.sweep("sweep_commands")
    world.settle()


def lose_stream(world):
    """Its records are read by nobody."""
    assert list(world.relay_batches())


def a_parent_of_each_kind(world):
    """A cluster, a node, a webhook and a self-update request, each with what hangs on it; a call that deletes them."""
    services = world.fleet
    a_cluster(world, "south")
    services.enrollment.create("south", {}, reach=EVERYWHERE)
    (machine,) = machines(world, 1, self_update_enabled=True)
    services.ssh.usernames.create(
        machine.id, NewUsername("kim", None, (NewKey("laptop", ed25519_key(1)),)), reach=EVERYWHERE
    )
    services.metrics.nodes.push(machine.id, MetricsType.HOST, "up 1\n")
    hook = services.platform.webhooks.registry.create(
        NewWebhook(url="https://a.example/", secret="s" * 32, subscribed_events=())
    )
    services.platform.webhooks.deliveries.test(hook.id)
    request = services.updates.requests.create(Targeting(type=TargetType.ALL), reach=EVERYWHERE)
    world.settle()
    services.updates.requests.check(services.nodes.identity.authenticate(machine.token))
    world.clock.advance(60)
    world.sweep("sweep_commands")
    world.settle()
    a_command(world)
    world.settle()

    def delete():
        services.clusters.delete("south", reach=EVERYWHERE)
        services.nodes.placing.delete(machine.id, reach=EVERYWHERE)
        services.platform.webhooks.registry.delete(hook.id)
        services.updates.requests.delete(request.id, reach=EVERYWHERE)

    return delete


def left(world):
    """The tables that still hold something of what was deleted; an execution while it is open."""
    rows = {table.name: world.driver.rows(table) for table in CHILDREN}
    rows["executions"] = [row for row in rows["executions"] if row["status"] == "pending"]
    rows["enrollment_keys"] = [row for row in rows["enrollment_keys"] if row["cluster_name"] == "south"]
    return {name for name, found in rows.items() if found}


def test_execution_hidden_by_index_lag_is_cancelled_by_second_pass(world):
    (machine,) = machines(world, 1)
    world.settle()
    a_command(world)
    world.driver.index_lag(30)
    world.settle()
    world.fleet.nodes.placing.delete(machine.id, reach=EVERYWHERE)
    world.settle()
    assert [row["status"] for row in world.driver.rows(EXECUTIONS)] == ["pending"]
    later(world)
    assert [row["status"] for row in world.driver.rows(EXECUTIONS)] == ["dropped"]


def test_key_hidden_by_index_lag_is_removed_by_second_pass(world):
    world.driver.index_lag(30)
    world.fleet.enrollment.create("north", {}, reach=EVERYWHERE)
    world.fleet.clusters.delete("north", reach=EVERYWHERE)
    world.settle()
    assert len(world.driver.rows(ENROLLMENT_KEYS)) == 1
    later(world)
    assert world.driver.rows(ENROLLMENT_KEYS) == []


def test_clean_up_task_ends_with_the_second_pass(world):
    world.fleet.clusters.delete("north", reach=EVERYWHERE)
    world.settle()
    assert [row["id"] for row in world.driver.rows(TASKS)] != []
    later(world)
    assert world.driver.rows(TASKS) == []
    later(world)
    assert world.queue_client.sent.get(CLEAN_UP, []) == []


class TestWhatIsLost:
    def test_clean_up_with_duplicate_messages_leaves_no_children(self, world):
        delete = a_parent_of_each_kind(world)
        assert left(world) == {table.name for table in CHILDREN}
        delete()
        world.settle(twice=True)
        assert left(world) == set()
        later(world)
        assert world.driver.rows(TASKS) == []

    def test_clean_up_of_deletions_lost_by_the_stream_is_done_by_a_sweep(self, world):
        delete = a_parent_of_each_kind(world)
        delete()
        lose_stream(world)
        world.clock.advance(3600)
        world.settle()
        assert left(world) != set()
        world.sweep("sweep_commands")
        world.settle()
        assert left(world) == set()
        later(world)
        assert world.driver.rows(TASKS) == []

    def test_clean_up_with_lost_stream_and_sweep_messages_completes(self, world):
        delete = a_parent_of_each_kind(world)
        delete()
        lose_stream(world)
        for _ in range(3):
            world.clock.advance(960)
            world.sweep("sweep_commands")
            assert len(world.queue_client.take(CLEAN_UP)) == 4
        later(world)
        assert left(world) == set()
        later(world)
        assert world.driver.rows(TASKS) == []

    @pytest.mark.parametrize("writes", range(1, 14))
    def test_clean_up_with_a_crash_after_any_write_completes(self, world, writes):
        delete = a_parent_of_each_kind(world)
        delete()
        world.settle(crash_after=writes)
        later(world)
        assert (left(world), world.driver.rows(TASKS)) == (set(), [])

    def test_clean_up_message_repeated_later_changes_nothing(self, world):
        delete = a_parent_of_each_kind(world)
        delete()
        lose_stream(world)
        world.clock.advance(60)
        world.sweep("sweep_commands")
        bodies = world.queue_client.take(CLEAN_UP)
        assert len(bodies) == 4
        for _ in range(2):
            for body in bodies:
                assert world.call(WORKER, {"Records": [sqs_record(body)]}) == {"batchItemFailures": []}
            world.settle()
            later(world)
        before = world.driver.snapshot()
        for body in bodies:
            assert world.call(WORKER, {"Records": [sqs_record(body)]}) == {"batchItemFailures": []}
        world.settle()
        assert world.driver.snapshot() == before


def test_unfinished_clean_up_is_queued_with_exponential_backoff(world):
    world.fleet.clusters.delete("north", reach=EVERYWHERE)
    lose_stream(world)
    queued = []
    for minute in range(45):
        world.clock.advance(60)
        world.sweep("sweep_commands")
        queued += [minute + 1] * len(world.queue_client.take(CLEAN_UP))
    assert queued == [1, 2, 4, 8, 16, 31]


@pytest.mark.parametrize("kind", ["command", "expire_command", "connection"])
def test_clean_up_kinds_with_their_own_rows_leave_no_task(world, kind):
    world.platform.queues.send(CLEAN_UP, [{"kind": kind, "id": "nobody"}])
    world.settle()
    assert world.driver.rows(TASKS) == []


def test_unknown_clean_up_kind_is_reported_as_failed(world):
    body = {"kind": "unheard_of", "id": "x"}
    answer = world.call(WORKER, {"Records": [sqs_record(body)]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
