import pytest

from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.model import Report, Status
from chalicelib.kit.tables.conditions import evaluate

NOW = "2026-11-21T10:00:00Z"

STATES = [(status, code) for status in Status for code in (None, 0)]


def allowed(transition: rules.Transition) -> set[tuple[str, int | None]]:
    """The states in which a transition happens."""
    rows = [{"status": status.value, "exit_code": code} for status, code in STATES]
    return {(row["status"], row["exit_code"]) for row in rows if evaluate(transition.when, row)}


PENDING = {("pending", None), ("pending", 0)}
SENT = {("sent", None), ("sent", 0)}
OPEN_TO_RESULTS = PENDING | SENT | {("cancelled", None), ("expired", None), ("dropped", None)}


@pytest.mark.parametrize(
    ("transition", "states"),
    [
        (rules.acknowledge(NOW), PENDING),
        (rules.cancel(NOW), PENDING),
        (rules.request_cancel(NOW), SENT),
        (rules.expire(), PENDING | SENT),
        (rules.abandon(NOW), PENDING | SENT),
        (rules.drop(NOW), PENDING | SENT),
        (rules.report(Report(is_expired=False), NOW), OPEN_TO_RESULTS),
        (rules.report(Report(is_expired=True), NOW), OPEN_TO_RESULTS),
        (rules.report(Report(is_expired=False, exit_code=143), NOW), OPEN_TO_RESULTS),
    ],
    ids=lambda value: value.operation if isinstance(value, rules.Transition) else "",
)
def test_execution_transitions_are_allowed_from_listed_states(transition, states):
    assert allowed(transition) == states


def test_execution_transition_of_a_missing_row_is_refused():
    for transition in (rules.acknowledge(NOW), rules.expire(), rules.report(Report(is_expired=False), NOW)):
        assert not evaluate(transition.when, None)


@pytest.mark.parametrize(
    ("report", "operation", "status", "values"),
    [
        (
            Report(is_expired=False, exit_code=0),
            "execution.completed",
            Status.COMPLETED,
            {"completed_at": NOW, "exit_code": 0},
        ),
        (Report(is_expired=False), "execution.completed", Status.COMPLETED, {"completed_at": NOW}),
        (Report(is_expired=True), "execution.reported_expired", Status.EXPIRED, {"completed_at": NOW}),
        (
            Report(is_expired=True, exit_code=143, completed_at="2026-11-21T09:59:00Z"),
            "execution.reported_cancelled",
            Status.CANCELLED,
            {"completed_at": "2026-11-21T09:59:00Z", "exit_code": 143, "cancelled_at": NOW},
        ),
    ],
)
def test_reported_result_decides_status_and_values(report, operation, status, values):
    transition = rules.report(report, NOW)
    assert (transition.operation, transition.status, dict(transition.values)) == (operation, status, values)


def test_report_with_blank_output_stores_none():
    assert rules.report(Report(is_expired=False, output=" \n"), NOW).output is None


def test_refusals_of_transitions_name_status_and_exit_code():
    assert rules.acknowledge_refused(Status.SENT).message == (
        "execution is in 'sent' status and cannot be acknowledged (must be 'pending')"
    )
    assert rules.report_refused(Status.COMPLETED, None).message == (
        "execution is in 'completed' status (exit_code: nil) and cannot be updated"
    )
    assert rules.report_refused(Status.CANCELLED, 143).message == (
        "execution is in 'cancelled' status (exit_code: 143) and cannot be updated"
    )
    assert rules.cancel_refused(Status.EXPIRED).message == (
        "cannot cancel execution with status 'expired' - only 'pending' or 'sent' executions can be cancelled"
    )
    assert rules.delete_refused(Status.PENDING).message == (
        "cannot delete execution with status 'pending'"
        " - only completed, cancelled, or expired executions can be deleted"
    )
    assert rules.command_delete_refused(3).message == (
        "cannot delete command with 3 non-completed execution(s) - all executions must be completed first"
    )
