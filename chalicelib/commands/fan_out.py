"""`FanOuts`: turns a command into executions, part by part and chunk by chunk, and notices what was left undone."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from chalicelib.clusters.service import Clusters
from chalicelib.commands.command_store import CommandStore
from chalicelib.commands.execution_store import ExecutionStore, FanOutEndedError
from chalicelib.commands.model import Command, Execution, FanOut, FanOutChunk, Status
from chalicelib.commands.store import execution_id
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.queues import Message, Queue
from chalicelib.kit.tables import Tables
from chalicelib.nodes.model import Node
from chalicelib.nodes.service import Nodes
from chalicelib.targeting import selection
from chalicelib.targeting.model import TargetType

CHUNK = 99
"""Executions in one transaction: DynamoDB's 100 writes less the check that the command still has parts left."""

PAGES_PER_MESSAGE = 10
"""Pages of nodes that a message may read before filters leave it a chunk: bounds its time."""

SWEEP_INTERVAL = timedelta(seconds=60)
LONGEST_SWEEP_INTERVAL = timedelta(seconds=900)
"""Unfinished work is queued again after 1, 2, 4, 8 and then every 15 minutes: a large fan-out that is merely under way
is not multiplied."""

_MOST_DOUBLINGS = 4

_DROPPED = FanOutChunk({}, None, ends_part=False)
_ENDED = FanOutChunk({}, None, ends_part=True)

Work = tuple[Queue, list[Message]]
"""Messages that a sweep asks for."""


class FanOuts:
    """Any method may be repeated at any point, also late and beside itself: the rows that result are the same."""

    def __init__(self, tables: Tables, clock: Clock, nodes: Nodes, clusters: Clusters) -> None:
        self._clock = clock
        self._nodes = nodes
        self._clusters = clusters
        self._commands = CommandStore(tables)
        self._executions = ExecutionStore(tables)

    def create_chunk(self, command_id: str, part: str, cursor: str | None) -> FanOutChunk:
        """Create the next executions of a part. The caller queues the chunk's cursor, or finishes the part.

        Dropped: a message for a part that is finished, or for a deleted command. A command whose deadline has come
        gets no further executions.
        """
        command, fan_out = self._commands.with_fan_out(command_id)
        if command is None or command.is_deleted or fan_out is None or part not in fan_out.parts:
            return _DROPPED
        now = to_seconds_text(self._clock.now())
        if command.is_expired_at(now):
            return _ENDED
        chosen, cursor = self._chosen(command, part, cursor)
        executions = [_pending(command, node, fan_out.target_cluster_name, now) for node in chosen]
        created: dict[str, list[str]] = {}
        try:
            for start in range(0, len(executions), CHUNK):
                for row in self._executions.create(command_id, executions[start : start + CHUNK]):
                    created[row.node_id] = [row.id]
        except FanOutEndedError:
            return _DROPPED
        return FanOutChunk(created, cursor, ends_part=cursor is None)

    def finish_part(self, command_id: str, part: str) -> None:
        """Note that every execution of a part exists. With the last part the deadline becomes due."""
        self._commands.remove_part(command_id, part)

    def due_work(self, limit: int) -> Iterator[list[Work]]:
        """What sweeps have to queue now, at most ``limit`` commands, page by page.

        Each is put off before it is handed out: work that is lost on the way comes up again after the interval.
        """
        now = self._clock.now()
        taken = 0
        for rows in self._commands.due_pages(to_seconds_text(now)):
            yield [work for row in rows[: limit - taken] if (work := self._claim(row, now)) is not None]
            taken += len(rows)
            if taken >= limit:
                return

    def _claim(self, fan_out: FanOut, now: datetime) -> Work | None:
        interval = min(SWEEP_INTERVAL * 2 ** min(fan_out.sweeps, _MOST_DOUBLINGS), LONGEST_SWEEP_INTERVAL)
        if not self._commands.postpone(fan_out, to_seconds_text(now + interval)):
            return None
        command_id = fan_out.command_id
        if fan_out.parts:
            parts = sorted(fan_out.parts)
            return Queue.EXECUTION_CREATION, [{"command_id": command_id, "part": part} for part in parts]
        return Queue.CLEAN_UP, [{"kind": _pass_of(fan_out), "id": command_id}]

    def _chosen(self, command: Command, part: str, cursor: str | None) -> tuple[list[Node], str | None]:
        """The next nodes that the filters leave, about a chunk of them, and where to go on."""
        chosen: list[Node] = []
        for _ in range(PAGES_PER_MESSAGE):
            page = selection.page_of_part(self._nodes, command.targeting, part, cursor, command.inserted_at)
            chosen += selection.select(page.nodes, command.targeting, self._nodes, self._clusters)
            cursor = page.cursor
            if cursor is None or len(chosen) >= CHUNK:
                break
        return chosen, cursor


def _pass_of(fan_out: FanOut) -> str:
    """Which pass over the executions is due once no part is left."""
    if fan_out.deleted_at is not None:
        return "command"
    return "expire_command" if fan_out.cancel_requested_at is None else "cancel_command"


def _pending(command: Command, node: Node, target_cluster_name: str | None, now: str) -> Execution:
    return Execution(
        id=execution_id(command.id, node.id),
        command_id=command.id,
        node_id=node.id,
        node_cluster_id=node.cluster_id,
        node_cluster_name=node.cluster_name,
        target_cluster_name=target_cluster_name,
        target_all=command.targeting.type is TargetType.ALL,
        status=Status.PENDING,
        inserted_at=command.inserted_at,
        updated_at=now,
    )
