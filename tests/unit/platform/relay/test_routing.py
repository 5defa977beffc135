"""Which work a change asks for, and how it is packed."""

from typing import ClassVar

import pytest

from chalicelib.fleet.commands.queues import EXECUTION_CREATION, TIMELY_WORK
from chalicelib.fleet.mesh.queues import VPN
from chalicelib.fleet.transport.dispatch import DELIVERIES_PER_MESSAGE
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.fleet.updates.queues import SELF_UPDATES
from chalicelib.kit.changes import Change
from chalicelib.kit.queues import BATCH_BYTES, to_body
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.context import Send
from chalicelib.platform.events.queues import EVENTS
from chalicelib.platform.relay.plan import Plan
from chalicelib.platform.relay.reactions import Reactions
from chalicelib.platform.webhooks.context import ASKED
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from chalicelib.platform.webhooks.store import DELIVERIES
from chalicelib.settings import Settings
from tests.support.declared import FAMILIES


def change(table, operation, old, new, *, expired=False):
    stamp = {"operation": operation, "request_id": "r-1", "at": "t"}
    stamped = [None if row is None else {**row, "changed_by": stamp} for row in (old, new)]
    return Change(table, *stamped, "1", expired)


REACTIONS = Reactions(FAMILIES, Settings())


class Sent:
    """Takes what a courier sends, as it is packed."""

    def __init__(self):
        self.transport = self.platform = self
        self.dispatch = self.queues = self
        self.messages = []
        self.again = []

    def send(self, *sent, request_id):
        self.messages = sent[1] if len(sent) > 1 else self._packed(sent[0])

    def send_again(self, work, *, request_id):
        self.again = self._packed(work)

    def _packed(self, work):
        return work.messages(lambda _cluster_name: "").get("", [])


def planned(*changes):
    plan = Plan()
    for one in changes:
        plan.add_messages(one.request_id, REACTIONS.messages(one))
    return plan


def messages(*changes):
    asked = dict(planned(*changes).ready(first=REACTIONS.couriers))
    for queue, (_family, courier) in REACTIONS.couriers.items():
        if queue in asked:
            asked[queue] = _sent_by(courier, asked.pop(queue)).messages
    return asked


def sent_again(*changes):
    """The deliveries that wait for a moment."""
    asked = dict(planned(*changes).ready(first=REACTIONS.couriers))
    _family, courier = REACTIONS.couriers[COMMAND_DELIVERY]
    return _sent_by(courier, asked[COMMAND_DELIVERY]).again


def _sent_by(courier, asked):
    sent = Sent()
    courier(sent, asked, "r-1")
    return sent


def deltas_of(one):
    return {total: delta for total, delta in REACTIONS.deltas(one).items() if not total.startswith("happened#")}


def execution(place=0, node="n-1", status="pending"):
    row = {"id": f"e-{place}", "node_id": node, "command_id": "c-1", "status": status}
    return {**row, "node_cluster_name": "north"}


class TestWork:
    def test_new_fan_out_is_one_message_per_part(self):
        row = {"command_id": "c-1", "parts": frozenset({"cluster#1", "cluster#0"})}
        assert messages(change("fan_outs", "command.created", None, row)) == {
            EXECUTION_CREATION: [
                {"command_id": "c-1", "part": "cluster#0"},
                {"command_id": "c-1", "part": "cluster#1"},
            ]
        }

    def test_fan_out_to_all_nodes_begins_with_one_fleet_message(self):
        row = {"command_id": "c-1", "parts": frozenset({"shard#1", "shard#0"})}
        assert messages(change("fan_outs", "command.created", None, row)) == {
            EXECUTION_CREATION: [{"command_id": "c-1", "part": "fleet"}]
        }

    def test_changed_fan_out_sends_nothing(self):
        row = {"command_id": "c-1", "parts": frozenset({"shard#1"})}
        assert messages(change("fan_outs", "fan_out.part_done", row, row)) == {}

    def test_new_executions_of_a_node_are_one_delivery(self):
        changes = [change("executions", "execution.created", None, execution(place)) for place in (0, 1, 1)]
        assert messages(*changes) == {
            COMMAND_DELIVERY: [
                {
                    "deliveries": [{"node_id": "n-1", "kind": "executions", "execution_ids": ["e-0", "e-1"]}],
                    "commands": {"e-0": "c-1", "e-1": "c-1"},
                }
            ]
        }

    def test_execution_whose_agent_is_told_by_its_request_is_delivered_later(self):
        told, other = {**execution(0), "is_told": True}, execution(1)
        changes = [change("executions", "execution.created", None, row) for row in (told, other)]
        [later], [[now]] = sent_again(*changes), messages(*changes).values()
        assert later["deliveries"][0]["execution_ids"] == ["e-0"]
        assert now["deliveries"][0]["execution_ids"] == ["e-1"]

    def test_deliveries_are_split_into_messages_of_bounded_size(self):
        changes = [
            change("executions", "execution.created", None, execution(place, f"n-{place}")) for place in range(45)
        ]
        sizes = [len(message["deliveries"]) for message in messages(*changes)[COMMAND_DELIVERY]]
        assert sizes == [DELIVERIES_PER_MESSAGE, DELIVERIES_PER_MESSAGE, 5]

    @pytest.mark.parametrize(
        ("operation", "old_status", "kind"),
        [
            ("execution.cancel_requested", "sent", "cancel"),
            ("execution.expired", "sent", "cancel"),
            ("execution.expired", "pending", None),
            ("execution.cancelled", "pending", None),
            ("execution.completed", "sent", None),
        ],
    )
    def test_execution_change_tells_the_agent_what_to_stop(self, operation, old_status, kind):
        sent = messages(change("executions", operation, execution(status=old_status), execution(status="x")))
        kinds = [delivery["kind"] for message in sent.get(COMMAND_DELIVERY, []) for delivery in message["deliveries"]]
        assert kinds == ([] if kind is None else [kind])

    @pytest.mark.parametrize(
        ("table", "operation", "old", "new", "kinds"),
        [
            ("commands", "command.deleted", {"id": "x"}, {"id": "x"}, ["command"]),
            ("commands", "command.deleted", {"id": "x"}, None, []),  # the tombstone's own end
            ("clusters", "cluster.created", {"id": "x"}, None, []),  # its task asks, as for nodes and webhooks
            ("executions", "execution.completed", execution(status="completed"), None, []),
        ],
    )
    def test_change_asks_for_the_clean_up_of_dependents(self, table, operation, old, new, kinds):
        sent = messages(change(table, operation, old, new))
        assert sent == ({CLEAN_UP: [{"kind": kind, "id": "x"} for kind in kinds]} if kinds else {})

    def test_replaced_socket_is_sent_to_the_clean_up_queue(self):
        row = {"id": "n-1", "replaced_connection_id": "s-1"}
        assert messages(change("nodes", "node.reregistered", {"id": "n-1"}, row)) == {
            CLEAN_UP: [{"kind": "connection", "id": "s-1"}]
        }


class TestRequestIds:
    """A message is found in the logs by the id of a request that asked for it."""

    def test_queue_has_the_request_id_of_the_first_change_that_asks_for_its_work(self):
        plan = Plan()
        plan.add_messages("r-silent", [])
        plan.add_messages("r-1", [Send(CLEAN_UP, {"id": "a"})])
        plan.add_messages("r-2", [Send(COMMAND_DELIVERY, {"id": "b"}), Send(CLEAN_UP, {"id": "c"})])
        plan.add_events("r-3", [{"id": "d"}])

        assert plan.request_ids == {CLEAN_UP: "r-1", COMMAND_DELIVERY: "r-2", EVENTS: "r-3"}

    def test_change_without_a_request_id_leaves_the_next_one_to_name_it(self):
        plan = Plan()
        plan.add_messages("", [Send(CLEAN_UP, {"id": "a"})])
        plan.add_messages("r-2", [Send(CLEAN_UP, {"id": "b"})])

        assert plan.request_ids == {CLEAN_UP: "r-2"}


class TestEvents:
    def test_events_are_packed_ten_to_a_message(self):
        plan = Plan()
        plan.add_events("r-1", [{"id": place} for place in range(23)])
        assert [len(message["events"]) for message in dict(plan.ready())[EVENTS]] == [10, 10, 3]

    def test_events_are_split_by_bytes(self):
        plan = Plan()
        plan.add_events("r-1", [{"text": "x" * (BATCH_BYTES // 2)} for _ in range(4)])
        packed = dict(plan.ready())[EVENTS]
        assert [len(message["events"]) for message in packed] == [1, 1, 1, 1]
        assert all(len(to_body(message)) < 256 * 1024 for message in packed)


class TestCounting:
    def test_new_execution_adds_to_its_totals(self):
        assert deltas_of(change("executions", "execution.created", None, execution())) == {
            "executions": 1,
            "executions#status#pending": 1,
            "executions#command_id#c-1": 1,
            "executions#cluster_name#north": 1,
        }

    def test_changed_status_moves_only_status_totals(self):
        deltas = deltas_of(change("executions", "execution.sent", execution(), execution(status="sent")))
        assert {total: delta for total, delta in deltas.items() if delta} == {
            "executions#status#pending": -1,
            "executions#status#sent": 1,
        }

    def test_tombstone_reduces_the_total_once(self):
        tombstone = {"id": "c-1", "deleted_at": "t"}
        assert deltas_of(change("commands", "command.deleted", {"id": "c-1"}, tombstone)) == {"commands": -1}
        assert deltas_of(change("commands", "command.deleted", tombstone, None, expired=True)) == {}

    def test_row_of_a_table_without_totals_counts_nothing(self):
        assert deltas_of(change("fan_outs", "command.created", None, {"command_id": "c-1"})) == {}


class TestSelfUpdates:
    ROW: ClassVar = {"id": "r-1", "parts": frozenset({"shard#1", "shard#0"})}

    def test_new_self_update_request_is_one_message_per_part(self):
        assert messages(change("self_update_requests", "self_update_request.created", None, self.ROW)) == {
            SELF_UPDATES: [
                {"request_id": "r-1", "part": "shard#0"},
                {"request_id": "r-1", "part": "shard#1"},
            ]
        }

    def test_self_update_request_for_no_node_is_ended(self):
        made = change("self_update_requests", "self_update_request.created", None, {"id": "r-1"})
        assert messages(made) == {SELF_UPDATES: [{"request_id": "r-1"}]}

    def test_changed_or_deleted_self_update_request_sends_nothing(self):
        assert messages(change("self_update_requests", "self_update_request.swept", self.ROW, self.ROW)) == {}
        assert messages(change("self_update_requests", "self_update_request.completed", self.ROW, None)) == {}

    def test_new_self_update_nodes_are_sent_in_groups_per_request(self):
        rows = [
            {"request_id": f"r-{place % 2}", "node_id": f"n-{place}", "cluster_name": "north"} for place in range(60)
        ]
        sent = messages(*(change("self_updates", "self_update.created", None, row) for row in rows))
        groups = [message["updates"] for message in sent[COMMAND_DELIVERY]]
        assert [(group["request_id"], len(group["node_ids"])) for group in groups] == [
            ("r-0", 20),
            ("r-0", 10),
            ("r-1", 20),
            ("r-1", 10),
        ]
        assert messages(change("self_updates", "self_update.triggered", rows[0], rows[0])) == {}


class TestTasks:
    ROW: ClassVar = {
        "id": "cluster#x",
        "kind": "cluster",
        "subject": "x",
        "arguments": {"since": "t0"},
        "asked_at": "t1",
    }
    MESSAGE: ClassVar = {"kind": "cluster", "id": "x", "task": "cluster#x", "since": "t0", "asked_at": "t1"}
    PASS: ClassVar = {CLEAN_UP: [MESSAGE]}

    def test_new_task_starts_its_first_pass(self):
        assert messages(change("tasks", "cluster.deleted", None, self.ROW)) == self.PASS

    def test_task_requested_again_starts_a_new_pass(self):
        anew = {**self.ROW, "asked_at": "t2"}
        again = {**self.MESSAGE, "asked_at": "t2"}
        assert messages(change("tasks", "cluster.deleted", self.ROW, anew)) == {CLEAN_UP: [again]}

    def test_parked_task_continues_from_its_cursor(self):
        parked = {**self.ROW, "cursor": "c1", "began_at": "t1"}
        going_on = {**self.MESSAGE, "cursor": "c1", "began_at": "t1"}
        assert messages(change("tasks", "task.parked", self.ROW, parked)) == {CLEAN_UP: [going_on]}
        assert messages(change("tasks", "task.swept", parked, {**parked, "sweeps": 1})) == {}

    def test_task_goes_to_the_queue_that_its_row_names(self):
        row = {**self.ROW, "kind": "network", "queue": "vpn", "cursor": "c1", "began_at": "t1"}
        assert list(messages(change("tasks", "task.parked", None, row))) == [VPN]

    def test_swept_or_settled_task_sends_nothing(self):
        assert messages(change("tasks", "task.swept", self.ROW, {**self.ROW, "sweeps": 1})) == {}
        assert messages(change("tasks", "task.settling", self.ROW, None)) == {}

    def test_task_message_carries_the_request_id_of_its_row(self):
        plan = planned(change("tasks", "cluster.deleted", None, self.ROW))
        assert [message.request_id for message in plan.messages[CLEAN_UP]] == ["r-1"]


class TestWhatGoesOn:
    """Rows whose work one invocation could not end."""

    def test_parked_parts_and_passes_of_a_command_continue_from_cursors(self):
        old = {"command_id": "c-1", "cursors": {"shard#0": "a"}}
        new = {"command_id": "c-1", "cursors": {"shard#0": "a", "shard#1": "b", "cancel_command": "c"}}
        assert messages(change("fan_outs", "fan_out.parked", old, new)) == {
            TIMELY_WORK: [{"kind": "cancel_command", "id": "c-1", "cursor": "c"}],
            EXECUTION_CREATION: [{"command_id": "c-1", "part": "shard#1", "cursor": "b"}],
        }

    def test_parked_pass_of_a_deletion_continues_behind_other_clean_ups(self):
        old, new = {"command_id": "c-1"}, {"command_id": "c-1", "cursors": {"command#2": "c"}}
        sent = {"kind": "command", "id": "c-1", "share": "command#2", "cursor": "c"}
        assert messages(change("fan_outs", "fan_out.parked", old, new)) == {CLEAN_UP: [sent]}

    def test_parked_part_of_a_self_update_request_continues(self):
        old, new = {"id": "r-1"}, {"id": "r-1", "cursors": {"shard#1": "b"}}
        assert messages(change("self_update_requests", "self_update_request.parked", old, new)) == {
            SELF_UPDATES: [{"request_id": "r-1", "part": "shard#1", "cursor": "b"}]
        }

    def test_dropped_cursor_sends_nothing(self):
        old, new = {"command_id": "c-1", "cursors": {"shard#0": "a"}}, {"command_id": "c-1"}
        assert messages(change("fan_outs", "fan_out.part_finished", old, new)) == {}


class TestDeliveries:
    ROW: ClassVar = {"id": "d-1", "webhook_id": "w-1"}

    def test_relayed_delivery_operations_are_those_of_operators(self):
        assert DELIVERIES.relayed == ASKED

    @pytest.mark.parametrize("operation", sorted(ASKED))
    def test_delivery_requested_by_an_operator_is_sent(self, operation):
        assert messages(change("webhook_deliveries", operation, None, self.ROW)) == {
            WEBHOOK_DELIVERIES: [{"webhook_id": "w-1", "delivery_id": "d-1"}]
        }

    def test_other_delivery_changes_send_nothing(self):
        assert messages(change("webhook_deliveries", "webhook_delivery.begun", self.ROW, self.ROW)) == {}
        assert messages(change("webhook_deliveries", "webhook_delivery.tested", self.ROW, None)) == {}


class TestFollowing:
    def test_cancel_request_starts_a_pass_and_settling_does_not(self):
        row = {"command_id": "c-1"}
        assert messages(change("fan_outs", "fan_out.cancel_requested", row, row)) == {
            TIMELY_WORK: [{"kind": "cancel_command", "id": "c-1"}]
        }
        assert messages(change("fan_outs", "fan_out.settled", row, row)) == {}
        assert messages(change("fan_outs", "fan_out.cancel_requested", row, None)) == {}

    def test_alias_without_a_mesh_sends_nothing(self):
        row = {"id": "a-1", "cluster_name": "north", "name": "web"}
        assert messages(change("aliases", "alias.created", None, row)) == {}
