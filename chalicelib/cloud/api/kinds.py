"""The operations that every kind of thing of a tenant has: make, list, get, change, act on and delete one.

A kind is a model with rules and a service (`Things`), and here one declaration, a `Kind`; what is special about it
is a route beside. Names of operations, summaries and verbs of the audit log follow from the names of the kind.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar

from annotated_types import Ge, Le
from pydantic import BaseModel, RootModel

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.fields import about
from chalicelib.platform.access.permissions import Permission
from chalicelib.platform.access.principal import Principal, Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Request
from chalicelib.web.validation import Body, Int32, NoBody, NoPath, NoQuery, Path, Query

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
B = TypeVar("B", bound=Body)
N = TypeVar("N")
V = TypeVar("V", bound=Callable[..., Any])


class Things(Protocol[T_co]):
    """The things of one kind. ``wanted`` is an id, or a name where the kind has names that are unique."""

    def all(self, tenant: str, /) -> Sequence[T_co]:
        """All of a tenant, of which there can be a bounded number."""

    def get(self, tenant: str, wanted: str, /) -> T_co:
        """Raises `EdgeError` (not found)."""

    def delete(self, tenant: str, wanted: str, /) -> None:
        """Raises `EdgeError` (not found, conflict)."""


class SliceQuery(Query):
    """A slice of a list."""

    limit: Annotated[Int32 | None, Ge(1), Le(1_000), about("Things in the slice, at most.", 20)] = None
    offset: Annotated[Int32 | None, Ge(0), Le(1_000_000), about("Things before the slice.", 0)] = None


def slice_of(shown: Sequence[BaseModel], asked: SliceQuery) -> dict[str, Any] | None:
    """The fields of the slice that was asked for; None where the whole list was."""
    if asked.limit is None and asked.offset is None:
        return None
    start = asked.offset or 0
    end = start + (len(shown) if asked.limit is None else asked.limit)
    return {"data": shown[start:end], "total_count": len(shown), "has_more": end < len(shown)}


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[T]):
    """A kind of thing, whose operations are declared on ``routes``.

    - ``collection`` is the path of all of them; ``path`` the model that has the variable of one, and nothing else.
    - ``one`` and ``many`` name it to readers ("an SSH key", "SSH keys"), ``name`` and ``names`` in identifiers
      (``ssh_key``, ``ssh_keys``).
    - ``of`` finds its service; ``show`` makes an answer of one thing and its tenant; ``shown`` and ``listed`` are the
      models of one and of all.
    - ``read`` is the permission to list them and to get one.
    - ``resource`` is the name of its kind of resource of the engine, whose changes follow the answer; "" for rows of
      the tenant, whose changes the audit log has as acts on the tenant.
    """

    routes: Endpoints
    collection: str
    path: type[Path]
    one: str
    many: str
    name: str
    names: str
    of: Callable[[Cloud], Things[T]]
    show: Callable[[T, str], BaseModel]
    shown: type[BaseModel]
    listed: type[RootModel[Any]]
    read: Permission
    resource: str = ""

    @property
    def item(self) -> str:
        """The path of one."""
        return f"{self.collection}/{{{self._variable}}}"

    def creates(
        self,
        body: type[B],
        make: Callable[[Cloud, Principal, B], N],
        says: str,
        show: Callable[[N, str], BaseModel],
        *,
        permission: Permission,
        verb: str = "create",
        answer: type[BaseModel] | None = None,
        errors: Sequence[int] = (409,),
    ) -> None:
        """POST to the collection. ``make`` commits its effect in one transaction; ``says`` is the description for
        callers. ``answer`` is the model that ``show`` makes where that is not the kind's."""

        def view(request: Any, services: Cloud) -> Created:
            by = request.principal
            return request.once(lambda: make(services, by, request.body), lambda made: Created(show(made, by.tenant)))  # type: ignore[no-any-return]

        declared = self.routes.declare(
            "POST",
            self.collection,
            auth=USER,
            scope=Scope.TENANT,
            permission=permission,
            audit=self._audit(verb),
            is_deferred=bool(self.resource),
            answer=answer or self.shown,
            status=201,
            errors=errors,
            summary=f"{verb.title()} {self.one}",
        )
        declared(_written_out(view, f"{verb}_{self.name}", says, NoPath, body))

    def lists(self, says: str) -> None:
        """GET of the collection: all of the tenant."""

        def view(request: Any, services: Cloud) -> BaseModel:
            tenant = request.principal.tenant
            return self.listed(tuple(self.show(thing, tenant) for thing in self.of(services).all(tenant)))

        declared = self.routes.declare(
            "GET",
            self.collection,
            auth=USER,
            scope=Scope.TENANT,
            permission=self.read,
            answer=self.listed,
            summary=f"List {self.many}",
        )
        declared(_written_out(view, f"list_{self.names}", says, NoPath, NoBody))

    def lists_slices(self, says: str, sliced: type[BaseModel], answer: type[RootModel[Any]]) -> None:
        """As `lists`, also by ``limit`` and ``offset``, which clients of the published API send: then ``sliced`` is
        answered, an object with the things ``data``, their ``total_count`` and whether it ``has_more``."""

        def view(request: Any, services: Cloud) -> BaseModel:
            tenant = request.principal.tenant
            shown = tuple(self.show(thing, tenant) for thing in self.of(services).all(tenant))
            part = slice_of(shown, request.query)
            return answer(shown if part is None else sliced(**part))

        declared = self.routes.declare(
            "GET",
            self.collection,
            auth=USER,
            scope=Scope.TENANT,
            permission=self.read,
            answer=answer,
            summary=f"List {self.many}",
        )
        declared(_written_out(view, f"list_{self.names}", says, NoPath, NoBody, SliceQuery))

    def gets(self, says: str) -> None:
        """GET of one, by the `read` permission."""

        def view(request: Any, services: Cloud) -> BaseModel:
            tenant = request.principal.tenant
            return self.show(self.of(services).get(tenant, self._wanted(request)), tenant)

        declared = self.routes.declare(
            "GET",
            self.item,
            auth=USER,
            scope=Scope.TENANT,
            permission=self.read,
            answer=self.shown,
            errors=(404,),
            summary=f"Get {self.one}",
        )
        declared(_written_out(view, f"get_{self.name}", says, self.path, NoBody))

    def changes(
        self,
        method: str,
        body: type[B],
        change: Callable[[Cloud, Principal, str, B], T],
        says: str,
        *,
        permission: Permission,
        verb: str = "change",
    ) -> None:
        """PUT or PATCH of one. ``change`` raises `EdgeError` (not found, conflict)."""

        def view(request: Any, services: Cloud) -> BaseModel:
            by = request.principal
            return self.show(change(services, by, self._wanted(request), request.body), by.tenant)

        declared = self.routes.declare(
            method,
            self.item,
            auth=USER,
            scope=Scope.TENANT,
            permission=permission,
            audit=self._audit("change"),
            is_deferred=bool(self.resource),
            answer=self.shown,
            errors=(404, 409),
            summary=f"Change {self.one}",
        )
        declared(_written_out(view, f"{verb}_{self.name}", says, self.path, body))

    def deletes(
        self,
        says: str,
        *,
        permission: Permission,
        verb: str = "delete",
        answer: type[BaseModel] | None = None,
        query: type[Query] = NoQuery,
    ) -> None:
        """DELETE of one: 204, or ``answer`` without values where the published API has one. ``query`` has names that
        clients send and that change nothing."""

        def view(request: Any, services: Cloud) -> BaseModel | NoContent:
            self.of(services).delete(request.principal.tenant, self._wanted(request))
            return NoContent() if answer is None else answer()

        declared = self.routes.declare(
            "DELETE",
            self.item,
            auth=USER,
            scope=Scope.TENANT,
            permission=permission,
            audit=self._audit(verb),
            is_deferred=bool(self.resource),
            answer=answer,
            status=204 if answer is None else 200,
            errors=(404, 409),
            summary=f"{verb.title()} {self.one}",
        )
        declared(_written_out(view, f"{verb}_{self.name}", says, self.path, NoBody, query))

    def acts(
        self,
        verb: str,
        body: type[B],
        act: Callable[[Cloud, str, str, B], T],
        says: str,
        *,
        permission: Permission,
        answer: type[BaseModel] | None = None,
        show: Callable[[T, str], BaseModel] | None = None,
    ) -> None:
        """POST to ``verb`` below one. ``act`` gets the tenant, the one that is wanted and the body, and commits its
        effect in one transaction; it raises `EdgeError` (not found, conflict). ``answer`` is the model that ``show``
        makes where it is not the thing itself."""
        shown = show or self.show

        def view(request: Any, services: Cloud) -> BaseModel:
            tenant, wanted, sent = request.principal.tenant, self._wanted(request), request.body
            return request.once(lambda: act(services, tenant, wanted, sent), lambda made: shown(made, tenant))  # type: ignore[no-any-return]

        declared = self.routes.declare(
            "POST",
            f"{self.item}/{verb}",
            auth=USER,
            scope=Scope.TENANT,
            permission=permission,
            audit=self._audit(verb),
            is_deferred=bool(self.resource),
            answer=answer or self.shown,
            errors=(404, 409),
            summary=f"{verb.title()} {self.one}",
        )
        declared(_written_out(view, f"{verb}_{self.name}", says, self.path, body))

    @property
    def _variable(self) -> str:
        return next(iter(self.path.model_fields))

    def _wanted(self, request: Any) -> str:
        return str(getattr(request.path, self._variable))

    def _audit(self, verb: str) -> str:
        return f"{self.resource}.{verb}" if self.resource else f"tenant.{verb}_{self.name}"


def _written_out(view: V, name: str, says: str, path: type[Path], body: type[Body], query: type[Query] = NoQuery) -> V:
    """The view as if it had been written out in the module of its routes: name, text and models are read of it."""
    view.__name__ = view.__qualname__ = name
    view.__doc__ = says
    view.__annotations__ = {"request": Request[path, query, body]}  # type: ignore[valid-type]
    return view
