"""Rows of presence and of open sockets. They have no change stream: heartbeats cause no work or events."""

from collections.abc import Sequence

from chalicelib.fleet.description import Feature
from chalicelib.fleet.nodes import exclusion_store, instances
from chalicelib.fleet.nodes.model import Agent, Connection, Exclusion, Node, Presence
from chalicelib.fleet.nodes.store import (
    CONNECTIONS,
    NODES,
    PRESENCE,
    health_shard_of,
    node_from_item,
    node_key,
    not_there,
)
from chalicelib.kit.clock import parse_time
from chalicelib.kit.tables import (
    Absent,
    And,
    Between,
    Change,
    Check,
    Condition,
    Delete,
    Equals,
    Exists,
    Item,
    Key,
    Less,
    LessOrEqual,
    Or,
    Page,
    Put,
    Query,
    Ref,
    Remove,
    Set,
    Tables,
    Update,
)

CONNECTION_SECONDS = 3 * 3600
"""How long the row of a socket is kept. API Gateway ends a socket after two hours."""


def presence_from_item(item: Item) -> Presence:
    return Presence.model_validate(item)


def read_both(tables: Tables, node_id: str) -> tuple[Node | None, Presence | None]:
    """A node and its presence in one consistent call."""
    node, presence = tables.get_many([Ref(NODES, node_key(node_id)), Ref(PRESENCE, node_key(node_id))])
    return (
        None if node is None else node_from_item(node),
        None if presence is None else presence_from_item(presence),
    )


def read_known(tables: Tables, node_id: str) -> tuple[Node | None, Presence | None, Exclusion | None]:
    """As `read_both`, and whether the machine may be a node, in one consistent call."""
    refs = [Ref(NODES, node_key(node_id)), Ref(PRESENCE, node_key(node_id)), exclusion_store.ref(node_id)]
    node, presence, exclusion = tables.get_many(refs)
    return (
        None if node is None else node_from_item(node),
        None if presence is None else presence_from_item(presence),
        exclusion_store.from_item(exclusion),
    )


def read_presences(tables: Tables, node_ids: Sequence[str]) -> dict[str, Presence]:
    """The presence of each of these nodes that has one."""
    items = tables.get_many([Ref(PRESENCE, node_key(node_id)) for node_id in node_ids])
    found = [presence_from_item(item) for item in items if item is not None]
    return {presence.id: presence for presence in found}


def read_connection(tables: Tables, connection_id: str) -> Connection | None:
    item = tables.get(CONNECTIONS, {"id": connection_id})
    return None if item is None else Connection(id=connection_id, node_id=str(item["node_id"]))


def read_due(tables: Tables, shard: str, now: str, cursor: Key | None, limit: int) -> Page:
    """Keys of the due nodes of a shard."""
    index = PRESENCE.index("health_due")
    return tables.query(Query(PRESENCE, shard, index, sort=Between("0", now), limit=limit, start=cursor))


def start(presence: Presence, old: Presence | None) -> Put:
    """Reset the presence at a registration, if the socket that it ends is still the one that was read."""
    item: Item = dict(presence.model_dump(exclude={"version"}))
    item["former_instances"] = dict(presence.former_instances) or None
    item["takes_work"] = presence.takes_work or None
    item["health_shard"] = health_shard_of(presence.id)
    return Put(PRESENCE, item, Absent("id") if old is None else _same_connection(old))


def note_seen(agent: Agent, now: str) -> Update:
    """Record a sign of life, if the node is not unreachable, no later one is stored, and no other process was seen
    since."""
    same_instance = _equals("instance_id", agent.presence.instance_id)
    condition = And(Exists("health_due"), LessOrEqual("last_seen_at", now), same_instance)
    return Update(PRESENCE, node_key(agent.node.id), _seen(agent, now), condition)


def note_back(agent: Agent, now: str, due: str, changes_repaid_at_ms: int | None = None) -> Update:
    """Record a sign of life and restart the health check; also the agent's change allowance, if given."""
    changes = (*_seen(agent, now), *_due(agent.node.id, due))
    if changes_repaid_at_ms is not None:
        changes = (*changes, Set("changes_repaid_at_ms", changes_repaid_at_ms))
    return Update(PRESENCE, node_key(agent.node.id), changes, Exists("id"))


def note_connected(agent: Agent, connection_id: str, connected_at_ms: int, now: str, due: str) -> Update:
    """Store its socket, if that is newer than the newest known."""
    changes = (
        *_seen(agent, now),
        *_due(agent.node.id, due),
        Set("connection_id", connection_id),
        Set("connected_at_ms", connected_at_ms),
        Set("takes_work", True if Feature.WORK in agent.node.features else None),
    )
    newer = Or(
        Absent("connected_at_ms"), Less("connected_at_ms", connected_at_ms), Equals("connection_id", connection_id)
    )
    return Update(PRESENCE, node_key(agent.node.id), changes, And(Exists("id"), newer))


def note_disconnected(node_id: str, connection_id: str, now: str) -> Update:
    """Clear its socket, if it is this one. It is due for a check at once, as the limit is shorter now."""
    changes = (Remove("connection_id"), *_due(node_id, now))
    return Update(
        PRESENCE, node_key(node_id), changes, And(Equals("connection_id", connection_id), Exists("health_due"))
    )


def note_disconnected_unreachable(node_id: str, connection_id: str) -> Update:
    """As `note_disconnected`, for a node that is unreachable: no sweep needs to look at it."""
    condition = And(Equals("connection_id", connection_id), Absent("health_due"))
    return Update(PRESENCE, node_key(node_id), (Remove("connection_id"),), condition)


def postpone(presence: Presence, due: str) -> Update:
    """Postpone the health check of a node that was seen since, if the row has not changed."""
    return Update(PRESENCE, node_key(presence.id), _due(presence.id, due), _equals("health_due", presence.health_due))


def note_silent(presence: Presence) -> Update:
    """End the health checks of a silent node, if it was not seen since the row was read."""
    changes = (Remove("health_due"), Remove("health_shard"))
    return Update(PRESENCE, node_key(presence.id), changes, Equals("last_seen_at", presence.last_seen_at))


def end_socket(presence: Presence, now: str, due: str) -> Update:
    """Record a sign of life and clear the socket, if it is still the one that was read; the health check restarts."""
    changes = (Remove("connection_id"), Set("last_seen_at", now), *_due(presence.id, due))
    return Update(PRESENCE, node_key(presence.id), changes, And(Exists("id"), _same_connection(presence)))


def forget_instances(node_id: str) -> Update:
    """Forget the node's processes: the next one seen becomes the current one."""
    return Update(PRESENCE, node_key(node_id), (Remove("instance_id"), Remove("former_instances")), Exists("id"))


def shut_out(presence: Presence) -> Update:
    """Clear the socket and end the health checks, if the socket is still the one that was read."""
    changes = (Remove("connection_id"), Remove("health_due"), Remove("health_shard"))
    return Update(PRESENCE, node_key(presence.id), changes, And(Exists("id"), _same_connection(presence)))


def forget(node_id: str) -> list[Check | Delete]:
    """Delete the presence of a deleted node, unless it has enrolled again."""
    return [not_there(node_id), Delete(PRESENCE, node_key(node_id))]


def open_connection(connection: Connection, expires_epoch: int) -> Put:
    """Put the row of a socket. Idempotent."""
    item: Item = {"id": connection.id, "node_id": connection.node_id, "expires_epoch": expires_epoch}
    return Put(CONNECTIONS, item)


def close_connection(connection_id: str) -> Delete:
    return Delete(CONNECTIONS, {"id": connection_id})


def same_registration(node: Node) -> Check:
    """The node has not been deleted, blocked, re-registered or marked as unreachable since it was read."""
    condition = And(
        Equals("token_digest", node.token_digest), Equals("status", node.status.value), Absent("blocked_at")
    )
    return Check(NODES, node_key(node.id), condition)


def _seen(agent: Agent, now: str) -> tuple[Change, ...]:
    seen: tuple[Change, ...] = (Set("last_seen_at", now), Set("used_token_digest", agent.node.token_digest))
    sighting = instances.look_at(agent.presence, agent.instance_id, parse_time(now))
    if not sighting.is_new:
        return seen
    former = Set("former_instances", dict(sighting.former) or None)
    return (*seen, Set("instance_id", sighting.instance_id), former)


def _due(node_id: str, due: str) -> tuple[Change, ...]:
    return (Set("health_due", due), Set("health_shard", health_shard_of(node_id)))


def _same_connection(presence: Presence) -> Condition:
    return _equals("connection_id", presence.connection_id)


def _equals(name: str, value: str | None) -> Condition:
    return Absent(name) if value is None else Equals(name, value)
