"""The relay on the in-process world: what it sends, what it parks, and that it is repeated as a whole."""

import pytest

from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.kit.queues import QueueError
from chalicelib.kit.tables import Equals, Query, Update
from chalicelib.kit.tables.conditions import Set
from chalicelib.platform.events.queues import EVENTS
from chalicelib.platform.relay.queues import RELAY_FAILURES
from tests.support.builders import a_cluster, a_command, machines
from tests.support.declared import FAMILIES, RELAY
from tests.support.world import World


@pytest.fixture
def world():
    return World()


def batches(world):
    return list(world.relay_batches())


def relay(world, batch):
    return world.call(RELAY, {"Records": batch})


class TestRelay:
    def test_relay_reads_commands_of_a_batch_in_one_call(self, world):
        a_cluster(world)
        fleet = machines(world, 5)
        a_command(world)
        world.settle()
        for machine in fleet:
            (execution_id,) = world.fleet.commands.executions.waiting_for(machine.id, 1000).pending
            world.fleet.commands.executions.acknowledge(machine.id, execution_id)
        (batch,) = [batch for batch in batches(world) if "executions/" in batch[0]["eventSourceARN"]]
        world.platform.tables.meter.reset()
        relay(world, batch)
        calls = [call.operation for call in world.platform.tables.meter.calls]
        assert calls == ["BatchGetItem", "TransactWriteItems"]

    def test_relayed_event_carries_the_request_id_of_its_change(self, world):
        a_cluster(world)
        machines(world, 1)
        for batch in batches(world):
            relay(world, batch)
        (message, *_) = world.queue_client.bodies(EVENTS)
        assert {"request_id", "envelope"} == message["events"][0].keys()

    def test_relay_batch_failed_by_a_queue_is_completed_by_its_repeat(self, world):
        a_cluster(world)
        machines(world, 2)
        (batch,) = [batch for batch in batches(world) if "nodes/" in batch[0]["eventSourceARN"]]
        world.queue_client.refuse_next = True
        with pytest.raises(QueueError):
            relay(world, batch)
        assert world.platform.counters.read("nodes") == 0
        relay(world, batch)
        assert world.platform.counters.read("nodes") == 2

    def test_replayed_batch_counts_once_and_sends_the_same_events(self, world):
        a_cluster(world)
        machines(world, 2)
        (batch,) = [batch for batch in batches(world) if "nodes/" in batch[0]["eventSourceARN"]]
        relay(world, batch)
        first = world.queue_client.take(EVENTS)
        relay(world, batch)
        assert world.queue_client.take(EVENTS) == first
        assert world.platform.counters.read("nodes") == 2

    def test_command_text_not_allowed_in_sqs_is_relayed_unchanged(self, world):
        a_cluster(world)
        machines(world, 1)
        made = a_command(world, text="echo \uffff\ufffe \x7f")
        world.settle()
        created = [event for event in world.bus_client.envelopes if event["type"] == "edge.command_execution.created"]
        assert [event["data"]["command_text"] for event in created] == [made.command_text]

    def test_command_text_too_large_once_escaped_is_omitted(self, world):
        a_cluster(world)
        machines(world, 1)
        a_command(world, text="\uffff" * 43_000)
        world.settle()
        created = [event for event in world.bus_client.envelopes if event["type"] == "edge.command_execution.created"]
        assert [event["data"]["command_text_omitted"] for event in created] == [True]

    def test_empty_relay_batch_sends_nothing(self, world):
        relay(world, [])
        assert world.queue_client.sent == {}


class TestParking:
    def record(self, world):
        a_cluster(world)
        machines(world, 2)
        (batch,) = [batch for batch in batches(world) if "nodes/" in batch[0]["eventSourceARN"]]
        return batch

    def test_unreadable_record_is_parked_and_others_are_relayed(self, world):
        first, second = self.record(world)
        del first["dynamodb"]["SequenceNumber"]
        relay(world, [first, second])
        (parked,) = world.queue_client.bodies(RELAY_FAILURES)
        assert parked["error"] == "UnreadableRecordError"
        assert parked["record"]["eventID"] == first["eventID"]
        assert world.platform.counters.read("nodes") == 1
        told = [each["envelope"]["data"]["node_id"] for each in world.queue_client.bodies(EVENTS)[0]["events"]]
        assert set(told) == {second["dynamodb"]["Keys"]["id"]["S"]}

    def test_record_with_an_unknown_attribute_type_is_parked(self, world):
        first, second = self.record(world)
        first["dynamodb"]["NewImage"]["strange"] = {"NS": ["1"]}
        relay(world, [first, second])
        assert len(world.queue_client.bodies(RELAY_FAILURES)) == 1

    def test_record_of_an_invalid_row_is_parked_whole(self, world):
        first, second = self.record(world)
        del first["dynamodb"]["NewImage"]["status"]
        relay(world, [first, second])
        assert len(world.queue_client.bodies(RELAY_FAILURES)) == 1
        assert world.platform.counters.read("nodes") == 1

    def test_parked_record_omits_large_and_private_attributes(self, world):
        assert {"output", "command_text", "password_hash", "api_token_sealed"} <= FAMILIES.unparked
        first, second = self.record(world)
        private = {name: {"S": "private"} for name in FAMILIES.unparked}
        first["dynamodb"]["NewImage"] |= {**private, "x": {"NS": []}}
        relay(world, [first, second])
        assert "private" not in str(world.queue_client.bodies(RELAY_FAILURES))

    def test_parked_record_with_large_images_fits_a_message(self, world):
        first, second = self.record(world)
        first["dynamodb"]["NewImage"] |= {"parts": {"SS": ["x" * 36] * 8000}, "strange": {"NS": ["1"]}}
        relay(world, [first, second])
        (parked,) = world.queue_client.bodies(RELAY_FAILURES)
        assert parked["record"]["eventID"] == first["eventID"]
        assert parked["record"]["dynamodb"]["Keys"] == first["dynamodb"]["Keys"]
        assert world.platform.counters.read("nodes") == 1

    def test_parked_record_with_other_large_fields_fits_a_message(self, world):
        first, second = self.record(world)
        first |= {"strange": "x" * 400_000}
        del first["dynamodb"]["SequenceNumber"]
        relay(world, [first, second])
        (parked,) = world.queue_client.bodies(RELAY_FAILURES)
        assert parked["record"]["dynamodb"]["Keys"] == first["dynamodb"]["Keys"]
        assert parked["record"]["eventSourceARN"] == first["eventSourceARN"]

    @pytest.mark.parametrize("body", ["x" * 400_000, None, {"Keys": {"id": {"S": "x" * 400_000}}}])
    def test_malformed_record_is_parked_by_its_id(self, world, body):
        first, second = self.record(world)
        first["dynamodb"] = body
        relay(world, [first, second])
        (parked,) = world.queue_client.bodies(RELAY_FAILURES)
        assert parked["record"]["eventID"] == first["eventID"]
        assert world.platform.counters.read("nodes") == 1

    def test_oversized_event_is_parked_and_others_are_sent_once(self, world):
        a_cluster(world)
        data = {f"field-{number}": "x" * 900 for number in range(300)}
        world.platform.tables.write(world.platform.events.occurrence("edge.enrollment_key.verified", data), "noted")
        world.platform.tables.write(world.platform.events.occurrence("edge.enrollment_key.verified", {}), "noted")
        world.settle()
        assert [parked["error"] for parked in world.queue_client.bodies(RELAY_FAILURES)] == ["ValueError"]
        assert [event["data"] for event in world.bus_client.envelopes] == [{}]

    @pytest.mark.parametrize("command_id", [None, {"N": "1"}, {"S": ""}])
    def test_execution_record_without_a_command_id_does_not_fail_the_batch(self, world, command_id):
        a_cluster(world)
        machines(world, 2)
        a_command(world)
        world.settle()
        for row in world.driver.rows(EXECUTIONS):
            world.fleet.commands.executions.acknowledge(str(row["node_id"]), str(row["id"]))
        (batch,) = [batch for batch in batches(world) if "executions/" in batch[0]["eventSourceARN"]]
        if command_id is None:
            del batch[0]["dynamodb"]["NewImage"]["command_id"]
        else:
            batch[0]["dynamodb"]["NewImage"]["command_id"] = command_id
        relay(world, batch)
        sent = [event for message in world.queue_client.bodies(EVENTS) for event in message["events"]]
        assert sent[-1]["envelope"]["data"]["command_execution_id"] == batch[1]["dynamodb"]["NewImage"]["id"]["S"]

    def test_number_of_parked_records_is_logged(self, world):
        first, second = self.record(world)
        del first["dynamodb"]["NewImage"]["status"]
        relay(world, [first, second])
        assert [line["parked"] for line in world.lines.records if line["event"] == "records_parked"] == [1]


def test_change_without_effects_sends_nothing(world):
    a_cluster(world)
    (machine,) = machines(world, 1)
    list(world.relay_batches())
    changed = Update(NODES, {"id": machine.id}, (Set("updated_at", "x"),), Equals("id", machine.id))
    world.platform.tables.write(changed, "node.noted")
    for batch in batches(world):
        relay(world, batch)
    assert world.queue_client.sent == {}
    assert world.platform.tables.query(Query(NODES, machine.id)).count == 1
