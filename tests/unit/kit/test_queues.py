import json

import pytest

from chalicelib.kit.origin import Origin, working_for
from chalicelib.kit.queues import BATCH_BYTES, QueueError, Queues, Traced, batches
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.events.queues import EVENTS
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from tests.support.fakes.messaging import QUEUE_URL_PREFIX, FakeSqs


class TestSend:
    def test_cuts_by_entries(self):
        sqs = FakeSqs()
        Queues(sqs, QUEUE_URL_PREFIX).send(CLEAN_UP, [{"place": place} for place in range(23)])
        assert sqs.batches == [10, 10, 3]
        assert [body["place"] for body in sqs.bodies(CLEAN_UP)] == list(range(23))

    def test_cuts_by_bytes(self):
        sqs = FakeSqs()
        Queues(sqs, QUEUE_URL_PREFIX).send(EVENTS, [{"text": "x" * (BATCH_BYTES // 2)} for _ in range(4)])
        assert sqs.batches == [1, 1, 1, 1]

    def test_says_whose_each_message_is_over_all_batches(self):
        sqs = FakeSqs()
        messages = [{"webhook_id": f"w-{place % 3}", "place": place} for place in range(12)]
        Queues(sqs, QUEUE_URL_PREFIX).send(WEBHOOK_DELIVERIES, messages)
        entries = sqs.sent["webhook-deliveries"]
        assert [entry["MessageGroupId"] for entry in entries] == [message["webhook_id"] for message in messages]
        assert [json.loads(entry["MessageBody"]) for entry in entries] == messages
        Queues(sqs, QUEUE_URL_PREFIX).send(EVENTS, messages)
        assert not [entry for entry in sqs.sent["events"] if "MessageGroupId" in entry]

    def test_counts_bytes_and_not_characters(self):
        sqs = FakeSqs()
        Queues(sqs, QUEUE_URL_PREFIX).send(
            EVENTS, [{"text": "€" * (BATCH_BYTES // 4)}, {"text": "€" * (BATCH_BYTES // 4)}]
        )
        assert sqs.batches == [1, 1]

    def test_carries_the_request_id_of_the_work_under_way(self):
        sqs = FakeSqs()
        with working_for(Origin(request_id="r-1")):
            Queues(sqs, QUEUE_URL_PREFIX).send(CLEAN_UP, [{}])
        assert sqs.sent["clean-up"][0]["MessageAttributes"]["request_id"]["StringValue"] == "r-1"

    def test_a_message_of_another_request_carries_its_own(self):
        sqs = FakeSqs()
        with working_for(Origin(request_id="r-1")):
            Queues(sqs, QUEUE_URL_PREFIX).send(CLEAN_UP, [Traced({"id": 1}, "r-2"), {"id": 2}, Traced({"id": 3}, "")])
        ids = [entry["MessageAttributes"]["request_id"]["StringValue"] for entry in sqs.sent["clean-up"]]
        assert ids == ["r-2", "r-1", "r-1"]
        assert sqs.bodies(CLEAN_UP) == [{"id": 1}, {"id": 2}, {"id": 3}]

    def test_a_refused_entry_is_an_error(self):
        sqs = FakeSqs()
        sqs.refuse_next = True
        with pytest.raises(QueueError):
            Queues(sqs, QUEUE_URL_PREFIX).send(CLEAN_UP, [{}])

    @pytest.mark.parametrize("seconds", [-1, 901])
    def test_refuses_a_delay_that_sqs_does_not_take(self, seconds):
        with pytest.raises(ValueError, match="delay"):
            Queues(FakeSqs(), QUEUE_URL_PREFIX).send(CLEAN_UP, [{}], delay_seconds=seconds)

    def test_sends_nothing_for_no_messages(self):
        sqs = FakeSqs()
        Queues(sqs, QUEUE_URL_PREFIX).send(CLEAN_UP, [])
        assert sqs.batches == []


def test_a_body_above_the_limit_goes_alone():
    assert list(batches(["a", "b" * 9, "c"], len, most_bytes=5)) == [["a"], ["b" * 9], ["c"]]


def test_bodies_are_compact_json():
    sqs = FakeSqs()
    Queues(sqs, QUEUE_URL_PREFIX).send(CLEAN_UP, [{"kind": "node", "id": "ü"}])
    body = sqs.sent["clean-up"][0]["MessageBody"]
    assert body == '{"kind":"node","id":"ü"}'
    assert json.loads(body)["id"] == "ü"
