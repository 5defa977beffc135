"""The arguments and results of views."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.principal import ANONYMOUS, Principal
from chalicelib.web.exchange import Incoming
from chalicelib.web.rendering import PageNumbers
from chalicelib.web.validation import Body, Path, Query

if TYPE_CHECKING:
    from chalicelib.web.repeating import Repeatable

T = TypeVar("T")
A = TypeVar("A", bound="Answer")
P = TypeVar("P", bound=Path)
Q = TypeVar("Q", bound=Query)
B = TypeVar("B", bound=Body)


class MethodNotAllowedError(EdgeError):
    """The path is there, and has other methods: those ``allowed``."""

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(Kind.METHOD_NOT_ALLOWED, f"Method not allowed here. Allowed: {', '.join(allowed)}")
        self.allowed = tuple(allowed)


@dataclass(frozen=True)
class Request(Generic[P, Q, B]):
    """A request that was admitted and whose parts are valid. ``principal`` is the caller; ``caller`` what the
    audience adds to it, see `Exchange`. A subclass may give views typed access to it: their annotation then names the
    subclass. ``repeatable`` is there if an ``Idempotency-Key`` was sent, and the operation takes one."""

    path: P
    query: Q
    body: B
    incoming: Incoming = field(repr=False)
    caller: Any = None
    principal: Principal = ANONYMOUS
    repeatable: "Repeatable | None" = field(default=None, repr=False)

    def once(self, work: Callable[[], T], show: Callable[[T], A]) -> A:
        """The answer of an operation that takes an ``Idempotency-Key``: ``work`` calls the use case, ``show`` makes the
        answer of its result.

        With a key, ``show`` also makes the answer that is kept, within the transaction of the effect: the use case
        commits it with its result (`Tables.commit`, `Tables.apply`), and ``show`` must read nothing from tables.
        """
        return show(work()) if self.repeatable is None else self.repeatable.once(work, show)

    @property
    def address(self) -> str:
        """The caller's IP address, "" if it is unknown."""
        return self.incoming.address

    @property
    def bearer(self) -> str | None:
        """The bearer token as sent, unchecked on open routes; None without one."""
        return self.incoming.bearer()


@dataclass(frozen=True)
class Created:
    """201, with a Location header where there is a place to look at."""

    model: BaseModel
    location: str | None = None


@dataclass(frozen=True)
class Accepted:
    """202: what was asked for happens later, or not at all."""

    model: BaseModel


@dataclass(frozen=True)
class NoContent:
    """204: an empty body."""

    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Paginated:
    """One page of a list: the items as they are shown, and the numbers of the page they come from. ``may_be_fewer``:
    of what is too large for one answer the first are shown; otherwise it is refused."""

    items: Sequence[BaseModel]
    page: PageNumbers
    may_be_fewer: bool = False


@dataclass(frozen=True)
class Bare:
    """JSON text without an envelope: health checks and published documents. ``headers`` win over those that every
    answer has."""

    text: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PlainText:
    """Text other than JSON, sent unchanged. ``media_type`` is the complete header; ``headers`` override those that
    every answer has."""

    text: str
    media_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Content:
    """Bytes, sent unchanged. ``media_type`` is the complete header; ``headers`` override those that every answer
    has."""

    content: bytes = field(repr=False)
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Redirect:
    """307: the same request is to be sent to that address, which may hold a signature."""

    location: str = field(repr=False)


Answer = BaseModel | Created | Accepted | NoContent | Paginated | Bare | PlainText | Content | Redirect


@dataclass(frozen=True)
class HealthCheck:
    """A dependency that must work for requests to succeed. ``run`` raises if it does not."""

    name: str
    run: Callable[[], object]
