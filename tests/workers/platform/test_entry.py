"""How workers are entered: partial failures, final refusals, one log line each, and deployed under their strings."""

import json
import subprocess
import sys
import traceback
from types import SimpleNamespace

import pytest

from chalicelib import bootstrap, families
from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.nodes.store import NODES, PRESENCE
from chalicelib.kit.log import DamagedError
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.context import ScheduleSource
from chalicelib.platform.events.queues import EVENTS
from chalicelib.platform.workers.entry import PLATFORM
from tests.support.builders import a_cluster, machines
from tests.support.declared import FAMILIES, RELAY, WORKERS
from tests.support.world import World, scheduled_event, sqs_record

WORKER = WORKERS[CLEAN_UP]
SWEEPS = [each.handler for each in FAMILIES.functions if isinstance(each.source, ScheduleSource)]


@pytest.fixture
def world():
    return World()


def lines(world):
    return [json.loads(text) for text in world.lines.texts]


class TestMessages:
    def test_failing_message_of_a_batch_is_reported_alone(self, world):
        good = {"kind": "node", "id": "00000000-0000-7000-8000-000000000000"}
        bad = {"kind": "unheard of", "id": "x"}
        records = [sqs_record(good, "m-1"), sqs_record(bad, "m-2"), sqs_record(good, "m-3")]
        answer = world.call(WORKER, {"Records": records})
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m-2"}]}

    def test_malformed_json_message_is_reported(self, world):
        answer = world.call(WORKER, {"Records": [{**sqs_record({}), "body": "{"}]})
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}

    def test_message_of_unknown_command_is_consumed(self, world):
        body = {"command_id": "00000000-0000-7000-8000-000000000000", "part": "shard#0"}
        answer = world.call(WORKERS[EXECUTION_CREATION], {"Records": [sqs_record(body)]})
        assert answer == {"batchItemFailures": []}

    def test_message_failed_by_a_throttled_table_is_reported(self, world):
        world.driver.fail_next(10_000, "throttle")
        body = {"command_id": "00000000-0000-7000-8000-000000000000", "part": "shard#0"}
        answer = world.call(WORKERS[EXECUTION_CREATION], {"Records": [sqs_record(body)]})
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}

    def test_message_with_an_event_refused_by_the_bus_is_reported(self, world):
        envelope = {"id": "e", "type": "edge.node.registered", "time": "2026-11-21T10:00:00.000000Z"}
        body = {"events": [{"request_id": "r", "envelope": envelope}]}
        world.bus_client.refuse_next = True
        event = {"Records": [sqs_record(body)]}
        assert world.call(WORKERS[EVENTS], event) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
        assert world.call(WORKERS[EVENTS], event) == {"batchItemFailures": []}
        assert world.bus_client.envelopes == [envelope]


class TestLog:
    def test_worker_logs_one_line_per_message_with_request_id_and_calls(self, world):
        world.call(WORKER, {"Records": [sqs_record({"kind": "node", "id": "x"}), sqs_record({"kind": "?", "id": "x"})]})
        handled, failed = lines(world)
        assert (handled["event"], handled["worker"], handled["request_id"]) == ("handled", "clean_up", "request-1")
        assert handled["dynamodb_calls"] >= 1
        assert (failed["event"], failed["error_type"]) == ("failed", "ValueError")

    def test_worker_log_omits_the_message_body(self, world):
        world.call(WORKER, {"Records": [sqs_record({"kind": "node", "id": "x", "private": "private-text"})]})
        assert "private-text" not in "".join(world.lines.texts)

    @pytest.mark.parametrize("handler", ["check_health.handler", "connections.message"])
    def test_damaged_row_is_shown_neither_to_lambda_nor_in_the_log(self, world, handler):
        a_cluster(world)
        [machine] = machines(world, 1)
        world.fleet.nodes.connections.connected(machine.token, "socket-1", 1_000)
        [row] = world.driver.rows(PRESENCE)
        world.driver.load(PRESENCE, [{**row, "last_seen_at": ["private"]}])
        world.clock.advance(7200)
        context = {"connectionId": "socket-1", "requestId": "r-1", "identity": {"sourceIp": "203.0.113.9"}}
        event = {"requestContext": context} if handler == "connections.message" else scheduled_event("check_health")

        with pytest.raises(DamagedError) as raised:
            world.call(f"chalicelib.fleet.workers.{handler}", event)

        printed = "".join(traceback.format_exception(raised.value))
        assert "private" not in printed + "".join(world.lines.texts)
        assert "string_type" in printed


def test_rows_written_by_a_worker_carry_request_id_and_worker_name(world):
    a_cluster(world)
    (machine,) = machines(world, 1)
    world.clock.advance(3600)
    world.sweep("check_health")
    row = world.driver.row(NODES, {"id": machine.id})
    assert row["changed_by"]["actor"] == "check_health"
    assert row["changed_by"]["request_id"] == "tick-check_health"


def test_deployed_handler_strings_are_those_of_the_tests():
    import app  # noqa: PLC0415 - the whole application, only here

    deployed = {source.handler_string for source in app.app.event_sources if "connections" not in source.handler_string}
    served = {"platform", *(family.name for family in families.chosen())}
    declared = {handler for handler in (*WORKERS.values(), RELAY, *SWEEPS) if handler.split(".")[1] in served}
    assert deployed == declared


@pytest.mark.parametrize("handler", [*WORKERS.values(), RELAY, *SWEEPS])
def test_worker_module_loads_without_the_application(handler):
    module, name = handler.rsplit(".", 1)
    code = f"import {module} as m, sys; assert callable(m.{name}); assert 'app' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class TestGroups:
    """Messages of a batch that belong together are handled in one call."""

    @pytest.fixture
    def worker(self, world):
        """A worker that groups by ``of``, the batches that it was given, and messages that it fails on."""
        given = []

        @PLATFORM.grouping_sqs_worker("record_things", lambda platform: platform.tables, lambda message: message["of"])
        def handler(messages, _platform):
            given.append([message["id"] for message in messages])
            if any(message.get("is_bad") for message in messages):
                raise ValueError("a bad message")

        def call(*bodies):
            records = [sqs_record(body, f"m-{number}") for number, body in enumerate(bodies)]
            event = SimpleNamespace(to_dict=lambda: {"Records": records}, context=None)
            with bootstrap.serving(world.platform):
                answer = handler(event)
            return [failed["itemIdentifier"] for failed in answer["batchItemFailures"]]

        return call, given

    def test_messages_of_a_group_are_handled_in_one_call(self, worker):
        call, given = worker
        assert call({"id": 1, "of": "a"}, {"id": 2, "of": "b"}, {"id": 3, "of": "a"}) == []
        assert given == [[1, 3], [2]]

    def test_group_that_fails_is_reported_whole_and_alone(self, worker):
        call, given = worker
        assert call({"id": 1, "of": "a"}, {"id": 2, "of": "b"}, {"id": 3, "of": "a", "is_bad": True}) == ["m-0", "m-2"]
        assert given == [[1, 3], [2]]

    def test_message_without_a_group_is_handled_by_itself(self, worker):
        call, given = worker
        assert call({"id": 1}, {"id": 2}, {"id": 3, "of": "a"}) == []
        assert given == [[1], [2], [3]]
