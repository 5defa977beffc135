"""Watching a running execution: a ticket for a WebSocket, over which its output comes."""

from typing import Annotated

from pydantic import BaseModel

from chalicelib.fleet.api.operator.command_executions import ExecutionPath
from chalicelib.fleet.api.operator.hiding import check_outputs
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.permissions import COMMANDS_TAIL
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.tails.rules import RENEW_SECONDS
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, Request
from chalicelib.web.validation import NoBody, NoQuery, Timestamp

routes = Endpoints(tag="Commands.CommandExecution")


class TailOut(BaseModel):
    """A ticket to watch one execution over one WebSocket."""

    url: Annotated[str, about("WebSocket URL to connect to.", "wss://sockets.example.com/agent")]
    ticket: Annotated[
        str, about("Bearer token of the handshake, good once and until `expires_at`.", "tail_" + "0123456789abcdef" * 4)
    ]
    tail_id: Annotated[str, about("Its id in the frames of the socket.", "0123456789abcdef" * 4)]
    renew_seconds: Annotated[int, about("How often the caller has to say that it still watches.", RENEW_SECONDS)]
    expires_at: Annotated[Timestamp, about("Until when the ticket can be used.", "2026-11-21T10:01:00Z")]
    ends_at: Annotated[Timestamp, about("When the tail ends, if the command has not.", "2026-11-21T11:00:00Z")]


@routes.post(
    "/api/v1/command_executions/{execution_id}/tail",
    auth=OPERATOR,
    permission=COMMANDS_TAIL,
    scope=Scope.REACH,
    audit="execution.tail",
    repeats="an unused ticket is harmless and ends by itself",
    answer=TailOut,
    status=201,
    errors=(403, 404, 409),
    summary="Watch the output of a running execution",
)
def create_tail(request: Request[ExecutionPath, NoQuery, NoBody], services: Fleet) -> Created:
    """Answers a ticket for a WebSocket over which the output of an execution comes while it runs. It is a hint: text
    may be left out, which the frames say, and none of it is stored; the result has the output. Refused with 409
    `execution_ended`, `tail_not_offered` (the node's agent is too old) or `node_not_connected`, and with 403 for keys
    that see no outputs."""
    check_outputs(request.principal)
    made = services.tails.open(request.path.execution_id, request.principal, reach=reach_of(request.principal))
    return Created(
        TailOut(
            url=services.platform.settings.websocket_url,
            ticket=made.ticket.reveal(),
            tail_id=made.tail.id,
            renew_seconds=RENEW_SECONDS,
            expires_at=made.tail.opens_until,
            ends_at=made.tail.ends_at,
        )
    )
