"""`PartCancel`: cancels what is open of a command in one cluster, for a caller who does not reach the rest of it."""

from collections.abc import Iterable
from contextlib import suppress

from chalicelib.fleet.clusters.model import Identified
from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.execution_store import ExecutionStore, RefusedError
from chalicelib.fleet.commands.model import Status
from chalicelib.fleet.commands.part_store import page_of_part, part_cancelled
from chalicelib.fleet.commands.queues import TIMELY_WORK
from chalicelib.fleet.commands.store import SHARDS
from chalicelib.kit import tasks
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.cursors import StepCursor
from chalicelib.kit.errors import not_found
from chalicelib.kit.queues import Message
from chalicelib.kit.tables import (
    NO_RESULT,
    TRANSACTION_LIMIT,
    Tables,
    TransactionFailedError,
    Write,
)

TASK = "cancel_part"
"""The kind of the task; its arguments name the cluster."""

ROWS_PER_CHUNK = 100

_AT_ONCE = TRANSACTION_LIMIT - 2
"""Places are left for the command's own row and for the record of a repeatable request."""


class PartCancel:
    """Asks for the task, and does it chunk by chunk. It makes two passes, the second when indexes have caught up;
    executions that are created after that go on. May be repeated."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        self._executions = ExecutionStore(tables)

    def ask(self, command_id: str, clusters: Iterable[Identified]) -> None:
        """Begin to cancel what is open of the command in these clusters: a task each, and a note in the row of its
        fan-out, which tells who asked. Raises `EdgeError` (not found)."""
        now = self._clock.now()
        asked = [
            tasks.ask(TASK, command_id, now, queue=TIMELY_WORK, cluster_id=cluster.id, cluster_name=cluster.name)
            for cluster in clusters
        ]
        for start in range(0, len(asked), _AT_ONCE):
            some: list[Write] = [*asked[start : start + _AT_ONCE]]
            is_last = start + _AT_ONCE >= len(asked)
            some.append(part_cancelled(command_id, to_seconds_text(now)))
            try:
                self._tables.commit(some, "fan_out.part_cancel_requested", result=None if is_last else NO_RESULT)
            except TransactionFailedError as error:
                raise not_found() from error

    def chunk(self, message: Message) -> str | None:
        """Cancel the next executions; returns the next cursor, None at the end."""
        here, now = StepCursor.parse(message.get("cursor")), to_seconds_text(self._clock.now())
        since = message.get("asked_at") or now
        page = page_of_part(
            self._tables, message["id"], message["cluster_name"], here.step, here.within, ROWS_PER_CHUNK
        )
        for row in self._executions.get_many([str(item["id"]) for item in page.items]):
            if row.command_id == message["id"] and row.node_cluster_id == message["cluster_id"] and not row.is_final:
                cancel_or_ask(self._executions, row.id, now, since)
        following = here.after(None if page.last_key is None else str(page.last_key["id"]))
        return following.text() if following.step < SHARDS else None


def cancel_or_ask(executions: ExecutionStore, execution_id: str, now: str, since: str) -> None:
    """Cancel an execution, or ask its agent to stop it if an agent has it by now and was not asked since then."""
    try:
        executions.apply(execution_id, rules.cancel(now), now)
    except RefusedError as error:
        if error.current is not None and error.current.status is Status.SENT:
            # Refused: it has been asked or ended since.
            with suppress(RefusedError):
                executions.apply(execution_id, rules.request_cancel_once(now, since), now)
