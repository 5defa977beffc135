"""The life of an execution against a model: whoever comes in whatever order, also at once.

The model is the table of states of the specification in plain Python; the real thing is `Executions` on the fake, with
lost answers. After every step the row says what the model says, and so does everyone who was refused.
"""

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.clean_up import CleanUp
from chalicelib.fleet.commands.command_store import CommandStore
from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.executions import Executions
from chalicelib.fleet.commands.model import AssignedExecution, CancelResult, Command, Execution, Report, Status
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS, FAN_OUTS, execution_id, shard_of, status_shard
from chalicelib.fleet.commands.undone import FanOut
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.errors import EdgeError, Kind, forbidden, not_found
from chalicelib.kit.listing import Lists
from chalicelib.kit.tables import Tables
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

NODE, STRANGER = "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002"
NOW = "2026-11-21T10:00:00Z"
FINAL = {"completed", "cancelled", "expired", "dropped"}

REPORTS = st.builds(
    Report,
    is_expired=st.booleans(),
    output=st.sampled_from([None, "", "  ", "out", "x" * 3000]),
    exit_code=st.sampled_from([None, 0, 1, 124, 143]),
)


@dataclass(frozen=True)
class Model:
    """The row as it should be; None for a deleted one stands outside."""

    status: str = "pending"
    exit_code: int | None = None
    output: str | None = None
    is_sent: bool = False
    is_cancel_requested: bool = False
    is_cancelled: bool = False
    is_completed: bool = False

    @property
    def takes_result(self) -> bool:
        return self.status in {"pending", "sent"} or (
            self.status in {"cancelled", "expired", "dropped"} and self.exit_code is None
        )

    def reported(self, report: Report) -> "Model":
        """After an accepted result."""
        row = replace(
            self,
            is_completed=True,
            exit_code=self.exit_code if report.exit_code is None else report.exit_code,
            output=report.output if report.output and report.output.strip() else self.output,
        )
        if report.exit_code == 143:
            return replace(row, status="cancelled", is_cancelled=True)
        return replace(row, status="expired" if report.is_expired else "completed")


class _NoNodes:
    """No node is enrolled."""

    def find_many(self, node_ids: Any) -> list[Any]:
        del node_ids
        return []


def outcome(action: Any) -> Any:
    """What a use case answered, or the kind and text of its refusal."""
    try:
        return action()
    except EdgeError as error:
        return refusal(error)


def refusal(error: EdgeError) -> tuple[Kind, str]:
    """A failure as values that can be compared."""
    return (error.kind, error.message)


class ExecutionLife(RuleBasedStateMachine):
    """One execution of one command, from creation to deletion."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        ids = FakeIds()
        self.fake = FakeDynamo([COMMANDS, FAN_OUTS, EXECUTIONS], self.clock)
        tables = Tables(self.fake, self.clock, ids)
        self.executions = Executions(tables, self.clock, Lists(tables, self.clock, 100), lambda _: [])
        self.clean_up = CleanUp(tables, self.clock, _NoNodes())  # type: ignore[arg-type]
        self.command_id = ids.uuid7(self.clock.now())
        self.id = execution_id(self.command_id, NODE)
        self.store, self.commands = ExecutionStore(tables), CommandStore(tables)
        self.model: Model | None = Model()

    @initialize()
    def create(self) -> None:
        command = Command(
            id=self.command_id,
            command_text="true",
            targeting=Targeting(type=TargetType.ALL),
            expired_at=NOW,
            inserted_at=NOW,
            updated_at=NOW,
        )
        parts = frozenset({"shard#0"})
        fan_out = FanOut(command_id=command.id, parts=parts, deadline=NOW, inserted_at=NOW)
        self.commands.add(command, fan_out)
        row = Execution(
            id=self.id,
            command_id=self.command_id,
            node_id=NODE,
            node_cluster_id="c",
            node_cluster_name="north",
            target_all=True,
            status=Status.PENDING,
            inserted_at=NOW,
            updated_at=NOW,
        )
        self.store.create(self.command_id, [row])
        self.commands.remove_parts(fan_out, parts, self.clock.now())

    @rule(lost=st.booleans())
    def lose_the_next_answer(self, lost: bool) -> None:
        if lost:
            self.fake.fail_next(1, "lost_answer", table=EXECUTIONS)

    @rule()
    def acknowledge(self) -> None:
        answer = outcome(lambda: self.executions.acknowledge(NODE, self.id).status.value)
        if self.model is None:
            assert answer == refusal(not_found())
        elif self.model.status == "pending":
            assert answer == "sent"
            self.model = replace(self.model, status="sent", is_sent=True)
        else:
            assert answer == refusal(rules.acknowledge_refused(Status(self.model.status)))

    @rule(report=REPORTS)
    def report(self, report: Report) -> None:
        answer = outcome(lambda: self.executions.report(NODE, self.id, report).status.value)
        self._expect_reported(report, answer)

    @rule(report=REPORTS)
    def a_stranger_is_forbidden(self, report: Report) -> None:
        expected = refusal(not_found()) if self.model is None else refusal(forbidden())
        assert outcome(lambda: self.executions.acknowledge(STRANGER, self.id)) == expected
        assert outcome(lambda: self.executions.report(STRANGER, self.id, report)) == expected

    @rule()
    def cancel(self) -> None:
        answer = outcome(lambda: self.executions.cancel(self.id, reach=EVERYWHERE))
        self._expect_cancelled(answer)

    @rule()
    def push(self) -> None:
        answer = self.executions.mark_pushed(self.id)
        if self.model is not None and self.model.status == "pending":
            self.model = replace(self.model, status="sent", is_sent=True)
        assert answer == (None if self.model is None else self.model.status)

    @rule()
    def expire(self) -> None:
        cursor = self.clean_up.expire_chunk(self.command_id, None)
        while cursor is not None:
            cursor = self.clean_up.expire_chunk(self.command_id, cursor)
        if self.model is not None and self.model.status in {"pending", "sent"}:
            self.model = replace(self.model, status="expired")

    @rule()
    def remove_the_node(self) -> None:
        assert self.clean_up.drop_open_of_node_chunk(NODE, None) is None
        if self.model is not None and self.model.status in {"pending", "sent"}:
            self.model = replace(self.model, status="dropped", is_cancelled=True)

    @rule()
    def delete(self) -> None:
        answer = outcome(lambda: self.executions.delete(self.id, reach=EVERYWHERE))
        if self.model is None:
            assert answer == refusal(not_found())
        elif self.model.status in FINAL:
            assert answer is None
            self.model = None
        else:
            assert answer == refusal(rules.delete_refused(Status(self.model.status)))

    @precondition(lambda self: self.model is not None)
    @rule(report=REPORTS)
    def a_result_overtakes_the_acknowledgement_that_a_cancel_was_about_to_find(self, report: Report) -> None:
        """The cancel finds the row sent, and before its second write the result arrives."""
        self.executions.mark_pushed(self.id)
        if self.model is not None and self.model.status == "pending":
            self.model = replace(self.model, status="sent", is_sent=True)
        if self.model is None or self.model.status != "sent":
            return

        def result_arrives() -> None:
            answer = outcome(lambda: self.executions.report(NODE, self.id, report).status.value)
            self._expect_reported(report, answer)

        self.fake.before_next(
            lambda: self.fake.before_next(result_arrives, operation="UpdateItem", table=EXECUTIONS),
            operation="UpdateItem",
            table=EXECUTIONS,
        )
        answer = outcome(lambda: self.executions.cancel(self.id, reach=EVERYWHERE))
        assert self.model is not None
        if self.model.status == "sent":
            self._expect_cancelled(answer)
        else:
            self._expect_refused_cancel(answer)

    @invariant()
    def the_row_is_as_the_model_says(self) -> None:
        item = self.fake.row(EXECUTIONS, {"id": self.id})
        if self.model is None:
            assert item is None
            return
        if item is None:  # before `create`
            return
        view = self.executions.get(self.id, reach=EVERYWHERE).execution
        assert view.status.value == self.model.status
        assert (view.exit_code, view.output) == (self.model.exit_code, self.model.output)
        assert (view.sent_at is not None) == self.model.is_sent
        assert (view.cancel_requested_at is not None) == self.model.is_cancel_requested
        assert (view.cancelled_at is not None) == self.model.is_cancelled
        assert (view.completed_at is not None) == self.model.is_completed
        assert item["status_shard"] == status_shard(view.status, shard_of(self.id))
        assert item.get("open_node_id") == (NODE if self.model.status in {"pending", "sent"} else None)
        assert self.executions.waiting_for(NODE, 1000).pending == ([self.id] if self.model.status == "pending" else [])

    def _expect_reported(self, report: Report, answer: Any) -> None:
        if self.model is None:
            assert answer == refusal(not_found())
        elif self.model.takes_result:
            self.model = self.model.reported(report)
            assert answer == self.model.status
        else:
            assert answer == refusal(rules.report_refused(Status(self.model.status), self.model.exit_code))

    def _expect_cancelled(self, answer: Any) -> None:
        if self.model is None:
            assert answer == refusal(not_found())
        elif self.model.status == "pending":
            assert answer is CancelResult.CANCELLED
            self.model = replace(self.model, status="cancelled", is_cancelled=True)
        elif self.model.status == "sent":
            assert answer is CancelResult.REQUESTED
            self.model = replace(self.model, is_cancel_requested=True)
        else:
            self._expect_refused_cancel(answer)

    def _expect_refused_cancel(self, answer: Any) -> None:
        assert self.model is not None
        assert answer == refusal(rules.cancel_refused(Status(self.model.status)))


ExecutionLife.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestExecutionLife = ExecutionLife.TestCase


def test_concurrent_transitions_have_one_winner_of_each_kind():
    """Two acknowledgements, two results, a cancel and the deadline, interleaved at every call."""
    for seed in range(20):
        life = ExecutionLife()
        life.create()
        life.fake.latency(0.001 * (seed % 5 + 1))
        result = Report(is_expired=False, exit_code=seed % 2 * 143)
        tasks = [
            lambda life=life: life.executions.acknowledge(NODE, life.id),
            lambda life=life, result=result: life.executions.report(NODE, life.id, result),
            lambda life=life: life.executions.cancel(life.id, reach=EVERYWHERE),
            lambda life=life, result=result: life.executions.report(NODE, life.id, result),
            lambda life=life: life.executions.acknowledge(NODE, life.id),
            lambda life=life: life.executions.mark_pushed(life.id),
        ]
        start = seed % len(tasks)
        outcomes = life.clock.run_together(tasks[start:] + tasks[:start])
        life.fake.latency(0)
        unexpected = [one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, EdgeError)]
        assert unexpected == []
        row = life.executions.get(life.id, reach=EVERYWHERE).execution
        accepted = sum(isinstance(one, Execution) for one in outcomes)
        assert accepted == 1
        assert row.status is (Status.CANCELLED if seed % 2 else Status.COMPLETED)
        written = sum(not isinstance(one, EdgeError | Status | None) for one in outcomes)
        is_pushed = row.sent_at is not None and not any(isinstance(one, AssignedExecution) for one in outcomes)
        assert row.version == 1 + written + is_pushed
