"""Writes of a node's row that exclude its machine from work, and lift that."""

from collections.abc import Sequence

from chalicelib.fleet.nodes.model import Node, Presence, Status
from chalicelib.fleet.nodes.store import NODES, node_key, status_shard_of
from chalicelib.kit.tables import Absent, And, Equals, Remove, Set, Update


def block(node: Node, presence: Presence | None, now: str) -> Update:
    """Block the machine, which becomes unreachable, and clear its socket, if the row has not changed."""
    changes = (
        Set("blocked_at", now),
        Set("status", Status.UNREACHABLE.value),
        Set("status_at", now),
        Set("status_shard", status_shard_of(node.id, Status.UNREACHABLE)),
        Set("replaced_connection_id", None if presence is None else presence.connection_id),
        Set("last_seen_at", node.last_seen_at if presence is None else presence.last_seen_at),
        Set("updated_at", now),
    )
    return Update(NODES, node_key(node.id), changes, Equals("version", node.version))


def unblock(node: Node, now: str) -> Update:
    """Let the machine in again and give it work, if the row has not changed. An unreachable node stays so until its
    next call."""
    status = node.status if node.status is Status.UNREACHABLE else Status.HEALTHY
    changes = (
        Remove("blocked_at"),
        Remove("identity_conflict_at"),
        Remove("identity_conflict_instances"),
        Remove("forked_token_digest"),
        Set("status", status.value),
        Set("status_at", now),
        Set("status_shard", status_shard_of(node.id, status)),
        Set("updated_at", now),
    )
    return Update(NODES, node_key(node.id), changes, Equals("version", node.version))


def note_conflict(node: Node, presence: Presence, instances: Sequence[str], now: str) -> Update:
    """Record an identity conflict: the node becomes unhealthy and its socket is cleared; if its registration and status
    have not changed, and it is neither blocked nor already in conflict."""
    changes = (
        Set("identity_conflict_at", now),
        Set("identity_conflict_instances", list(instances) or None),
        Set("status", Status.UNHEALTHY.value),
        Set("status_at", now),
        Set("status_shard", status_shard_of(node.id, Status.UNHEALTHY)),
        Set("replaced_connection_id", presence.connection_id),
        Set("last_seen_at", now),
        Set("updated_at", now),
    )
    same = And(
        Equals("token_digest", node.token_digest),
        Equals("status", node.status.value),
        Absent("identity_conflict_at"),
        Absent("blocked_at"),
    )
    return Update(NODES, node_key(node.id), changes, same)
