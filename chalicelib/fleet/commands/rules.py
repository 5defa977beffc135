"""When an execution may change, into what, and what is said when it may not.

Each transition is one conditional write: `when` is the whole permission, checked where the row is. Nothing else writes
the status of an execution.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from chalicelib.fleet.commands import output as outputs
from chalicelib.fleet.commands.model import FINAL, OPEN, WITHOUT_RESULT, Execution, Report, Status
from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind, conflict, invalid
from chalicelib.kit.redrive import SETTLE
from chalicelib.kit.tables import Absent, And, Condition, In, Less, Or, Value

CANCELLED_EXIT_CODE = 143
"""128 + SIGTERM: an agent reports it for a command that it stopped on request."""

DEADLINE_PASSED = "must be in the future"
"""The refusal of a new command whose deadline has passed."""


@dataclass(frozen=True)
class Transition:
    """A transition: its ``operation``, from which events follow, its condition, and its changes of the row."""

    operation: str
    when: Condition
    status: Status | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    output: str | None = None


def _is(*statuses: Status) -> Condition:
    return In("status", [status.value for status in statuses])


IS_OPEN = _is(*OPEN)
IS_FINAL = _is(*FINAL)

TAKES_RESULT = Or(IS_OPEN, And(_is(*WITHOUT_RESULT), Absent("exit_code")))
"""Also ``pending``: an agent that has run the command while its acknowledgement was lost must not lose the result."""


def looked_at_until(inserted_at: str) -> str:
    """Until when nodes of a command that was given then are usually looked for; both in seconds text."""
    return to_seconds_text(parse_time(inserted_at) + SETTLE)


def acknowledge(now: str) -> Transition:
    """The agent has the command."""
    return Transition("execution.sent", _is(Status.PENDING), Status.SENT, {"sent_at": now})


def cancel(now: str) -> Transition:
    """No agent has it yet, so it never runs."""
    return Transition("execution.cancelled", _is(Status.PENDING), Status.CANCELLED, {"cancelled_at": now})


def request_cancel(now: str) -> Transition:
    """An agent has it: it is asked to stop, and its result decides."""
    return Transition("execution.cancel_requested", _is(Status.SENT), None, {"cancel_requested_at": now})


def request_cancel_once(now: str, since: str) -> Transition:
    """Request cancellation as `request_cancel`, unless the agent has been asked since then."""
    asked = request_cancel(now)
    unasked = Or(Absent("cancel_requested_at"), Less("cancel_requested_at", since))
    return replace(asked, when=And(asked.when, unasked))


def abandon(now: str) -> Transition:
    """The command is gone, and with it a place for the result, so an acknowledged one is cancelled as well."""
    return Transition("execution.cancelled", IS_OPEN, Status.CANCELLED, {"cancelled_at": now})


def drop(now: str) -> Transition:
    """The node is gone: no result can come, not even for an acknowledged one."""
    return Transition("execution.dropped", IS_OPEN, Status.DROPPED, {"cancelled_at": now})


def expire() -> Transition:
    """The deadline has passed. A late result is still taken."""
    return Transition("execution.expired", IS_OPEN, Status.EXPIRED)


def report(result: Report, now: str) -> Transition:
    """The agent's result. Exit code 143 means cancelled, regardless of the reported status. Blank output counts as
    none."""
    values: dict[str, Value] = {"completed_at": result.completed_at or now}
    if result.exit_code is not None:
        values["exit_code"] = result.exit_code
    if result.output_size is not None:
        values["output_size"] = result.output_size
    if result.output_ref is not None:
        values["output_ref"] = result.output_ref
    output = outputs.normalise(result.output)
    if result.exit_code == CANCELLED_EXIT_CODE:
        values["cancelled_at"] = now
        return Transition("execution.reported_cancelled", TAKES_RESULT, Status.CANCELLED, values, output)
    if result.is_expired:
        return Transition("execution.reported_expired", TAKES_RESULT, Status.EXPIRED, values, output)
    return Transition("execution.completed", TAKES_RESULT, Status.COMPLETED, values, output)


def takes_result(execution: Execution) -> bool:
    """Whether a report of its result would be taken, as `TAKES_RESULT` says of the row."""
    return not execution.is_final or (execution.status is not Status.COMPLETED and execution.exit_code is None)


def acknowledge_refused(status: Status) -> EdgeError:
    return conflict(f"execution is in '{status.value}' status and cannot be acknowledged (must be 'pending')")


def cancel_refused(status: Status) -> EdgeError:
    return conflict(
        f"cannot cancel execution with status '{status.value}' - only 'pending' or 'sent' executions can be cancelled"
    )


def report_refused(status: Status, exit_code: int | None) -> EdgeError:
    shown = "nil" if exit_code is None else exit_code
    return conflict(f"execution is in '{status.value}' status (exit_code: {shown}) and cannot be updated")


def environment_refused(status: Status) -> EdgeError:
    return conflict(f"execution is in '{status.value}' status and gets no secrets")


def environment_refused_after_deadline() -> EdgeError:
    return conflict("the deadline of the execution has passed: it gets no secrets")


def delete_refused(status: Status) -> EdgeError:
    return conflict(
        f"cannot delete execution with status '{status.value}'"
        " - only completed, cancelled, or expired executions can be deleted"
    )


def delete_refused_while_created() -> EdgeError:
    """Ours: were the row gone, a repeated fan-out would create it again and the command would run twice."""
    return conflict("cannot delete execution while executions of its command are being created")


def command_delete_refused(open_count: int) -> EdgeError:
    return conflict(
        f"cannot delete command with {open_count} non-completed execution(s) - all executions must be completed first"
    )


def command_delete_refused_while_created() -> EdgeError:
    return conflict("cannot delete command while its executions are being created")


def nothing_to_retry(outcomes: Iterable[str]) -> EdgeError:
    return conflict(f"no execution of this command is {' or '.join(outcomes)}")


def no_rollout() -> EdgeError:
    return conflict("this command has no rollout: it goes to all its nodes at once")


def rollout_out_of_reach() -> EdgeError:
    return EdgeError(Kind.FORBIDDEN, "the rollout of this command is also for clusters that this key is not for")


def text_of_secrets() -> EdgeError:
    """Another text could show the secrets that the command uses."""
    return invalid("command_text", "cannot be changed: this command uses secrets. Change the script, and run it again")


def partly_out_of_reach() -> EdgeError:
    """Ours: what belongs to others as well is not deleted with what is one's own."""
    return EdgeError(Kind.FORBIDDEN, "this command also ran in clusters that this key is not for")
