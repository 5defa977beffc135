"""`Pruning`: removes executions that are older than they are kept for, from the old end, one chunk a message."""

from datetime import timedelta

from chalicelib.fleet.commands.command_store import CommandStore
from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.store import SHARDS
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.ids import compose_uuid7, to_milliseconds
from chalicelib.kit.tables import Tables

ROWS_PER_CHUNK = 100
"""Rows that one message looks at: one BatchGet, and about a second of single writes."""


class Pruning:
    """Deletes old executions. ``retention`` is how long an execution is kept after its command was created; None keeps
    all. Final executions are deleted, open ones stay, however old. One that was cancelled or expired without a result
    can no longer receive one: the agent gets 404 and drops it.
    """

    def __init__(self, tables: Tables, clock: Clock, retention: timedelta | None) -> None:
        self._clock = clock
        self._retention = retention
        self._commands = CommandStore(tables)
        self._executions = ExecutionStore(tables)

    def shards(self) -> list[str]:
        """The independent parts of a run; none where pruning is off."""
        return [] if self._retention is None else [str(shard) for shard in range(SHARDS)]

    def prune_chunk(self, shard: str, cursor: str | None) -> str | None:
        """Prune the next executions of a shard; returns where the next chunk begins, None at the end. May be repeated.

        One whose command still has parts left is passed over: a repeated part would create and run it again.
        """
        if self._retention is None:
            return None
        now = self._clock.now()
        before = compose_uuid7(to_milliseconds(now - self._retention), 0)
        ids, has_more = self._executions.old_ids(int(shard), before, cursor, ROWS_PER_CHUNK)
        rows = [row for row in self._executions.get_many(ids) if row.is_final]
        unfinished = self._commands.unfinished(row.command_id for row in rows)
        for row in rows:
            if row.command_id not in unfinished:
                self._executions.prune(row.id, to_seconds_text(now))
        return ids[-1] if ids and has_more else None
