"""The WebSocket of agents, and of operators who watch an execution: a socket opens, says something, and closes.

A handshake posts nothing: a post before it is done finds no socket, and an agent asks for what it missed
after every open. Chalice deploys these handlers as they stand, without `app.py` and without its event objects.
"""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from chalice.app import Blueprint

from chalicelib.bootstrap import services
from chalicelib.fleet.nodes.instances import HEADER as INSTANCE_HEADER
from chalicelib.fleet.nodes.instances import instance_of
from chalicelib.fleet.tails.rules import TICKET_PREFIX
from chalicelib.fleet.transport.dispatch import IDS_PER_FRAME, AgentWork
from chalicelib.fleet.wiring import Fleet
from chalicelib.fleet.workers.entry import FLEET
from chalicelib.kit.clock import milliseconds_between
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.log import Level, quoting_nothing
from chalicelib.kit.origin import Origin, working_for
from chalicelib.platform.access.bearer import bearer_in

Event = Mapping[str, Any]
Answer = dict[str, int]
SocketHandler = Callable[[Event, Any], Answer]

Handle = Callable[[Event, Fleet], bool]
"""Whether something happened that is worth a line in the log."""

OK = 200
STATUSES = {Kind.UNAUTHORIZED: 401, Kind.FORBIDDEN: 403, Kind.CONFLICT: 409, Kind.UNAVAILABLE: 503}
"""The statuses of a refused handshake. API Gateway opens no socket for any of them."""

blueprint = Blueprint(__name__)


def _socket_worker(name: str, needs: Callable[[Fleet], object]) -> Callable[[Handle], SocketHandler]:
    """Give a handler its container and origin, log a line unless the handler reports that nothing happened, and turn a
    refusal into a status. Passes on other errors: API Gateway then answers the handshake with an error of its own.
    """

    def decorate(handle: Handle) -> SocketHandler:
        @wraps(handle)
        def run(event: Event, _context: Any) -> Answer:
            platform = services()
            origin = _origin_of(event, name)
            meter, started = platform.tables.meter, platform.clock.now()
            meter.reset()
            status, refusal, told = OK, None, True
            try:
                with quoting_nothing(), working_for(origin):
                    told = handle(event, FLEET.container())
            except EdgeError as error:
                if error.kind not in STATUSES:
                    raise
                status, refusal = STATUSES[error.kind], error.code
            if told:
                platform.log.line(
                    "socket",
                    level=Level.INFO if refusal is None else Level.WARNING,
                    worker=name,
                    request_id=origin.request_id,
                    connection_id=_connection_id(event),
                    status=status,
                    error=refusal,
                    milliseconds=milliseconds_between(started, platform.clock.now()),
                    dynamodb_calls=meter.count,
                )
            return {"statusCode": status}

        FLEET.prepare(f"websocket_{name}", needs)
        return run

    return decorate


@blueprint.on_ws_connect(name="connect")
@_socket_worker("connect", lambda services: services.nodes)
def connect(event: Event, services: Fleet) -> bool:
    bearer = _bearer_of(event)
    if bearer is not None and bearer.startswith(TICKET_PREFIX):
        services.tails.connect(bearer, _connection_id(event))
        return True
    connected_at_ms = int(event["requestContext"]["connectedAt"])
    services.nodes.connections.connected(bearer, _connection_id(event), connected_at_ms, _instance_of(event))
    return True


@blueprint.on_ws_message(name="message")
@_socket_worker("message", lambda services: (services.nodes, services.commands.executions))
def message(event: Event, services: Fleet) -> bool:
    """Handle a frame: of an operator who watches, of an agent that is watched, and everything else as a beat of an
    agent. A socket that may not say this is closed."""
    said = _message_in(event)
    match said.get("type"), said.get("tail"):
        case "watch", str(tail_id):
            is_open = services.tails.renew(tail_id, _connection_id(event))
        case "tail", _:
            is_open = services.tails.forward(_connection_id(event), said)
        case _:
            return _beat(event, services)
    if not is_open:
        services.transport.direct.close(_connection_id(event))
    return not is_open


def _beat(event: Event, services: Fleet) -> bool:
    """Handle an agent's heartbeat. Waiting work is announced again: a wake-up may have been lost, and a connected agent
    does not poll. So an agent must not stay at a socket that gets no wake-ups: such a socket is closed, and the agent
    opens another.

    A beat after which nothing is to be told writes no line: API Gateway's access log has one already, with the same
    request, and an idle fleet does little else."""
    node = services.nodes.connections.on_frame(_connection_id(event))
    if node is None:
        services.transport.direct.close(_connection_id(event))
        return True
    work = AgentWork()
    work.remind(node.cluster_name, node.id, services.commands.executions.waiting_for(node.id, IDS_PER_FRAME))
    if work:
        services.transport.dispatch.send(work)
    return bool(work)


@blueprint.on_ws_disconnect(name="disconnect")
@_socket_worker("disconnect", lambda services: services.nodes)
def disconnect(event: Event, services: Fleet) -> bool:
    services.nodes.connections.disconnected(_connection_id(event))
    return True


def _message_in(event: Event) -> Mapping[str, Any]:
    """The JSON object of a frame; empty for anything else, such as an early agent's beat."""
    body = event.get("body")
    # A beat, which an idle fleet sends most, is not read.
    if not isinstance(body, str) or '"tail"' not in body:
        return {}
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _connection_id(event: Event) -> str:
    return str(event["requestContext"]["connectionId"])


def _origin_of(event: Event, name: str) -> Origin:
    context = event["requestContext"]
    address = str(context.get("identity", {}).get("sourceIp", ""))
    return Origin(request_id=str(context["requestId"]), actor=name, address=address)


def _bearer_of(event: Event) -> str | None:
    return bearer_in(_values_of(event, "authorization"))


def _instance_of(event: Event) -> str | None:
    """The process of the agent that connects, if it says."""
    return instance_of(_values_of(event, INSTANCE_HEADER))


def _values_of(event: Event, name: str) -> list[str]:
    """All values of a header (lower-case name), however its name is written."""
    headers: Mapping[str, list[str]] = event.get("multiValueHeaders") or {}
    return [value for header, sent in headers.items() if header.lower() == name for value in sent]
