"""Fan-outs: size and cost, repeats, races, crashes."""

from collections import Counter
from datetime import timedelta

import pytest

from chalicelib.fleet.commands.creation import MOST_A_SECOND
from chalicelib.fleet.commands.fan_out import MOST_OF_A_SHARD
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS, execution_id
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.fan_out import CHUNK
from chalicelib.kit.ids import milliseconds_of
from tests.application.fleet.commands.fleet import (
    a_node,
    command,
    executions,
    fan_out,
    first_messages,
    nodes,
    reached,
    run,
)
from tests.support.fakes.dynamo import Crash
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def parts_left(world, made):
    row = world.driver.row(FAN_OUTS, {"command_id": made.id}) or {}
    return row.get("parts") or frozenset()


class TestSize:
    def test_command_creation_is_one_transaction_for_any_fleet_size(self, world):
        nodes(world, 50)
        world.platform.tables.meter.reset()
        command(world)
        assert [call.operation for call in world.platform.tables.meter.calls] == ["TransactWriteItems"]

    def test_fan_out_without_nodes_creates_no_executions(self, world):
        made = command(world)
        fan_out(world, made)
        assert executions(world) == []
        assert parts_left(world, made) == frozenset()

    def test_fan_out_to_single_node_creates_one_pending_execution(self, world):
        node = a_node(world)
        made = command(world)
        fan_out(world, made)
        (row,) = executions(world)
        assert row["id"] == execution_id(made.id, node.id)
        assert (row["status"], row["target_all"], row["inserted_at"]) == ("pending", True, made.inserted_at)
        assert milliseconds_of(str(row["id"])) == milliseconds_of(made.id)

    def test_fan_out_to_a_thousand_nodes_takes_one_message(self, world):
        fleet = nodes(world, 1000)
        made = command(world)
        (message,) = first_messages(world, made)
        assert run(world, message) == []
        assert reached(world) == {node.id for node in fleet}
        chunks = -(-1000 // CHUNK)
        # Command and fan-out; the nodes of each shard, from the index; the transactions; the end.
        assert Counter((call.operation, call.table) for call in world.platform.tables.meter.calls) == {
            ("BatchGetItem", "commands,fan_outs"): 1,
            ("Query", "nodes"): 4,
            ("TransactWriteItems", "executions,fan_outs"): chunks,
            ("UpdateItem", "fan_outs"): 1,
        }

    def test_fan_out_to_a_larger_fleet_continues_shard_by_shard(self, world):
        fleet = nodes(world, 4 * MOST_OF_A_SHARD + 1)
        made = command(world)
        (message,) = first_messages(world, made)
        following = run(world, message)
        assert executions(world) == []
        assert (
            [each["part"] for each in following]
            == sorted(parts_left(world, made))
            == list(map("shard#{}".format, range(4)))
        )
        for each in following:
            assert run(world, each) == []
        assert reached(world) == {node.id for node in fleet}
        assert parts_left(world, made) == frozenset()

    def test_fan_out_pauses_between_chunks_to_limit_its_write_rate(self, world):
        nodes(world, 4 * MOST_OF_A_SHARD + 1)
        made = command(world)
        (message,) = first_messages(world, made)
        first, *_ = run(world, message)
        world.clock.pauses.clear()
        run(world, first)
        created = len(executions(world))
        assert len(world.clock.pauses) == -(-created // CHUNK) - 1
        assert set(world.clock.pauses) == {4 * CHUNK / MOST_A_SECOND}

    def test_repeated_first_message_queues_the_unfinished_shards_only(self, world):
        nodes(world, 4 * MOST_OF_A_SHARD + 1)
        made = command(world)
        (message,) = first_messages(world, made)
        first, *others = run(world, message)
        run(world, first)
        assert run(world, message) == others

    def test_creation_of_one_execution_costs_ten_write_units(self, world):
        a_node(world)
        made = command(world)
        written = [call for call in fan_out(world, made) if call.table == "executions,fan_outs"]
        # The row in a transaction costs 2, each of the six indexes 1, the check of the fan-out 2.
        assert sum(call.write_units for call in written) == 2 + 6 + 2


class TestRepeats:
    def test_fan_out_with_duplicate_messages_creates_each_execution_once(self, world):
        nodes(world, 250)
        made = command(world)
        waiting = first_messages(world, made)
        while waiting:
            message = waiting.pop(0)
            following = run(world, message)
            before = world.driver.snapshot()
            assert run(world, message) == (following if message["part"] in parts_left(world, made) else [])
            after = world.driver.snapshot()
            assert after["executions"] == before["executions"]
            assert after["fan_outs"] == before["fan_outs"]
            waiting += following
        assert len(executions(world)) == 250

    def test_late_message_of_a_finished_part_is_dropped(self, world):
        a_node(world)
        made = command(world)
        messages = first_messages(world, made)
        fan_out(world, made)
        late = a_node(world, inserted_at=made.inserted_at)
        for message in messages:
            assert run(world, message) == []
        assert late.id not in reached(world)

    def test_node_enrolled_after_the_command_gets_no_execution(self, world):
        early = a_node(world)
        made = command(world)
        world.clock.advance(2)
        a_node(world)
        fan_out(world, made)
        assert reached(world) == {early.id}

    def test_concurrent_workers_on_one_part_create_each_execution_once(self, world):
        fleet = nodes(world, 300)
        made = command(world)
        world.driver.latency(0.01)
        fan_outs = world.fleet.commands.fan_outs

        def work(part):
            created = []
            chunk = fan_outs.create_chunk(made.id, part, None, lambda _command, rows: created.extend(rows))
            fan_outs.finish(chunk)
            return [row.id for row in created]

        parts = sorted(parts_left(world, made))
        made_by = world.clock.run_together([lambda part=part: work(part) for part in parts * 2])
        ids = [row_id for created in made_by for row_id in created]
        assert len(ids) == len(set(ids)) == 300
        assert reached(world) == {node.id for node in fleet}
        assert parts_left(world, made) == frozenset()

    @pytest.mark.parametrize("place", range(1, 15))
    def test_fan_out_with_a_crash_after_any_write_completes(self, world, place):
        fleet = nodes(world, 220)
        made = command(world)
        waiting = first_messages(world, made)
        world.driver.crash_after(place)
        while waiting:
            message = waiting.pop(0)
            try:
                waiting += run(world, message)
            except Crash:
                # The message comes back, and what had been queued stays queued.
                waiting += [message]
        assert reached(world) == {node.id for node in fleet}
        assert len(executions(world)) == 220
        assert parts_left(world, made) == frozenset()

    def test_fan_out_with_lost_answers_completes(self, world):
        fleet = nodes(world, 120)
        made = command(world)
        world.driver.fail_next(2, "lost_answer", operation="TransactWriteItems", table=EXECUTIONS)
        world.driver.fail_next(1, "lost_answer", operation="UpdateItem", table=FAN_OUTS)
        fan_out(world, made)
        assert reached(world) == {node.id for node in fleet}
        assert parts_left(world, made) == frozenset()

    def test_fan_out_with_lost_answers_and_no_tokens_writes_each_row_once(self, world):
        world.driver.tokens_honoured = False
        nodes(world, 120)
        made = command(world)
        world.driver.fail_next(2, "lost_answer", operation="TransactWriteItems", table=EXECUTIONS)
        fan_out(world, made)
        assert {row["version"] for row in executions(world)} == {1}
        assert len(executions(world)) == 120

    def test_fan_out_with_transaction_conflicts_completes(self, world):
        nodes(world, 200)
        made = command(world)
        world.driver.conflicts(0.4, seed=3)
        fan_out(world, made)
        world.driver.conflicts(0)
        assert len(executions(world)) == 200


class TestEnds:
    def test_deleted_command_gets_no_further_executions(self, world):
        a_node(world)
        made = command(world)
        messages = first_messages(world, made)
        fan_out(world, made)
        for row in executions(world):
            world.fleet.commands.executions.cancel(str(row["id"]), reach=EVERYWHERE)
        world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
        world.settle()
        for message in messages:
            assert run(world, message) == []
        assert executions(world) == []

    def test_command_past_its_deadline_gets_no_executions_and_its_parts_end(self, world):
        a_node(world)
        made = command(world, expired_at=world.clock.now() + timedelta(seconds=30))
        world.clock.advance(30)
        fan_out(world, made)
        assert executions(world) == []
        assert parts_left(world, made) == frozenset()

    def test_stalled_worker_creates_nothing_once_the_part_is_done(self, world):
        """Another worker finishes between its read and its write; the execution is run and deleted."""
        a_node(world)
        made = command(world, "all", expired_at=world.clock.now() + timedelta(seconds=30))

        def meanwhile():
            fan_out(world, made)
            (row,) = executions(world)
            world.fleet.commands.executions.cancel(str(row["id"]), reach=EVERYWHERE)
            world.fleet.commands.executions.delete(str(row["id"]), reach=EVERYWHERE)

        (message,) = first_messages(world, made)
        world.driver.before_next(meanwhile, operation="TransactWriteItems", table=EXECUTIONS)
        assert run(world, message) == []
        assert executions(world) == []

    def test_fan_out_message_of_unknown_command_is_dropped(self, world):
        assert run(world, {"command_id": "01900000-0000-7000-8000-000000000000", "part": "shard#0"}) == []
        assert executions(world) == []
