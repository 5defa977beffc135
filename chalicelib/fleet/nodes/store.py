"""Keys, indexes and attribute names of nodes; the tables of their presence and sockets."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.fleet.nodes.model import (
    Node,
    NodeAlias,
    Status,
)
from chalicelib.fleet.nodes.terms import fingerprint
from chalicelib.kit.clock import to_microseconds_text, to_seconds_text
from chalicelib.kit.listing import LISTED_AT, IndexSource, all_rows, fixed, rows_with, sharded
from chalicelib.kit.tables import (
    Absent,
    And,
    Check,
    Condition,
    Delete,
    Equals,
    Exists,
    Index,
    Item,
    Key,
    Not,
    Put,
    Ref,
    Set,
    Table,
    Tables,
    Thing,
    Update,
    Value,
    put_new,
)

SHARDS = 4
"""The number of partitions of the listing and of each status, which spread the writes of a fleet that enrols at once.
"""

HEALTH_SHARDS = 16
"""The number of partitions of the health sweep."""

_FILTERED = ("id_type", "status", "agent_version", "self_update_enabled", "cluster_name", "inserted_at", "updated_at")
"""The attributes in the index, by which a list can filter and sort without reading rows."""

NODES = Table(
    "nodes",
    partition="id",
    indexes=(
        Index("by_cluster", "cluster_id", "listed_at", _FILTERED),
        Index("by_status", "status_shard", "listed_at", (*_FILTERED, "cluster_id")),
        Index("listing", "shard", "listed_at", (*_FILTERED, "cluster_id")),
    ),
    stream=True,
    thing=Thing("node"),
)

PRESENCE = Table("presence", partition="id", indexes=(Index("health_due", "health_shard", "health_due"),))

CONNECTIONS = Table("connections", partition="id", expires_at="expires_epoch")

BY_STATUS = IndexSource(
    index="by_status",
    by="status",
    partitions=sharded(SHARDS),
    insertion=LISTED_AT,
    totals=rows_with(NODES, "status"),
)

ALL = IndexSource(
    index="listing", partitions=fixed(*map(str, range(SHARDS))), insertion=LISTED_AT, totals=all_rows(NODES)
)

TOTALS = {**ALL.counted(NODES), **BY_STATUS.counted(NODES, *Status)}
"""The totals that are kept as counters, and the queries of a recount."""


def shard_of(node_id: str) -> str:
    """The partition of a node in the listing: ``0`` to ``3``, never changed."""
    return str(zlib.crc32(node_id.encode()) % SHARDS)


def health_shard_of(node_id: str) -> str:
    """The partition of a node for the health sweep: ``0`` to ``15``."""
    return str(zlib.crc32(node_id.encode()) // SHARDS % HEALTH_SHARDS)


def status_shard_of(node_id: str, status: Status) -> str:
    """The partition of a node among those of its status: ``healthy#0``."""
    return f"{status.value}#{shard_of(node_id)}"


def listed_at(inserted_at: str, node_id: str) -> str:
    """The sort key of every list of nodes; it never changes. Ids are the agents' own and so not in time order."""
    return f"{inserted_at}#{node_id}"


def node_key(node_id: str) -> Key:
    return {"id": node_id}


def node_to_item(node: Node) -> Item:
    """The whole row with what the indexes need; `Tables` stamps the version."""
    item: dict[str, Any] = node.model_dump(mode="python", exclude={"version"})
    item["id_type"] = node.id_type.value
    item["status"] = node.status.value
    item["aliases"] = _aliases_value(node.aliases)
    item |= {name: list(getattr(node, name)) or None for name in ("addresses", "ssh_host_keys", "features")}
    item |= {name: dict(getattr(node, name)) or None for name in ("operator_labels", "key_labels", "agent_labels")}
    item["labels"] = node.labels or None
    item["termed"] = fingerprint(node)
    item["identity_conflict_instances"] = list(node.identity_conflict_instances) or None
    item["listed_at"] = listed_at(node.inserted_at, node.id)
    item["shard"] = shard_of(node.id)
    item["status_shard"] = status_shard_of(node.id, node.status)
    return item


def node_from_item(item: Item) -> Node:
    return Node.model_validate(item)


def insert(node: Node) -> Put:
    """Create the row of a new node, if there is none."""
    return put_new(NODES, node_to_item(node))


def replace(old: Node, new: Node) -> Update:
    """Overwrite the row, if it has not changed since ``old`` was read."""
    now = new.updated_at
    since = {
        "status_at": old.status_at if old.status == new.status else now,
        "labelled_at": old.labelled_at if old.labels == new.labels else now,
        "described_at": old.described_at if _filtered(old) == _filtered(new) else now,
    }
    changes = tuple(Set(name, value) for name, value in {**node_to_item(new), **since}.items() if name != "id")
    return Update(NODES, node_key(old.id), changes, Equals("version", old.version))


FACTS_OF_FILTERS = frozenset({"hostname", "os_name", "architecture"})
"""The facts by which nodes are filtered."""


def _filtered(node: Node) -> tuple[object, ...]:
    """All by which nodes are filtered, but for status, labels and cluster, which have times of their own."""
    return node.id_type, node.agent_version, node.self_update_enabled, node.hostname, node.os_name, node.architecture


def set_status(node: Node, status: Status, now: str) -> Update:
    """Record a sign of life, if the node's registration and status have not changed and it is not blocked."""
    same = And(Equals("status", node.status.value), Equals("token_digest", node.token_digest), Absent("blocked_at"))
    return _status_update(node.id, status, seen=now, now=now, condition=same)


def set_facts(node: Node, facts: Mapping[str, Value], now: str) -> Update:
    """Store what the agent says of its machine, if it is still the registration that was read; another host name, if
    the row has not changed."""
    changes = tuple(Set(name, value) for name, value in facts.items())
    same = Equals("token_digest", node.token_digest)
    if "hostname" in facts:
        changes += (_termed(node.model_copy(update={"hostname": facts["hostname"]})),)
        same = Equals("version", node.version)
    if not FACTS_OF_FILTERS.isdisjoint(facts):
        changes += (Set("described_at", now),)
    return Update(NODES, node_key(node.id), (*changes, Set("updated_at", now)), same)


def set_operator_labels(node: Node, operator_labels: Mapping[str, str], now: str) -> Update:
    """Replace an operator's labels, if the row has not changed since it was read."""
    after = node.model_copy(update={"operator_labels": operator_labels})
    changes = (
        Set("operator_labels", dict(operator_labels) or None),
        Set("labels", {**after.labels} or None),
        _termed(after),
        Set("labelled_at", now),
        Set("updated_at", now),
    )
    return Update(NODES, node_key(node.id), changes, Equals("version", node.version))


def set_unreachable(node_id: str, last_seen_at: str, now: str) -> Update:
    """Mark a node as unreachable since ``last_seen_at``, if it exists and is not yet unreachable."""
    known = And(Exists("id"), Not(Equals("status", Status.UNREACHABLE.value)))
    return _status_update(node_id, Status.UNREACHABLE, seen=last_seen_at, now=now, condition=known)


def set_recovery_key(node: Node, key_digest: str | None, now: str) -> Update:
    """Replace the recovery key, or with None take it away, if the node is still in the cluster that was read."""
    changes = (Set("recovery_key_digest", key_digest), Set("recovery_key_used", None), Set("updated_at", now))
    same = And(Equals("inserted_at", node.inserted_at), Equals("cluster_id", node.cluster_id))
    return Update(NODES, node_key(node.id), changes, same)


def not_there(node_id: str) -> Check:
    """Nothing written; fails when there is a node of that id."""
    return Check(NODES, node_key(node_id), Absent("id"))


def move(before: Node, after: Node, last_seen_at: str) -> Update:
    """Put it into another cluster (`moved`), without its aliases and recovery key, if the row has not changed since it
    was read."""
    changes = (
        Set("aliases", None),
        Set("recovery_key_digest", None),
        _termed(after),
        Set("cluster_id", after.cluster_id),
        Set("cluster_name", after.cluster_name),
        Set("placed_at", after.placed_at),
        Set("last_seen_at", last_seen_at),
        Set("updated_at", after.updated_at),
    )
    return Update(NODES, node_key(before.id), changes, unchanged(before))


def moved(node: Node, cluster_id: str, cluster_name: str, now: datetime) -> Node:
    """The node in another cluster: its aliases stay behind."""
    cluster = {"cluster_id": cluster_id, "cluster_name": cluster_name, "placed_at": to_microseconds_text(now)}
    return node.model_copy(update={**cluster, "aliases": (), "updated_at": to_seconds_text(now)})


def delete(node: Node) -> Delete:
    """Delete the node, if the row has not changed since it was read: what is removed with it follows from that."""
    return Delete(NODES, node_key(node.id), unchanged(node), was_read=True)


def still_there(node: Node) -> Check:
    """A check only; fails if the node is gone, or has been deleted and enrolled again."""
    return Check(NODES, node_key(node.id), Equals("inserted_at", node.inserted_at))


def with_alias(node: Node, alias: NodeAlias) -> Update:
    """Adds the alias; fails if the row has changed since it was read."""
    return _set_aliases(node, (*node.aliases, alias))


def without_alias(node: Node, alias_id: str) -> Update:
    """Removes the alias; fails if the row has changed since it was read."""
    return _set_aliases(node, [alias for alias in node.aliases if alias.id != alias_id])


def _set_aliases(node: Node, aliases: Sequence[NodeAlias]) -> Update:
    after = node.model_copy(update={"aliases": tuple(aliases)})
    changes = (Set("aliases", _aliases_value(aliases)), _termed(after))
    return Update(NODES, node_key(node.id), changes, unchanged(node))


def mark(node: Node) -> Update:
    """Note that the terms of the row are written with this write, if it has not changed since it was read."""
    return Update(NODES, node_key(node.id), (_termed(node),), unchanged(node))


def as_read(node: Node) -> Check:
    """Nothing written; fails if the row has changed since it was read."""
    return Check(NODES, node_key(node.id), unchanged(node))


def unchanged(node: Node) -> Condition:
    """The condition that the row has not changed since it was read."""
    return Equals("version", node.version)


def _termed(node: Node) -> Set:
    return Set("termed", fingerprint(node))


def _aliases_value(aliases: Sequence[NodeAlias]) -> Value:
    return [{"id": alias.id, "name": alias.name} for alias in aliases] or None


def _status_update(node_id: str, status: Status, *, seen: str, now: str, condition: Condition) -> Update:
    changes = (
        Set("status", status.value),
        Set("status_at", now),
        Set("status_shard", status_shard_of(node_id, status)),
        Set("last_seen_at", seen),
        Set("updated_at", now),
    )
    return Update(NODES, node_key(node_id), changes, condition)


def read_many(tables: Tables, node_ids: Sequence[str]) -> list[Node]:
    """The nodes of these ids that exist, in the order asked for."""
    items = tables.get_many([Ref(NODES, node_key(node_id)) for node_id in node_ids])
    return [node_from_item(item) for item in items if item is not None]
