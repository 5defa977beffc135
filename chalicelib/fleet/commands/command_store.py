"""Reads and writes of commands and of their remaining work."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from chalicelib.fleet.commands.execution_store import put_execution
from chalicelib.fleet.commands.model import Command, Execution
from chalicelib.fleet.commands.store import (
    COMMANDS,
    DUE,
    EXECUTIONS,
    FAN_OUTS,
    NO_LOOKS,
    command_from_item,
    command_key,
    command_to_item,
    due_changes,
    fan_out_from_item,
    fan_out_key,
    fan_out_to_item,
)
from chalicelib.fleet.commands.undone import FanOut, due_of, pass_of
from chalicelib.fleet.targeting.fan_out import without_parts
from chalicelib.kit import tasks
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.counters import latest_of, noted, total_of
from chalicelib.kit.errors import unavailable
from chalicelib.kit.parking import park
from chalicelib.kit.redrive import due_rows
from chalicelib.kit.tables import (
    Absent,
    And,
    ConditionFailedError,
    Delete,
    Equals,
    Exists,
    Item,
    Ref,
    Remove,
    Set,
    Tables,
    TransactionFailedError,
    Update,
    Value,
    Write,
    put_new,
)


class DeleteRefusedError(Exception):
    """A command was not deleted: its fan-out has parts left, or another caller has deleted it."""


class CommandStore:
    """Commands and fan-outs on `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(
        self, command: Command, fan_out: FanOut, also: Sequence[Write] = (), executions: Sequence[Execution] = ()
    ) -> Command:
        """Create command and fan-out in one transaction, with what is ``also`` written, and its ``executions`` if they
        are few. Returns the command that exists if another caller has just created it with the same id."""
        own = (put_new(COMMANDS, command_to_item(command)), put_new(FAN_OUTS, fan_out_to_item(fan_out)))
        puts = [replace(put_execution(each), operation="execution.created") for each in executions]
        writes = (*own, *also, *puts)
        try:
            self._tables.commit(writes, "command.created", result=command)
        except TransactionFailedError as error:
            made = error.failed.get(0)
            if made is None:
                raise
            return command_from_item(made)
        return command

    def find(self, command_id: str) -> Command | None:
        """A command or its tombstone; None if there is neither."""
        item = self._tables.get(COMMANDS, command_key(command_id))
        return None if item is None else command_from_item(item)

    def rows_of(self, ids: Collection[str]) -> dict[str, Item]:
        """Raw rows by id, tombstones included; unknown ids are left out. One call per 100."""
        distinct = sorted(set(ids))
        items = self._tables.get_many([Ref(COMMANDS, command_key(row_id)) for row_id in distinct])
        return {row_id: item for row_id, item in zip(distinct, items, strict=True) if item is not None}

    def get_many(self, ids: Collection[str]) -> dict[str, Command]:
        """Commands and tombstones by id."""
        return {row_id: command_from_item(item) for row_id, item in self.rows_of(ids).items()}

    def with_fan_out(self, command_id: str) -> tuple[Command | None, FanOut | None]:
        """A command or its tombstone and its remaining work, in one call."""
        refs = (Ref(COMMANDS, command_key(command_id)), Ref(FAN_OUTS, fan_out_key(command_id)))
        command, fan_out = self._tables.get_many(refs)
        return (
            None if command is None else command_from_item(command),
            None if fan_out is None else fan_out_from_item(fan_out),
        )

    def standing(self, command_id: str) -> tuple[Command | None, FanOut | None, str | None]:
        """`with_fan_out`, and the last end of an execution of the command, as known from the change stream."""
        refs = (
            Ref(COMMANDS, command_key(command_id)),
            Ref(FAN_OUTS, fan_out_key(command_id)),
            latest_of(total_of(EXECUTIONS.name, "command_id", command_id)),
        )
        command, fan_out, latest = self._tables.get_many(refs)
        return (
            None if command is None else command_from_item(command),
            None if fan_out is None else fan_out_from_item(fan_out),
            noted(latest),
        )

    def unfinished(self, command_ids: Iterable[str]) -> set[str]:
        """Those of these commands for which executions may still be created. Once creation has ended, it never
        resumes."""
        refs = [Ref(FAN_OUTS, fan_out_key(command_id)) for command_id in sorted(set(command_ids))]
        rows = [fan_out_from_item(item) for item in self._tables.get_many(refs) if item is not None]
        return {row.command_id for row in rows if row.parts or row.looks_since is not None}

    def soft_delete(self, command_id: str, now: str, expires_epoch: int, due_at: str) -> None:
        """Turn a command without parts left into a tombstone whose clean-up is due. Raises `DeleteRefusedError`."""
        tombstone = (
            Set("deleted_at", now),
            Set("updated_at", now),
            Set("expires_epoch", expires_epoch),
            Remove("listing"),
        )
        clean_up = (Set("deleted_at", now), Set("sweeps", 0), *due_changes(due_at))
        clean_up = (*clean_up, *NO_LOOKS, Set("cursors", None))
        writes = (
            Update(COMMANDS, command_key(command_id), tombstone, And(Exists("id"), Absent("deleted_at"))),
            Update(FAN_OUTS, fan_out_key(command_id), clean_up, And(Exists("command_id"), Absent("parts"))),
        )
        try:
            self._tables.commit(writes, "command.deleted")
        except TransactionFailedError as error:
            raise DeleteRefusedError(command_id) from error

    def request_cancel(self, command_id: str, now: str, due_at: str) -> bool:
        """Remove all parts, so that no more executions are created, and start the cancellation of open ones. May be
        repeated. False for a missing command. A fan-out exists as long as its command.
        """
        changes = (
            Set("cancel_requested_at", now),
            Set("parts", None),
            *NO_LOOKS,
            Set("cursors", None),
            Set("sweeps", 0),
            *due_changes(due_at),
        )
        key, stands = fan_out_key(command_id), And(Exists("command_id"), Absent("deleted_at"))
        # If parts were left, no more executions are created from now on: that ends their creation.
        as_made = Update(FAN_OUTS, key, changes, And(stands, Absent("parts")))
        while_made = Update(FAN_OUTS, key, (*changes, Set("made_at", now)), stands)
        for update in (as_made, while_made):
            with suppress(ConditionFailedError):
                self._tables.apply(update, "fan_out.cancel_requested", result=None)
                return True
        return False

    def cancelled(self, fan_out: FanOut) -> bool:
        """Store that all passes of a cancellation have ended; executions that agents still have wait for the deadline,
        if any. False if the row has changed since it was read."""
        at_deadline = due_changes(fan_out.deadline)
        changes = (Set("cancel_requested_at", None), Set("cursors", None), Set("sweeps", 0), *at_deadline)
        unchanged = Equals("version", fan_out.version)
        return self._tables.try_write(
            Update(FAN_OUTS, fan_out_key(fan_out.command_id), changes, unchanged), "fan_out.settled"
        )

    def remove_parts(
        self, known: FanOut, parts: Collection[str], now: datetime, *, to_look_at: Collection[str] = ()
    ) -> None:
        """Remove finished parts from a fan-out; ``known`` may be stale. With the last part, the search for hidden nodes
        in the parts ``to_look_at`` becomes due, otherwise the deadline, if any. Safe to repeat."""
        command_id, fan_out = known.command_id, known
        for _ in self._tables.tries():
            left = without_parts(fan_out, parts, to_look_at)
            if left.parts == fan_out.parts:
                return
            changes = left.changes
            if not left.parts:
                made = fan_out.as_made(left.looks, now)
                times = (Set("made_at", made.made_at), Set("looks_since", made.looks_since))
                changes = (*changes, *times, Set("sweeps", 0), *due_changes(made.due_at))
            key, condition = fan_out_key(command_id), Equals("version", fan_out.version)
            try:
                self._tables.write(Update(FAN_OUTS, key, changes, condition), "fan_out.part_finished")
            except ConditionFailedError as error:
                if error.current is None:
                    return
                fan_out = fan_out_from_item(error.current)
            else:
                return
        raise unavailable()

    def park(self, command_id: str, name: str, before: str | None, following: Mapping[str, str], now: datetime) -> bool:
        """Store the cursor of a part, of the search or of a pass (``name``) that started at ``before``, as
        `kit.parking.park` does; the change stream leads to the next message. False if its cursor has changed since, or
        the work is no longer needed."""
        return park(
            self._tables,
            FAN_OUTS,
            fan_out_key(command_id),
            name,
            before,
            following,
            is_wanted=lambda row: _is_wanted(fan_out_from_item(row), name, now),
            now=now,
            operation="fan_out.parked",
        )

    def due_pages(self, now: str) -> Iterator[list[FanOut]]:
        """The due rows, most overdue first, read anew."""
        for rows in due_rows(self._tables, FAN_OUTS, DUE, now):
            yield [fan_out_from_item(row) for row in rows]

    def postpone(self, fan_out: FanOut, due_at: str) -> bool:
        """Claim due work by moving its due time; False if another sweep was faster."""
        changes = (Set("sweeps", fan_out.sweeps + 1), *due_changes(due_at))
        update = Update(FAN_OUTS, fan_out_key(fan_out.command_id), changes, Equals("version", fan_out.version))
        return self._tables.try_write(update, "fan_out.swept")

    def rest(self, fan_out: FanOut) -> bool:
        """Move the due time to the deadline, if any. False if the row has changed since."""
        update = Update(
            FAN_OUTS,
            fan_out_key(fan_out.command_id),
            due_changes(fan_out.deadline),
            Equals("version", fan_out.version),
        )
        return self._tables.try_write(update, "fan_out.settled")

    def end_looks(self, fan_out: FanOut) -> FanOut | None:
        """End the creation of executions: none is created from now on, and the deadline is due next. Returns the new
        row; None if it has changed since it was read."""
        changes = (*NO_LOOKS, Set("cursors", None), Set("sweeps", 0), *due_changes(fan_out.deadline))
        key, unchanged = fan_out_key(fan_out.command_id), Equals("version", fan_out.version)
        try:
            row = self._tables.write(Update(FAN_OUTS, key, changes, unchanged), "fan_out.looked")
        except ConditionFailedError:
            return None
        return None if row is None else fan_out_from_item(row)

    def end_share(self, known: FanOut, name: str) -> FanOut | None:
        """Store that a share of a pass has ended. Returns the fan-out if it was the last share, with which the pass
        ends; None while others are left, or if there is no such share."""
        fan_out = known
        for _ in self._tables.tries():
            if name not in fan_out.cursors:
                return None
            if fan_out.shares_of(pass_of(name)) == [name]:
                return fan_out
            cursors: dict[str, Value] = {share: at for share, at in fan_out.cursors.items() if share != name}
            key, unchanged = fan_out_key(fan_out.command_id), Equals("version", fan_out.version)
            try:
                self._tables.write(Update(FAN_OUTS, key, (Set("cursors", cursors),), unchanged), "fan_out.share_ended")
            except ConditionFailedError as error:
                if error.current is None:
                    return None
                fan_out = fan_out_from_item(error.current)
            else:
                return None
        raise unavailable()

    def remove_fan_out(self, fan_out: FanOut, now: datetime) -> None:
        """Delete the fan-out of a deleted command without executions, and create the task that removes its total.
        Does nothing if the row has changed since it was read."""
        own = Delete(FAN_OUTS, fan_out_key(fan_out.command_id), Equals("version", fan_out.version))
        with suppress(TransactionFailedError):
            self._tables.commit((own, tasks.ask("command_total", fan_out.command_id, now)), "fan_out.removed")

    def settle(self, fan_out: FanOut, due_at: str | None) -> bool:
        """Store that a pass over the executions has ended; the next one is due at ``due_at``, None for no further pass.
        False if the row has changed since it was read."""
        key, unchanged = fan_out_key(fan_out.command_id), Equals("version", fan_out.version)
        changes = (Set("cursors", None), Set("sweeps", 0), *due_changes(due_at))
        return self._tables.try_write(Update(FAN_OUTS, key, changes, unchanged), "fan_out.settled")


def _is_wanted(fan_out: FanOut, name: str, now: datetime) -> bool:
    """Whether this work is still needed. A pass that has been divided is not divided again."""
    due = due_of(fan_out, to_seconds_text(now))
    return name in fan_out.parts or (pass_of(name) == due and (name != due or not fan_out.shares_of(due)))
