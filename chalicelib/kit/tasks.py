"""Work that takes more than one message, remembered by a row until it is done.

The transaction that makes the work necessary also creates the row (`ask`). The relay reads the row from the change
stream and sends the first message. A worker runs until its function's time is nearly over; then it stores a cursor in
the row (`park`), and the change stream leads to the next message. No message causes another of its kind through SQS
alone: Lambda stops such chains after 16 (Lambda developer guide, "recursive loop detection"). If anything is lost, even
the stream of a day, a sweep finds the overdue row and resumes the work at its last cursor. Passes are idempotent, even
if they run concurrently.

Work that started with a message and has no row yet (`park` creates one) can be lost only during its first invocation.

A pass finds its rows by an index, which lags. So by default two passes are made: one at once, and one when every index
has caught up.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.parking import parked_until
from chalicelib.kit.queues import Message, Queue
from chalicelib.kit.redrive import FIRST_LOOK, SETTLE, claim_due, due_rows, look_again_at
from chalicelib.kit.tables import (
    Absent,
    And,
    Change,
    Condition,
    Delete,
    Equals,
    Exists,
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
"""The single partition of the index `due`. Operators create tasks one by one; some hundred per second do not overload a
partition."""

TABLE = Table("tasks", partition="id", indexes=(Index("due", "due", "due_at"),), stream=True)

_OF_MESSAGES = frozenset({"kind", "id", "task", "asked_at", "cursor", "began_at", "queue"})
"""The fields of a message besides the arguments of its task."""


class _Task(BaseModel, frozen=True):
    """A task's row. ``asked_at`` is renewed when the same task is asked for again; its pass continues at ``cursor``.
    Times are seconds text."""

    id: str
    asked_at: str
    due_at: str
    sweeps: int
    settles: bool
    settle_seconds: int = int(SETTLE.total_seconds())
    cursor: str | None = None
    version: int


def ask(
    kind: str,
    subject: str,
    now: datetime,
    *,
    settles: bool = True,
    settles_after: timedelta = SETTLE,
    queue: Queue | None = None,
    **arguments: str,
) -> Update:
    """A write for a transaction that creates the task of this kind for the subject. If the task exists, it starts anew.

    ``arguments`` come with every message beside ``kind`` and ``id``, and tell tasks of a subject apart. Without
    ``settles`` one pass is enough; ``settles_after`` is the time from now to the last pass, to the second. Its messages
    go to ``queue``, where one is given.
    """
    row_id = _row_id(kind, subject, arguments)
    seconds = Set("settle_seconds", int(settles_after.total_seconds()))
    where = () if queue is None else (Set("queue", str(queue)),)
    return Update(TABLE, _key(row_id), (*_asked(kind, subject, arguments, now, settles=settles), seconds, *where))


def message_of(row: Item) -> Message:
    """The message that starts a pass for a task's row, or resumes it at the stored cursor."""
    arguments = row.get("arguments")
    given: dict[str, Any] = arguments if isinstance(arguments, dict) else {}
    position = {name: row[name] for name in ("cursor", "began_at") if row.get("cursor") is not None}
    return {
        **given,
        "kind": row["kind"],
        "id": row["subject"],
        "task": row["id"],
        "asked_at": row["asked_at"],
        **position,
    }


def queue_of(row: Item, default: Queue) -> Queue:
    """The queue whose worker does the task: the one that it was asked or parked for, or else the default. Its messages
    are not grouped."""
    queue = row.get("queue")
    return Queue(queue) if isinstance(queue, str) and queue else default


def is_asked(old: Item | None, new: Item | None) -> bool:
    """Whether this change of a row starts the task, restarts it or resumes it."""
    if new is None:
        return False
    is_parked = new.get("cursor") is not None and (old is None or old.get("cursor") != new.get("cursor"))
    return is_parked or old is None or old.get("asked_at") != new.get("asked_at")


class Tasks:
    """Parks, ends and sweeps tasks. Every method may be repeated, late or concurrently."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    def begin(self) -> str:
        """The start time of a pass, for `end`."""
        return to_seconds_text(self._clock.now())

    def park(self, message: Message, cursor: str, began_at: str, *, queue: str | None = None) -> bool:
        """Store the cursor at which the pass of a message continues, in the row of its task or in a new row, whose
        messages go to ``queue``.

        A new row has the start of the pass as ``asked_at``, so that the task ends with the pass.

        Returns False, and stores nothing, if another pass is ahead of this one or the task was restarted since: then
        the caller stops.
        """
        now = self._clock.now()
        position = (Set("cursor", cursor), Set("began_at", began_at), Set("sweeps", 0), *_due(parked_until(now)))
        if "task" in message:
            before = message.get("cursor")
            here: Condition = Absent("cursor") if before is None else Equals("cursor", before)
            asked = Equals("asked_at", message["asked_at"]) if "asked_at" in message else Exists("asked_at")
            return self._tables.try_write(
                Update(TABLE, _key(message["task"]), position, And(asked, here)), "task.parked"
            )
        kind, subject = message["kind"], message["id"]
        arguments = {name: str(value) for name, value in message.items() if name not in _OF_MESSAGES}
        from_then = _asked(kind, subject, arguments, parse_time(began_at), settles=False)
        others = tuple(change for change in from_then if change.name not in {each.name for each in position})
        changes = (*others, *position, Set("queue", queue))
        row_id = _row_id(kind, subject, arguments)
        return self._tables.try_write(Update(TABLE, _key(row_id), changes, Absent("asked_at")), "task.parked")

    def end(self, task_id: str, began_at: str) -> None:
        """End a pass that began at this time: the task is done, or gets another pass when indexes have caught up.

        It does nothing if the task was restarted since, which has passes of its own.
        """
        row = self._tables.get(TABLE, _key(task_id))
        if row is None:
            return
        task = _from_item(row)
        if began_at < task.asked_at:
            return
        again = to_seconds_text(parse_time(task.asked_at) + timedelta(seconds=task.settle_seconds))
        if task.settles and began_at < again:
            # Otherwise a concurrent pass has stored the same, or a sweep will look later anyway.
            if task.due_at < again or task.cursor is not None:
                from_the_start = (Set("cursor", None), Set("began_at", None))
                self._tables.try_write(_put_off(task, again, sweeps=0, more=from_the_start), "task.settling")
        else:
            self._tables.try_write(
                Delete(TABLE, _key(task_id), Equals("version", task.version), was_read=True), "task.done"
            )

    def due_work(self, limit: int) -> Iterator[list[Item]]:
        """The rows of the tasks that a sweep has to queue now, at most ``limit``, page by page.

        The due time of each task is moved before the task is returned: if its message is lost, it comes up again.
        """
        now = self._clock.now()
        pages = due_rows(self._tables, TABLE, DUE, to_seconds_text(now))
        return claim_due(pages, lambda row: self._claim(row, now), limit)

    def _claim(self, row: Item, now: datetime) -> list[Item]:
        """The row itself; nothing if another sweep was faster."""
        task = _from_item(row)
        put_off = _put_off(task, look_again_at(now, task.sweeps), sweeps=task.sweeps + 1)
        return [row] if self._tables.try_write(put_off, "task.swept") else []


def _asked(kind: str, subject: str, arguments: dict[str, str], now: datetime, *, settles: bool) -> tuple[Set, ...]:
    given: dict[str, Value] = dict(arguments)
    return (
        Set("kind", kind),
        Set("subject", subject),
        Set("arguments", given),
        Set("settles", settles),
        Set("asked_at", to_seconds_text(now)),
        Set("cursor", None),
        Set("began_at", None),
        Set("sweeps", 0),
        *_due(to_seconds_text(now + FIRST_LOOK)),
    )


def _put_off(task: _Task, due_at: str, *, sweeps: int, more: tuple[Change, ...] = ()) -> Update:
    changes = (Set("sweeps", sweeps), *more, *_due(due_at))
    return Update(TABLE, _key(task.id), changes, Equals("version", task.version))


def _due(due_at: str) -> tuple[Set, ...]:
    return Set("due_at", due_at), Set("due", DUE)


def _row_id(kind: str, subject: str, arguments: dict[str, str]) -> str:
    return "#".join((kind, subject, *arguments.values()))


def _key(row_id: str) -> Key:
    return {"id": row_id}


def _from_item(row: Item) -> _Task:
    return _Task.model_validate(row)
