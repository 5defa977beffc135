"""Rows of aliases: keys, indexes and attribute names."""

import hashlib
from collections.abc import Callable, Sequence

from chalicelib.fleet.aliases.model import Alias
from chalicelib.fleet.nodes.model import Node
from chalicelib.kit.ids import compose_uuid7, milliseconds_of
from chalicelib.kit.listing import (
    ALSO_IN,
    LISTED_AT,
    IndexSource,
    KeySource,
    Listing,
    Moment,
    Text,
    Uuid,
    all_rows,
    fixed,
    rows_with,
)
from chalicelib.kit.tables import Delete, Index, Item, Key, Put, Ref, Table, Tables, Thing, put_new

SHARDS = 4
"""Partitions of the listing: agents make aliases too, a whole fleet of them at once."""

_PROJECTED = ("name", "node_id", "cluster_name", "inserted_at", "updated_at")

TABLE = Table(
    "aliases",
    partition="id",
    indexes=(
        Index("by_cluster", "cluster_id", "listed_at", _PROJECTED),
        Index("listing", "shard", "listed_at", (*_PROJECTED, "cluster_id")),
    ),
    stream=True,
    thing=Thing("alias", name="name"),
)

_ALL = IndexSource(
    index="listing", partitions=fixed(*map(str, range(SHARDS))), insertion=LISTED_AT, totals=all_rows(TABLE)
)

TOTALS = _ALL.counted(TABLE)
"""Totals that are kept as counters, and what a recount reads."""

FIELDS = {
    "name": Text("name"),
    "node_id": Uuid("node_id", offers=ALSO_IN),
    "cluster_name": Text("cluster_name", offers=ALSO_IN),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}
"""The filters and orders of aliases."""


def alias_id(cluster_id: str, name: str) -> str:
    """The id of a name in a cluster: a UUIDv7 with the cluster's time and a hash of both as its random bits.

    It is the key, so a name is unique because a row is; and a read by id needs no index, which would lag.
    """
    digest = hashlib.sha256(f"{cluster_id}/{name}".encode()).digest()
    return compose_uuid7(milliseconds_of(cluster_id), int.from_bytes(digest[:10]))


def release(node: Node) -> list[Delete]:
    """Remove every alias of a node. For a transaction whose condition is that the node has just these."""
    return [Delete(TABLE, _key(alias.id)) for alias in node.aliases]


class AliasStore:
    """Reads rows, and makes the writes that use cases commit. ``cluster_ids`` finds the clusters of some names,
    ``aliases_of`` the ids of the aliases of some nodes."""

    def __init__(
        self,
        tables: Tables,
        cluster_ids: Callable[[tuple[str, ...]], list[str]],
        aliases_of: Callable[[tuple[str, ...]], list[str]],
    ) -> None:
        self._tables = tables
        self.listing = Listing(
            TABLE,
            fields=FIELDS,
            sources=(
                KeySource(by="node_id", keys=lambda node_ids: [_key(row_id) for row_id in aliases_of(node_ids)]),
                IndexSource(
                    index="by_cluster",
                    by="cluster_name",
                    partitions=cluster_ids,
                    insertion=LISTED_AT,
                    totals=rows_with(TABLE, "cluster_name"),
                ),
                _ALL,
            ),
        )

    def find(self, row_id: str) -> Alias | None:
        row = self._tables.get(TABLE, _key(row_id))
        return None if row is None else from_item(row)

    def find_many(self, row_ids: Sequence[str]) -> list[Alias]:
        """Those that exist."""
        rows = self._tables.get_many([Ref(TABLE, _key(row_id)) for row_id in row_ids])
        return [from_item(row) for row in rows if row is not None]


def put(alias: Alias) -> Put:
    """A new alias; fails if its name is taken."""
    return put_new(TABLE, _to_item(alias))


def delete(alias: Alias) -> Delete:
    """Remove one that the caller has read."""
    return Delete(TABLE, _key(alias.id), was_read=True, row={"name": alias.name})


def _key(row_id: str) -> Key:
    return {"id": row_id}


def _to_item(alias: Alias) -> Item:
    shard = str(int(alias.id[-1], 16) % SHARDS)
    return {**alias.model_dump(), "shard": shard, "listed_at": f"{alias.inserted_at}#{alias.id}"}


def from_item(row: Item) -> Alias:
    """An alias from its whole row."""
    return Alias.model_validate(row)
