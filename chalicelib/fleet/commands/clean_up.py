"""`CleanUp`: passes over the executions of a command or a node, chunk by chunk.

A pass finds rows by an index, which lags. So two passes over a command are made: one at once, and one after every index
has caught up; only then is nothing due. A cancellation makes a third one in between.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.cancelling import cancel_or_ask
from chalicelib.fleet.commands.command_store import CommandStore
from chalicelib.fleet.commands.execution_store import ExecutionStore, RefusedError
from chalicelib.fleet.commands.model import OPEN, Status
from chalicelib.fleet.commands.rollout_store import RolloutStore
from chalicelib.fleet.commands.store import SHARDS, inserted_at_of
from chalicelib.fleet.commands.undone import CANCEL, DELETE, EXPIRE, FanOut, pass_of
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.redrive import SETTLE, SETTLE_SOON
from chalicelib.kit.tables import Item, Tables

ROWS_PER_CHUNK = 100
"""Rows that one chunk changes or deletes: about a second of single writes."""

ROWS_READ_PER_CHUNK = 1000
"""Index rows that one chunk reads if few need a write."""


@dataclass(frozen=True)
class _Position:
    """The cursor of a pass: ``began_at/shard/last id``; with ``…/share`` it ends after this shard, as a share of a pass
    does."""

    began_at: str
    shard: int = 0
    after: str = ""
    is_share: bool = False

    def __str__(self) -> str:
        return "/".join((self.began_at, str(self.shard), self.after, *(("share",) if self.is_share else ())))


def _position_of(cursor: str | None, now: str) -> _Position:
    if cursor is None:
        return _Position(now)
    began_at, shard, after, *share = cursor.split("/")
    return _Position(began_at, int(shard), after, is_share=bool(share))


def _shares(kind: str, position: _Position) -> dict[str, str]:
    """The rest of a pass, shard by shard."""
    following = [_Position(position.began_at, shard) for shard in range(position.shard + 1, SHARDS)]
    return {f"{kind}#{each.shard}": str(replace(each, is_share=True)) for each in (position, *following)}


class CleanUp:
    """Expires, cancels and deletes the executions of a command in chunks. Each method does one chunk and returns the
    cursor of the next, None at the end. All may be repeated."""

    def __init__(self, tables: Tables, clock: Clock, nodes: NodeReader) -> None:
        self._clock = clock
        self._nodes = nodes
        self._commands = CommandStore(tables)
        self._executions = ExecutionStore(tables)
        self._rollouts = RolloutStore(tables)

    def park(self, command_id: str, name: str, before: str | None, cursor: str) -> bool:
        """Store the cursor of a pass, or of a share of one (``name``), that a message started at ``before``: the change
        stream leads to the next messages. A whole pass is divided into shares, whose shards run concurrently. Returns
        False if another message is ahead of this one, or no work is left."""
        now = self._clock.now()
        is_share = name != pass_of(name)
        following = {name: cursor} if is_share else _shares(name, _position_of(cursor, to_seconds_text(now)))
        return self._commands.park(command_id, name, before, following, now)

    def expire_chunk(self, command_id: str, cursor: str | None) -> str | None:
        """Expire open executions after the command's deadline. Does nothing while executions are still being
        created."""
        command, fan_out = self._commands.with_fan_out(command_id)
        now = to_seconds_text(self._clock.now())
        if command is None or command.is_deleted or not command.is_expired_at(now):
            return None
        if fan_out is not None and fan_out.looks_since is not None:
            fan_out = self._commands.end_looks(fan_out)
        if fan_out is None or fan_out.parts:
            return None
        position = _position_of(cursor, now)
        rows, following = self._next_rows(command_id, position, ROWS_READ_PER_CHUNK)
        open_ids = [str(row["id"]) for row in rows if _is_open(row)]
        for execution_id in open_ids[:ROWS_PER_CHUNK]:
            # Refused: its result has arrived since the index was written.
            with suppress(RefusedError):
                self._executions.apply(execution_id, rules.expire(), now)
        if len(open_ids) > ROWS_PER_CHUNK:
            return str(replace(position, after=open_ids[ROWS_PER_CHUNK - 1]))
        if following is None and command.expired_at is not None:
            self._settle(EXPIRE, fan_out, command.expired_at, position)
        return following

    def cancel_chunk(self, command_id: str, cursor: str | None) -> str | None:
        """Cancel the open executions of a cancelled command: directly if no agent has them, otherwise by a request,
        once per agent. Does nothing for a deleted command: its own clean-up does more."""
        _, fan_out = self._commands.with_fan_out(command_id)
        if fan_out is None or fan_out.deleted_at is not None or fan_out.cancel_requested_at is None:
            return None
        since, now = fan_out.cancel_requested_at, to_seconds_text(self._clock.now())
        position = _position_of(cursor, now)
        rows, following = self._next_rows(command_id, position, ROWS_READ_PER_CHUNK)
        open_ids = [str(row["id"]) for row in rows if _is_open(row)]
        for execution_id in open_ids[:ROWS_PER_CHUNK]:
            cancel_or_ask(self._executions, execution_id, now, since)
        if len(open_ids) > ROWS_PER_CHUNK:
            return str(replace(position, after=open_ids[ROWS_PER_CHUNK - 1]))
        if following is None:
            self._settle_cancel(fan_out, since, position)
        return following

    def delete_executions_chunk(self, command_id: str, cursor: str | None) -> str | None:
        """Remove executions of a deleted command. Open ones that an index had hidden are cancelled first, so that their
        agents stop and their end is published."""
        command, fan_out = self._commands.with_fan_out(command_id)
        if command is not None and not command.is_deleted:
            return None
        now = to_seconds_text(self._clock.now())
        position = _position_of(cursor, now)
        rows, following = self._next_rows(command_id, position, ROWS_PER_CHUNK)
        for row in rows:
            if _is_open(row):
                self._abandon(str(row["id"]), now)
        self._executions.delete_many([str(row["id"]) for row in rows])
        if following is None and fan_out is not None and fan_out.deleted_at is not None:
            if fan_out.rollout is not None:
                self._rollouts.forget(command_id, fan_out.rollout.chunks)
            self._settle(DELETE, fan_out, fan_out.deleted_at, position)
        return following

    def drop_open_of_node_chunk(self, node_id: str, cursor: str | None) -> str | None:
        """Drop the open executions of a deleted node, since no result can come. If the same id has enrolled again,
        only executions of the former node are dropped.
        """
        found = self._nodes.find_many([node_id])
        enrolled_at = found[0].inserted_at if found else None
        ids, has_more = self._executions.open_ids_of_node(node_id, cursor, ROWS_PER_CHUNK)
        now = to_seconds_text(self._clock.now())
        for execution_id in ids:
            if enrolled_at is None or inserted_at_of(execution_id) < enrolled_at:
                with suppress(RefusedError):  # it is final or gone
                    self._executions.apply(execution_id, rules.drop(now), now)
        return ids[-1] if ids and has_more else None

    def _abandon(self, execution_id: str, now: str) -> None:
        # Refused, here and below: it is final or gone, or was never sent.
        with suppress(RefusedError):
            self._executions.apply(execution_id, rules.request_cancel(now), now)
        with suppress(RefusedError):
            self._executions.apply(execution_id, rules.abandon(now), now)

    def _next_rows(self, command_id: str, position: _Position, limit: int) -> tuple[Sequence[Item], str | None]:
        """Index rows of a command from a cursor on, and the cursor after them."""
        page = self._executions.page_of_command(command_id, position.shard, position.after or None, limit)
        if page.last_key is not None:
            return page.items, str(replace(position, after=str(page.last_key["id"])))
        if position.is_share or position.shard + 1 == SHARDS:
            return page.items, None
        return page.items, str(_Position(position.began_at, position.shard + 1))

    def _whole(self, fan_out: FanOut, kind: str, position: _Position) -> FanOut | None:
        """The fan-out if its pass ends with this share; None while other shares are left."""
        return self._commands.end_share(fan_out, f"{kind}#{position.shard}") if position.is_share else fan_out

    def _settle(self, kind: str, known: FanOut, since: str, position: _Position) -> None:
        """End a pass. Unless it began after indexes had caught up, another pass follows when they have. Nothing is lost
        if the row has changed meanwhile: that change has made it due again.
        """
        fan_out = self._whole(known, kind, position)
        if fan_out is None:
            return
        again = to_seconds_text(parse_time(since) + SETTLE)
        if position.began_at < again:
            self._commands.settle(fan_out, again)
        elif fan_out.deleted_at is not None:
            self._commands.remove_fan_out(fan_out, self._clock.now())
        else:
            self._commands.settle(fan_out, None)

    def _settle_cancel(self, known: FanOut, since: str, position: _Position) -> None:
        """Repeat the pass after 60 s and after 15 min: a lagging index may have hidden rows that run meanwhile."""
        fan_out = self._whole(known, CANCEL, position)
        if fan_out is None:
            return
        for pause in (SETTLE_SOON, SETTLE):
            again = to_seconds_text(parse_time(since) + pause)
            if position.began_at < again:
                self._commands.settle(fan_out, again)
                return
        self._commands.cancelled(fan_out)


def _is_open(row: Item) -> bool:
    return Status(str(row["status"])) in OPEN
