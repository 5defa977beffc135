"""The Edge Admin protocol: who may call, the envelope of answers, and degraded mode."""

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.fleet.api.envelope import Envelope
from chalicelib.fleet.api.patterns import PATTERNS
from chalicelib.fleet.nodes.instances import HEADER as INSTANCE_HEADER
from chalicelib.fleet.nodes.instances import instance_of
from chalicelib.fleet.reach import CLUSTERS
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.keys import METRICS_KEYS, OPERATOR_KEYS
from chalicelib.platform.access.principal import Principal, PrincipalKind
from chalicelib.web.audience import Audience, Exchange, Guard
from chalicelib.web.exchange import Incoming
from chalicelib.web.guests import admit_with_guests
from chalicelib.web.problems import details_of
from chalicelib.web.protocol import ApiProtocol, GatewayError
from chalicelib.web.results import Request
from chalicelib.web.validation import Body, Path, Query

if TYPE_CHECKING:
    from chalicelib.fleet.nodes.model import Agent

P = TypeVar("P", bound=Path)
Q = TypeVar("Q", bound=Query)
B = TypeVar("B", bound=Body)

CONTRACT_VERSION = "0.2.0"
"""The version of the Edge Admin API that the fleet serves."""


class Revision(StrEnum):
    """The days on which that version was published."""

    MAY_2026 = "2026-05-19"
    AUGUST_2026 = "2026-08-19"


MAY_2026, AUGUST_2026 = Revision.MAY_2026.value, Revision.AUGUST_2026.value


def _gateway_error(kind: Kind, message: str) -> GatewayError:
    """An error of API Gateway in the envelope. The id is API Gateway's own; the gateway has no time in this form."""
    body = {"error": {"code": kind.value, "message": message}, "meta": {"request_id": "$context.requestId"}}
    return GatewayError(json.dumps(body), {})


EDGE_ADMIN = ApiProtocol(
    name="Edge Admin",
    renderer=Envelope,
    gateway_error=_gateway_error,
    details=partial(details_of, patterns=PATTERNS),
    methods=("GET", "POST", "PATCH", "DELETE"),
    revisions=(MAY_2026, AUGUST_2026),
)


def _bearer_scheme(description: str) -> dict[str, str]:
    return {"type": "http", "scheme": "bearer", "description": description}


def admit_operator(exchange: Exchange) -> None:
    """Admits operators, and guests to the clusters that were given to their tenants."""
    admit_with_guests(exchange, exchange.incoming.bearer(), OPERATOR_KEYS, restriction=CLUSTERS)


def _admit_prometheus(exchange: Exchange) -> None:
    admit_with_guests(exchange, exchange.incoming.bearer(), METRICS_KEYS, restriction=CLUSTERS)


OPERATOR = Audience(
    name="operator",
    admit=admit_operator,
    schemes={"operatorKey": _bearer_scheme("A named key (`edge_…`), MASTER_KEY or API_KEY")},
    statuses=frozenset({401, 403, 429}),
    by_permission=True,
)
"""Operators, by their key."""

METRICS = Audience(
    name="metrics",
    admit=_admit_prometheus,
    schemes={"metricsKey": _bearer_scheme("METRICS_KEY, a named key with `metrics:read`, or MASTER_KEY")},
    statuses=frozenset({401, 403, 429}),
    by_permission=True,
)
"""A Prometheus, by its key."""


def _authenticate(exchange: Exchange, *, leaves: bool = False) -> None:
    bearer, instance_id = exchange.incoming.bearer() or "", _instance_id(exchange.incoming)
    exchange.caller = exchange.services.nodes.identity.authenticate(bearer, instance_id, leaves=leaves)
    node_id = exchange.caller.node.id
    exchange.principal = Principal(kind=PrincipalKind.NODE, actor=f"node:{node_id}", id=node_id)
    exchange.noted["node_id"] = node_id


def _touch(exchange: Exchange) -> None:
    exchange.caller = exchange.services.nodes.health.touch(exchange.caller)


AGENT = Audience(
    name="agent",
    admit=_authenticate,
    arrive=_touch,
    schemes={"nodeToken": _bearer_scheme("`api_token` from registering a node")},
    statuses=frozenset({401, 403}),
    may_send_replacements=True,  # agents put U+FFFD into outputs themselves
)
"""Agents, by the token of their node. Each call counts as a sign of life."""

LEAVING = replace(AGENT, admit=partial(_authenticate, leaves=True), arrive=None)
"""Agents that leave, also by the previous token while that can register. It does not count as a use of the current one:
a repeat shows the previous token again."""


def _instance_id(incoming: Incoming) -> str | None:
    return instance_of(incoming.headers.get(INSTANCE_HEADER, ()))


@dataclass(frozen=True)
class FromAgent(Request[P, Q, B]):
    """A request of an agent: of an AGENT or LEAVING route, or of a public one that agents call before they have a
    token."""

    @property
    def agent(self) -> "Agent":
        """The calling agent, on AGENT and LEAVING routes."""
        agent: Agent = self.caller
        return agent

    @property
    def instance_id(self) -> str | None:
        """The id of the agent's process, None if it sent none."""
        return _instance_id(self.incoming)


_DEGRADED = "Cluster is in degraded mode (over capacity) — try again when capacity recovers"


def _degraded() -> EdgeError:
    return EdgeError(Kind.UNAVAILABLE, _DEGRADED, code="degraded_mode")


def _refuse_when_degraded(services: Any) -> EdgeError | None:
    return _degraded() if services.degraded() else None


NEEDS_CAPACITY = Guard(
    check=_refuse_when_degraded,
    example=_degraded,
    described="Refused with 503 `degraded_mode` while the installation is over its capacity.",
)
"""Refuses an operation while the installation has more nodes than its admins have room for."""
