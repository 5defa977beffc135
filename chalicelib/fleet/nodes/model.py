"""The models of nodes and of their presence, and the inputs and results of the use cases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.fleet.description import FACTS, Described
from chalicelib.fleet.labels import effective
from chalicelib.fleet.vpn.names import dns_name, host_name
from chalicelib.kit.ids import milliseconds_of
from chalicelib.kit.tables import Item

SORTABLE = frozenset(
    {"id_type", "status", "version", "self_update_enabled", "last_seen_at", "inserted_at", "updated_at"}
)
"""The fields by which a list of nodes can be sorted."""


class Status(StrEnum):
    """The status that a node reports, or unreachable."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNREACHABLE = "unreachable"


class IdType(StrEnum):
    """Whether the machine keeps its id over a reinstallation of the agent."""

    PERSISTENT = "persistent"
    RANDOM = "random"


class Code(StrEnum):
    """``error.code`` of refusals because of an agent's identity. An operator can lift each of them."""

    NODE_REMOVED = "node_removed"
    NODE_BLOCKED = "node_blocked"
    IDENTITY_CONFLICT = "identity_conflict"


class NodeAlias(BaseModel):
    """A further name of a node inside its cluster; `aliases` holds the rest of it."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str


class Node(Described):
    """One enrolled machine. Times are UTC seconds text.

    ``last_seen_at`` is a copy from the last write of this row: events show it, `Presence` has the current one.
    ``placed_at`` is when it came into its cluster, in microseconds; None where it enrolled there, or came before that
    was noted. ``status_at`` is when its status last changed, ``labelled_at`` when its labels did, ``described_at`` when
    anything else by which nodes are filtered did; None where it did not since it enrolled, or since that is noted.
    ``version`` counts writes of the row; the agent's own version is ``agent_version``. Digests and sealed secrets stay
    out of ``repr``. ``blocked_at`` is when an operator blocked it: then all calls of its machine are refused.
    ``identity_conflict_at`` is when two machines were found to use its identity, ``identity_conflict_instances`` the
    instance ids that they gave; ``forked_token_digest`` is the digest of a token that was in use when a machine with
    the previous token registered: its user is another machine. ``operator_labels`` and ``key_labels`` are labels by
    their source, beside those of the agent; `labels` has those that hold. ``termed`` says which terms were written with
    the row (`terms.fingerprint`).
    """

    id: str
    cluster_id: str
    cluster_name: str
    id_type: IdType
    status: Status
    agent_version: str
    self_update_enabled: bool
    netmaker_host_id: str | None = None
    enrollment_key_id: str | None = None
    token_digest: str = Field(repr=False)
    previous_token_digest: str | None = Field(default=None, repr=False)
    previous_token_until: str | None = None
    api_token_sealed: bytes = Field(repr=False)
    proxy_password_sealed: bytes = Field(repr=False)
    replaced_connection_id: str | None = None
    blocked_at: str | None = None
    identity_conflict_at: str | None = None
    identity_conflict_instances: tuple[str, ...] = ()
    forked_token_digest: str | None = Field(default=None, repr=False)
    recovery_key_digest: str | None = Field(default=None, repr=False)
    recovery_key_used: bool = False
    aliases: tuple[NodeAlias, ...] = ()
    operator_labels: Mapping[str, str] = Field(default_factory=dict)
    key_labels: Mapping[str, str] = Field(default_factory=dict)
    termed: str | None = None
    placed_at: str | None = None
    status_at: str | None = None
    described_at: str | None = None
    labelled_at: str | None = None
    last_seen_at: str
    inserted_at: str
    updated_at: str
    version: int = 0

    @property
    def labels(self) -> dict[str, str]:
        """The labels that hold."""
        return effective(operator=self.operator_labels, key=self.key_labels, agent=self.agent_labels)

    @property
    def may_work(self) -> bool:
        """Whether its machine may get work."""
        return self.blocked_at is None and self.identity_conflict_at is None

    @property
    def node_name(self) -> str:
        return host_name(self.id)

    @property
    def mdns_hostname(self) -> str:
        return f"{self.node_name}.local"

    def vpn_hostname(self, domain: str) -> str:
        """The name inside the mesh below ``domain`` (NETMAKER_DEFAULT_DOMAIN)."""
        return vpn_hostname(self.id, self.cluster_name, domain)


class Presence(BaseModel):
    """When a node was last seen, and the socket by which it can be woken. Its changes do not appear in a change stream.

    ``health_due`` is when a sweep will check it; None while it is unreachable. ``connected_at_ms`` belongs to the
    newest socket that was ever open, so that an older one cannot replace it. ``used_token_digest`` is of the token that
    the agent last called with: while it is not the node's current one, the answer with that may have been lost.
    ``instance_id`` is the process of the agent that speaks for the node, ``former_instances`` those before it
    (`instances`). ``takes_work``: the agent at the socket runs what a wake-up tells it, and need not fetch it.
    ``changes_repaid_at_ms`` is when all that the agent has changed by itself is paid off
    (`rules.CHANGES`).
    """

    model_config = ConfigDict(frozen=True)

    id: str
    last_seen_at: str
    connection_id: str | None = None
    connected_at_ms: int | None = None
    takes_work: bool = False
    used_token_digest: str | None = Field(default=None, repr=False)
    health_due: str | None = None
    instance_id: str | None = None
    former_instances: Mapping[str, str] = Field(default_factory=dict)
    changes_repaid_at_ms: int | None = None
    version: int = 0

    @property
    def is_connected(self) -> bool:
        return self.connection_id is not None

    def has_used(self, node: Node) -> bool:
        """Whether the agent has called with the node's current token: then it has received and stored it."""
        return self.used_token_digest == node.token_digest


@dataclass(frozen=True)
class Agent:
    """An authenticated agent: its node and presence as just read, and the id of the calling process, if it sends
    one."""

    node: Node
    presence: Presence
    instance_id: str | None = None


@dataclass(frozen=True)
class NodeView:
    """A node as operators see it. ``presence`` is None only while a node is being removed."""

    node: Node
    presence: Presence | None

    @property
    def last_seen_at(self) -> str:
        return self.node.last_seen_at if self.presence is None else self.presence.last_seen_at


@dataclass(frozen=True)
class NodeSecrets:
    """The secrets of a node in clear, for those who may see them."""

    api_token: str = field(repr=False)
    proxy_password: str = field(repr=False)


@dataclass(frozen=True)
class NodeSummary:
    """A node as its cluster shows it."""

    id: str
    cluster_name: str
    status: Status
    id_type: IdType

    def vpn_hostname(self, domain: str) -> str:
        return vpn_hostname(self.id, self.cluster_name, domain)


@dataclass(frozen=True)
class TargetNode:
    """A node as read from an index, which lags: the fields by which requests select nodes, and that they need. ``row``
    is its row where that was read."""

    id: str
    cluster_id: str
    cluster_name: str
    id_type: str
    status: str
    agent_version: str
    self_update_enabled: bool
    inserted_at: str
    updated_at: str
    row: Item | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class TargetPage:
    """As `NodePage`, of `TargetNode`."""

    nodes: list[TargetNode]
    cursor: str | None


@dataclass(frozen=True)
class NodePage:
    """A part of a long walk over nodes. ``cursor`` is None at its end."""

    nodes: list[Node]
    cursor: str | None


class Registration(Described):
    """The data that an agent sends when it enrols or re-registers."""

    node_id: str
    network_name: str
    id_type: IdType
    agent_version: str
    self_update_enabled: bool

    @property
    def tells_nothing(self) -> bool:
        """Whether the agent says nothing of its machine, as older ones."""
        return not any(getattr(self, name) for name in FACTS)


@dataclass(frozen=True)
class Registered:
    """The answer to a registration. Only here are the secrets returned without a request for them."""

    node: Node
    secrets: NodeSecrets


@dataclass(frozen=True)
class Connection:
    """An open socket and the node behind it."""

    id: str
    node_id: str


def vpn_hostname(node_id: str, cluster_name: str, domain: str) -> str:
    """The name of a node inside the mesh."""
    return f"{dns_name(node_id, cluster_name)}.{domain}"


class Exclusion(BaseModel, frozen=True):
    """The exclusion of a machine. ``removed_at_ms`` (milliseconds since 1970): keys that were created up to then, and
    their tokens, no longer admit this id. ``blocked_at`` (seconds text): nothing admits it until an operator lifts the
    block."""

    id: str
    removed_at_ms: int | None = None
    blocked_at: str | None = None
    version: int = 0

    def refuses(self, key_id: str) -> bool:
        """Whether this enrollment key existed when the node was deleted; its id contains its creation time."""
        return self.removed_at_ms is not None and milliseconds_of(key_id) <= self.removed_at_ms
