"""The origin of the current work: the request, the actor, the address and the act.

Set once by `@endpoint` or a worker's decorator, read by the log and by `kit.tables` (``changed_by``). A context
variable and not an argument, since every write carries it and no decision depends on it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Origin(NamedTuple):
    """The request, actor and address of the current work. ``request_id`` is passed on in messages and events. ``actor``
    is the name of a key, never the key.

    For the request of an operator that acts on something: ``verb`` is `<kind of thing>.<action>`, ``name`` the actor's
    name for people where it has one; ``is_deferred`` if the effects come after the answer; ``tenant`` and ``user`` the
    tenant that it works in and the user that the actor acts for, "" for none.
    """

    request_id: str
    actor: str = ""
    address: str = ""
    name: str = ""
    verb: str = ""
    is_deferred: bool = False
    tenant: str = ""
    user: str = ""


_NOBODY = Origin(request_id="")
_current: ContextVar[Origin] = ContextVar("origin", default=_NOBODY)


def current_origin() -> Origin:
    """The origin of the current work; an empty origin outside of any."""
    return _current.get()


@contextmanager
def working_for(origin: Origin) -> Iterator[None]:
    """Make this the current origin until the block ends."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)
