"""The operations that every kind of thing of a tenant has: make, list, get, change, act on and delete one.

A kind is a model with rules and a service (`Things`), and here one declaration, a `Kind`; what is special about it
is a route beside. Names of operations, summaries and verbs of the audit log follow from the names of the kind.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, RootModel

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import PageQuery
from chalicelib.cloud.api.slices import SliceQuery, slice_of
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.listing import ListPage
from chalicelib.platform.access.permissions import Permission
from chalicelib.platform.access.principal import Principal, Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, Path, Query

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
B = TypeVar("B", bound=Body)
N = TypeVar("N")
V = TypeVar("V", bound=Callable[..., Any])


class Things(Protocol[T_co]):
    """The things of one kind. ``wanted`` is an id, or a name where the kind has names that are unique."""

    def get(self, tenant: str, wanted: str, /) -> T_co:
        """Raises `EdgeError` (not found)."""


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[T]):
    """A kind of thing, whose operations are declared on ``routes``.

    - ``collection`` is the path of all of them; ``path`` the model that has the variable of one, and nothing else.
    - ``one`` and ``many`` name it to readers ("an SSH key", "SSH keys"), ``name`` and ``names`` in identifiers
      (``ssh_key``, ``ssh_keys``).
    - ``of`` finds its service; ``show`` makes an answer of one thing and its tenant, of the model ``shown``.
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

    def lists(self, says: str, every: Callable[[Cloud, str], Sequence[T]], listed: type[RootModel[Any]]) -> None:
        """GET of the collection: ``every`` one of the tenant, which can have few. ``listed`` is the model of all."""

        def view(request: Any, services: Cloud) -> BaseModel:
            return listed(self._shown(every, request, services))

        self._declare_list(view, says, answer=listed)

    def lists_slices(
        self,
        says: str,
        every: Callable[[Cloud, str], Sequence[T]],
        sliced: type[BaseModel],
        answer: type[RootModel[Any]],
    ) -> None:
        """As `lists`, also by ``limit`` and ``offset``, which clients of the published API send: then ``sliced`` is
        answered, an object with the things ``data``, their ``total_count`` and whether it ``has_more``."""

        def view(request: Any, services: Cloud) -> BaseModel:
            shown = self._shown(every, request, services)
            return answer(sliced(**slice_of(shown, request.query)) if request.query.is_slice else shown)

        self._declare_list(view, says, SliceQuery, answer=answer)

    def lists_pages(
        self,
        says: str,
        page: Callable[[Cloud, str, Any], ListPage[T]],
        query: type[PageQuery] = PageQuery,
        errors: Sequence[int] = (),
    ) -> None:
        """GET of the collection: a page of what the tenant has, which may be much. ``page`` reads what the ``query``
        asks for."""

        def view(request: Any, services: Cloud) -> Paginated:
            tenant = request.principal.tenant
            found = page(services, tenant, request.query)
            return Paginated([self.show(thing, tenant) for thing in found.items], found)

        self._declare_list(view, says, query, answer=self.shown, paginated=True, errors=errors)

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
        delete: Callable[[Cloud, Principal, str], None] | None = None,
        errors: Sequence[int] = (404, 409),
    ) -> None:
        """DELETE of one: 204, or ``answer`` without values where the published API has one. ``query`` has names that
        clients send and that change nothing. ``delete`` is given where it depends on the caller; else the service has
        one of tenant and id, which raises `EdgeError` (not found, conflict)."""

        def view(request: Any, services: Cloud) -> BaseModel | NoContent:
            by, wanted = request.principal, self._wanted(request)
            if delete is None:
                things: Any = self.of(services)
                things.delete(by.tenant, wanted)
            else:
                delete(services, by, wanted)
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
            errors=errors,
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

    def _declare_list(self, view: V, says: str, query: type[Query] = NoQuery, **options: Any) -> None:
        declared = self.routes.declare(
            "GET",
            self.collection,
            auth=USER,
            scope=Scope.TENANT,
            permission=self.read,
            summary=f"List {self.many}",
            **options,
        )
        declared(_written_out(view, f"list_{self.names}", says, NoPath, NoBody, query))

    def _shown(
        self, every: Callable[[Cloud, str], Sequence[T]], request: Any, services: Cloud
    ) -> tuple[BaseModel, ...]:
        tenant = request.principal.tenant
        return tuple(self.show(thing, tenant) for thing in every(services, tenant))

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
