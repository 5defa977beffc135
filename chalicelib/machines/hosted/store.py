"""Rows of hosted nodes: keys, indexes and attribute names; reads, and the writes of use cases."""

from collections.abc import Iterator
from typing import Any

from chalicelib.kit.tables import (
    ConditionFailedError,
    Equals,
    Index,
    Item,
    Key,
    Query,
    Set,
    Table,
    Tables,
    Thing,
    Update,
    put_new,
)
from chalicelib.machines.hosted.model import HostedNode

SHELF = "nodes"
"""The partition of a tenant's nodes: they are few and change rarely, so that one read lists them all."""

DUE = "nodes"
"""The partition of the index `due`: only nodes with a build under way, or just destroyed."""

TABLE = Table(
    "hosted_nodes",
    partition="shelf",
    sort="id",
    indexes=(Index("due", "due_of", "due_at", shared=True),),
    stream=True,
    tenanted=True,
    expires_at="expires_epoch",
    thing=Thing("hosted_node", name="name"),
)


class NodeStore:
    """Hosted nodes of one tenant, on tables of that tenant."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, node_id: str) -> HostedNode | None:
        row = self._tables.get(TABLE, key_of(node_id))
        return None if row is None else from_item(row)

    def every(self) -> Iterator[HostedNode]:
        """All nodes, newest first."""
        for page in self._tables.pages(Query(TABLE, SHELF, descending=True)):
            yield from (from_item(item) for item in page.items)

    def add(self, node: HostedNode) -> None:
        """Create a new node, for a caller who is answered with it."""
        self._tables.add(put_new(TABLE, to_item(node)), "hosted_node.created", result=node)

    def effect(self, old: HostedNode, new: HostedNode, operation: str) -> bool:
        """Change a node that was read, for a caller who is answered with it; returns False if somebody else changed it
        since."""
        try:
            self._tables.apply(_replacing(old, new), operation, result=new)
        except ConditionFailedError:
            return False
        return True

    def replace(self, old: HostedNode, new: HostedNode, operation: str) -> HostedNode | None:
        """The node as it is then; None if it was changed since ``old`` was read."""
        try:
            row = self._tables.write(_replacing(old, new), operation)
        except ConditionFailedError:
            return None
        return from_item(row or {})

    def tries(self) -> Iterator[None]:
        """See `Tables.tries`."""
        return self._tables.tries()


def key_of(node_id: str) -> Key:
    return {"shelf": SHELF, "id": node_id}


def to_item(node: HostedNode) -> Item:
    item: dict[str, Any] = node.model_dump(mode="json", exclude={"version"})
    return {**item, "shelf": SHELF, "due_of": None if node.due_at is None else DUE}


def from_item(item: Item) -> HostedNode:
    return HostedNode.model_validate(item)


def _replacing(old: HostedNode, new: HostedNode) -> Update:
    before, after = to_item(old), to_item(new)
    changes = tuple(Set(name, after.get(name)) for name in {**before, **after} if before.get(name) != after.get(name))
    return Update(TABLE, key_of(old.id), changes, Equals("version", old.version))
