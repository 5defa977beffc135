"""What agents say about themselves: that they exist, and how they are."""

from typing import Annotated, Literal

from annotated_types import MaxLen
from pydantic import BaseModel, Field

from chalicelib.bootstrap import Services
from chalicelib.fleet.nodes.model import IdType, Registration, Status
from chalicelib.web.endpoint import AGENT, PUBLIC, Created, Endpoints, Request
from chalicelib.web.validation import Body, Boolean, NoPath, NoQuery, Port, Timestamp, Uuid

POLL_JITTER = 0.2
"""Agents that enrolled together shall not poll together."""

Name = Annotated[str, MaxLen(255)]
Token = Annotated[str, MaxLen(512)]

routes = Endpoints(tag="Agents")


class NodeRegistration(Body):
    """``registration_token`` is what verifying an enrollment key gave; an agent that comes back sends its api token as
    bearer instead."""

    node_id: Uuid
    network_name: Name
    id_type: IdType
    http_port: Port
    ssh_port: Port
    host_metrics_port: Port
    wireguard_metrics_port: Port
    http_proxy_port: Port
    socks5_proxy_port: Port
    version: Name
    self_update_enabled: Boolean
    registration_token: Token | None = Field(default=None, repr=False)


class RegisteredOut(BaseModel):
    """Where to call from now on, with what, and how often while no socket is open. ``metrics_push_seconds`` null: only
    when asked for."""

    node_id: str
    api_token: str = Field(repr=False)
    proxy_password: str = Field(repr=False)
    admin_urls: list[str]
    derp_map_url: str | None
    websocket_url: str | None
    poll_seconds: int
    metrics_push_seconds: int | None


class HealthReport(Body):
    status: Literal["healthy", "unhealthy"]


class HealthOut(BaseModel):
    id: str
    node_id: str
    status: Status
    last_seen_at: Timestamp


@routes.post(
    "/api/v1/agents/nodes",
    auth=PUBLIC,
    answer=RegisteredOut,
    status=201,
    errors=(403, 409, 422),
    blocked_when_degraded=True,
    summary="Register or re-register a node",
)
def register_node(request: Request[NoPath, NoQuery, NodeRegistration], services: Services) -> Created:
    """A new machine proves itself by `registration_token`, one that comes back by its token as bearer; where there is a
    mesh, both by being a host of the network, called `node-` and its id. Every registration gives fresh secrets; the
    token before may register again until the new one is used, should the answer be lost, and for an hour after.

    403 `node_blocked`: an operator keeps this machine out. 409 `identity_conflict`: another machine has taken this
    identity over. 422 `node_removed`: the node was deleted since its key was made."""
    said = request.body
    registration = Registration(
        **said.model_dump(exclude={"version", "registration_token"}), agent_version=said.version
    )
    registered = services.nodes.register(
        registration, said.registration_token, request.bearer, request.instance_id, request.address
    )
    settings = services.settings
    return Created(
        RegisteredOut(
            node_id=registered.node.id,
            api_token=registered.secrets.api_token,
            proxy_password=registered.secrets.proxy_password,
            admin_urls=list(settings.own_urls),
            derp_map_url=None,
            websocket_url=settings.websocket_url or None,
            poll_seconds=jittered(settings.poll_seconds, services.ids.fraction()),
            metrics_push_seconds=settings.metrics_push_seconds,
        )
    )


@routes.patch(
    "/api/v1/agents/nodes/me/health_check",
    auth=AGENT,
    answer=HealthOut,
    errors=(404, 429),
    summary="Report one's own health",
)
def report_health(request: Request[NoPath, NoQuery, HealthReport], services: Services) -> HealthOut:
    """A node whose health changes all the time is 429 after some changes, and may change once a minute."""
    view = services.nodes.report_health(request.agent, Status(request.body.status))
    return HealthOut(id=view.node.id, node_id=view.node.id, status=view.node.status, last_seen_at=view.last_seen_at)


def jittered(seconds: int, fraction: float) -> int:
    """Up to `POLL_JITTER` less or more, by a uniform ``fraction`` of [0, 1)."""
    return max(1, round(seconds * (1 - POLL_JITTER + 2 * POLL_JITTER * fraction)))
