"""Who and what the current work is done for.

Set once by `@endpoint` or a worker's decorator, read by the log and by `kit.tables` (``changed_by``). A context
variable and not an argument, since every write of every use case carries it and none decides by it.
"""

from contextvars import ContextVar, Token
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


class working_for:  # noqa: N801 - read as a statement
    """Make this the current origin until the block ends. For one block."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._before: Token[Origin] | None = None

    def __enter__(self) -> None:
        self._before = _current.set(self._origin)

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            _current.reset(self._before)
