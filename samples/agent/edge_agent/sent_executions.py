from datetime import timedelta

from edge_agent.acknowledgements import Acknowledgements
from edge_agent.agent_api import ListedExecution
from edge_agent.event_log import EventLog
from edge_agent.executor import Executor
from edge_agent.session import Session
from edge_agent.times import parse_time

# The server's times are whole seconds; the time of enrolment has fractions.
WHOLE_SECOND = timedelta(seconds=1)


class SentExecutions:
    """Decides what to do with the executions in the server's `sent` list, which it has given to this node.

    An execution is run only if this state directory acknowledged it (`Acknowledgements`) or accepted it before. Any
    other one belongs to another machine, and is accepted only if an operator has cancelled it, to report that. An
    execution that cannot belong to another machine, because it is older than this node's enrolment or the journal was
    damaged, is reported as possibly run, and the result of one that the server has forgotten is reported again.
    """

    def __init__(
        self,
        *,
        executor: Executor,
        acknowledgements: Acknowledgements,
        session: Session,
        record_is_damaged: bool,
        log: EventLog,
    ) -> None:
        self._executor = executor
        self._acknowledgements = acknowledgements
        self._session = session
        self._record_is_damaged = record_is_damaged
        self._log = log
        self._of_others: set[str] = set()

    async def decide(self, item: ListedExecution) -> None:
        """Run, report, cancel or ignore an execution. Raises `UnavailableError` if the state cannot be written."""
        execution_id = item.work.id
        if self._executor.knows(execution_id):
            if item.cancel_requested and self._executor.is_unfinished(execution_id):
                self._executor.cancel(execution_id)
            if self._executor.is_forgotten(execution_id):
                await self._executor.report_again(execution_id)
        elif self._is_given(execution_id) or item.cancel_requested:
            self._log.write("execution.fetched", execution_id=execution_id)
            await self.accept(item)
        elif self._record_is_lost(item):
            self._log.write("execution.unrecorded", execution_id=execution_id)
            await self._executor.report_unrecorded(execution_id)
        elif execution_id not in self._of_others:
            self._of_others.add(execution_id)
            self._log.write("execution.of_another", execution_id=execution_id)

    async def accept(self, item: ListedExecution) -> None:
        """Give a listed execution to the executor, and forget its acknowledgement. Raises `UnavailableError` if the
        state cannot be written."""
        await self._executor.accept(item.work, cancelled=item.cancel_requested)
        self._acknowledgements.forget(item.work.id)

    def _is_given(self, execution_id: str) -> bool:
        if execution_id in self._acknowledgements or execution_id in self._executor.recovered:
            return True
        # Early versions kept no record of acknowledgements.
        return not self._acknowledgements.was_kept

    def _record_is_lost(self, item: ListedExecution) -> bool:
        if self._record_is_damaged:
            return True
        enrolled_at = parse_time(self._session.identity.enrolled_at)
        return item.inserted_at is not None and item.inserted_at + WHOLE_SECOND <= enrolled_at
