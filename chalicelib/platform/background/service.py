"""Background work: a message names a kind of task, the contexts declare the parts of each kind (`Context.tasks`)."""

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.kit.cursors import StepCursor
from chalicelib.kit.queues import Message
from chalicelib.kit.tasks import Tasks
from chalicelib.platform.context import Family, Task
from chalicelib.platform.families import Families

Part = tuple[Family, Task]


class Background:
    """Does tasks chunk by chunk. ``container_of`` gives the container of a family."""

    def __init__(self, families: Families, container_of: Callable[[Family], Any], tasks: Tasks) -> None:
        self._parts = _parts_of(families)
        self._container_of = container_of
        self._tasks = tasks

    def chunk(self, message: Message) -> str | None:
        """Do one chunk; returns the cursor of the next, None at the end. Raises ValueError for an unknown kind.

        The cursor of a task of several parts is a `StepCursor`.
        """
        parts = self._parts.get(message["kind"])
        if parts is None:
            raise ValueError(f"no context has a task of kind {message['kind']!r}")
        if len(parts) == 1:
            return self._step(parts[0], message)
        cursor = StepCursor.parse(message.get("cursor"))
        following = cursor.after(self._step(parts[cursor.step], {**message, "cursor": cursor.within}))
        return following.text() if following.step < len(parts) else None

    def park(self, message: Message, cursor: str, began_at: str) -> bool:
        """Note where to go on; False where another pass is ahead of this one."""
        family, task = self._parts[message["kind"]][0]
        if task.park is not None:
            return task.park(self._container_of(family), message, cursor)
        return self._tasks.park(message, cursor, began_at)

    def _step(self, part: Part, message: Message) -> str | None:
        family, task = part
        return task.step(self._container_of(family), message)


def _parts_of(families: Families) -> Mapping[str, list[Part]]:
    parts: dict[str, list[Part]] = {}
    for family in families.each:
        for context in family.contexts:
            for kind, task in context.tasks.items():
                parts.setdefault(kind, []).append((family, task))
    return parts
