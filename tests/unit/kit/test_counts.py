"""Figures of what happened, and how full queues are."""

import pytest

from chalicelib.kit.counters import SHARDS, TABLE, Counters, Move, event_counter
from chalicelib.kit.queues import Depth, Queues, QueueUnavailableError
from chalicelib.kit.tables import Tables
from chalicelib.platform.events.queues import EVENTS
from chalicelib.platform.relay.queues import RELAY_FAILURES
from infra.functions import QUEUES
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo
from tests.support.fakes.messaging import QUEUE_URL_PREFIX, FakeSqs


@pytest.fixture
def fake():
    return FakeDynamo([TABLE], FakeClock())


@pytest.fixture
def counters(fake):
    clock = FakeClock()
    return Counters(Tables(fake, clock, FakeIds()), clock)


class TestCounts:
    def test_count_is_one_write_and_counts_spread_over_the_shards(self, fake, counters):
        fake.meter.reset()
        for number in range(200):
            counters.count(event_counter("run"), 2, by=f"request-{number}")
        assert {call.operation for call in fake.meter.calls} == {"UpdateItem"}
        assert len(fake.meter.calls) == 200
        assert counters.read(event_counter("run")) == 400
        assert len(fake.rows(TABLE)) == SHARDS

    def test_single_counts_add_to_those_of_batches(self, counters):
        counters.add([Move("batch-1", {event_counter("run"): 5})])
        counters.count(event_counter("run"), 1, by="request-1")
        assert counters.read(event_counter("run")) == 6

    def test_count_whose_answer_was_lost_counts_once(self, fake, counters):
        fake.fail_next(1, "lost_answer", operation="UpdateItem")
        counters.count(event_counter("run"), 1, by="request-1")
        assert counters.read(event_counter("run")) == 1

    def test_several_totals_are_read_by_name_and_never_below_zero(self, counters):
        counters.count("a", 3, by="x")
        counters.correct("b", -4)
        assert counters.read_many(["b", "a", "never"]) == {"a": 3, "b": 0, "never": 0}


class TestDepths:
    def test_queue_depths_show_each_state_and_the_dead_letters(self):
        sqs = FakeSqs()
        queues = Queues(sqs, QUEUE_URL_PREFIX)
        queues.send(EVENTS, [{}, {}])
        queues.send(EVENTS, [{}], delay_seconds=5)
        sqs.sent["events-dead"] = [{}] * 4
        sqs.sent["relay-failures-dead"] = [{}]
        depths = queues.depths(QUEUES)
        assert depths[EVENTS] == Depth(waiting=2, delayed=1, in_flight=0, dead=4)
        assert depths[RELAY_FAILURES] == Depth(0, 0, 0, 0)
        assert list(depths) == list(QUEUES)
        dead = [queue.dead_letters for queue in QUEUES if queue != RELAY_FAILURES]
        assert sorted(sqs.asked_about) == sorted(f"{QUEUE_URL_PREFIX}{name}" for name in [*QUEUES, *dead])

    def test_queue_depths_without_sqs_are_an_unavailable_error(self):
        sqs = FakeSqs()
        sqs.fails_with = "ServiceUnavailable"
        with pytest.raises(QueueUnavailableError):
            Queues(sqs, QUEUE_URL_PREFIX).depths(QUEUES)
