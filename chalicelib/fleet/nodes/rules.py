"""Decisions about nodes. Pure: what is known and the time in, what to do out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from math import ceil

from chalicelib.fleet.enrollment.model import Redemption
from chalicelib.fleet.enrollment.rules import unusable_token
from chalicelib.fleet.nodes import instances
from chalicelib.fleet.nodes.model import Code, Node, Presence, Registration, Status
from chalicelib.fleet.vpn.names import NETWORK_PREFIX, network_name
from chalicelib.kit.allowance import Allowance
from chalicelib.kit.clock import parse_time, to_microseconds_text, to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind, conflict, invalid, rate_limited
from chalicelib.kit.ids import to_milliseconds

PREVIOUS_TOKEN_SECONDS = 3600
"""How long the previous token may still re-register after the current one was used."""

CHANGES = Allowance(burst=30, milliseconds_each=60_000)
"""The rate of changes that an agent may cause: registrations and status changes. Each is an event, and so a message for
every webhook. An agent that restarts in a loop can register once a minute."""

_LONGEST_REFRESH_SECONDS = 30
_REFRESHES_PER_LIMIT = 3


@dataclass(frozen=True)
class HealthLimits:
    """The silence after which a node counts as unreachable. For a connected agent, API Gateway knows first: it closes a
    socket after ten idle minutes and calls `$disconnect`. The 65 minutes are for a lost `$disconnect`. With them the
    sweep checks a socket once in its life; a check after each possibly missed heartbeat would cost nearly as much as
    the heartbeats (ADR 23).
    """

    unreachable_seconds: int = 300
    connected_seconds: int = 3900

    @property
    def refresh_seconds(self) -> int:
        """How old a stored ``last_seen_at`` gets before it is written again."""
        return min(_LONGEST_REFRESH_SECONDS, self.unreachable_seconds // _REFRESHES_PER_LIMIT)

    def silence_seconds(self, *, connected: bool) -> int:
        return max(self.connected_seconds, self.unreachable_seconds) if connected else self.unreachable_seconds

    def due_after(self, seen: datetime, *, connected: bool) -> str:
        """When a node that was last seen at this time becomes unreachable."""
        return to_seconds_text(seen + timedelta(seconds=self.silence_seconds(connected=connected)))


def is_touch_due(
    node: Node, presence: Presence, limits: HealthLimits, now: datetime, instance_id: str | None = None
) -> bool:
    """Whether a sign of life must be stored: the status changes, or the stored time is old."""
    if instances.look_at(presence, instance_id, now).is_new:
        return True
    if node.status is Status.UNREACHABLE or not presence.has_used(node):
        return True
    return now - parse_time(presence.last_seen_at) >= timedelta(seconds=limits.refresh_seconds)


class BearerProof(Enum):
    """The proof that a bearer token gives for a registration."""

    NONE = auto()
    CURRENT = auto()
    PREVIOUS = auto()
    RECOVERY = auto()
    """No bearer token, but a recovery key that an operator made: the machine has lost its token."""


@dataclass(frozen=True)
class Placement:
    """The cluster of a registration, with the fields that are known without reading it."""

    id: str
    name: str


def repaid_after_change(presence: Presence | None, now: datetime) -> int:
    """`Presence.changes_repaid_at_ms` after one more change. Raises `EdgeError` (rate limited) after too many."""
    now_ms = to_milliseconds(now)
    repaid_at_ms = None if presence is None else presence.changes_repaid_at_ms
    wait_seconds = CHANGES.wait_seconds(repaid_at_ms, now_ms)
    if wait_seconds:
        raise rate_limited(wait_seconds)
    return int(CHANGES.after(repaid_at_ms, now_ms))


def status_when_heard(node: Node) -> Status:
    """The status of a silent node after a call."""
    return Status.HEALTHY if node.identity_conflict_at is None else Status.UNHEALTHY


def forked_token(node: Node, presence: Presence | None, proof: BearerProof) -> str | None:
    """The digest of the token that marks another machine, if it is used again: the current token, if it was used and
    the machine that registers now knows only the previous one, or has lost it."""
    if proof is BearerProof.PREVIOUS and not was_answer_lost(node, presence):
        return node.token_digest
    if proof is BearerProof.RECOVERY:
        return node.token_digest
    return node.forked_token_digest


def is_repeat(presence: Presence | None, instance_id: str | None, proof: BearerProof) -> bool:
    """Whether this re-registration repeats one of the same process: that process was given a newer token than it shows,
    and a process never goes back to an older one."""
    return proof is BearerProof.PREVIOUS and instance_id is not None and _instance_of(presence) == instance_id


def _instance_of(presence: Presence | None) -> str | None:
    return None if presence is None else presence.instance_id


def late_repeat() -> EdgeError:
    """The refusal for a copy of a re-registration that was answered before, and whose answer is in use."""
    return conflict("this process was registered already, and uses its newer token")


def seconds_in_doubt(
    node: Node, presence: Presence | None, instance_id: str | None, proof: BearerProof, now: datetime
) -> int:
    """How long a process has to wait that registers with the previous token, although the present process uses the
    newer one: 0 for any other. Shortly after a process came, this may be the late request of one that ended before,
    which asks no more. If it is another machine, that asks again."""
    came_at = instances.came_at(presence)
    if came_at is None or instance_id is None or proof is not BearerProof.PREVIOUS or was_answer_lost(node, presence):
        return 0
    return max(0, ceil((came_at + instances.LATE - now).total_seconds()))


def check_network_name(registration: Registration) -> None:
    """Raises `EdgeError` (validation failed) for a name that cannot be a cluster's network."""
    if not registration.network_name.startswith(NETWORK_PREFIX):
        raise no_network()


def place_new(registration: Registration, redemption: Redemption | None) -> Placement:
    """The placement of a new node. Raises `EdgeError` (validation failed) without a registration token, and for a token
    that has created this node before: the node was deleted since."""
    if redemption is None:
        raise unusable_token()
    if redemption.already_bound:
        raise removed_machine()
    return _place_by_token(registration, redemption)


def placed_at(old: Node | None, placement: Placement, now: datetime) -> str | None:
    """When the machine that registers came into its cluster, if it did not enrol there."""
    if old is None or old.cluster_id == placement.id:
        return None if old is None else old.placed_at
    return to_microseconds_text(now)


def place_known(
    registration: Registration, node: Node, presence: Presence | None, proof: BearerProof, redemption: Redemption | None
) -> Placement:
    """The placement of a known node. Raises `EdgeError` (validation failed) without a proof that it is the same
    machine.

    The proof is its own token, the registration token that it enrolled with, or, as long as its api token was never
    used (the answer may have been lost), another registration token of the same enrollment key. A fresh registration
    token together with its own token moves it to that token's cluster. With any other proof it stays where it is,
    whatever network it names: an operator may have moved it while it was away.
    """
    if proof is BearerProof.NONE and (redemption is None or not _is_own(redemption, node, presence)):
        raise already_registered()
    if proof is BearerProof.NONE or redemption is None or redemption.already_bound:
        return Placement(node.cluster_id, node.cluster_name)
    return _place_by_token(registration, redemption)


def kept_previous_token(node: Node | None, proof: BearerProof, now: datetime) -> tuple[str | None, str | None]:
    """Digest of the token that may still re-register, and until when.

    An agent that proves itself by its previous token never got the current one, so the previous stays, with the time
    that it had: a stolen one cannot prolong itself.
    """
    if node is None or proof is BearerProof.RECOVERY:
        return None, None
    if proof is BearerProof.PREVIOUS:
        return node.previous_token_digest, node.previous_token_until
    return node.token_digest, to_seconds_text(now + timedelta(seconds=PREVIOUS_TOKEN_SECONDS))


def takes_recovery_key(node: Node, presence: Presence | None) -> bool:
    """Whether the node's recovery key admits a machine: once, and again while the answer to that may have been lost."""
    return not node.recovery_key_used or was_answer_lost(node, presence)


def kept_recovery_key(node: Node | None, placement: Placement, proof: BearerProof) -> tuple[str | None, bool]:
    """Digest of the recovery key after a registration, and whether it is used. It ends with the next registration by
    other means after its use, and with the node's place in the cluster."""
    if node is None or node.cluster_id != placement.id:
        return None, False
    if proof is BearerProof.RECOVERY:
        return node.recovery_key_digest, True
    return (None, False) if node.recovery_key_used else (node.recovery_key_digest, False)


def is_previous_token_valid(node: Node, presence: Presence | None, now: datetime) -> bool:
    """Whether the previous token still counts: for an hour, and as long as the current one was never used, since the
    machine may not have received or stored it."""
    if was_answer_lost(node, presence):
        return True
    return node.previous_token_until is not None and now < parse_time(node.previous_token_until)


def was_answer_lost(node: Node, presence: Presence | None) -> bool:
    """Whether the agent may never have got the node's current token: it has not called with it."""
    return presence is None or not presence.has_used(node)


def _is_own(redemption: Redemption, node: Node, presence: Presence | None) -> bool:
    """Whether the registration token alone shows that this is the machine that enrolled."""
    is_same_key = node.enrollment_key_id == redemption.key_id
    return redemption.already_bound or (is_same_key and was_answer_lost(node, presence))


def _place_by_token(registration: Registration, redemption: Redemption) -> Placement:
    if registration.network_name != network_name(redemption.cluster_name):
        raise other_network()
    return Placement(redemption.cluster_id, redemption.cluster_name)


def already_registered() -> EdgeError:
    """The refusal for a machine that does not prove to be the node that it names."""
    return invalid("node_id", "is already registered")


def no_network() -> EdgeError:
    """The refusal for a registration in a network that cannot be a cluster's."""
    return invalid("network_name", f"must start with '{NETWORK_PREFIX}'")


def other_network() -> EdgeError:
    """The refusal for a registration in another network than that of its token."""
    return invalid("network_name", "is not the network of the registration token")


def unknown_network() -> EdgeError:
    """The refusal for a registration in the network of a cluster that is not there."""
    return invalid("network_name", "cluster does not exist")


def full_network(node_limit: int) -> EdgeError:
    """The refusal for a registration in the network of a full cluster."""
    return invalid("network_name", _full(node_limit))


def full_cluster(node_limit: int) -> EdgeError:
    """The refusal to move a node to a full cluster."""
    return conflict(_full(node_limit))


def already_there() -> EdgeError:
    """The refusal to move a node to the cluster that it is in."""
    return conflict("node is already in this cluster")


def _full(node_limit: int) -> str:
    return f"cluster has reached its node limit of {node_limit}"


def removed_token() -> EdgeError:
    """The refusal for the token of a deleted node."""
    return EdgeError(Kind.UNAUTHORIZED, "This node was deleted", code=Code.NODE_REMOVED)


def removed_machine() -> EdgeError:
    """The refusal for a deleted machine that registers with a proof from before its deletion."""
    details = {"node_id": ["was deleted; a newer enrollment key admits it, or POST /api/v1/nodes/{id}/unblock"]}
    return EdgeError(Kind.VALIDATION_FAILED, "This node was deleted", details, code=Code.NODE_REMOVED)


def blocked_machine() -> EdgeError:
    """The refusal for a machine that an operator has blocked."""
    return EdgeError(Kind.FORBIDDEN, "This node is blocked", code=Code.NODE_BLOCKED)
