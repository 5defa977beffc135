"""Routes as data: how a module declares its operations, and how they come onto the Chalice app."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar, Unpack

from chalicelib.kit.clock import SystemClock
from chalicelib.kit.ids import Ids
from chalicelib.kit.log import Log
from chalicelib.platform.access.principal import Scope
from chalicelib.web.answering import finished, internal, refusal, respond
from chalicelib.web.application import Application, Find
from chalicelib.web.audience import OPEN, PUBLIC, Audience
from chalicelib.web.exchange import Incoming, Outgoing
from chalicelib.web.operation import Endpoint, Options, Shared
from chalicelib.web.protocol import ApiProtocol
from chalicelib.web.results import (
    Accepted,
    Answer,
    Bare,
    Content,
    Created,
    NoContent,
    Paginated,
    PlainText,
    Redirect,
    Request,
)

__all__ = [
    "OPEN",
    "PUBLIC",
    "Accepted",
    "Bare",
    "Content",
    "Created",
    "Endpoint",
    "Endpoints",
    "NoContent",
    "Paginated",
    "PlainText",
    "Redirect",
    "Request",
]

V = TypeVar("V", bound=Callable[..., Answer])


class Endpoints:
    """The operations of one module, declared by decorators and registered on the Chalice app in one call. ``auth`` and
    ``scope`` are those of each operation that names none."""

    def __init__(self, tag: str, *, auth: Audience | None = None, scope: Scope | None = None) -> None:
        self.tag = tag
        self.all: list[Endpoint] = []
        self._shared: Shared = {}
        if auth is not None:
            self._shared["auth"] = auth
        if scope is not None:
            self._shared["scope"] = scope

    def get(self, route: str, /, **options: Unpack[Options]) -> Callable[[V], V]:
        return self.declare("GET", route, **options)

    def post(self, route: str, /, **options: Unpack[Options]) -> Callable[[V], V]:
        return self.declare("POST", route, **options)

    def put(self, route: str, /, **options: Unpack[Options]) -> Callable[[V], V]:
        return self.declare("PUT", route, **options)

    def patch(self, route: str, /, **options: Unpack[Options]) -> Callable[[V], V]:
        return self.declare("PATCH", route, **options)

    def delete(self, route: str, /, **options: Unpack[Options]) -> Callable[[V], V]:
        return self.declare("DELETE", route, **options)

    def declare(self, method: str, route: str, /, **options: Unpack[Options]) -> Callable[[V], V]:
        """Declare an operation. The view stays callable as it is. Raises TypeError as `Endpoint` does."""

        def keep(view: V) -> V:
            own: Options = {**self._shared, **options}
            self.all.append(Endpoint(method=method, route=route, view=view, tag=self.tag, **own))
            return view

        return keep

    def register(self, app: Application, protocol: ApiProtocol, provide: Callable[[], Any]) -> None:
        """Add the routes to `app`. `provide` gives the container's services at each request."""
        for endpoint in self.all:
            add_route(app, endpoint.method, endpoint.route, partial(_itself, endpoint), protocol, provide)


def add_route(
    app: Application,
    method: str,
    route: str,
    find: Find,
    protocol: ApiProtocol,
    provide: Callable[[], Any],
) -> None:
    """Add one route to `app`, which answers in that protocol. `find` gives the operation at each request, `provide` the
    container's services."""
    app.finders.setdefault(route, {})[method] = find
    app.protocols.setdefault(route, protocol)
    # The content type stands in the template. A wrong one is answered by the edge, in the protocol.
    add = app.route(route, methods=[method], content_types=["*/*"])
    add(_view(route, find, protocol, provide))


def _itself(endpoint: Endpoint, _event: Mapping[str, Any]) -> Endpoint:
    return endpoint


def _view(
    route: str, find: Find, protocol: ApiProtocol, provide: Callable[[], Any]
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Answers a proxy event, in the form that API Gateway takes."""

    def view(event: Mapping[str, Any]) -> dict[str, Any]:
        incoming = Incoming.from_event(event)
        try:
            endpoint, services = find(event), provide()
        except Exception as error:  # noqa: BLE001 - as in `respond`: services or a route that cannot be loaded
            outgoing = _cannot_start(error, route, protocol)
        else:
            outgoing = respond(endpoint, incoming, services, endpoint.protocol or protocol)
        body, is_base64 = outgoing.body, outgoing.content is not None
        if outgoing.content is not None:
            body = b64encode(outgoing.content).decode("ascii")
        answer = {"headers": outgoing.headers, "multiValueHeaders": {}, "statusCode": outgoing.status}
        if incoming.method == "HEAD":
            return {**answer, "body": ""}
        return {**answer, "body": body, **({"isBase64Encoded": True} if is_base64 else {})}

    return view


def _cannot_start(error: Exception, route: str, protocol: ApiProtocol) -> Outgoing:
    clock = SystemClock()
    now = clock.now()
    request_id = Ids().uuid7(now)
    Log(None, clock).failure("start_failed", error, request_id=request_id, route=route)
    return finished(refusal(internal(), protocol, protocol.renderer(request_id, now)), request_id, {})
