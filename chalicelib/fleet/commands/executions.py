"""`Executions`: the use cases of operators and agents. Every change of state is one conditional write."""

from collections.abc import Callable, Collection, Mapping, Sequence

from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.command_store import CommandStore
from chalicelib.fleet.commands.execution_store import ExecutionStore, RefusedError, StillCreatedError
from chalicelib.fleet.commands.model import (
    OPEN,
    AssignedExecution,
    CancelResult,
    Claim,
    Command,
    Execution,
    ExecutionView,
    Report,
    Status,
    Waiting,
)
from chalicelib.fleet.commands.part_store import Parts
from chalicelib.fleet.commands.reached_executions import ReachedExecutions, Within
from chalicelib.fleet.commands.rules import Transition
from chalicelib.fleet.commands.store import (
    ALL_EXECUTIONS,
    BY_CLUSTER,
    BY_COMMAND,
    BY_NODE,
    BY_OUTCOME,
    BY_STATUS,
    EXECUTIONS,
    execution_from_item,
    outcome_of_row,
    output_of,
)
from chalicelib.fleet.reach import EVERYWHERE, Reach, reached
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import EdgeError, forbidden, not_found
from chalicelib.kit.listing import (
    ALSO_IN,
    Choice,
    Flag,
    IsSet,
    Listing,
    ListPage,
    ListRequest,
    Lists,
    Moment,
    Number,
    Text,
    Uuid,
)
from chalicelib.kit.tables import Tables

FIELDS = {
    "status": Choice("status", offers=ALSO_IN),
    "outcome": Choice("outcome", read=outcome_of_row, reads=("status", "exit_code")),
    "target_all": Flag("target_all"),
    "exit_code": Number("exit_code"),
    "has_output": IsSet("output", "output_gz"),
    "output": Text("output", read=output_of, reads=("output", "output_gz")),
    "command_id": Uuid("command_id", offers=ALSO_IN),
    "node_id": Uuid("node_id", offers=ALSO_IN),
    "cluster_name": Text("node_cluster_name", offers=ALSO_IN),
    "has_cluster": IsSet("target_cluster_name"),
    "sent_at": Moment("sent_at"),
    "completed_at": Moment("completed_at"),
    "cancelled_at": Moment("cancelled_at"),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}

SORTABLE = ("status", "exit_code", "sent_at", "completed_at", "cancelled_at", "inserted_at", "updated_at")

_BY_TIME = "inserted_at"

_LIST = Listing(
    EXECUTIONS, fields=FIELDS, sources=(BY_COMMAND, BY_NODE, BY_CLUSTER, BY_STATUS, BY_OUTCOME, ALL_EXECUTIONS)
)


class Executions:
    """Reads executions together with their commands, and moves them from state to state."""

    def __init__(self, tables: Tables, clock: Clock, lists: Lists, within: Within) -> None:
        self._tables = tables
        self._clock = clock
        self._lists = lists
        self._reached_executions = ReachedExecutions(lists, Parts(tables, within), within, _LIST)
        self._commands = CommandStore(tables)
        self._executions = ExecutionStore(tables)

    def get(self, execution_id: str, *, reach: Reach) -> ExecutionView:
        """The execution. Raises `EdgeError` (not found)."""
        return self._with_commands([self._reached(execution_id, reach)])[0]

    def list_page(self, request: ListRequest, *, reach: Reach) -> ListPage[ExecutionView]:
        """One page; raises as `Lists.page` does."""
        page = self._page(request, reach)
        return page.showing(self._with_commands(page.items))

    def cancel(self, execution_id: str, *, reach: Reach) -> CancelResult:
        """Cancel at once if no agent has it, otherwise ask the agent. Raises `EdgeError` (not found, conflict).

        Asking again asks the agent again.
        """
        if not reach.is_everywhere:
            self._reached(execution_id, reach)
        now = self._now()
        try:
            self._executions.apply(execution_id, rules.cancel(now), now)
        except RefusedError as error:
            if error.current is None or error.current.status is not Status.SENT:
                raise _refusal(error.current, rules.cancel_refused) from error
        else:
            return CancelResult.CANCELLED
        try:
            self._executions.apply(execution_id, rules.request_cancel(now), now)
        except RefusedError as error:
            raise _refusal(error.current, rules.cancel_refused) from error
        return CancelResult.REQUESTED

    def delete(self, execution_id: str, *, reach: Reach) -> None:
        """Delete a final execution. Raises `EdgeError` (not found, conflict, service unavailable)."""
        execution = self._reached(execution_id, reach)
        try:
            self._executions.delete(execution, is_young=self._now() < rules.looked_at_until(execution.inserted_at))
        except StillCreatedError as error:
            raise rules.delete_refused_while_created() from error
        except RefusedError as error:
            # Deleted since it was read, which is the intended result.
            if error.current is not None:
                raise rules.delete_refused(error.current.status) from error

    def for_agent(self, node_id: str, status: Status, request: ListRequest) -> ListPage[AssignedExecution]:
        """The node's own executions in one status; with nothing to do, one call."""
        if status in OPEN and all(name == _BY_TIME for name, _ in request.order):
            return self._open_for_agent(node_id, status, request)
        filters = {"node_id": node_id, "status": status.value}
        page = self._page(ListRequest(request.page, request.page_size, request.order, filters), EVERYWHERE)
        assigned = [_assigned(view) for view in self._with_commands(page.items)]
        return page.showing([row for row in assigned if row is not None])

    def acknowledge(self, node_id: str, execution_id: str) -> AssignedExecution:
        """Mark as received by the agent: pending becomes sent, once. Raises `EdgeError` (not found, forbidden,
        conflict)."""
        now = self._now()

        def refused(current: Execution) -> EdgeError:
            return rules.acknowledge_refused(current.status)

        execution = self._apply_for(node_id, execution_id, rules.acknowledge(now), now, refused)
        assigned = _assigned(self._with_commands([execution])[0])
        if assigned is None:
            # Its command is being removed: the agent drops it, the clean-up ends it.
            raise not_found()
        return assigned

    def claim(self, node_id: str, execution_ids: Sequence[str]) -> Claim:
        """`acknowledge` of several: each is one conditional write. An execution of a command that is being removed
        counts as gone."""
        now, sent, refused = self._now(), list[Execution](), dict[str, Status | None]()
        for row_id in dict.fromkeys(execution_ids):
            try:
                sent.append(self._executions.apply(row_id, rules.acknowledge(now), now, node_id=node_id))
            except RefusedError as error:
                current = error.current
                refused[row_id] = None if current is None or current.node_id != node_id else current.status
        views = self._with_commands(sent)
        gone = [view.execution.id for view in views if _assigned(view) is None]
        acknowledged = [row.id for row in sent if row.id not in gone]
        return Claim(acknowledged, {**refused, **dict.fromkeys(gone)})

    def report(self, node_id: str, execution_id: str, result: Report) -> Execution:
        """Store the agent's result, once; also a late one. Raises `EdgeError` (not found, forbidden, conflict)."""
        now = self._now()

        def refused(current: Execution) -> EdgeError:
            return rules.report_refused(current.status, current.exit_code)

        return self._apply_for(node_id, execution_id, rules.report(result, now), now, refused)

    def mark_pushed(self, execution_id: str) -> Status | None:
        """Mark as received by push: pending becomes sent, as with `acknowledge`. Returns the new status, None if it is
        gone."""
        now = self._now()
        try:
            return self._executions.apply(execution_id, rules.acknowledge(now), now).status
        except RefusedError as error:
            return None if error.current is None else error.current.status

    def waiting_for(self, node_id: str, most: int) -> Waiting:
        """The ids of the executions that wait for a node and of those that it should cancel, oldest first, from the
        index. It stops at the page with which ``most`` waiting ones are found: cancellations behind them are found when
        the node has taken those.
        """
        waiting = Waiting([], [])
        for page in self._executions.open_pages_of_node(node_id, most):
            asked = [row for row in page if row["status"] == Status.SENT.value and row.get("cancel_requested_at")]
            waiting.to_cancel.extend(str(row["id"]) for row in asked)
            waiting.pending.extend(str(row["id"]) for row in page if row["status"] == Status.PENDING.value)
            if len(waiting.pending) >= most:
                break
        return waiting

    def details_of(self, execution_ids: Sequence[str]) -> list[ExecutionView]:
        """Executions and their commands, for a delivery; those that do not exist are left out."""
        return self._with_commands(self._executions.get_many(execution_ids))

    def pending_among(self, execution_ids: Sequence[str]) -> set[str]:
        """The ids of those that no agent has taken yet."""
        return {row.id for row in self._executions.get_many(execution_ids) if row.status is Status.PENDING}

    def commands_to_run(self, command_ids: Collection[str]) -> Mapping[str, Command]:
        """Those of these commands that agents may still begin, by id: they exist, and their deadline has not passed."""
        now, found = self._now(), self._commands.get_many(command_ids)
        return {row_id: each for row_id, each in found.items() if not (each.is_deleted or each.is_expired_at(now))}

    def to_push(self, execution_ids: Sequence[str]) -> list[ExecutionView]:
        """The executions that an agent should still get: pending ones of an existing command whose deadline has not
        passed."""
        now = self._now()
        return [view for view in self.details_of(execution_ids) if _is_waiting(view, now)]

    def _reached(self, execution_id: str, reach: Reach) -> Execution:
        """The execution. An execution stays with the cluster that its node was in when it was made. Raises `EdgeError`
        (not found)."""
        return reached(self._executions.get(execution_id), reach)

    def _page(self, request: ListRequest, reach: Reach) -> ListPage[Execution]:
        if reach.is_everywhere:
            return self._lists.page(_LIST, request).map(execution_from_item)
        return self._reached_executions.page(request, reach).map(execution_from_item)

    def _open_for_agent(self, node_id: str, status: Status, request: ListRequest) -> ListPage[AssignedExecution]:
        rows = [row for row in self._executions.open_of_node(node_id) if row["status"] == status.value]
        if request.order and request.order[0][1]:
            rows.reverse()
        shown = rows[request.offset : request.offset + request.page_size]
        commands = self._commands.get_many([str(row["command_id"]) for row in shown])
        items = []
        for row in shown:
            command = commands.get(str(row["command_id"]))
            requested_at = row.get("cancel_requested_at")
            # For a deleted command, only running executions are shown, so that they can be stopped: waiting ones are
            # being cancelled.
            if command is not None and not (command.is_deleted and status is Status.PENDING):
                requested = requested_at if isinstance(requested_at, str) else None
                items.append(AssignedExecution(str(row["id"]), command, status, requested, command.inserted_at))
        return ListPage(items, request.page, request.page_size, len(rows))

    def _apply_for(
        self,
        node_id: str,
        execution_id: str,
        transition: Transition,
        now: str,
        refused: Callable[[Execution], EdgeError],
    ) -> Execution:
        """One conditional write for the node that owns the row; the row that refused it explains why."""
        try:
            return self._executions.apply(execution_id, transition, now, node_id=node_id)
        except RefusedError as error:
            if error.current is not None and error.current.node_id != node_id:
                raise forbidden() from error
            raise not_found() if error.current is None else refused(error.current) from error

    def _with_commands(self, executions: Sequence[Execution]) -> list[ExecutionView]:
        commands: dict[str, Command] = {}
        if executions:
            commands = self._commands.get_many([row.command_id for row in executions])
        return [ExecutionView(row, commands.get(row.command_id)) for row in executions]

    def _now(self) -> str:
        return to_seconds_text(self._clock.now())


def _is_waiting(view: ExecutionView, now: str) -> bool:
    command = view.command
    stands = command is not None and not command.is_deleted and not command.is_expired_at(now)
    return stands and view.execution.status is Status.PENDING


def _assigned(view: ExecutionView) -> AssignedExecution | None:
    """The execution for the agent; None if there is nothing left to run."""
    row = view.execution
    if view.command is None or view.command.is_deleted:
        return None
    return AssignedExecution(row.id, view.command, row.status, row.cancel_requested_at, row.inserted_at)


def _refusal(current: Execution | None, refused: Callable[[Status], EdgeError]) -> EdgeError:
    return not_found() if current is None else refused(current.status)
