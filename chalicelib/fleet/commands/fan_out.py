"""`FanOuts`: turns a command into executions, part by part and page by page, and finds unfinished work."""

from collections.abc import Iterator
from datetime import datetime

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.commands.command_store import CommandStore
from chalicelib.fleet.commands.creation import Creation, Tell, transactions_per_page
from chalicelib.fleet.commands.model import Command
from chalicelib.fleet.commands.queues import EXECUTION_CREATION, queue_of_pass
from chalicelib.fleet.commands.rollout import ROLLOUT, RolloutState
from chalicelib.fleet.commands.target_pages import TargetPages
from chalicelib.fleet.commands.undone import (
    LOOK,
    PARTS_ARE_LEFT,
    FanOut,
    FanOutChunk,
    due_of,
    part_message,
    pass_message,
)
from chalicelib.fleet.nodes.model import TargetPage
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.targeting import selection
from chalicelib.fleet.targeting.fan_out import CHUNK
from chalicelib.fleet.targeting.model import WHOLE_FLEET, is_shard
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.queues import Message, Queue
from chalicelib.kit.redrive import claim_due, look_again_at
from chalicelib.kit.tables import Tables

WORKERS_AT_MOST = 20
"""The number of parts that are processed concurrently: the concurrency of the queue."""

MOST_OF_A_SHARD = 3 * CHUNK
"""The nodes per shard up to which one message processes the whole fleet: about a thousand in all."""

_DROPPED = FanOutChunk()

Work = tuple[Queue, list[Message]]
"""The maximum of messages per sweep."""


class FanOuts:
    """Creates the executions of a command, part by part. Every method is idempotent: it may be repeated at any point,
    late or concurrently, with the same resulting rows."""

    def __init__(self, tables: Tables, clock: Clock, nodes: NodeReader, clusters: Clusters) -> None:
        self._clock = clock
        self._nodes = nodes
        self._clusters = clusters
        self._commands = CommandStore(tables)
        self._creation = Creation(tables, clock)
        self._targets = TargetPages(tables, nodes)

    def create_chunk(self, command_id: str, part: str, cursor: str | None, tell: Tell) -> FanOutChunk:
        """Create the next executions of a part, or of the whole fleet. ``tell`` is called with them at once if they are
        few; many are announced by the change stream while the rest is created. The caller continues with the remaining
        work and finishes the ended parts. A message for a finished part, or for a deleted command, is dropped. A
        command whose deadline has passed gets no further executions.
        """
        command, fan_out = self._commands.with_fan_out(command_id)
        parts = _meant(part, fan_out)
        if command is None or command.is_deleted or fan_out is None or not parts:
            return _DROPPED
        if command.is_expired_at(to_seconds_text(self._clock.now())):
            return FanOutChunk(ended=parts, fan_out=fan_out)
        workers = 1 if part == WHOLE_FLEET else min(len(fan_out.parts), WORKERS_AT_MOST)
        page = self._page(command, part, cursor, workers)
        if page is None:
            return FanOutChunk(split=tuple(sorted(parts)))
        chosen = selection.select(page.nodes, command.targeting, self._nodes, self._clusters)
        if not self._creation.create(command, fan_out, chosen, tell, workers=workers):
            return _DROPPED
        if page.cursor is not None:
            return FanOutChunk(cursor=page.cursor)
        return FanOutChunk(ended=parts, fan_out=fan_out)

    def park(self, command_id: str, part: str, before: str | None, cursor: str) -> bool:
        """Store the cursor of a part that a message started at ``before``: the change stream leads to the next message.
        False if another message is ahead of this one, or the part is finished."""
        return self._commands.park(command_id, part, before, {part: cursor}, self._clock.now())

    def finish(self, chunk: FanOutChunk) -> None:
        """Store that all executions of the parts that ended with the chunk exist. After the last part, nodes that an
        index may have hidden are searched (`Looking`), and then the deadline becomes due."""
        if chunk.fan_out is not None:
            rollout = chunk.fan_out.rollout
            if rollout is None:
                to_look_at = {part for part in chunk.ended if selection.may_miss(part)}
            else:
                to_look_at = {ROLLOUT} if rollout.may_hide and rollout.state is RolloutState.FINISHED else set()
            self._commands.remove_parts(chunk.fan_out, chunk.ended, self._clock.now(), to_look_at=to_look_at)

    def due_work(self, limit: int) -> Iterator[list[Work]]:
        """The commands that a sweep has to queue now, at most ``limit``, page by page. The due time of each is moved
        before it is returned: if its message is lost, it comes up again after the interval.
        """
        now = self._clock.now()
        return claim_due(self._commands.due_pages(to_seconds_text(now)), lambda row: self._claim(row, now), limit)

    def _claim(self, fan_out: FanOut, now: datetime) -> list[Work]:
        due, command_id = due_of(fan_out, to_seconds_text(now)), fan_out.command_id
        if due is None:
            self._commands.rest(fan_out)
            return []
        again = look_again_at(now, fan_out.sweeps)
        if fan_out.rollout is not None and fan_out.deadline is not None and fan_out.deadline > to_seconds_text(now):
            again = min(again, fan_out.deadline)
        if not self._commands.postpone(fan_out, again):
            return []
        if due == PARTS_ARE_LEFT:
            parts = sorted(fan_out.parts)
            return [(EXECUTION_CREATION, [part_message(command_id, part, fan_out.cursors) for part in parts])]
        if due == LOOK:
            return [(EXECUTION_CREATION, [part_message(command_id, LOOK, fan_out.cursors)])]
        shares = fan_out.shares_of(due) or [due]
        return [(queue_of_pass(due), [pass_message(command_id, share, fan_out.cursors) for share in shares])]

    def _page(self, command: Command, part: str, cursor: str | None, workers: int) -> TargetPage | None:
        """The next nodes, before filters; None for a whole fleet that is too large for one message."""
        if part != WHOLE_FLEET:
            size = CHUNK * transactions_per_page(workers, selection.SLICE // CHUNK)
            return self._targets.page(command, part, cursor, size)
        return selection.whole_fleet(self._nodes, command.targeting, MOST_OF_A_SHARD, command.inserted_at)


def _meant(part: str, fan_out: FanOut | None) -> frozenset[str]:
    """The remaining parts of a message's work."""
    left = frozenset[str]() if fan_out is None else fan_out.parts
    return frozenset(name for name in left if name == part or (part == WHOLE_FLEET and is_shard(name)))
