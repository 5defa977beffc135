"""The origin of the current work: the request, the actor and the address.

Set once by `@endpoint` or a worker's decorator, read by the log and by `kit.tables` (``changed_by``). A context
variable and not an argument, since every write of every use case carries it and none decides by it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Origin(NamedTuple):
    """``request_id`` runs from the first request through messages and events. ``actor`` names a key, never holds it."""

    request_id: str
    actor: str = ""
    address: str = ""


_NOBODY = Origin(request_id="")
_current: ContextVar[Origin] = ContextVar("origin", default=_NOBODY)


def current_origin() -> Origin:
    """The origin of the work under way; an empty one outside any."""
    return _current.get()


@contextmanager
def working_for(origin: Origin) -> Iterator[None]:
    """Make this the current origin until the block ends."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)
