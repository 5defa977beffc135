"""The internal events of the fleet: ends of commands, changes of nodes, refused logins. None holds what was typed."""

import gzip
import json

import pytest

from chalicelib.fleet.facts import EXECUTION_ENDED, FACTS, LOGIN_REFUSED, NODE_STATUS_CHANGED, NODE_VERSION_CHANGED
from chalicelib.kit.changes import Change
from chalicelib.platform.context import Event
from chalicelib.platform.events.changes import event_counters
from chalicelib.platform.events.service import Events
from chalicelib.platform.families import Families
from chalicelib.platform.family import FAMILY as PLATFORM
from chalicelib.platform.relay.reactions import Reactions
from chalicelib.settings import Settings
from tests.support.declared import FAMILIES
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.unit.fleet.events.test_mapping import EXECUTION, NODE, change

REACTIONS = Reactions(FAMILIES, Settings())
SENT = {**EXECUTION, "status": "sent", "sent_at": "2026-11-21T10:00:00Z"}


def facts_of(one):
    """The internal events of a change, as pairs of type and payload."""
    return [(event.type, event.data) for event in REACTIONS.events(one, lambda _ref: None) if event.type in FACTS]


def ended(old=SENT, operation="execution.completed", **new):
    """The fact of a change of an execution to its end; None if there is none."""
    row = {**old, "status": "completed", "updated_at": "2026-11-21T10:01:00Z", **new}
    found = facts_of(change("executions", operation, old, row))
    return found[0][1] if found else None


class TestExecutions:
    @pytest.mark.parametrize(
        ("status", "exit_code", "outcome"),
        [
            ("completed", 0, "succeeded"),
            ("completed", 7, "failed"),
            ("cancelled", 143, "cancelled"),
            ("expired", None, "expired"),
        ],
    )
    def test_end_is_told_with_outcome_and_exit_code(self, status, exit_code, outcome):
        fact = ended(status=status, exit_code=exit_code)
        assert (fact["outcome"], fact["exit_code"], fact["node_id"], fact["command_id"]) == (
            outcome,
            exit_code,
            "n-1",
            "c-1",
        )

    @pytest.mark.parametrize(
        ("done_at", "seconds"),
        [
            ("2026-11-21T10:00:45Z", 45),
            ("2026-11-21T09:00:00Z", 60),
            ("2027-01-01T00:00:00Z", 60),
            (None, 60),
        ],
        ids=["told", "before it began", "in the future", "not told"],
    )
    def test_run_time_is_what_the_agent_says_if_that_can_be(self, done_at, seconds):
        assert ended(completed_at=done_at)["run_seconds"] == seconds

    def test_command_that_no_agent_took_was_not_run(self):
        fact = ended(old=EXECUTION, status="expired", operation="execution.expired")
        assert (fact["was_run"], fact["run_seconds"], fact["output_bytes"]) == (False, 0, len("never shown"))

    @pytest.mark.parametrize(
        "stored", [{"output": "ünsaid"}, {"output": None, "output_gz": gzip.compress("ünsaid".encode())}]
    )
    def test_output_is_told_by_its_bytes_alone(self, stored):
        fact = ended(**stored)
        assert fact["output_bytes"] == 7
        assert "nsaid" not in json.dumps(fact)

    def test_late_result_is_not_another_end(self):
        expired = {**SENT, "status": "expired"}
        assert ended(old=expired) is None

    @pytest.mark.parametrize("status", ["pending", "sent"])
    def test_step_before_the_end_is_not_told(self, status):
        assert ended(old=EXECUTION, status=status, operation="execution.sent") is None

    def test_removal_is_not_told(self):
        assert facts_of(change("executions", "execution.deleted", SENT, None)) == []


class TestNodes:
    def test_change_of_version_is_told(self):
        ((kind, fact),) = facts_of(change("nodes", "node.reregistered", {**NODE, "agent_version": "0.9"}, NODE))
        assert kind == NODE_VERSION_CHANGED
        assert (fact["previous_agent_version"], fact["agent_version"]) == ("0.9", "1.0")

    def test_silence_is_told_with_the_last_sign_of_life_and_the_version_of_the_row(self):
        silent = {**NODE, "status": "unreachable", "last_seen_at": "2026-11-21T09:55:00Z", "version": 4}
        ((kind, fact),) = facts_of(change("nodes", "node.became_unreachable", NODE, silent))
        assert kind == NODE_STATUS_CHANGED
        assert (fact["last_seen_at"], fact["version"]) == ("2026-11-21T09:55:00Z", 4)


class TestOccurrences:
    def occurred(self, *facts):
        """The change that a new occurrence makes."""
        put = Events(FakeClock(), FakeIds(), "core").occurrence("edge.ssh_username.verified", {"result": "x"}, facts)
        return Change("occurrences", None, put.item, "1", expired=False)

    def test_occurrence_is_its_event_and_the_facts_beside_it(self):
        one = self.occurred(Event(LOGIN_REFUSED, {"node_id": "n-1"}))
        events = list(REACTIONS.events(one, lambda _ref: None))
        assert [(event.type, event.data) for event in events] == [
            ("edge.ssh_username.verified", {"result": "x"}),
            (LOGIN_REFUSED, {"node_id": "n-1"}),
        ]

    def test_facts_beside_an_occurrence_are_not_counted_as_events(self):
        assert list(event_counters(self.occurred(Event(LOGIN_REFUSED, {})))) == ["edge.ssh_username.verified"]

    def test_occurrence_of_an_earlier_release_is_its_event_alone(self):
        one = self.occurred()
        assert "facts" not in one.new
        assert [event.type for event in REACTIONS.events(one, lambda _ref: None)] == ["edge.ssh_username.verified"]


def test_facts_are_sent_only_if_a_family_subscribes():
    fleet = next(family for family in FAMILIES.each if family.name == "fleet")
    alone = Families((PLATFORM, fleet))
    row = {**SENT, "status": "completed", "updated_at": "2026-11-21T10:01:00Z"}
    one = change("executions", "execution.completed", SENT, row)
    events = list(REACTIONS.events(one, lambda _ref: None))
    service = Events(FakeClock(), FakeIds(), "core")

    assert [each["type"] for each in service.envelopes_of(one, events, FAMILIES)[1]] == [EXECUTION_ENDED]
    assert service.envelopes_of(one, events, alone)[1] == []
