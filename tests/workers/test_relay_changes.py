"""The relay on the in-process world: what it sends, what it parks, and that it is repeated as a whole."""

import pytest

from chalicelib.kit.queues import Queue, QueueError
from chalicelib.kit.tables import Equals, Query, Update
from chalicelib.kit.tables.conditions import Set
from chalicelib.nodes.store import NODES
from tests.builders import a_cluster, a_command, machines
from tests.world import RELAY, World


@pytest.fixture
def world():
    return World()


def batches(world):
    return list(world.relay_batches())


def relay(world, batch):
    return world.call(RELAY, {"Records": batch})


class TestRelay:
    def test_reads_the_commands_of_a_batch_in_one_call(self, world):
        a_cluster(world)
        fleet = machines(world, 5)
        a_command(world)
        world.settle()
        for machine in fleet:
            (execution_id,) = world.services.executions.pending_for(machine.id)
            world.services.executions.acknowledge(machine.id, execution_id)
        (batch,) = [batch for batch in batches(world) if "executions/" in batch[0]["eventSourceARN"]]
        world.services.tables.meter.reset()
        relay(world, batch)
        calls = [call.operation for call in world.services.tables.meter.calls]
        assert calls == ["BatchGetItem", "TransactWriteItems"]

    def test_an_event_keeps_the_request_id_of_its_change(self, world):
        a_cluster(world)
        machines(world, 1)
        for batch in batches(world):
            relay(world, batch)
        (message, *_) = world.queue_client.bodies(Queue.EVENTS)
        assert {"request_id", "envelope"} == message["events"][0].keys()

    def test_a_dependency_that_fails_fails_the_batch_and_a_repeat_sends_all(self, world):
        a_cluster(world)
        machines(world, 2)
        (batch,) = [batch for batch in batches(world) if "nodes/" in batch[0]["eventSourceARN"]]
        world.queue_client.refuse_next = True
        with pytest.raises(QueueError):
            relay(world, batch)
        assert world.services.counters.read("nodes") == 0
        relay(world, batch)
        assert world.services.counters.read("nodes") == 2

    def test_a_replayed_batch_counts_once_and_sends_the_same_events(self, world):
        a_cluster(world)
        machines(world, 2)
        (batch,) = [batch for batch in batches(world) if "nodes/" in batch[0]["eventSourceARN"]]
        relay(world, batch)
        first = world.queue_client.take(Queue.EVENTS)
        relay(world, batch)
        assert world.queue_client.take(Queue.EVENTS) == first
        assert world.services.counters.read("nodes") == 2

    def test_an_empty_batch_does_nothing(self, world):
        relay(world, [])
        assert world.queue_client.sent == {}


class TestParking:
    def record(self, world):
        a_cluster(world)
        machines(world, 2)
        (batch,) = [batch for batch in batches(world) if "nodes/" in batch[0]["eventSourceARN"]]
        return batch

    def test_an_unreadable_record_is_parked_and_the_others_go_on(self, world):
        first, second = self.record(world)
        del first["dynamodb"]["SequenceNumber"]
        relay(world, [first, second])
        (parked,) = world.queue_client.bodies(Queue.RELAY_FAILURES)
        assert parked["error"] == "UnreadableRecordError"
        assert parked["record"]["eventID"] == first["eventID"]
        assert world.services.counters.read("nodes") == 1
        assert len(world.queue_client.bodies(Queue.EVENTS)[0]["events"]) == 1

    def test_an_attribute_type_that_nobody_writes_is_parked(self, world):
        first, second = self.record(world)
        first["dynamodb"]["NewImage"]["strange"] = {"NS": ["1"]}
        relay(world, [first, second])
        assert len(world.queue_client.bodies(Queue.RELAY_FAILURES)) == 1

    def test_a_row_that_makes_no_sense_is_parked_whole_or_not_planned_at_all(self, world):
        first, second = self.record(world)
        del first["dynamodb"]["NewImage"]["status"]
        relay(world, [first, second])
        assert len(world.queue_client.bodies(Queue.RELAY_FAILURES)) == 1
        assert world.services.counters.read("nodes") == 1

    def test_a_parked_record_has_neither_output_nor_text(self, world):
        first, second = self.record(world)
        first["dynamodb"]["NewImage"] |= {"output": {"S": "private"}, "command_text": {"S": "private"}, "x": {"NS": []}}
        relay(world, [first, second])
        assert "private" not in str(world.queue_client.bodies(Queue.RELAY_FAILURES))

    def test_a_log_line_tells_how_many(self, world):
        first, second = self.record(world)
        del first["dynamodb"]["NewImage"]["status"]
        relay(world, [first, second])
        assert any('"parked": 1' in line for line in world.lines.texts)


def test_a_change_that_is_nobodys_business_sends_nothing(world):
    a_cluster(world)
    (machine,) = machines(world, 1)
    list(world.relay_batches())
    changed = Update(NODES, {"id": machine.id}, (Set("updated_at", "x"),), Equals("id", machine.id))
    world.services.tables.write(changed, "node.noted")
    for batch in batches(world):
        relay(world, batch)
    assert world.queue_client.sent == {}
    assert world.services.tables.query(Query(NODES, machine.id)).count == 1
