"""How work for agents is packed, and that none of it is lost on its way to an owner."""

import pytest

from chalicelib.fleet.transport.dispatch import DELIVERIES_PER_MESSAGE, UPDATES_PER_MESSAGE, AgentWork, Dispatch
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.kit.queues import QueueError, Queues, body_bytes
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.messaging import QUEUE_URL_PREFIX, FakeSqs
from tests.support.world import Lines, Log

QUEUE_BYTES = 256 * 1024
"""What SQS takes as one message (SQS developer guide, "Quotas")."""

FAR = "http://queues.test/far"


def queue_of(cluster_name):
    return FAR if cluster_name.startswith("far") else ""


class TestPacking:
    def test_deliveries_of_one_queue_share_messages_across_clusters(self):
        work = AgentWork()
        for number in range(DELIVERIES_PER_MESSAGE + 1):
            work.deliver(f"near-{number % 3}", f"n-{number}", "executions", ["e"])
        work.deliver("far-1", "f-1", "cancel", ["e"])
        packed = work.messages(queue_of)
        assert [len(message["deliveries"]) for message in packed[""]] == [DELIVERIES_PER_MESSAGE, 1]
        assert packed[FAR] == [{"deliveries": [{"node_id": "f-1", "kind": "cancel", "execution_ids": ["e"]}]}]

    def test_delivery_lists_each_execution_once(self):
        work = AgentWork()
        for ids in (["e-1"], ["e-2", "e-1"]):
            work.deliver("far", "n", "executions", ids)
        (message,) = work.messages(queue_of)[FAR]
        assert message["deliveries"][0]["execution_ids"] == ["e-1", "e-2"]

    def test_updates_are_packed_by_queue_and_request(self):
        work = AgentWork()
        for number in range(UPDATES_PER_MESSAGE + 1):
            work.update(("near-a", "near-b")[number % 2], "r-1", f"n-{number}")
        work.update("near-a", "r-2", "n-0")
        work.update("far", "r-1", "f-0")
        packed = work.messages(queue_of)
        sizes = [(message["updates"]["request_id"], len(message["updates"]["node_ids"])) for message in packed[""]]
        assert sizes == [("r-1", UPDATES_PER_MESSAGE), ("r-1", 1), ("r-2", 1)]
        assert packed[FAR] == [{"updates": {"request_id": "r-1", "node_ids": ["f-0"]}}]

    def test_dispatch_message_keeps_below_the_queue_size_limit(self):
        work = AgentWork()
        for number in range(DELIVERIES_PER_MESSAGE):
            work.deliver("near", f"n-{number}", "executions", [f"{number:036}-{place}" for place in range(500)])
        packed = work.messages(queue_of)[""]
        assert max(map(body_bytes, packed)) <= QUEUE_BYTES
        assert sum(len(message["deliveries"]) for message in packed) == DELIVERIES_PER_MESSAGE

    def test_empty_agent_work_makes_no_message(self):
        assert AgentWork().messages(queue_of) == {}


class TestSending:
    @pytest.fixture
    def sqs(self):
        return FakeSqs()

    @pytest.fixture
    def dispatch(self, sqs):
        return Dispatch(Queues(sqs, QUEUE_URL_PREFIX), queue_of, Log(Lines(), FakeClock()))

    @pytest.fixture
    def work(self):
        work = AgentWork()
        for name in ("near", "far"):
            work.deliver(name, f"{name}-node", "executions", ["e"])
        return work

    def nodes_in(self, sqs, queue):
        return [delivery["node_id"] for message in sqs.bodies(queue) for delivery in message["deliveries"]]

    def test_dispatch_sends_each_message_to_its_owners_queue(self, sqs, dispatch, work):
        dispatch.send(work, request_id="r-1")
        assert self.nodes_in(sqs, COMMAND_DELIVERY) == ["near-node"]
        assert len(sqs.sent["far"]) == 1

    def test_batch_partly_refused_by_an_owner_goes_to_the_core_whole(self, sqs, dispatch):
        work = AgentWork()
        work.deliver("far", "far-node", "executions", ["e"])
        sqs.refuse_next = True
        dispatch.send(work)
        assert self.nodes_in(sqs, COMMAND_DELIVERY) == ["far-node"]

    def test_refusal_by_the_core_queue_is_an_error(self, sqs, dispatch):
        work = AgentWork()
        work.deliver("near", "near-node", "executions", ["e"])
        sqs.refuse_next = True
        with pytest.raises(QueueError):
            dispatch.send(work)

    def test_work_sent_again_waits_for_a_moment_in_the_cores_queue_alone(self, sqs, dispatch, work):
        dispatch.send_again(work)
        assert COMMAND_DELIVERY not in sqs.sent
        assert len(sqs.sent["far"]) == 1
        sqs.release_delayed()
        (message,) = sqs.bodies(COMMAND_DELIVERY)
        assert message["is_told"]
        assert self.nodes_in(sqs, COMMAND_DELIVERY) == ["near-node"]

    def test_offer_to_an_owner_without_queue_is_not_sent(self, sqs, dispatch):
        work = AgentWork()
        work.fetch_metrics("far", "n", ["host"], "2026-11-21T10:00:00Z")
        assert dispatch.offer(work)
        sqs.gone.add("far")
        assert not dispatch.offer(work)
        assert COMMAND_DELIVERY not in sqs.sent

    def test_offer_for_a_core_cluster_goes_to_the_core_queue(self, sqs, dispatch):
        work = AgentWork()
        work.fetch_metrics("near", "n", ["host"], "2026-11-21T10:00:00Z")
        assert dispatch.offer(work)
        (message,) = sqs.bodies(COMMAND_DELIVERY)
        assert message["metrics"]["node_id"] == "n"
