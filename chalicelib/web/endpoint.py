"""Routes as data, and the one way from a request to its answer.

The order never varies: route, authentication (401, and 429 to an address that offers too many wrong keys; public
routes: rate, 429), path, query, body (400, 413, 415: the first that is wrong, alone), degraded mode (503), then the
view with everything it finds (404, 409, 422, 503). Only here do errors become statuses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import Any, TypeVar, Unpack

from chalice.app import Response

from chalicelib.fleet.nodes.instances import HEADER as INSTANCE_HEADER
from chalicelib.fleet.nodes.instances import instance_of
from chalicelib.kit.clock import SystemClock
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.ids import Ids
from chalicelib.kit.log import Level, Log
from chalicelib.kit.origin import Origin, working_for
from chalicelib.kit.tables import Meter
from chalicelib.platform.access.bearer import bearer_in
from chalicelib.platform.access.keys import AGENT, METRICS, OPEN, OPERATOR, PUBLIC, Auth
from chalicelib.settings import Settings
from chalicelib.web.application import Application
from chalicelib.web.caching import unless_known
from chalicelib.web.edge_services import EdgeServices
from chalicelib.web.envelope import Envelope
from chalicelib.web.exchange import Incoming, Outgoing
from chalicelib.web.headers import SECURITY_HEADERS, Cors
from chalicelib.web.json_body import read_json
from chalicelib.web.operation import Endpoint, Options
from chalicelib.web.page_bytes import check_answer
from chalicelib.web.results import (
    Answer,
    Bare,
    Created,
    MethodNotAllowedError,
    NoContent,
    Paginated,
    PlainText,
    Request,
)
from chalicelib.web.validation import Body, NoBody, Path, Query, read

__all__ = [
    "AGENT",
    "METRICS",
    "OPEN",
    "OPERATOR",
    "PUBLIC",
    "Bare",
    "Created",
    "EdgeServices",
    "Endpoint",
    "Endpoints",
    "NoContent",
    "Paginated",
    "PlainText",
    "Request",
]

STATUSES = {
    Kind.BAD_REQUEST: 400,
    Kind.UNAUTHORIZED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.METHOD_NOT_ALLOWED: 405,
    Kind.CONFLICT: 409,
    Kind.PAYLOAD_TOO_LARGE: 413,
    Kind.UNSUPPORTED_MEDIA_TYPE: 415,
    Kind.VALIDATION_FAILED: 422,
    Kind.RATE_LIMITED: 429,
    Kind.INTERNAL: 500,
    Kind.UNAVAILABLE: 503,
    Kind.DEGRADED: 503,
}
"""The HTTP status of each kind of error."""

_DEGRADED_TEXT = "Cluster is in degraded mode (over capacity) — try again when capacity recovers"
_FIRST_SERVER_ERROR = 500
_NOTHING_ASKED = Meter()

V = TypeVar("V", bound=Callable[..., Answer])


class Endpoints:
    """The operations of one module, declared by decorators and registered on the Chalice app in one call."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.all: list[Endpoint] = []

    def get(self, route: str, /, **options: Unpack[Options]) -> Callable[[V], V]:
        return self.declare("GET", route, **options)

    def post(self, route: str, /, **options: Unpack[Options]) -> Callable[[V], V]:
        return self.declare("POST", route, **options)

    def patch(self, route: str, /, **options: Unpack[Options]) -> Callable[[V], V]:
        return self.declare("PATCH", route, **options)

    def delete(self, route: str, /, **options: Unpack[Options]) -> Callable[[V], V]:
        return self.declare("DELETE", route, **options)

    def declare(self, method: str, route: str, /, **options: Unpack[Options]) -> Callable[[V], V]:
        """Declare an operation. The view stays callable as it is. Raises TypeError as `Endpoint` does."""

        def keep(view: V) -> V:
            self.all.append(Endpoint(method=method, route=route, view=view, tag=self.tag, **options))
            return view

        return keep

    def register(self, app: Application, provide: Callable[[], EdgeServices]) -> None:
        """Add the routes to `app`. `provide` gives the container's services at each request."""
        for endpoint in self.all:
            add_route(app, endpoint.method, endpoint.route, partial(_itself, endpoint), provide)


def add_route(
    app: Application, method: str, route: str, find: Callable[[], Endpoint], provide: Callable[[], EdgeServices]
) -> None:
    """Add one route to `app`. `find` gives the operation at each request, `provide` the container's services."""
    app.finders.setdefault(route, {})[method] = find
    # */*: a wrong content type is answered by the edge, in the envelope, and not by Chalice.
    add = app.route(route, methods=[method], content_types=["*/*"])
    add(_chalice_view(app, route, find, provide))


def _itself(endpoint: Endpoint) -> Endpoint:
    return endpoint


def _chalice_view(
    app: Application, route: str, find: Callable[[], Endpoint], provide: Callable[[], EdgeServices]
) -> Callable[..., Response]:
    def view(**_: str) -> Response:
        incoming = Incoming.from_event(app.current_event())
        try:
            endpoint, services = find(), provide()
        except Exception as error:  # noqa: BLE001 - as in `respond`: services or a route that cannot be loaded
            outgoing = _cannot_start(error, route)
        else:
            outgoing = respond(endpoint, incoming, services)
        body = "" if incoming.method == "HEAD" else outgoing.body
        return Response(body=body, status_code=outgoing.status, headers={**outgoing.headers})

    return view


def _cannot_start(error: Exception, route: str) -> Outgoing:
    clock = SystemClock()
    now = clock.now()
    request_id = Ids().uuid7(now)
    Log(None, clock).failure("start_failed", error, request_id=request_id, route=route)
    outgoing = Outgoing(500, Envelope(request_id, now).error(internal()))
    return _finished(outgoing, request_id, {})


@dataclass
class _Exchange:
    """One request under way. Filled in step by step, so that the log names the caller also of a refused request."""

    endpoint: Endpoint
    incoming: Incoming
    services: EdgeServices
    request_id: str
    started: datetime
    bearer: str | None = field(repr=False)
    actor: str = ""
    agent: Any = None
    meter: Meter = _NOTHING_ASKED

    @property
    def instance_id(self) -> str | None:
        """The process of an agent that calls, if it says."""
        return instance_of(self.incoming.headers.get(INSTANCE_HEADER, ()))

    @property
    def node_id(self) -> str | None:
        return None if self.agent is None else self.agent.node.id

    def envelope(self) -> Envelope:
        return Envelope(self.request_id, self.services.platform.clock.now())


def respond(endpoint: Endpoint, incoming: Incoming, services: EdgeServices) -> Outgoing:
    """The answer to one request, with one line in the log. It never raises an exception."""
    started = services.platform.clock.now()
    bearer = bearer_in(incoming.headers.get("authorization", ()))
    request_id = services.platform.ids.uuid7(started)
    exchange = _Exchange(endpoint, incoming, services, request_id, started, bearer)
    cors: dict[str, str] = {}
    refused: Kind | None = None
    try:
        exchange.meter = services.platform.tables.meter
        exchange.meter.reset()
        cors = cors_of(services.platform.settings).headers_for(incoming.header("origin"))
        outgoing = unless_known(_serve(exchange), incoming)
    except EdgeError as error:
        outgoing, refused = _refusal(error, exchange), error.kind
    except Exception as error:  # noqa: BLE001 - the boundary: whatever it is, the caller gets the envelope
        services.platform.log.failure("request_failed", error, request_id=exchange.request_id, route=endpoint.route)
        outgoing = _refusal(internal(), exchange)
    _log(exchange, outgoing.status, refused)
    return _finished(outgoing, exchange.request_id, cors)


def internal() -> EdgeError:
    """The answer to a mistake of ours, of which nothing is told."""
    return EdgeError(Kind.INTERNAL, "Internal Server Error")


def degraded() -> EdgeError:
    """The answer to what has to wait until the installation has capacity again."""
    return EdgeError(Kind.DEGRADED, _DEGRADED_TEXT)


def _finished(outgoing: Outgoing, request_id: str, cors: Mapping[str, str]) -> Outgoing:
    outgoing.headers = {**SECURITY_HEADERS, **cors, **outgoing.headers, "x-request-id": request_id}
    if outgoing.body:
        outgoing.headers.setdefault("content-type", "application/json")
    return outgoing


def cors_of(settings: Settings) -> Cors:
    """The CORS policy that the settings describe."""
    return _cors(settings.cors_allowed_origins, settings.cors_allowed_headers)


_cors = cache(Cors)


def _serve(exchange: _Exchange) -> Outgoing:
    endpoint, services = exchange.endpoint, exchange.services
    _admit(exchange)
    with working_for(Origin(exchange.request_id, exchange.actor, exchange.incoming.address)):
        if exchange.agent is not None:
            exchange.agent = services.nodes.health.touch(exchange.agent)
        request = _read(exchange)
        if endpoint.blocked_when_degraded and services.degraded():
            raise degraded()
        answer = endpoint.view(request, services)
    outgoing = _render(answer, exchange)
    check_answer(outgoing.body)
    return outgoing


def _admit(exchange: _Exchange) -> None:
    incoming, services = exchange.incoming, exchange.services
    match exchange.endpoint.auth:
        case Auth.OPEN:
            return
        case Auth.PUBLIC:
            services.platform.throttle.take(incoming.address)
        case Auth.AGENT:
            exchange.agent = services.nodes.identity.authenticate(exchange.bearer or "", exchange.instance_id)
            exchange.actor = f"node:{exchange.node_id}"
        case Auth.OPERATOR | Auth.METRICS as audience:
            if services.platform.settings.auth_enabled:
                exchange.actor = _identify(exchange, audience)


def _identify(exchange: _Exchange, audience: Auth) -> str:
    try:
        return exchange.services.platform.keys.identify(exchange.bearer, audience)
    except EdgeError as error:
        if exchange.bearer and error.kind is Kind.UNAUTHORIZED:
            exchange.services.platform.wrong_keys.take(exchange.incoming.address)
        raise


def _read(exchange: _Exchange) -> Request[Path, Query, Body]:
    endpoint, incoming = exchange.endpoint, exchange.incoming
    path = read(endpoint.path, incoming.path, endpoint.shown_names)
    query = read(endpoint.query, incoming.query)
    body: Body = NoBody()
    if endpoint.has_body:
        sent = read_json(
            incoming,
            required=endpoint.body_required,
            max_bytes=endpoint.max_body_bytes,
            may_hold_replaced=endpoint.auth is Auth.AGENT,
        )
        body = read(endpoint.body, sent)
    return Request(
        path=path,
        query=query,
        body=body,
        address=incoming.address,
        bearer=exchange.bearer,
        instance_id=exchange.instance_id,
        caller=exchange.agent,
    )


def _render(answer: Answer, exchange: _Exchange) -> Outgoing:
    status, envelope = exchange.endpoint.status, exchange.envelope()
    match answer:
        case NoContent():
            return Outgoing(204, headers=dict(answer.headers))
        case Bare():
            return Outgoing(answer.status, answer.text, {**answer.headers})
        case PlainText():
            return Outgoing(status, answer.text, {**answer.headers, "content-type": answer.media_type})
        case Paginated():
            return Outgoing(status, envelope.paginated(answer.items, answer.page, may_be_fewer=answer.may_be_fewer))
        case Created():
            location = {} if answer.location is None else {"location": answer.location}
            return Outgoing(201, envelope.success(answer.model), location)
        case _:
            return Outgoing(status, envelope.success(answer))


def _refusal(error: EdgeError, exchange: _Exchange) -> Outgoing:
    outgoing = Outgoing(STATUSES[error.kind], exchange.envelope().error(error))
    if error.retry_after_seconds is not None:
        outgoing.headers["retry-after"] = str(error.retry_after_seconds)
    if error.kind is Kind.UNAUTHORIZED:
        outgoing.headers["www-authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowedError):
        outgoing.headers["allow"] = ", ".join(error.allowed)
    return outgoing


def _level_of(status: int, refused: Kind | None) -> Level:
    if refused is Kind.DEGRADED:
        # For somebody to see, and no fault of ours: the installation does what it says.
        return Level.WARNING
    return Level.ERROR if status >= _FIRST_SERVER_ERROR else Level.INFO


def _log(exchange: _Exchange, status: int, refused: Kind | None) -> None:
    elapsed = exchange.services.platform.clock.now() - exchange.started
    exchange.services.platform.log.line(
        "request",
        level=_level_of(status, refused),
        request_id=exchange.request_id,
        method=exchange.incoming.method,
        route=exchange.endpoint.route,
        status=status,
        milliseconds=round(elapsed.total_seconds() * 1000, 1),
        dynamodb_calls=exchange.meter.count,
        read_units=exchange.meter.read_units,
        write_units=exchange.meter.write_units,
        actor=exchange.actor or None,
        node_id=exchange.node_id,
    )
