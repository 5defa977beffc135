"""An operation as data: what it is called, who may call it, what it takes and answers."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Required, TypedDict, get_args, get_origin

from pydantic import BaseModel, SecretStr

from chalicelib.kit.tables import ActedOn, kind_of
from chalicelib.platform.access.permissions import Permission
from chalicelib.platform.access.principal import Resource, Scope
from chalicelib.web.audience import Audience, Guard
from chalicelib.web.exchange import Incoming
from chalicelib.web.json_body import DEFAULT_MAX_BODY_BYTES
from chalicelib.web.protocol import ApiProtocol
from chalicelib.web.results import Answer, Request
from chalicelib.web.revisions import Revised
from chalicelib.web.validation import Body, NoBody, Path, Query, RawBody

NO_EXAMPLE: Any = object()
"""None was given; null is an example."""


class Shared(TypedDict, total=False):
    """The options that the operations of a module may share."""

    auth: Audience
    scope: Scope


class Options(Shared, total=False):
    """The options of a decorator: the fields of `Endpoint` of the same names."""

    summary: Required[str]
    body_required: bool
    max_body_bytes: int
    too_large: str
    answer: type[BaseModel] | None
    paginated: bool
    enveloped: bool
    media_type: str
    lines: str
    status: int
    errors: Sequence[int]
    guard: Guard | None
    permission: Permission
    audit: str
    is_deferred: bool
    reads: bool
    repeats: str
    keeps_answer: bool
    contract_path: str
    documented: bool
    example: object
    counted_as: str
    revised: Mapping[str, Revised]
    empty: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One operation. ``route`` is what API Gateway matches; ``contract_path``, if given, what the document shows. The
    last variable of a route may have a plus, ``{key+}``: it takes all that is left of the path.

    ``request`` is the class of the view's ``Request[...]`` annotation, ``path``, ``query`` and ``body`` are its models.
    ``answer`` is the model of ``data`` (of each item, if ``paginated``; of the whole, if not ``enveloped``), None for
    204. ``errors`` are the statuses that the view itself may cause; those of the edge are documented by themselves.
    ``media_type`` is set where the view answers `PlainText`; there is no model then. ``lines`` is the media type of
    one item a line, in which the view answers those that accept it as `PlainText`. ``example`` is what the document
    shows as its result; of an object only what differs from the example that the model and its fields make.

    Where the audience decides ``by_permission``: ``permission`` is what the caller needs, ``scope`` what the
    operation's resource belongs to, and ``audit`` the verb under which the audit log has what it changed,
    `<thing>.<action>`; with ``is_deferred`` as accepted, since the effects come after the answer. An operation of
    another audience may have a verb too: its use case then says who acts (`platform.audit.acting`). ``repeats`` says
    why a POST needs no ``Idempotency-Key``; one that only ``reads``, since its body holds a question, needs none too.
    ``keeps_answer``: see `is_creation`, for one that answers 200.
    ``counted_as`` is the type of operation that the audience counts it as, for a limit of its own (`Audience.limit`);
    "" for none. ``revised`` says how it differs in later revisions of the API, by their names.
    ``empty`` are the statuses of its further successes, which have no body. ``too_large`` is the way to send a body
    that is larger than ``max_body_bytes``.
    """

    method: str
    route: str
    view: Callable[[Any, Any], Answer]
    tag: str
    auth: Audience
    summary: str
    body_required: bool = True
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    too_large: str = ""
    answer: type[BaseModel] | None = None
    paginated: bool = False
    enveloped: bool = True
    media_type: str = ""
    lines: str = ""
    status: int = 200
    errors: Sequence[int] = ()
    guard: Guard | None = None
    permission: Permission | None = None
    scope: Scope | None = None
    audit: str = ""
    is_deferred: bool = False
    reads: bool = False
    repeats: str = ""
    keeps_answer: bool = False
    contract_path: str = ""
    documented: bool = True
    example: object = NO_EXAMPLE
    counted_as: str = ""
    revised: Mapping[str, Revised] = field(default_factory=dict)
    empty: Sequence[int] = ()
    protocol: ApiProtocol | None = None

    request: type[Request[Any, Any, Any]] = field(init=False)
    path: type[Path] = field(init=False)
    query: type[Query] = field(init=False)
    body: type[Body] = field(init=False)

    def __post_init__(self) -> None:
        """Raises TypeError where the view's first argument is not annotated as a ``Request[...]``, and for an operation
        that does not say who may call it."""
        annotation = next(iter(self.view.__annotations__.values()), None)
        request = get_origin(annotation)
        if not (isinstance(request, type) and issubclass(request, Request)):
            raise TypeError(f"{self.view.__qualname__}: its first argument is a Request[...], not {annotation!r}")
        for name, value in zip(("request", "path", "query", "body"), (request, *get_args(annotation)), strict=True):
            object.__setattr__(self, name, value)
        for problem in self._problems():
            raise TypeError(f"{self.view.__qualname__}: {problem}")

    def _problems(self) -> Iterator[str]:
        decided = {"permission": self.permission, "scope": self.scope}
        if self.auth.by_permission:
            yield from (f"the audience {self.auth.name} needs a {name}" for name, value in decided.items() if not value)
            if not self.is_read and not self.audit:
                yield "an operation that changes something needs a verb for the audit log"
        else:
            yield from (
                f"the audience {self.auth.name} decides without {name}" for name, value in decided.items() if value
            )
            if self.method == "POST" and not self.repeats and not self.reads:
                yield f"a POST of the audience {self.auth.name} says why it may be repeated"
        if self.secret_variables and (self.auth.by_permission or not self.repeats):
            yield "a secret in the path names nothing that a policy, or the record of a repeat, could be about"
        if self.is_deferred and not self.audit:
            yield "only an audited operation can be accepted in the audit log"
        if (self.repeats or self.reads) and self.method != "POST":
            yield f"{self.method} is repeatable by its meaning"
        if self.reads and (self.audit or self.repeats):
            yield "an operation that only reads has no verb for the audit log, and no reason why it may be repeated"

    @cached_property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET" or self.reads

    @cached_property
    def takes_idempotency_key(self) -> bool:
        """Whether a repeat is recognised by its ``Idempotency-Key``."""
        return self.method == "POST" and not self.repeats and not self.reads

    @cached_property
    def is_creation(self) -> bool:
        """Whether it makes something that is another one each time, or is done once for good: the kept answer of such a
        request stays true. An act may be undone by another one in the meantime."""
        return self.keeps_answer or self.status in _OF_CREATIONS

    def resource_of(self, incoming: Incoming) -> Resource:
        """The resource of a request: the path without the version of the API, with the values of its variables."""
        path = self._unversioned
        for name, value in incoming.path.items():
            path = path.replace(f"{{{name}}}", value)
        return Resource(path, self.scope or Scope.INSTALLATION, incoming.path.get(self._first_variable, ""))

    def aimed_at(self, incoming: Incoming) -> ActedOn:
        """The thing that a request names before it is read: the collection in which its path begins, with the first
        of its variables, as sent. A variable that is secret is left out."""
        things, name = self._unversioned.partition("/")[0], self._first_variable
        sent = "" if name in self.secret_variables else incoming.path.get(name, "")
        return ActedOn(kind_of(self.audit) or things, sent)

    @cached_property
    def secret_variables(self) -> frozenset[str]:
        """The path variables that are secrets, such as the token of a mail: they are in no log."""
        return frozenset(name for name, field in self.path.model_fields.items() if field.annotation is SecretStr)

    @cached_property
    def _unversioned(self) -> str:
        """The route without the version of the API."""
        return _VERSION.sub("", _plain(self.route)).strip("/")

    @cached_property
    def _first_variable(self) -> str:
        """The name of the first variable of the route, "" for none."""
        return next(iter(_variables(self.route)), "")

    @cached_property
    def has_body(self) -> bool:
        return self.body is not NoBody

    @property
    def takes_bytes(self) -> bool:
        """Whether its body is taken as it was sent, regardless of its content type."""
        return issubclass(self.body, RawBody)

    @cached_property
    def shown_path(self) -> str:
        """The path in the published document: ``contract_path``, or the route with short names, see `_shortened`."""
        return self.contract_path or _shortened(_plain(self.route))

    @cached_property
    def shown_names(self) -> dict[str, str]:
        """Path variables as the view calls them -> as callers know them.

        They differ where API Gateway, which wants one name at each level of paths, forbids the document's name.
        """
        return dict(zip(_variables(self.route), _variables(self.shown_path), strict=True))


_OF_CREATIONS = frozenset({201, 202})

_VERSION = re.compile(r"^/(api/)?(\w+/)?v\d+/")
_ON_ONE = re.compile(r"([^{]*)\{\w+_([a-z]+)\}((?:/\w*[^/s])?)")
"""A path with one variable that is its end, or is followed by the name of an action. A plural names a collection."""


def _shortened(route: str) -> str:
    """``/things/{thing_id}/start`` -> ``/things/{id}/start``. With a collection below it, as in
    ``/things/{thing_id}/parts``, the variable keeps its whole name."""
    found = _ON_ONE.fullmatch(route)
    return f"{found[1]}{{{found[2]}}}{found[3]}" if found else route


def _plain(route: str) -> str:
    """The route without the plus of a variable that takes all that is left."""
    return route.replace("+}", "}")


def _variables(path: str) -> list[str]:
    return [part[1:-1] for part in _plain(path).split("/") if part.startswith("{")]
