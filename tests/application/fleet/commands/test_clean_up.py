"""Deadlines, deletions and lost messages: what sweeps and clean-ups bring to an end."""

import random
import string
from datetime import timedelta

import pytest

from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.clean_up import ROWS_PER_CHUNK
from chalicelib.fleet.commands.command_store import CommandStore
from chalicelib.fleet.commands.model import Report, Status
from chalicelib.fleet.commands.output import STORED_LIMIT_BYTES
from chalicelib.fleet.commands.queues import EXECUTION_CREATION, TIMELY_WORK
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS, FAN_OUTS
from chalicelib.fleet.nodes.store import NODES, PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import OLDEST_FIRST, ListRequest
from chalicelib.kit.tables import Delete
from tests.application.fleet.commands.fleet import a_node, command, executions, fan_out, nodes
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def sweep(world):
    """One sweep and all that it sets going."""
    world.sweep("sweep_commands")
    world.settle()


def statuses(world):
    return sorted(str(row["status"]) for row in executions(world))


def due(world):
    return {str(row["command_id"]): row.get("due_at") for row in world.driver.rows(FAN_OUTS)}


def finish_all(world):
    for row in executions(world):
        world.fleet.commands.executions.report(
            str(row["node_id"]), str(row["id"]), Report(is_expired=False, exit_code=0)
        )


class TestRedrive:
    def test_fan_out_parts_with_lost_messages_are_queued_again(self, world):
        a_node(world)
        command(world)
        world.clock.advance(60)
        sweep(world)
        assert statuses(world) == ["pending"]

    def test_fan_out_before_its_due_time_is_not_queued_again(self, world):
        command(world)
        world.clock.advance(59)
        world.platform.tables.meter.reset()
        world.sweep("sweep_commands")
        assert world.queue_client.take(EXECUTION_CREATION) == []

    def test_sweep_without_due_work_takes_one_query_per_table(self, world):
        nodes(world, 20)
        for _ in range(20):
            fan_out(world, command(world))
        for _ in range(2):
            world.clock.advance(900)
            sweep(world)
        world.clock.advance(3600)
        world.sweep("sweep_commands")
        made = [call for call in world.platform.tables.meter.calls if call.table != "counters"]
        calls = [(call.operation, call.table) for call in made]
        assert calls[:4] == [
            ("Query", "schedules"),
            ("Query", "fan_outs"),
            ("Query", "self_update_requests"),
            ("Query", "tasks"),
        ]

    def test_unfinished_fan_out_is_queued_again_with_exponential_backoff(self, world):
        made = command(world)
        pauses = []
        for _ in range(7):
            before = world.clock.now()
            while not world.queue_client.take(EXECUTION_CREATION):
                world.clock.advance(1)
                world.sweep("sweep_commands")
            pauses.append(round((world.clock.now() - before).total_seconds()))
        assert pauses == [60, 60, 120, 240, 480, 900, 900]
        assert due(world)[made.id] is not None

    def test_concurrent_sweeps_queue_due_work_once(self, world):
        command(world)
        world.clock.advance(60)
        world.driver.latency(0.01)
        fan_outs = world.fleet.commands.fan_outs
        pages = world.clock.run_together([lambda: list(fan_outs.due_work(100))] * 2)
        assert sum(len(page) for work in pages for page in work) == 1

    def test_due_work_is_read_across_pages_up_to_its_limit(self, world):
        for _ in range(130):
            command(world)
        world.clock.advance(60)
        assert sum(len(page) for page in world.fleet.commands.fan_outs.due_work(120)) == 120
        assert sum(len(page) for page in world.fleet.commands.fan_outs.due_work(120)) == 10


class TestDeadline:
    def test_open_executions_expire_at_deadline_and_finished_ones_stay(self, world):
        fleet = nodes(world, 4)
        fan_out(world, command(world, expired_at=world.clock.now() + timedelta(seconds=300)))
        ids = {str(row["node_id"]): str(row["id"]) for row in executions(world)}
        services = world.fleet
        services.commands.executions.acknowledge(fleet[0].id, ids[fleet[0].id])
        services.commands.executions.report(fleet[1].id, ids[fleet[1].id], Report(is_expired=False, exit_code=1))
        services.commands.executions.cancel(ids[fleet[2].id], reach=EVERYWHERE)
        world.clock.advance(299)
        sweep(world)
        assert statuses(world) == ["cancelled", "completed", "pending", "sent"]
        world.clock.advance(1)
        sweep(world)
        assert statuses(world) == ["cancelled", "completed", "expired", "expired"]

    def test_expired_command_has_no_due_work_after_the_second_pass(self, world):
        a_node(world)
        made = command(world, expired_at=world.clock.now() + timedelta(seconds=300))
        fan_out(world, made)
        world.clock.advance(300)
        sweep(world)
        assert due(world) == {made.id: "2026-11-21T10:20:00Z"}
        world.clock.advance(900)
        sweep(world)
        assert due(world) == {made.id: None}

    def test_execution_hidden_by_index_lag_expires_in_the_second_pass(self, world):
        a_node(world)
        world.driver.index_lag(400)
        made = command(world, expired_at=world.clock.now() + timedelta(seconds=300))
        fan_out(world, made)
        world.clock.advance(300)
        cursor = world.fleet.commands.clean_up.expire_chunk(made.id, None)
        while cursor is not None:
            cursor = world.fleet.commands.clean_up.expire_chunk(made.id, cursor)
        assert statuses(world) == ["pending"]
        assert due(world)[made.id] == "2026-11-21T10:20:00Z"
        world.clock.advance(900)
        sweep(world)
        assert statuses(world) == ["expired"]
        assert due(world)[made.id] is None

    def test_expiry_of_many_executions_continues_in_chunks(self, world):
        nodes(world, 1200)
        made = command(world, expired_at=world.clock.now() + timedelta(seconds=300))
        fan_out(world, made)
        world.clock.advance(300)
        chunks, cursor = 0, world.fleet.commands.clean_up.expire_chunk(made.id, None)
        while cursor is not None:
            world.platform.tables.meter.reset()
            cursor = world.fleet.commands.clean_up.expire_chunk(made.id, cursor)
            assert world.platform.tables.meter.count <= ROWS_PER_CHUNK + 3
            chunks += 1
        assert chunks >= 1200 // ROWS_PER_CHUNK - 1
        assert set(statuses(world)) == {"expired"}

    def test_expiry_with_a_lost_message_is_repeated_by_the_sweep(self, world):
        a_node(world)
        fan_out(world, command(world, expired_at=world.clock.now() + timedelta(seconds=300)))
        world.clock.advance(300)
        world.sweep("sweep_commands")
        assert world.queue_client.take(TIMELY_WORK) != []
        world.clock.advance(60)
        sweep(world)
        assert statuses(world) == ["expired"]

    def test_expiry_waits_until_the_fan_out_has_ended(self, world):
        a_node(world)
        made = command(world, expired_at=world.clock.now() + timedelta(seconds=300))
        world.clock.advance(300)
        assert world.fleet.commands.clean_up.expire_chunk(made.id, None) is None
        sweep(world)
        sweep(world)
        assert statuses(world) == []
        assert due(world)[made.id] is not None

    def test_command_before_its_deadline_is_not_expired(self, world):
        a_node(world)
        made = command(world)
        fan_out(world, made)
        assert world.fleet.commands.clean_up.expire_chunk(made.id, None) is None
        assert statuses(world) == ["pending"]

    def test_result_after_expiry_is_stored(self, world):
        node = a_node(world)
        fan_out(world, command(world, expired_at=world.clock.now() + timedelta(seconds=300)))
        world.clock.advance(300)
        sweep(world)
        (row,) = executions(world)
        world.fleet.commands.executions.report(
            node.id, str(row["id"]), Report(is_expired=False, output="late", exit_code=0)
        )
        view = world.fleet.commands.executions.get(str(row["id"]), reach=EVERYWHERE)
        assert (view.execution.status, view.execution.output) == (Status.COMPLETED, "late")


class TestDeletedCommand:
    def test_deleted_command_is_not_found_and_its_executions_are_removed(self, world):
        nodes(world, 250)
        made = command(world)
        fan_out(world, made)
        finish_all(world)
        world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
        with pytest.raises(EdgeError) as caught:
            world.fleet.commands.registry.get_with_progress(made.id, reach=EVERYWHERE)[0]
        assert caught.value.kind is Kind.NOT_FOUND
        world.settle()
        assert executions(world) == []

    def test_deleted_command_keeps_text_and_deadline_for_late_events(self, world):
        made = command(world, text="uptime", expired_at=world.clock.now() + timedelta(days=1))
        fan_out(world, made)
        world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
        tombstone = CommandStore(world.platform.tables).get_many([made.id])[made.id]
        assert (tombstone.command_text, tombstone.expired_at, tombstone.is_deleted) == ("uptime", made.expired_at, True)
        row = world.driver.row(COMMANDS, {"id": made.id})
        assert row is not None
        assert row["expires_epoch"] == int((world.clock.now() + timedelta(hours=25)).timestamp())

    def test_deleted_command_leaves_no_fan_out_after_the_second_pass(self, world):
        a_node(world)
        made = command(world)
        fan_out(world, made)
        finish_all(world)
        world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
        world.settle()
        assert due(world) == {made.id: "2026-11-21T10:15:00Z"}
        world.clock.advance(900)
        sweep(world)
        assert world.driver.rows(FAN_OUTS) == []

    def test_clean_up_with_lost_stream_records_is_queued_again(self, world):
        a_node(world)
        made = command(world)
        fan_out(world, made)
        finish_all(world)
        world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
        list(world.relay_batches())  # the stream's records are lost
        world.clock.advance(60)
        sweep(world)
        assert executions(world) == []

    def test_clean_up_cancels_open_execution_hidden_by_index_lag(self, world):
        node = a_node(world)
        made = command(world)
        world.driver.index_lag(30)
        fan_out(world, made)
        (row,) = executions(world)
        world.fleet.commands.executions.acknowledge(node.id, str(row["id"]))
        world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
        world.driver.index_lag(0)
        since = world.driver.stream_position
        cursor = world.fleet.commands.clean_up.delete_executions_chunk(made.id, None)
        while cursor is not None:
            cursor = world.fleet.commands.clean_up.delete_executions_chunk(made.id, cursor)
        assert executions(world) == []
        records = world.driver.records(EXECUTIONS, since)
        images = [record["dynamodb"]["NewImage"] for record in records if "NewImage" in record["dynamodb"]]
        operations = [image["changed_by"]["M"]["operation"]["S"] for image in images]
        assert operations == ["execution.cancel_requested", "execution.cancelled"]

    def test_clean_up_of_large_outputs_keeps_below_the_partition_limit(self, world):
        nodes(world, 60)
        made = command(world)
        fan_out(world, made)
        noise = random.Random(1).choices(string.printable, k=STORED_LIMIT_BYTES)
        for row in executions(world):
            result = Report(is_expired=False, output="".join(noise), exit_code=0)
            world.fleet.commands.executions.report(str(row["node_id"]), str(row["id"]), result)
        world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
        spent = []
        cursor: str | None = None
        while True:
            world.platform.tables.meter.reset()
            cursor = world.fleet.commands.clean_up.delete_executions_chunk(made.id, cursor)
            spent += [call.write_units for call in world.platform.tables.meter.calls]
            if cursor is None:
                break
        assert executions(world) == []
        assert 100 < max(spent) < 1000

    def test_pending_execution_of_deleted_command_is_not_given_to_agents(self, world):
        waiting, running = a_node(world), a_node(world)
        made = command(world)
        world.driver.index_lag(30)
        fan_out(world, made)
        (running_id,) = [str(row["id"]) for row in executions(world) if row["node_id"] == running.id]
        world.fleet.commands.executions.acknowledge(running.id, running_id)
        world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
        world.driver.index_lag(0)
        of_agent = world.fleet.commands.executions.for_agent
        assert of_agent(waiting.id, Status.PENDING, ListRequest(order=OLDEST_FIRST)).items == []
        assert [row.id for row in of_agent(running.id, Status.SENT, ListRequest(order=OLDEST_FIRST)).items] == [
            running_id
        ]

    def test_command_with_open_executions_cannot_be_deleted(self, world):
        nodes(world, 3)
        made = command(world)
        fan_out(world, made)
        assert self.refusal(world, made) == rules.command_delete_refused(3).message

    def test_command_with_unfinished_fan_out_cannot_be_deleted(self, world):
        made = command(world)
        assert self.refusal(world, made) == rules.command_delete_refused_while_created().message

    def refusal(self, world, made):
        with pytest.raises(EdgeError) as caught:
            world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
        assert caught.value.kind is Kind.CONFLICT
        assert world.fleet.commands.registry.get_with_progress(made.id, reach=EVERYWHERE)[0].id == made.id
        return caught.value.message

    def test_concurrent_command_deletions_delete_once(self, world):
        made = command(world)
        fan_out(world, made)
        world.driver.latency(0.01)
        outcomes = world.clock.run_together(
            [lambda: world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)] * 2
        )
        assert sorted(getattr(outcome, "kind", "deleted") for outcome in outcomes) == ["deleted", Kind.NOT_FOUND]

    def test_clean_up_of_existing_command_changes_nothing(self, world):
        a_node(world)
        made = command(world)
        fan_out(world, made)
        assert world.fleet.commands.clean_up.delete_executions_chunk(made.id, None) is None
        assert statuses(world) == ["pending"]

    def test_clean_up_keeps_executions_of_other_commands(self, world):
        a_node(world)
        kept, gone = command(world), command(world)
        fan_out(world, kept)
        finish_all(world)
        fan_out(world, gone)
        for row in executions(world):
            if row["command_id"] == gone.id:
                world.fleet.commands.executions.cancel(str(row["id"]), reach=EVERYWHERE)
        world.fleet.commands.registry.delete(gone.id, reach=EVERYWHERE)
        world.settle()
        assert [row["command_id"] for row in executions(world)] == [kept.id]


class TestDeletedNode:
    def clean(self, world, node_id):
        cursor = world.fleet.commands.clean_up.drop_open_of_node_chunk(node_id, None)
        while cursor is not None:
            cursor = world.fleet.commands.clean_up.drop_open_of_node_chunk(node_id, cursor)

    def test_open_executions_of_deleted_node_are_dropped(self, world):
        node, other = a_node(world), a_node(world)
        for _ in range(3):
            fan_out(world, command(world))
        mine = sorted(str(row["id"]) for row in executions(world) if row["node_id"] == node.id)
        world.fleet.commands.executions.acknowledge(node.id, mine[0])
        world.fleet.commands.executions.report(node.id, mine[1], Report(is_expired=False, exit_code=0))
        remove(world, node)
        self.clean(world, node.id)
        self.clean(world, node.id)
        by_id = {str(row["id"]): row["status"] for row in executions(world)}
        assert [by_id[row_id] for row_id in mine] == ["dropped", "completed", "dropped"]
        assert world.fleet.commands.executions.waiting_for(other.id, 1000).pending == sorted(set(by_id) - set(mine))

    def test_command_of_deleted_node_can_be_deleted_after_clean_up(self, world):
        node = a_node(world)
        made = command(world)
        fan_out(world, made)
        remove(world, node)
        self.clean(world, node.id)
        world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
        assert CommandStore(world.platform.tables).get_many([made.id])[made.id].is_deleted

    def test_clean_up_of_deleted_node_continues_in_chunks(self, world):
        node = a_node(world)
        for _ in range(ROWS_PER_CHUNK + 20):
            fan_out(world, command(world, "nodes", node_ids=(node.id,)))
        remove(world, node)
        cursor = world.fleet.commands.clean_up.drop_open_of_node_chunk(node.id, None)
        assert statuses(world).count("dropped") == ROWS_PER_CHUNK
        assert world.fleet.commands.clean_up.drop_open_of_node_chunk(node.id, cursor) is None
        assert set(statuses(world)) == {"dropped"}

    def test_late_clean_up_keeps_executions_of_the_reenrolled_node(self, world):
        node = a_node(world)
        fan_out(world, command(world))
        (old,) = [str(row["id"]) for row in executions(world)]
        remove(world, node)
        world.clock.advance(10)
        a_node(world, id=node.id)
        world.clock.advance(10)
        fan_out(world, command(world))
        self.clean(world, node.id)
        status_of = {str(row["id"]): row["status"] for row in executions(world)}
        assert status_of.pop(old) == "dropped"
        assert list(status_of.values()) == ["pending"]


def remove(world, node):
    """The node's rows go, as a deletion and its clean-up leave it."""
    for table in (NODES, PRESENCE):
        world.driver.write(Delete(table, {"id": node.id}))
