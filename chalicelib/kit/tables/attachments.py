"""A further write for the transaction of the current work's effect: a record that must stand exactly if the effect
does.

A context variable and not an argument: a use case names the result of its effect (`Tables.commit`, `Tables.apply`) and
knows nothing of what is attached to it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from chalicelib.kit.tables.writes import Put

NO_RESULT = object()
"""Stands for the result of writes that are not the effect that was asked for. None is a result."""


class AttachmentRefusedError(Exception):
    """The condition of the attached write did not hold, so nothing was written. It is for the code that attached the
    write: use cases do not handle it."""


@dataclass
class Attachment:
    """``write_of`` makes the write from the result of the effect, anew for each attempt. ``is_written`` says whether it
    was committed."""

    write_of: Callable[[object], Put]
    is_written: bool = False


_current: ContextVar[Attachment | None] = ContextVar("attachment", default=None)


def attachment_for(result: object) -> Attachment | None:
    """The attachment of an effect with this result, None if there is none. Raises RuntimeError if another effect of the
    same work has taken it: only one transaction can hold it."""
    attachment = None if result is NO_RESULT else _current.get()
    if attachment is not None and attachment.is_written:
        raise RuntimeError("this work has had its effect: a second one needs the same transaction")
    return attachment


@contextmanager
def attaching(attachment: Attachment | None) -> Iterator[None]:
    """Attach this to the effect of the work in the block; None: nothing, for what is done on the side."""
    token = _current.set(attachment)
    try:
        yield
    finally:
        _current.reset(token)
