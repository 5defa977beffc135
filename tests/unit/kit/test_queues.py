import json

import pytest

from chalicelib.kit.origin import Origin, working_for
from chalicelib.kit.queues import BATCH_BYTES, QueueError, Queues, Traced, batches
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.events.queues import EVENTS
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from tests.support.fakes.messaging import QUEUE_URL_PREFIX, FakeSqs


class TestSend:
    def test_messages_are_cut_into_batches_of_ten(self):
        sqs = FakeSqs()
        Queues(sqs, QUEUE_URL_PREFIX).send(CLEAN_UP, [{"place": place} for place in range(23)])
        assert sqs.batches == [10, 10, 3]
        assert [body["place"] for body in sqs.bodies(CLEAN_UP)] == list(range(23))

    def test_messages_are_cut_into_batches_by_bytes(self):
        sqs = FakeSqs()
        Queues(sqs, QUEUE_URL_PREFIX).send(EVENTS, [{"text": "x" * (BATCH_BYTES // 2)} for _ in range(4)])
        assert sqs.batches == [1, 1, 1, 1]

    def test_message_group_is_set_for_every_message_of_a_fair_queue(self):
        sqs = FakeSqs()
        messages = [{"webhook_id": f"w-{place % 3}", "place": place} for place in range(12)]
        Queues(sqs, QUEUE_URL_PREFIX).send(WEBHOOK_DELIVERIES, messages)
        entries = sqs.sent["webhook-deliveries"]
        assert [entry["MessageGroupId"] for entry in entries] == [message["webhook_id"] for message in messages]
        assert [json.loads(entry["MessageBody"]) for entry in entries] == messages
        Queues(sqs, QUEUE_URL_PREFIX).send(EVENTS, messages)
        assert not [entry for entry in sqs.sent["events"] if "MessageGroupId" in entry]

    def test_batch_size_counts_bytes_and_not_characters(self):
        sqs = FakeSqs()
        Queues(sqs, QUEUE_URL_PREFIX).send(
            EVENTS, [{"text": "€" * (BATCH_BYTES // 4)}, {"text": "€" * (BATCH_BYTES // 4)}]
        )
        assert sqs.batches == [1, 1]

    def test_message_carries_the_request_id_of_the_current_work(self):
        sqs = FakeSqs()
        with working_for(Origin(request_id="r-1")):
            Queues(sqs, QUEUE_URL_PREFIX).send(CLEAN_UP, [{}])
        assert sqs.sent["clean-up"][0]["MessageAttributes"]["request_id"]["StringValue"] == "r-1"

    def test_traced_message_carries_its_own_request_id(self):
        sqs = FakeSqs()
        with working_for(Origin(request_id="r-1")):
            Queues(sqs, QUEUE_URL_PREFIX).send(CLEAN_UP, [Traced({"id": 1}, "r-2"), {"id": 2}, Traced({"id": 3}, "")])
        ids = [entry["MessageAttributes"]["request_id"]["StringValue"] for entry in sqs.sent["clean-up"]]
        assert ids == ["r-2", "r-1", "r-1"]
        assert sqs.bodies(CLEAN_UP) == [{"id": 1}, {"id": 2}, {"id": 3}]

    def test_refused_message_is_an_error(self):
        sqs = FakeSqs()
        sqs.refuse_next = True
        with pytest.raises(QueueError):
            Queues(sqs, QUEUE_URL_PREFIX).send(CLEAN_UP, [{}])

    @pytest.mark.parametrize("seconds", [-1, 901])
    def test_delay_outside_the_sqs_range_is_refused(self, seconds):
        with pytest.raises(ValueError, match="delay"):
            Queues(FakeSqs(), QUEUE_URL_PREFIX).send(CLEAN_UP, [{}], delay_seconds=seconds)

    def test_empty_list_of_messages_sends_no_batch(self):
        sqs = FakeSqs()
        Queues(sqs, QUEUE_URL_PREFIX).send(CLEAN_UP, [])
        assert sqs.batches == []


def test_message_above_the_byte_limit_is_a_batch_of_its_own():
    assert list(batches(["a", "b" * 9, "c"], len, most_bytes=5)) == [["a"], ["b" * 9], ["c"]]


def test_message_body_is_compact_json():
    sqs = FakeSqs()
    Queues(sqs, QUEUE_URL_PREFIX).send(CLEAN_UP, [{"kind": "node", "id": "ü"}])
    body = sqs.sent["clean-up"][0]["MessageBody"]
    assert body == '{"kind":"node","id":"ü"}'
    assert json.loads(body)["id"] == "ü"
