"""The one way from a request to its answer.

The order never varies: route, audience (401, and 429 to an address that offers too many wrong keys; public routes:
rate, 429), the limit of the key (429), permission (403), path, query, body, Idempotency-Key (400, 413, 415: the first
that is wrong, alone), the answer to an earlier request with that key (or 409), guard (503), then the view with
everything it finds (404, 409, 422, 503). Only here do errors become statuses.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cache, partial
from typing import Any

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind, unavailable
from chalicelib.kit.log import Level
from chalicelib.kit.origin import working_for
from chalicelib.kit.tables import AttachmentRefusedError
from chalicelib.platform.access.denials import holding_denials
from chalicelib.platform.access.permissions import Permission
from chalicelib.platform.access.principal import decide
from chalicelib.settings import Settings
from chalicelib.web.audience import Exchange, hold_to
from chalicelib.web.caching import unless_known
from chalicelib.web.edge_services import EdgePlatform
from chalicelib.web.exchange import Incoming, Outgoing
from chalicelib.web.headers import SECURITY_HEADERS, Cors
from chalicelib.web.json_body import check_size, read_json
from chalicelib.web.operation import Endpoint
from chalicelib.web.origins import note_refused, origin_of
from chalicelib.web.page_bytes import check_answer, check_content
from chalicelib.web.protocol import ApiProtocol
from chalicelib.web.rendering import Renderer
from chalicelib.web.repeating import Repeatable, repeatable_of
from chalicelib.web.results import (
    Accepted,
    Answer,
    Bare,
    Content,
    Created,
    MethodNotAllowedError,
    NoContent,
    Paginated,
    PlainText,
    Redirect,
    Request,
)
from chalicelib.web.revisions import HEADER, SAME, chosen
from chalicelib.web.spellings import merged
from chalicelib.web.validation import Body, NoBody, Path, Query, read

_FIRST_SERVER_ERROR = 500


def respond(endpoint: Endpoint, incoming: Incoming, services: Any, protocol: ApiProtocol) -> Outgoing:
    """The answer to one request, with one line in the log. Never raises."""
    edge: EdgePlatform = services.platform
    started = edge.clock.now()
    exchange = Exchange(endpoint, incoming, services, edge, edge.ids.uuid7(started), started)
    cors: dict[str, str] = {}
    try:
        exchange.meter = edge.tables.meter
        exchange.meter.reset()
        cors = cors_of(edge.settings, protocol).headers_for(incoming.header("origin"))
        outgoing = unless_known(_serve(exchange, protocol), incoming)
    except EdgeError as error:
        if error.kind is Kind.FORBIDDEN:
            note_refused(exchange)
        outgoing = refusal(exchange.revised.error(error), protocol, _renderer(exchange, protocol))
    except Exception as error:  # noqa: BLE001 - the boundary: whatever it is, the caller gets an answer in the protocol
        edge.log.failure("request_failed", error, request_id=exchange.request_id, route=endpoint.route)
        outgoing = refusal(internal(), protocol, _renderer(exchange, protocol))
    _log(exchange, outgoing.status)
    limits = {} if exchange.standing is None else protocol.limit_headers(exchange.standing, edge.clock.now())
    more = {**cors, **limits, **exchange.headers}
    if "vary" in cors and "vary" in exchange.headers:
        more["vary"] = f"{cors['vary']}, {exchange.headers['vary']}"
    return finished(outgoing, exchange.request_id, more)


def internal() -> EdgeError:
    """The error for a mistake of ours. It says nothing about the mistake; the log does."""
    return EdgeError(Kind.INTERNAL, "Internal Server Error")


def finished(outgoing: Outgoing, request_id: str, more: Mapping[str, str]) -> Outgoing:
    """The answer with the headers that all answers have, and ``more``."""
    outgoing.headers = {**SECURITY_HEADERS, **more, **outgoing.headers, "x-request-id": request_id}
    if outgoing.body:
        outgoing.headers.setdefault("content-type", "application/json")
    return outgoing


def cors_of(settings: Settings, protocol: ApiProtocol) -> Cors:
    """The CORS policy that the settings describe."""
    return _cors(settings.cors_allowed_origins, settings.cors_allowed_headers, protocol)


@cache
def _cors(origins: tuple[str, ...], headers: tuple[str, ...], protocol: ApiProtocol) -> Cors:
    return Cors(origins, headers, methods=protocol.methods, exposed=protocol.exposed_headers)


def _renderer(exchange: Exchange, protocol: ApiProtocol) -> Renderer:
    return protocol.renderer(exchange.request_id, exchange.edge.clock.now())


def _serve(exchange: Exchange, protocol: ApiProtocol) -> Outgoing:
    endpoint, services, audience = exchange.endpoint, exchange.services, exchange.endpoint.auth
    audience.admit(exchange)
    if exchange.incoming.is_of_assistant:
        exchange.principal = replace(exchange.principal, reveals=False)
    elif audience.by_permission:
        hold_to(exchange, audience.limit(exchange))
    with working_for(origin_of(exchange)), _permitted(exchange, endpoint.permission):
        if audience.arrive is not None:
            audience.arrive(exchange)
        sent = exchange.incoming.header(HEADER.lower())
        revision = chosen(sent, protocol.revisions, exchange.edge.settings.api_revision)
        exchange.revised = endpoint.revised.get(revision, SAME)
        request = _read(exchange, protocol)
        if request.repeatable is not None and (before := request.repeatable.answered()) is not None:
            return _again(exchange, before)
        if endpoint.guard is not None and (held_back := endpoint.guard.check(services)) is not None:
            exchange.is_held_back = True
            raise held_back
        if request.repeatable is not None:
            return _once(exchange, request, request.repeatable)
        return _rendered(exchange, protocol, endpoint.view(request, services))


def _once(exchange: Exchange, request: Request[Path, Query, Body], repeatable: Repeatable) -> Outgoing:
    """The answer of a view that keeps it, or, if another call with the same key was faster, the answer of that one:
    what this one was refused for may be what the other has done. The record of another one without a key may be gone,
    for it was answered: then this is a request of its own."""
    for _ in exchange.edge.tables.tries() if repeatable.is_unnamed else range(1):
        try:
            exchange.endpoint.view(request, exchange.services)
            break
        except (AttachmentRefusedError, EdgeError) as error:
            if (before := repeatable.answered()) is not None:
                return _again(exchange, before)
            if isinstance(error, EdgeError):
                raise
    else:
        raise unavailable()  # the other's record has just ended
    if repeatable.outgoing is None:
        raise TypeError(f"{exchange.endpoint.view.__qualname__} takes an Idempotency-Key: it answers by Request.once")
    repeatable.end()
    return repeatable.outgoing


def _again(exchange: Exchange, before: Outgoing) -> Outgoing:
    exchange.noted["is_replayed"] = True
    return before


def _permitted(exchange: Exchange, permission: Permission | None) -> AbstractContextManager[None]:
    """The block in which a caller that may do this also sees what it may not do to a thing that is found (`denials`).
    Raises `EdgeError` (forbidden) for one that may not."""
    if permission is None:
        return nullcontext()
    principal, incoming = exchange.principal, exchange.incoming
    # Only policies look at facts.
    facts = {"address": incoming.address, "time": to_seconds_text(exchange.started)} if principal.statements else {}
    decision = decide(principal, permission, exchange.endpoint.resource_of(incoming), facts)
    if not decision.is_allowed:
        raise EdgeError(Kind.FORBIDDEN, decision.refusal)
    return holding_denials(principal, permission, facts) if principal.statements else nullcontext()


def _read(exchange: Exchange, protocol: ApiProtocol) -> Request[Path, Query, Body]:
    endpoint, incoming = exchange.endpoint, exchange.incoming
    path = read(endpoint.path, incoming.path, protocol.details, endpoint.shown_names)
    query = read(endpoint.query, incoming.query, protocol.details)
    body: Body = NoBody()
    sent: Any = None
    if endpoint.takes_bytes:
        check_size(incoming.body_bytes(), endpoint.max_body_bytes, endpoint.too_large)
        body = endpoint.body()
    elif endpoint.has_body:
        sent = read_json(
            incoming,
            required=endpoint.body_required,
            max_bytes=endpoint.max_body_bytes,
            may_hold_replaced=endpoint.auth.may_send_replacements,
        )
        body = read(endpoint.body, sent, protocol.details)
    repeatable = repeatable_of(
        exchange, (path, query, sent), partial(_rendered, exchange, protocol), protocol.repeats_seconds
    )
    return endpoint.request(
        path,
        exchange.revised.query(merged(query)),
        merged(body),
        incoming,
        exchange.caller,
        exchange.principal,
        repeatable,
    )


def _rendered(exchange: Exchange, protocol: ApiProtocol, answer: Answer) -> Outgoing:
    """The answer as it is sent. Raises `EdgeError` (internal server error) if it is too large."""
    status = exchange.revised.status or exchange.endpoint.status
    outgoing = _render(exchange.revised.shown(answer), status, _renderer(exchange, protocol))
    check_answer(outgoing.body)
    check_content(outgoing.content)
    return outgoing


def _render(answer: Answer, status: int, renderer: Renderer) -> Outgoing:
    match answer:
        case NoContent():
            return Outgoing(status, headers=dict(answer.headers))
        case Bare():
            return Outgoing(answer.status, answer.text, {**answer.headers})
        case PlainText():
            return Outgoing(status, answer.text, {**answer.headers, "content-type": answer.media_type})
        case Content():
            return Outgoing(status, "", {**answer.headers, "content-type": answer.media_type}, answer.content)
        case Redirect():
            return Outgoing(307, "", {"location": answer.location})
        case Paginated():
            return Outgoing(status, renderer.paginated(answer.items, answer.page, may_be_fewer=answer.may_be_fewer))
        case Created():
            location = {} if answer.location is None else {"location": answer.location}
            return Outgoing(201, renderer.success(answer.model), location)
        case Accepted():
            return Outgoing(202, renderer.success(answer.model))
        case _:
            return Outgoing(status, renderer.success(answer))


def refusal(error: EdgeError, protocol: ApiProtocol, renderer: Renderer) -> Outgoing:
    """The answer to a request that failed with an expected error."""
    status = protocol.code_statuses.get(error.code, protocol.statuses[error.kind])
    outgoing = Outgoing(status, renderer.error(error), {**renderer.error_headers(error)})
    if error.retry_after_seconds is not None:
        outgoing.headers["retry-after"] = str(error.retry_after_seconds)
    if error.kind is Kind.UNAUTHORIZED and protocol.challenge:
        outgoing.headers["www-authenticate"] = protocol.challenge
    if isinstance(error, MethodNotAllowedError):
        outgoing.headers["allow"] = ", ".join(error.allowed)
    return outgoing


def _level_of(exchange: Exchange, status: int) -> Level:
    if exchange.is_held_back:
        # People shall see it, but nothing is broken: the installation does as it says.
        return Level.WARNING
    return Level.ERROR if status >= _FIRST_SERVER_ERROR else Level.INFO


def _log(exchange: Exchange, status: int) -> None:
    edge = exchange.edge
    elapsed = edge.clock.now() - exchange.started
    edge.log.line(
        "request",
        level=_level_of(exchange, status),
        request_id=exchange.request_id,
        method=exchange.incoming.method,
        route=exchange.endpoint.route,
        status=status,
        milliseconds=round(elapsed.total_seconds() * 1000, 1),
        dynamodb_calls=exchange.meter.count,
        read_units=exchange.meter.read_units,
        write_units=exchange.meter.write_units,
        actor=exchange.principal.actor or None,
        **exchange.noted,
    )
