"""Reads and writes of commands and of what is still to be done for them."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import datetime

from chalicelib.commands.model import Command, FanOut
from chalicelib.commands.store import (
    COMMANDS,
    DUE,
    FAN_OUTS,
    command_from_item,
    command_key,
    command_to_item,
    due_changes,
    fan_out_from_item,
    fan_out_key,
    fan_out_to_item,
)
from chalicelib.kit import tasks
from chalicelib.kit.errors import unavailable
from chalicelib.kit.redrive import due_rows
from chalicelib.kit.tables import (
    Absent,
    And,
    Change,
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
    put_new,
)


class DeleteRefusedError(Exception):
    """A command was not deleted: it has parts left, or another caller was faster."""


class CommandStore:
    """Commands and fan-outs on `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, command: Command, fan_out: FanOut) -> None:
        """Both in one transaction, whatever the number of targets."""
        writes = (put_new(COMMANDS, command_to_item(command)), put_new(FAN_OUTS, fan_out_to_item(fan_out)))
        self._tables.commit(writes, "command.created")

    def get(self, command_id: str) -> Command | None:
        """The command or its tombstone."""
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
        """A command or its tombstone and what is left to do for it, in one call."""
        refs = (Ref(COMMANDS, command_key(command_id)), Ref(FAN_OUTS, fan_out_key(command_id)))
        command, fan_out = self._tables.get_many(refs)
        return (
            None if command is None else command_from_item(command),
            None if fan_out is None else fan_out_from_item(fan_out),
        )

    def unfinished(self, command_ids: Iterable[str]) -> set[str]:
        """Those of these commands that have parts left. Once a command has none it never has any again."""
        refs = [Ref(FAN_OUTS, fan_out_key(command_id)) for command_id in sorted(set(command_ids))]
        rows = [fan_out_from_item(item) for item in self._tables.get_many(refs) if item is not None]
        return {row.command_id for row in rows if row.parts}

    def bury(self, command_id: str, now: str, expires_epoch: int, due_at: str) -> None:
        """Turn a command without parts left into a tombstone whose clean-up is due. Raises `DeleteRefusedError`."""
        tombstone = (
            Set("deleted_at", now),
            Set("updated_at", now),
            Set("expires_epoch", expires_epoch),
            Remove("listing"),
        )
        clean_up = (Set("deleted_at", now), Set("sweeps", 0), *due_changes(due_at))
        writes = (
            Update(COMMANDS, command_key(command_id), tombstone, And(Exists("id"), Absent("deleted_at"))),
            Update(FAN_OUTS, fan_out_key(command_id), clean_up, And(Exists("command_id"), Absent("parts"))),
        )
        try:
            self._tables.commit(writes, "command.deleted")
        except TransactionFailedError as error:
            raise DeleteRefusedError(command_id) from error

    def request_cancel(self, command_id: str, now: str, due_at: str) -> bool:
        """Take all parts off, so that nothing is created any more, and let what is open be cancelled. May be repeated.

        False for a command that is gone. A fan-out stands as long as its command does.
        """
        changes = (
            Set("cancel_requested_at", now),
            Set("parts", None),
            Set("sweeps", 0),
            *due_changes(due_at),
        )
        condition = And(Exists("command_id"), Absent("deleted_at"))
        return self._tables.try_write(
            Update(FAN_OUTS, fan_out_key(command_id), changes, condition), "fan_out.cancel_requested"
        )

    def cancelled(self, fan_out: FanOut) -> bool:
        """Note that all passes of a cancellation are through; what agents still have waits for its deadline, if any.
        False if the row has changed since it was read."""
        changes = (Set("cancel_requested_at", None), Set("sweeps", 0), *due_changes(fan_out.deadline))
        unchanged = Equals("version", fan_out.version)
        return self._tables.try_write(
            Update(FAN_OUTS, fan_out_key(fan_out.command_id), changes, unchanged), "fan_out.settled"
        )

    def remove_parts(self, known: FanOut, parts: Collection[str]) -> None:
        """Take finished parts off a fan-out, ``known`` as it was at some time. With the last one the deadline becomes
        due, if there is one. Safe to repeat."""
        command_id, fan_out = known.command_id, known
        for _ in self._tables.tries():
            left = fan_out.parts.difference(parts)
            if left == fan_out.parts:
                return
            changes: tuple[Change, ...] = (Set("parts", left or None),)
            if not left:
                changes = (*changes, Set("sweeps", 0), *due_changes(fan_out.deadline))
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

    def due_pages(self, now: str) -> Iterator[list[FanOut]]:
        """What is due, most overdue first, as the rows say now."""
        for rows in due_rows(self._tables, FAN_OUTS, DUE, now):
            yield [fan_out_from_item(row) for row in rows]

    def postpone(self, fan_out: FanOut, due_at: str) -> bool:
        """Claim due work by moving when it is looked at next; False if another sweep was faster."""
        changes = (Set("sweeps", fan_out.sweeps + 1), *due_changes(due_at))
        update = Update(FAN_OUTS, fan_out_key(fan_out.command_id), changes, Equals("version", fan_out.version))
        return self._tables.try_write(update, "fan_out.swept")

    def remove_fan_out(self, fan_out: FanOut, now: datetime) -> None:
        """The executions of a deleted command are gone: what was left to do is of no more use, and no one will ask for
        their total. Does nothing if the row has changed since it was read."""
        own = Delete(FAN_OUTS, fan_out_key(fan_out.command_id), Equals("version", fan_out.version))
        with suppress(TransactionFailedError):
            self._tables.commit((own, tasks.ask("command_total", fan_out.command_id, now)), "fan_out.removed")

    def settle(self, fan_out: FanOut, due_at: str | None) -> bool:
        """Note that a pass over the executions is through: look once more at ``due_at``, or never again. False if the
        row has changed since it was read."""
        key, unchanged = fan_out_key(fan_out.command_id), Equals("version", fan_out.version)
        changes = (Set("sweeps", 0), *due_changes(due_at))
        return self._tables.try_write(Update(FAN_OUTS, key, changes, unchanged), "fan_out.settled")
