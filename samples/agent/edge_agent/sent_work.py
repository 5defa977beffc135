from datetime import timedelta

from edge_agent.agent_api import Listed
from edge_agent.asked import Asked
from edge_agent.clock import parse_time
from edge_agent.event_log import EventLog
from edge_agent.executor import Executor
from edge_agent.session import Session

# The server writes times without their fractions; the enrolment is known with its own.
WHOLE_SECOND = timedelta(seconds=1)


class SentWork:
    """Decides about executions that the server has given to this node, as its list `sent` shows them.

    Only that is run which this state directory has asked for (`Asked`). The rest is another machine's, and is only
    taken to report that an operator has cancelled it. It is reported, as perhaps run, where it can be nobody else's: it
    is older than this node's enrolment, or the journal that would name it was damaged.
    """

    def __init__(
        self, *, executor: Executor, asked: Asked, session: Session, record_is_damaged: bool, log: EventLog
    ) -> None:
        self._executor = executor
        self._asked = asked
        self._session = session
        self._record_is_damaged = record_is_damaged
        self._log = log
        self._of_others: set[str] = set()

    async def decide(self, item: Listed) -> None:
        """Raises UnavailableError where the disk takes nothing."""
        execution_id = item.work.id
        if self._executor.knows(execution_id):
            if item.cancel_requested and self._executor.is_unfinished(execution_id):
                self._executor.cancel(execution_id)
        # Agents before this one kept no such record.
        elif execution_id in self._asked or not self._asked.was_kept or item.cancel_requested:
            self._log.write("execution.fetched", execution_id=execution_id)
            await self.take(item)
        elif self._is_of_lost_record(item):
            self._log.write("execution.unrecorded", execution_id=execution_id)
            await self._executor.disclaim(execution_id)
        elif execution_id not in self._of_others:
            self._of_others.add(execution_id)
            self._log.write("execution.of_another", execution_id=execution_id)

    async def take(self, item: Listed) -> None:
        """Raises UnavailableError where the disk takes nothing."""
        await self._executor.take(item.work, cancelled=item.cancel_requested)
        self._asked.settled(item.work.id)

    def _is_of_lost_record(self, item: Listed) -> bool:
        if self._record_is_damaged:
            return True
        enrolled_at = parse_time(self._session.identity.enrolled_at)
        return item.inserted_at is not None and item.inserted_at + WHOLE_SECOND <= enrolled_at
