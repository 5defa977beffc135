"""The endpoint for assistants: the operations of this API as tools of the Model Context Protocol."""

from typing import Annotated

from chalicelib.fleet.api import API
from chalicelib.fleet.api.prompts import INSTRUCTIONS, PROMPTS
from chalicelib.fleet.api.protocol import METRICS, admit_operator
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.fields import about
from chalicelib.platform.access.keys import METRICS_KEYS
from chalicelib.platform.access.principal import Principal, PrincipalKind
from chalicelib.web.audience import Audience, Exchange, hold_to
from chalicelib.web.endpoint import Bare, Endpoints, Request
from chalicelib.web.mcp.server import ToolServer
from chalicelib.web.validation import Boolean, NoBody, NoPath, Query

routes = Endpoints(tag="Assistants")


def _admit(exchange: Exchange) -> None:
    _check_origin(exchange)
    admit_operator(exchange)
    hold_to(exchange, exchange.edge.limits.of_principal(exchange.principal))


def _check_origin(exchange: Exchange) -> None:
    """Only pages of the origins that CORS allows may call, as the protocol demands: a browser names its page."""
    origin, allowed = exchange.incoming.header("origin"), exchange.edge.settings.cors_allowed_origins
    if origin is not None and origin not in allowed and "*" not in allowed:
        raise EdgeError(Kind.FORBIDDEN, "Pages of this origin may not call: it is not in CORS_ALLOWED_ORIGINS")


ASSISTANT = Audience(name="assistant", admit=_admit, statuses=frozenset({401, 403, 429}))
"""Assistants, by the key of the operator for whom they work. Each tool asks for its own permission."""


def _admits(audience: str, principal: Principal) -> bool:
    is_of_settings = principal.kind is PrincipalKind.ROOT and principal.actor
    return audience != METRICS.name or not is_of_settings or principal.actor in METRICS_KEYS


SERVER = ToolServer(
    api=API,
    name="edge-admin",
    title="Edge Admin",
    instructions=INSTRUCTIONS,
    prompts=PROMPTS,
    admits=_admits,
)


class AssistantQuery(Query):
    read_only: Annotated[Boolean, about("Offer only the tools that change nothing.")] = False


@routes.post(
    "/mcp",
    auth=ASSISTANT,
    enveloped=False,
    documented=False,
    repeats="tools that create something take an idempotency_key of their own",
    summary="Serve an assistant",
)
def serve_assistant(request: Request[NoPath, AssistantQuery, NoBody], services: Fleet) -> Bare:
    """Answers one message of the Model Context Protocol (Streamable HTTP, without sessions and streams)."""
    return SERVER.answer(request.incoming, request.principal, services, reads_only=request.query.read_only)
