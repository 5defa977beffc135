"""`FanOuts`: turns a command into executions, part by part and chunk by chunk, and notices what was left undone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from chalicelib.clusters.service import Clusters
from chalicelib.commands.command_store import CommandStore
from chalicelib.commands.execution_store import ExecutionStore, FanOutEndedError
from chalicelib.commands.model import Command, Execution, FanOut, FanOutChunk, Status
from chalicelib.commands.store import execution_id
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.queues import Message, Queue
from chalicelib.kit.redrive import look_again_at
from chalicelib.kit.tables import Tables
from chalicelib.nodes.model import TargetNode, TargetPage
from chalicelib.nodes.service import Nodes
from chalicelib.targeting import selection
from chalicelib.targeting.model import WHOLE_FLEET, TargetType, is_shard

CHUNK = 99
"""Executions in one transaction: DynamoDB's 100 writes less the check that the command still has parts left."""

MOST_A_SECOND = 3000
"""Executions of one fan-out, all its parts together. Each writes a unit to one of 4 keys of every index, and DynamoDB
lets a key take 1,000 a second (developer guide, "quotas"): a quarter is left for what agents report meanwhile."""

WORKERS_AT_MOST = 20
"""Parts of a fan-out that are worked on at the same time: the concurrency of the queue."""

MOST_OF_A_SHARD = 3 * CHUNK
"""Nodes of each shard up to which one message does for the whole fleet: about a thousand in all."""

_DROPPED = FanOutChunk()

Tell = Callable[[Mapping[str, Sequence[str]]], None]
"""Takes what has been created: node id -> execution ids."""

Work = tuple[Queue, list[Message]]
"""Messages that a sweep asks for."""


class Pace:
    """Lets something happen at most so often."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._interval = timedelta(seconds=seconds)
        self._next = clock.now()

    def keep(self) -> None:
        """Wait until it is time again."""
        early = (self._next - self._clock.now()).total_seconds()
        if early > 0:
            self._clock.sleep(early)
        self._next = self._clock.now() + self._interval


class FanOuts:
    """Any method may be repeated at any point, also late and beside itself: the rows that result are the same."""

    def __init__(self, tables: Tables, clock: Clock, nodes: Nodes, clusters: Clusters) -> None:
        self._clock = clock
        self._nodes = nodes
        self._clusters = clusters
        self._commands = CommandStore(tables)
        self._executions = ExecutionStore(tables)

    def create_chunk(self, command_id: str, part: str, cursor: str | None, tell: Tell) -> FanOutChunk:
        """Create the next executions of a part, or of the whole fleet. ``tell`` hears of them at once if they are few:
        of many, all hear by the change stream at the same time, while the rest is created.

        The caller queues what follows and finishes what has ended. Dropped: a message for a part that is finished, or
        for a deleted command. A command whose deadline has come gets no further executions.
        """
        command, fan_out = self._commands.with_fan_out(command_id)
        parts = _meant(part, fan_out)
        if command is None or command.is_deleted or fan_out is None or not parts:
            return _DROPPED
        now = to_seconds_text(self._clock.now())
        if command.is_expired_at(now):
            return FanOutChunk(ended=parts, fan_out=fan_out)
        page = self._page(command, part, cursor)
        if page is None:
            return FanOutChunk(following=tuple((shard, None) for shard in sorted(parts)))
        chosen = selection.select(page.nodes, command.targeting, self._nodes, self._clusters)
        executions = [_pending(command, node, fan_out.target_cluster_name, now) for node in chosen]
        workers = 1 if part == WHOLE_FLEET else min(len(fan_out.parts), WORKERS_AT_MOST)
        pace = Pace(self._clock, CHUNK * workers / MOST_A_SECOND)
        try:
            for start in range(0, len(executions), CHUNK):
                pace.keep()
                created = self._executions.create(command_id, executions[start : start + CHUNK])
                if created and len(executions) <= CHUNK:
                    tell({row.node_id: [row.id] for row in created})
        except FanOutEndedError:
            return _DROPPED
        if page.cursor is not None:
            return FanOutChunk(following=((part, page.cursor),))
        return FanOutChunk(ended=parts, fan_out=fan_out)

    def finish(self, chunk: FanOutChunk) -> None:
        """Note that every execution of the parts exists that ended with the chunk. With the last part the deadline
        becomes due."""
        if chunk.fan_out is not None:
            self._commands.remove_parts(chunk.fan_out, chunk.ended)

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
        if not self._commands.postpone(fan_out, look_again_at(now, fan_out.sweeps)):
            return None
        command_id = fan_out.command_id
        if fan_out.parts:
            parts = sorted(fan_out.parts)
            return Queue.EXECUTION_CREATION, [{"command_id": command_id, "part": part} for part in parts]
        return Queue.CLEAN_UP, [{"kind": _pass_of(fan_out), "id": command_id}]

    def _page(self, command: Command, part: str, cursor: str | None) -> TargetPage | None:
        """The next nodes, before filters; None for a whole fleet that is too large for one message."""
        if part != WHOLE_FLEET:
            return selection.page_of_part(self._nodes, command.targeting, part, cursor, command.inserted_at)
        fleet = self._nodes.whole_fleet(MOST_OF_A_SHARD, command.inserted_at)
        return None if fleet is None else TargetPage(fleet, None)


def _meant(part: str, fan_out: FanOut | None) -> frozenset[str]:
    """The parts that are left of what a message is for."""
    left = frozenset[str]() if fan_out is None else fan_out.parts
    return frozenset(name for name in left if name == part or (part == WHOLE_FLEET and is_shard(name)))


def _pass_of(fan_out: FanOut) -> str:
    """Which pass over the executions is due once no part is left."""
    if fan_out.deleted_at is not None:
        return "command"
    return "expire_command" if fan_out.cancel_requested_at is None else "cancel_command"


def _pending(command: Command, node: TargetNode, target_cluster_name: str | None, now: str) -> Execution:
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
