"""Registration and health reports of agents."""

import re
from typing import Annotated, Any, Literal

from annotated_types import MaxLen
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.protocol import AGENT, LEAVING, NEEDS_CAPACITY, FromAgent
from chalicelib.fleet.enrollment.blob import BLOB_MAX_LENGTH
from chalicelib.fleet.labels import check as check_labels
from chalicelib.fleet.nodes.model import IdType, Registration, Status
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.fields import about
from chalicelib.web.endpoint import PUBLIC, Created, Endpoints
from chalicelib.web.validation import (
    Body,
    Boolean,
    DateTime,
    NoBody,
    NoPath,
    NoQuery,
    Port,
    Timestamp,
    Uuid,
    nullable,
)

HOST_KEY_PATTERN = r"^(ssh-[a-z0-9-]+|ecdsa-sha2-[a-z0-9]+) [A-Za-z0-9+/]+=*$"
"""Kind and key alone: clients write it into files of theirs, so there is no room for a comment or a further line."""

POLL_JITTER = 0.2
"""Share of the polling interval that varies at random: agents that enrolled together should not poll together."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _without_control(text: str) -> str:
    """The text with control characters replaced: terminals that show it would follow them. It is not refused, so that
    a machine with an odd name still joins."""
    return _CONTROL.sub("\ufffd", text)


Name = Annotated[str, MaxLen(255)]
Fact = Annotated[str, MaxLen(255), AfterValidator(_without_control)]
Token = Annotated[str, MaxLen(512)]

routes = Endpoints(tag="Agents")


HostKey = Annotated[str, MaxLen(1024), StringConstraints(pattern=HOST_KEY_PATTERN)]
LabelText = Annotated[str, MaxLen(63)]


class MachineFacts(Body):
    """An agent's description of its machine. Unknown facts are left out."""

    hostname: Annotated[Fact | None, fields.HOSTNAME] = None
    os_name: Annotated[Fact | None, fields.OS_NAME] = None
    os_version: Annotated[Fact | None, fields.OS_VERSION] = None
    architecture: Annotated[Fact | None, fields.ARCHITECTURE] = None
    kernel: Annotated[Fact | None, fields.KERNEL] = None
    addresses: Annotated[tuple[Fact, ...], MaxLen(16), fields.ADDRESSES] = ()
    booted_at: Annotated[DateTime | None, fields.BOOTED_AT] = None
    ssh_host_keys: Annotated[tuple[HostKey, ...], MaxLen(4), fields.SSH_HOST_KEYS] = ()

    def to_facts(self) -> dict[str, Any]:
        booted_at = None if self.booted_at is None else to_seconds_text(self.booted_at)
        return {**self.model_dump(exclude={"booted_at"}), "booted_at": booted_at}


class NodeRegistration(Body):
    """An agent's description of itself and its machine."""

    node_id: Annotated[Uuid, about("UUID that the agent chose for its node, and keeps.", samples.NODE_ID)]
    network_name: Annotated[
        Name, about("Network of the cluster, as verifying the enrollment key returned it.", samples.NETWORK)
    ]
    id_type: Annotated[IdType, fields.ID_TYPE]
    http_port: Annotated[Port, fields.HTTP_PORT]
    ssh_port: Annotated[Port, fields.SSH_PORT]
    host_metrics_port: Annotated[Port, fields.HOST_METRICS_PORT]
    wireguard_metrics_port: Annotated[Port, fields.WIREGUARD_METRICS_PORT]
    http_proxy_port: Annotated[Port, fields.HTTP_PROXY_PORT]
    socks5_proxy_port: Annotated[Port, fields.SOCKS5_PROXY_PORT]
    version: Annotated[Fact, about("Version of the agent.", samples.VERSION)]
    self_update_enabled: Annotated[Boolean, fields.SELF_UPDATE_ENABLED]
    facts: Annotated[
        MachineFacts | None, nullable(MachineFacts), about("Description of the machine; null: as it was told before.")
    ] = None
    labels: Annotated[
        dict[LabelText, LabelText] | None,
        about("Labels that the agent was started with: the weakest, below operators' and the key's.", {"env": "prod"}),
    ] = None
    features: Annotated[tuple[LabelText, ...] | None, MaxLen(16), fields.FEATURES] = None
    registration_token: Annotated[
        Token | None,
        about(
            "`netmaker_key` of a verified enrollment key. Null if a node registers again with its token as bearer.",
            samples.REGISTRATION_TOKEN,
        ),
    ] = Field(default=None, repr=False)
    recovery_key: Annotated[
        Annotated[str, MaxLen(BLOB_MAX_LENGTH)] | None,
        about("A recovery key of the node, from an operator, in place of a lost token.", samples.RECOVERY_KEY),
    ] = Field(default=None, repr=False)


class RegisteredOut(BaseModel):
    """Secrets, addresses and intervals that the agent works with."""

    node_id: Annotated[str, fields.NODE]
    api_token: Annotated[str, about("Bearer token for all further calls of the agent.", samples.NODE_TOKEN)] = Field(
        repr=False
    )
    proxy_password: Annotated[
        str, about("Password that clients of the agent's proxies must present.", "not-a-real-password")
    ] = Field(repr=False)
    admin_urls: Annotated[list[str], about("URLs of this API.", [samples.API_URL])]
    derp_map_url: Annotated[str | None, about("Always null: there is no DERP relay.", None)]
    websocket_url: Annotated[
        str | None,
        about(
            "URL of the WebSocket over which work is pushed; null: there is none, the agent polls.",
            "wss://socket.example.com/live",
        ),
    ]
    poll_seconds: Annotated[
        int,
        about(
            "Seconds between polls while no socket is open; varied by up to 20 percent from node to node.",
            60,
            minimum=1,
        ),
    ]
    metrics_push_seconds: Annotated[
        int | None, about("Seconds between pushes of metrics; null: only when asked for.", None, minimum=1)
    ]


class HealthReport(Body):
    """The node's own judgement of its health."""

    status: Annotated[Literal["healthy", "unhealthy"], about("`unhealthy` nodes get commands, but no self-updates.")]
    facts: Annotated[
        MachineFacts | None,
        nullable(MachineFacts),
        about("Description of the machine if it has changed; null: it has not."),
    ] = None


class HealthOut(BaseModel):
    """The node's health as it is now known."""

    id: Annotated[str, about("The same as `node_id`.", samples.NODE_ID, format="uuid")]
    node_id: Annotated[str, fields.NODE]
    status: Annotated[Status, fields.NODE_STATUS]
    last_seen_at: Annotated[Timestamp, fields.LAST_SEEN_AT]


@routes.post(
    "/api/v1/agents/nodes",
    auth=PUBLIC,
    repeats="a registration token registers one node; a repeat registers the same one again",
    answer=RegisteredOut,
    status=201,
    errors=(403, 409, 422),
    guard=NEEDS_CAPACITY,
    summary="Register a node, or register it again",
)
def register_node(request: FromAgent[NoPath, NoQuery, NodeRegistration], services: Fleet) -> Created:
    """Registers a node, or registers it again. A new machine proves itself with `registration_token`, a known one with
    its token as bearer, or where that is lost with a `recovery_key`; with a mesh, both also by being a host of the
    network under the name `node-` and its id. Every registration returns new secrets. The previous token can still
    register until the new one is used, in case the answer is lost, and for an hour after that.

    Refused with 403 `node_blocked` if an operator blocks the machine, with 409 `identity_conflict` if another machine
    has taken over its identity, with 422 `node_removed` if the node was deleted since its key was made, and with 422
    for an invalid registration token or a full cluster."""
    said = request.body
    check_labels(said.labels or {})
    registration = Registration(
        **said.model_dump(exclude={"version", "registration_token", "recovery_key", "facts", "labels", "features"}),
        **({} if said.facts is None else said.facts.to_facts()),
        agent_version=said.version,
        agent_labels=said.labels or {},
        features=said.features or (),
    )
    registered = services.nodes.registering.register(
        registration, said.registration_token, request.bearer, request.instance_id, request.address, said.recovery_key
    )
    settings = services.platform.settings
    return Created(
        RegisteredOut(
            node_id=registered.node.id,
            api_token=registered.secrets.api_token,
            proxy_password=registered.secrets.proxy_password,
            admin_urls=list(settings.own_urls),
            derp_map_url=None,
            websocket_url=settings.websocket_url or None,
            poll_seconds=jittered(settings.poll_seconds, services.platform.ids.fraction()),
            metrics_push_seconds=settings.metrics_push_seconds,
        )
    )


@routes.patch(
    "/api/v1/agents/nodes/me/health_check",
    auth=AGENT,
    answer=HealthOut,
    errors=(404, 429),
    summary="Report the health of the calling node",
)
def report_health(request: FromAgent[NoPath, NoQuery, HealthReport], services: Fleet) -> HealthOut:
    """Reports the health of the calling node, which also counts as a sign of life. Registrations and changes of health
    are limited to 30 at once, then one a minute; more are refused with 429."""
    facts = None if request.body.facts is None else request.body.facts.to_facts()
    view = services.nodes.health.report(request.agent, Status(request.body.status), facts)
    return HealthOut(id=view.node.id, node_id=view.node.id, status=view.node.status, last_seen_at=view.last_seen_at)


class LeftOut(BaseModel):
    """The node that is gone."""

    id: Annotated[str, about("The same as `node_id`.", samples.NODE_ID, format="uuid")]
    node_id: Annotated[str, fields.NODE]


@routes.delete(
    "/api/v1/agents/nodes/me",
    auth=LEAVING,
    answer=LeftOut,
    summary="Leave the fleet",
)
def leave(request: FromAgent[NoPath, NoQuery, NoBody], services: Fleet) -> LeftOut:
    """Deletes the calling node, as an operator's deletion does: its token is invalid from now on, and only a newer
    enrollment key enrols the machine again. The previous token leaves as long as it can register, in case the answer
    with the new one is lost. A repeat is refused with 401 `node_removed`: the node has left."""
    node_id = request.agent.node.id
    try:
        services.nodes.placing.delete(node_id, reach=EVERYWHERE)
    except EdgeError as error:
        # An operator was faster: it is gone all the same.
        if error.kind is not Kind.NOT_FOUND:
            raise
    return LeftOut(id=node_id, node_id=node_id)


def jittered(seconds: int, fraction: float) -> int:
    """Up to `POLL_JITTER` less or more, by a uniform ``fraction`` of [0, 1)."""
    return max(1, round(seconds * (1 - POLL_JITTER + 2 * POLL_JITTER * fraction)))
