"""Which changes metrics count."""

import json

import pytest

from chalicelib.kit.changes import Change
from chalicelib.kit.counters import event_counter
from tests.support.declared import FAMILIES


def change(table, operation, old, new):
    stamped = [None if row is None else {**row, "changed_by": {"operation": operation}} for row in (old, new)]
    return Change(table, *stamped, "1", expired=False)


def event_counters_of(one):
    """The counters of what happened; the rows of these tests are too small for the totals of lists."""
    declared = (
        context.event_counters for context in FAMILIES.contexts if one.table in {table.name for table in context.tables}
    )
    return [event_counter(name) for counters in declared if counters is not None for name in counters(one)]


def occurrence(**data):
    return {"id": "o-1", "type": "edge.ssh_username.verified", "data": json.dumps(data)}


@pytest.mark.parametrize(
    ("table", "operation", "counted"),
    [
        ("executions", "execution.sent", ["happened#execution.sent"]),
        ("executions", "execution.pruned", ["happened#execution.pruned"]),
        ("executions", "execution.cancel_requested", []),
        ("self_update_requests", "self_update_request.completed", ["happened#self_update_request.completed"]),
        ("self_updates", "self_update_request.completed", []),
        ("nodes", "execution.sent", []),
    ],
)
def test_operation_maps_to_its_event_counters(table, operation, counted):
    assert event_counters_of(change(table, operation, {"id": "r"}, {"id": "r"})) == counted


def test_removed_row_is_not_counted_as_its_last_operation():
    assert event_counters_of(change("executions", "execution.completed", {"id": "e"}, None)) == []


def test_occurrence_counts_once_and_its_failure_separately():
    kind = "happened#edge.ssh_username.verified"
    assert event_counters_of(change("occurrences", "ssh", None, occurrence(result="success"))) == [kind]
    assert event_counters_of(change("occurrences", "ssh", None, occurrence(result="failure"))) == [
        kind,
        f"{kind}.failure",
    ]
    assert event_counters_of(change("occurrences", "ssh", occurrence(), occurrence())) == []
