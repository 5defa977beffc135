"""Reads and writes of commands and of what is still to be done for them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime

from chalicelib.fleet.commands.model import Command
from chalicelib.fleet.commands.store import (
    COMMANDS,
    DUE,
    EXECUTIONS,
    FAN_OUTS,
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
from chalicelib.kit.clock import sooner, to_seconds_text
from chalicelib.kit.counters import latest_of, noted, total_of
from chalicelib.kit.errors import unavailable
from chalicelib.kit.parking import park
from chalicelib.kit.redrive import SETTLE_SOON, due_rows
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
    put_new,
)

_NO_LOOKS = (Set("looks", None), Set("looks_since", None))


class DeleteRefusedError(Exception):
    """A command was not deleted: it has parts left, or another caller was faster."""


class CommandStore:
    """Commands and fan-outs on `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, command: Command, fan_out: FanOut) -> None:
        """Create command and fan-out in one transaction, regardless of the number of targets."""
        writes = (put_new(COMMANDS, command_to_item(command)), put_new(FAN_OUTS, fan_out_to_item(fan_out)))
        self._tables.commit(writes, "command.created")

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

    def standing(self, command_id: str) -> tuple[Command | None, FanOut | None, str | None]:
        """`with_fan_out`, and when an execution of the command ended last, as far as the change stream has told."""
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
        """Those of these commands for which executions may still be created. Once a command has none of that left it
        never has any again."""
        refs = [Ref(FAN_OUTS, fan_out_key(command_id)) for command_id in sorted(set(command_ids))]
        rows = [fan_out_from_item(item) for item in self._tables.get_many(refs) if item is not None]
        return {row.command_id for row in rows if row.parts or row.looks_since is not None}

    def bury(self, command_id: str, now: str, expires_epoch: int, due_at: str) -> None:
        """Turn a command without parts left into a tombstone whose clean-up is due. Raises `DeleteRefusedError`."""
        tombstone = (
            Set("deleted_at", now),
            Set("updated_at", now),
            Set("expires_epoch", expires_epoch),
            Remove("listing"),
        )
        clean_up = (Set("deleted_at", now), Set("sweeps", 0), *due_changes(due_at))
        clean_up = (*clean_up, *_NO_LOOKS, Set("cursors", None))
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
            *_NO_LOOKS,
            Set("cursors", None),
            Set("sweeps", 0),
            *due_changes(due_at),
        )
        key, stands = fan_out_key(command_id), And(Exists("command_id"), Absent("deleted_at"))
        # If parts were left, no more executions are created from now on: that ends their creation.
        as_made = Update(FAN_OUTS, key, changes, And(stands, Absent("parts")))
        while_made = Update(FAN_OUTS, key, (*changes, Set("made_at", now)), stands)
        return any(self._tables.try_write(update, "fan_out.cancel_requested") for update in (as_made, while_made))

    def cancelled(self, fan_out: FanOut) -> bool:
        """Note that all passes of a cancellation are through; what agents still have waits for its deadline, if any.
        False if the row has changed since it was read."""
        at_deadline = due_changes(fan_out.deadline)
        changes = (Set("cancel_requested_at", None), Set("cursors", None), Set("sweeps", 0), *at_deadline)
        unchanged = Equals("version", fan_out.version)
        return self._tables.try_write(
            Update(FAN_OUTS, fan_out_key(fan_out.command_id), changes, unchanged), "fan_out.settled"
        )

    def remove_parts(
        self, known: FanOut, parts: Collection[str], now: datetime, *, to_look_at: Collection[str] = ()
    ) -> None:
        """Take finished parts off a fan-out, ``known`` as it was at some time. With the last one the search for what an
        index hid in those ``to_look_at`` becomes due, or else the deadline, if there is one. Safe to repeat."""
        command_id, fan_out = known.command_id, known
        for _ in self._tables.tries():
            left = without_parts(fan_out, parts, to_look_at)
            if left.parts == fan_out.parts:
                return
            changes = left.changes
            if not left.parts:
                text, soon = to_seconds_text(now), to_seconds_text(now + SETTLE_SOON)
                since, due_at = (text, soon) if left.looks else (None, None)
                due_at = sooner(due_at, fan_out.deadline)
                made = Set("made_at", text)
                changes = (*changes, made, Set("looks_since", since), Set("sweeps", 0), *due_changes(due_at))
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
        """Note how a part, the search or a pass (``name``), taken up at ``before``, goes on, as `kit.parking.park`: the
        change stream asks for it. False where it has been gone on with since, or is not to be done any more."""
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
        """Claim due work by moving when it is looked at next; False if another sweep was faster."""
        changes = (Set("sweeps", fan_out.sweeps + 1), *due_changes(due_at))
        update = Update(FAN_OUTS, fan_out_key(fan_out.command_id), changes, Equals("version", fan_out.version))
        return self._tables.try_write(update, "fan_out.swept")

    def rest(self, fan_out: FanOut) -> bool:
        """There is nothing to do before the deadline, if there is one. False if the row has changed since."""
        update = Update(
            FAN_OUTS,
            fan_out_key(fan_out.command_id),
            due_changes(fan_out.deadline),
            Equals("version", fan_out.version),
        )
        return self._tables.try_write(update, "fan_out.settled")

    def end_looks(self, fan_out: FanOut) -> FanOut | None:
        """All executions that the command will ever have exist: nothing is created for it from now on, and its deadline
        is due next. The row as it is then; None if it has changed since it was read."""
        changes = (*_NO_LOOKS, Set("cursors", None), Set("sweeps", 0), *due_changes(fan_out.deadline))
        key, unchanged = fan_out_key(fan_out.command_id), Equals("version", fan_out.version)
        try:
            row = self._tables.write(Update(FAN_OUTS, key, changes, unchanged), "fan_out.looked")
        except ConditionFailedError:
            return None
        return None if row is None else fan_out_from_item(row)

    def end_share(self, known: FanOut, name: str) -> FanOut | None:
        """Note that a share of a pass is through. None while others are left, or where there is no such share; the
        fan-out as it is where this is the last one: then the pass is through."""
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
        """The executions of a deleted command are gone: what was left to do is of no more use, and no one will ask for
        their total. Does nothing if the row has changed since it was read."""
        own = Delete(FAN_OUTS, fan_out_key(fan_out.command_id), Equals("version", fan_out.version))
        with suppress(TransactionFailedError):
            self._tables.commit((own, tasks.ask("command_total", fan_out.command_id, now)), "fan_out.removed")

    def settle(self, fan_out: FanOut, due_at: str | None) -> bool:
        """Note that a pass over the executions is through: look once more at ``due_at``, or never again. False if the
        row has changed since it was read."""
        key, unchanged = fan_out_key(fan_out.command_id), Equals("version", fan_out.version)
        changes = (Set("cursors", None), Set("sweeps", 0), *due_changes(due_at))
        return self._tables.try_write(Update(FAN_OUTS, key, changes, unchanged), "fan_out.settled")


def _is_wanted(fan_out: FanOut, name: str, now: datetime) -> bool:
    """A pass that has been divided is not divided again."""
    due = due_of(fan_out, to_seconds_text(now))
    return name in fan_out.parts or (pass_of(name) == due and (name != due or not fan_out.shares_of(due)))
