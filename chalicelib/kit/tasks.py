"""Work that takes more than one message, remembered by a row until it is done.

Whoever makes it necessary puts the row (`ask`) into the transaction that does so. The change stream tells of the row,
and the relay sends the first message; each message does a chunk and queues the next. Whatever is lost on the way, the
stream of a day included, a sweep finds the row overdue and begins a pass again: passes bear repeats, also beside each
other.

What a pass works on is found by an index, which lags. So it is made twice unless told otherwise: at once, and again
when any index has caught up.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.queues import Message
from chalicelib.kit.redrive import FIRST_LOOK, due_rows, look_again_at
from chalicelib.kit.tables import (
    Change,
    Delete,
    Equals,
    Index,
    Item,
    Key,
    Set,
    Table,
    Tables,
    Update,
    Value,
)

DUE = "tasks"
"""The one partition of the index `due`. Operators ask for tasks one by one: some hundred a second are no hot key."""

TABLE = Table("tasks", partition="id", indexes=(Index("due", "due", "due_at"),), stream=True)

SETTLE = timedelta(seconds=900)
"""When a pass is repeated: far beyond any lag of an index."""


class _Task(BaseModel, frozen=True):
    """``asked_at`` counts anew when the same is asked for again. Times are seconds text."""

    id: str
    asked_at: str
    due_at: str
    sweeps: int
    settles: bool
    version: int


def ask(kind: str, subject: str, now: datetime, *, settles: bool = True, **arguments: str) -> Update:
    """A write for a transaction: this is to be done to the subject from now on. Again, it is to be done anew.

    ``arguments`` come with every message beside ``kind`` and ``id``, and tell tasks of a subject apart. Without
    ``settles`` one pass is enough.
    """
    row_id = "#".join((kind, subject, *arguments.values()))
    given: dict[str, Value] = dict(arguments)
    changes = (
        Set("kind", kind),
        Set("subject", subject),
        Set("arguments", given),
        Set("settles", settles),
        Set("asked_at", to_seconds_text(now)),
        Set("sweeps", 0),
        *_due(to_seconds_text(now + FIRST_LOOK)),
    )
    return Update(TABLE, _key(row_id), changes)


def message_of(row: Item) -> Message:
    """What begins a pass over a task's row."""
    arguments = row.get("arguments")
    given: dict[str, Any] = arguments if isinstance(arguments, dict) else {}
    return {**given, "kind": row["kind"], "id": row["subject"], "task": row["id"]}


def is_asked(old: Item | None, new: Item | None) -> bool:
    """Whether this change of a row asks for the task, for the first time or anew."""
    return new is not None and (old is None or old.get("asked_at") != new.get("asked_at"))


class Tasks:
    """What becomes of a task. Any method may be repeated, late and beside itself."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    def begin(self) -> str:
        """The time that a pass begins at, for `end`."""
        return to_seconds_text(self._clock.now())

    def end(self, task_id: str, began_at: str) -> None:
        """A pass that began then is through: the task is done, or looked at again when indexes have caught up.

        It does nothing where the task was asked for anew since; that has passes of its own.
        """
        row = self._tables.get(TABLE, _key(task_id))
        if row is None:
            return
        task = _from_item(row)
        if began_at < task.asked_at:
            return
        again = to_seconds_text(parse_time(task.asked_at) + SETTLE)
        if task.settles and began_at < again:
            if task.due_at < again:  # else a pass beside this one has noted the same, or a sweep looks later anyway
                self._tables.try_write(_put_off(task, again, sweeps=0), "task.settling")
        else:
            self._tables.try_write(
                Delete(TABLE, _key(task_id), Equals("version", task.version), was_read=True), "task.done"
            )

    def due_work(self, limit: int) -> Iterator[list[Message]]:
        """The messages that a sweep has to queue now, of at most ``limit`` tasks, page by page.

        Each task is put off before it is handed out: what is lost on the way comes up again.
        """
        now = self._clock.now()
        taken = 0
        for rows in due_rows(self._tables, TABLE, DUE, to_seconds_text(now)):
            yield [message_of(row) for row in rows[: limit - taken] if self._claim(_from_item(row), now)]
            taken += len(rows)
            if taken >= limit:
                return

    def _claim(self, task: _Task, now: datetime) -> bool:
        """False if another sweep was faster."""
        again = look_again_at(now, task.sweeps)
        return self._tables.try_write(_put_off(task, again, sweeps=task.sweeps + 1), "task.swept")


def _put_off(task: _Task, due_at: str, *, sweeps: int) -> Update:
    changes = (Set("sweeps", sweeps), *_due(due_at))
    return Update(TABLE, _key(task.id), changes, Equals("version", task.version))


def _due(due_at: str) -> tuple[Change, ...]:
    return Set("due_at", due_at), Set("due", DUE)


def _key(row_id: str) -> Key:
    return {"id": row_id}


def _from_item(row: Item) -> _Task:
    return _Task.model_validate(row)
