"""Which events a change becomes, and that their payloads are those of the contract."""

import json

import pytest

from chalicelib.families import family
from chalicelib.fleet.commands.changes import EXECUTION_EVENTS
from chalicelib.fleet.events.catalogue import EventType
from chalicelib.kit.changes import Change
from chalicelib.platform.events.service import LARGEST_ENVELOPE_BYTES, Events
from chalicelib.platform.relay.reactions import Reactions
from chalicelib.settings import Settings
from tests.support.declared import FAMILIES
from tests.support.fakes.clock import FakeClock, FakeIds

NODE = {
    "id": "n-1",
    "cluster_name": "north",
    "status": "healthy",
    "agent_version": "1.0",
    "id_type": "persistent",
    "http_port": 1,
    "ssh_port": 2,
    "host_metrics_port": 3,
    "wireguard_metrics_port": 4,
    "http_proxy_port": 5,
    "socks5_proxy_port": 6,
    "self_update_enabled": False,
    "last_seen_at": "2026-11-21T10:00:00Z",
    "inserted_at": "2026-11-21T10:00:00Z",
    "updated_at": "2026-11-21T10:00:00Z",
    "token_digest": "digest",
    "api_token_sealed": b"sealed",
    "version": 3,
}
EXECUTION = {
    "id": "e-1",
    "command_id": "c-1",
    "node_id": "n-1",
    "node_cluster_name": "north",
    "status": "pending",
    "target_all": True,
    "output": "never shown",
    "inserted_at": "2026-11-21T10:00:00Z",
    "updated_at": "2026-11-21T10:00:00Z",
    "version": 1,
}
COMMANDS = {"c-1": {"id": "c-1", "command_text": "true", "timeout": 5, "expired_at": None}}


def change(table, operation, old, new, at="2026-11-21T10:00:00.000001Z"):
    stamp = {"operation": operation, "request_id": "r-1", "at": at}
    return Change(
        table,
        None if old is None else {**old, "changed_by": stamp},
        None if new is None else {**new, "changed_by": stamp},
        "1",
        expired=False,
    )


REACTIONS = Reactions(FAMILIES, Settings())


def events_of(one, commands):
    """The published events of a change, as pairs of type and payload."""
    events = REACTIONS.events(one, lambda ref: commands.get(ref.key["id"]))
    return [(event.type, event.data) for event in events if event.type in FAMILIES.event_types]


def commands_needed(changes):
    return {ref.key["id"] for change in changes for ref in REACTIONS.rows_needed(change)}


def types(events):
    return [event_type.value for event_type, _ in events]


class TestNodes:
    def test_first_registration_makes_a_registered_event(self):
        events = events_of(change("nodes", "node.registered", None, NODE), {})
        assert types(events) == ["edge.node.registered"]

    def test_unchanged_reregistration_makes_one_event(self):
        assert types(events_of(change("nodes", "node.reregistered", NODE, NODE), {})) == ["edge.node.reregistered"]

    def test_reregistration_with_every_change_makes_four_events(self):
        old = {**NODE, "agent_version": "0.9", "status": "unreachable", "cluster_name": "south"}
        events = events_of(change("nodes", "node.reregistered", old, NODE), {})
        assert types(events) == [
            "edge.node.reregistered",
            "edge.node.version_changed",
            "edge.node.status_changed",
            "edge.node.cluster_changed",
        ]
        payloads = [payload for _, payload in events]
        assert payloads[1]["previous_version"] == "0.9"
        assert payloads[2]["previous_status"] == "unreachable"
        assert payloads[3]["previous_cluster_name"] == "south"

    @pytest.mark.parametrize("operation", ["node.health_reported", "node.became_healthy", "node.became_unreachable"])
    def test_status_transition_by_any_operation_makes_an_event(self, operation):
        events = events_of(change("nodes", operation, {**NODE, "status": "unhealthy"}, NODE), {})
        assert types(events) == ["edge.node.status_changed"]

    def test_unchanged_health_report_makes_no_event(self):
        assert events_of(change("nodes", "node.health_reported", NODE, NODE), {}) == []

    def test_cluster_change_of_a_node_makes_an_event(self):
        events = events_of(change("nodes", "node.cluster_changed", {**NODE, "cluster_name": "south"}, NODE), {})
        assert types(events) == ["edge.node.cluster_changed"]

    def test_node_removal_makes_no_event(self):
        assert events_of(change("nodes", "node.registered", NODE, None), {}) == []

    def test_node_event_payload_holds_no_secret(self):
        (_, payload), *_ = events_of(change("nodes", "node.registered", None, NODE), {})
        assert "digest" not in json.dumps(payload)
        assert not {"token_digest", "api_token_sealed"} & payload.keys()


class TestExecutions:
    @pytest.mark.parametrize(("operation", "event_type"), EXECUTION_EVENTS.items())
    def test_each_execution_operation_makes_its_event(self, operation, event_type):
        old = None if operation == "execution.created" else EXECUTION
        events = events_of(change("executions", operation, old, EXECUTION), COMMANDS)
        assert types(events) == [event_type.value]
        assert events[0][1]["command_text"] == "true"
        assert events[0][1]["timeout"] == 5

    def test_execution_event_payload_omits_the_output(self):
        (_, payload), *_ = events_of(change("executions", "execution.completed", EXECUTION, EXECUTION), COMMANDS)
        assert "never shown" not in json.dumps(payload)

    def test_cancel_request_of_an_execution_makes_no_event(self):
        assert events_of(change("executions", "execution.cancel_requested", EXECUTION, EXECUTION), COMMANDS) == []

    def test_execution_event_of_an_unknown_command_has_null_fields(self):
        (_, payload), *_ = events_of(change("executions", "execution.created", None, EXECUTION), {})
        assert payload["command_text"] is None

    def test_commands_needed_are_those_of_execution_events(self):
        changes = [
            change("executions", "execution.created", None, EXECUTION),
            change("executions", "execution.cancel_requested", EXECUTION, {**EXECUTION, "command_id": "c-2"}),
            change("executions", "execution.completed", EXECUTION, None),
            change("nodes", "node.registered", None, NODE),
        ]
        assert commands_needed(changes) == {"c-1"}


class TestEnvelopes:
    def events(self):
        return Events(FakeClock(), FakeIds(1), "factory")

    def envelopes_of(self, one, commands):
        events = REACTIONS.events(one, lambda ref: commands.get(ref.key["id"]))
        public, _internal = self.events().envelopes_of(one, events, FAMILIES)
        return public

    def test_same_change_makes_the_same_envelope(self):
        first = self.envelopes_of(change("nodes", "node.registered", None, NODE), {})
        second = self.envelopes_of(change("nodes", "node.registered", None, NODE), {})
        assert first == second
        assert first[0]["corename"] == "factory"
        assert first[0]["time"] == "2026-11-21T10:00:00.000001Z"

    def test_change_of_another_row_version_has_another_event_id(self):
        (first,) = self.envelopes_of(change("nodes", "node.reregistered", NODE, NODE), {})
        (second,) = self.envelopes_of(change("nodes", "node.reregistered", NODE, {**NODE, "version": 4}), {})
        assert first["id"] != second["id"]

    def test_reenrolment_after_deletion_has_another_event_id(self):
        (first,) = self.envelopes_of(change("nodes", "node.registered", None, NODE), {})
        within_a_second = change("nodes", "node.registered", None, NODE, at="2026-11-21T10:00:00.700000Z")
        (second,) = self.envelopes_of(within_a_second, {})
        assert first["id"] != second["id"]

    def test_events_of_one_change_have_distinct_ids(self):
        old = {**NODE, "agent_version": "0.9"}
        envelopes = self.envelopes_of(change("nodes", "node.reregistered", old, NODE), {})
        assert len({envelope["id"] for envelope in envelopes}) == 2

    def test_recorded_occurrence_becomes_an_event_unchanged(self):
        put = self.events().occurrence(EventType.ENROLLMENT_KEY_VERIFIED, {"result": "invalid_key", "name": None})
        (envelope,) = self.envelopes_of(change("occurrences", "x", None, {**put.item, "version": 1}), {})
        assert envelope["type"] == "edge.enrollment_key.verified"
        assert envelope["data"] == {"result": "invalid_key", "name": None}

    def test_removal_of_an_occurrence_makes_no_event(self):
        put = self.events().occurrence(EventType.ENROLLMENT_KEY_VERIFIED, {})
        assert self.envelopes_of(change("occurrences", "x", put.item, None), {}) == []

    def test_command_text_too_large_for_the_bus_is_omitted(self):
        commands = {"c-1": {**COMMANDS["c-1"], "command_text": "\n" * LARGEST_ENVELOPE_BYTES}}
        (envelope,) = self.envelopes_of(change("executions", "execution.created", None, EXECUTION), commands)
        assert envelope["data"]["command_text"] is None
        assert envelope["data"]["command_text_omitted"] is True
        assert envelope["data"]["command_id"] == "c-1"

    def test_oversized_event_omits_its_largest_fields_first(self):
        data = {"name": "n" * 900, "first": "x" * 150_000, "second": {"ids": ["y" * 36] * 3000}}
        put = self.events().occurrence(EventType.ENROLLMENT_KEY_VERIFIED, data)
        (envelope,) = self.envelopes_of(change("occurrences", "x", None, {**put.item, "version": 1}), {})
        assert envelope["data"] == {"name": "n" * 900, "first": None, "first_omitted": True, "second": data["second"]}

    def test_oversized_event_of_small_fields_is_an_error(self):
        put = self.events().occurrence(
            EventType.ENROLLMENT_KEY_VERIFIED, {f"field-{number}": "x" * 900 for number in range(300)}
        )
        with pytest.raises(ValueError, match="no field of it is large"):
            self.envelopes_of(change("occurrences", "x", None, {**put.item, "version": 1}), {})


def test_event_catalogue_matches_the_contract():
    types = [each for each in family("fleet").event_types if not each.startswith("edge.rollout.")]
    assert len(types) == 17
    assert family("fleet").event_types[0] == "edge.core.test"
