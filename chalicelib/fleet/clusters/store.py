"""Rows of clusters: keys, indexes and attribute names."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from chalicelib.fleet.clusters.model import Cluster, Identified, own_range
from chalicelib.kit.listing import (
    ALSO_IN,
    IndexSource,
    IsSet,
    KeySource,
    Listing,
    Moment,
    Number,
    Text,
    all_rows,
    fixed,
)
from chalicelib.kit.tables import (
    Absent,
    Add,
    And,
    Attribute,
    Between,
    Change,
    Check,
    Condition,
    Delete,
    Equals,
    Index,
    Item,
    Less,
    LessOrEqual,
    Or,
    Put,
    Query,
    Ref,
    Set,
    Table,
    Tables,
    Thing,
    Update,
    put_new,
)

LISTING = "clusters"
"""The single partition of the index `listing`. Operators create clusters one by one, so it is never hot."""

MOST_LOOKED_UP = 25
"""Clusters that are looked up one by one. A page of the index has some 8,000."""

TABLE = Table(
    "clusters",
    partition="name",
    # Only what operators write: each enrolment changes node_count and must not rewrite the index.
    indexes=(
        Index(
            "listing",
            partition="listing",
            sort="id",
            projected=("ipv4_range", "node_limit", "inserted_at", "updated_at"),
        ),
    ),
    stream=True,
    thing=Thing("cluster", name="name"),
)

_ALL = IndexSource(index="listing", partitions=fixed(LISTING), totals=all_rows(TABLE))

TOTALS = _ALL.counted(TABLE)
"""The totals that are kept as counters, and the queries of a recount."""


def _ipv6_range(row: Item) -> str:
    return str(row.get("ipv6_chosen") or own_range(str(row["id"])))


FIELDS = {
    "name": Text("name", offers=ALSO_IN),
    "ipv4_range": Text("ipv4_range"),
    "ipv6_range": Text("ipv6_range", read=_ipv6_range, reads=("id", "ipv6_chosen")),
    "node_limit": Number("node_limit"),
    "has_node_limit": IsSet("node_limit"),
    "node_count": Number("node_count"),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}
"""The filters and orders of clusters."""

CLUSTER_LIST = Listing(
    TABLE,
    fields=FIELDS,
    sources=(
        KeySource(by="name", keys=lambda names: [{"name": name} for name in names]),
        _ALL,
    ),
)


class ClusterRef(NamedTuple):
    """An `Identified` cluster, and nothing more of it."""

    id: str
    name: str


class ClusterStore:
    """Reads rows, and makes the writes that use cases commit."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def walk(self) -> Iterator[ClusterRef]:
        """All clusters, oldest first, from the index alone."""
        for page in self._tables.pages(Query(TABLE, LISTING, TABLE.index("listing"))):
            yield from (ClusterRef(str(item["id"]), str(item["name"])) for item in page.items)

    def find_refs(self, ids: Collection[str]) -> list[ClusterRef]:
        """Those of these clusters that exist, oldest first, from the index alone: a cluster of this very moment may be
        missing. Few are looked up by id, at the same time; for more, all clusters are read."""
        if len(ids) > MOST_LOOKED_UP:
            return [ref for ref in self.walk() if ref.id in ids]
        index = TABLE.index("listing")
        queries = [Query(TABLE, LISTING, index, sort=Between(row_id, row_id)) for row_id in sorted(ids)]
        pages = self._tables.query_many(queries)
        return [ClusterRef(str(item["id"]), str(item["name"])) for page in pages for item in page.items]

    def find(self, name: str) -> Cluster | None:
        row = self._tables.get(TABLE, {"name": name})
        return None if row is None else from_item(row)

    def find_many(self, names: Sequence[str]) -> list[Cluster]:
        """Those that exist, each once, in the order asked for."""
        refs = [Ref(TABLE, {"name": name}) for name in dict.fromkeys(names)]
        return [from_item(row) for row in self._tables.get_many(refs) if row is not None]

    def put(self, cluster: Cluster) -> Put:
        """A new cluster; fails if the name is taken."""
        return put_new(TABLE, _to_item(cluster))

    def set_node_limit(self, cluster: Cluster, node_limit: int | None, now: str) -> Cluster:
        """Raises `ConditionFailedError` when the cluster is gone or has more nodes than that."""
        changes: tuple[Change, ...] = (Set("node_limit", node_limit), Set("updated_at", now))
        fits: Condition = Equals("id", cluster.id)
        if node_limit is not None:
            fits = And(fits, LessOrEqual("node_count", node_limit))
        row = self._tables.write(Update(TABLE, {"name": cluster.name}, changes, fits), "cluster.updated")
        return from_item(row or {})

    def delete(self, cluster: Cluster) -> Delete:
        """Removes the row if it is still this cluster and has no nodes."""
        condition = And(Equals("id", cluster.id), Equals("node_count", 0))
        return Delete(TABLE, {"name": cluster.name}, condition, was_read=True, row={"id": cluster.id})


def still_there(cluster: Identified) -> Check:
    """A condition for another's transaction; fails when the cluster is gone."""
    return Check(TABLE, {"name": cluster.name}, Equals("id", cluster.id))


def reserve_slot(cluster: Identified) -> Update:
    """A write for another's transaction: counts one node more; fails when the cluster is gone or full."""
    room = Or(Absent("node_limit"), Less("node_count", Attribute("node_limit")))
    condition = And(Equals("id", cluster.id), room)
    return Update(TABLE, {"name": cluster.name}, (Add("node_count", 1),), condition)


def release_slot(name: str, cluster_id: str) -> Update:
    """A write for another's transaction: counts one node less; fails when the cluster is gone."""
    return Update(TABLE, {"name": name}, (Add("node_count", -1),), Equals("id", cluster_id))


def from_item(row: Item) -> Cluster:
    """A cluster from its whole row."""
    return Cluster.model_validate(row)


def _to_item(cluster: Cluster) -> Item:
    return {**cluster.model_dump(exclude={"version"}), "listing": LISTING}
