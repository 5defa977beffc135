"""Selects the nodes of a request: its parts, decided when it is created, and page by page the nodes that pass its
filters."""

from collections.abc import Mapping, Sequence

from chalicelib.fleet.clusters.model import NAME_MAX_LENGTH, Cluster
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.clusters.store import FIELDS as CLUSTER_FIELDS
from chalicelib.fleet.nodes import model as nodes_model
from chalicelib.fleet.nodes.filtering import FIELDS as NODE_FIELDS
from chalicelib.fleet.nodes.filtering import OF_ROWS, label_pairs
from chalicelib.fleet.nodes.model import TargetNode, TargetPage
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.nodes.store import SHARDS as NODE_SHARDS
from chalicelib.fleet.targeting.model import SHARD, Targeting, TargetType
from chalicelib.kit.cursors import StepCursor
from chalicelib.kit.labels import is_label
from chalicelib.kit.listing import matches
from chalicelib.kit.tables import Item

SLICE = 1980
"""Nodes of one page, and node ids in one part of a request for named ones: twenty transactions' worth, so that what a
page costs besides is small beside them; two seconds of work, far from a function's timeout."""

MOST_CLUSTER_PARTS = 8
"""Parts of a request for clusters: enough for all the pace that a fan-out is allowed. Each part that is finished
rewrites the row that holds them all: with a part for each of 2,000 clusters that took some 70,000 write units, with 8
of them it takes 900."""

CLUSTERS_PER_PAGE = 25
"""Clusters that one page reads of, if they are small: two calls each, well below a second together."""

_NAMED = "nodes#"
"""Begins the name of a part of a request for named nodes: one slice of them."""

OF_EXECUTIONS = "executions"
"""The one part of a request for the nodes of executions: the commands page over it, whose rows those are."""

_IN_CLUSTER = "#"
"""Stands in a cursor between the number of a cluster and the cursor in it."""

_PRESENCE_FILTER = "last_seen_at"

_PLACED, _DESCRIBED = "placed_at", "described_at"
_STAMPS = {
    "status": "status_at",
    "labels": "labelled_at",
    "cluster_name": _PLACED,
    "updated_at": "updated_at",
    "inserted_at": "",
    _PRESENCE_FILTER: "",
}
"""The attribute of a node's row that tells when what a filter compares last changed, if not `_DESCRIBED`; "" for what
never changes, and for presence, which is asked for when the node is found."""


def without_repetitions(targeting: Targeting) -> Targeting:
    """The same targeting with each id and each name once, in the order of their first mention."""
    return targeting.model_copy(
        update={
            "node_ids": _distinct(targeting.node_ids),
            "cluster_names": _distinct(targeting.cluster_names),
        }
    )


def clusters_by_name(targeting: Targeting, clusters: Clusters) -> list[Cluster]:
    """The clusters that a request for clusters names and that exist."""
    if targeting.type is not TargetType.CLUSTERS:
        return []
    return clusters.find_many([name for name in targeting.cluster_names or () if _is_cluster_name(name)])


def fitting_clusters(targeting: Targeting, found: Sequence[Cluster]) -> list[Cluster]:
    """Those of the clusters that ``cluster_filters`` leave."""
    return [row for row in found if _fits_cluster(row, targeting)]


def parts_of(targeting: Targeting, named: Sequence[Cluster]) -> frozenset[str]:
    """The independent parts of a fan-out: shards of the fleet, clusters (some to a part where there are many), or
    slices of the node ids."""
    match targeting.type:
        case TargetType.ALL:
            return frozenset(f"{SHARD}{shard}" for shard in range(NODE_SHARDS))
        case TargetType.CLUSTERS:
            size = -(-len(named) // MOST_CLUSTER_PARTS) or 1
            slices = (named[start : start + size] for start in range(0, len(named), size))
            return frozenset(f"cluster#{','.join(cluster.id for cluster in some)}" for some in slices)
        case TargetType.NODES:
            return frozenset(f"{_NAMED}{index}" for index in range(-(-len(targeting.node_ids or ()) // SLICE)))
        case TargetType.EXECUTIONS:
            return frozenset({OF_EXECUTIONS})


def page_of_part(
    nodes: NodeReader, targeting: Targeting, part: str, cursor: str | None, inserted_until: str, size: int = SLICE
) -> TargetPage:
    """The next ``size`` nodes of a part, before filters. Pages only over keys that never change.

    A node inserted after ``inserted_until`` is not in it, so a repeated fan-out adds no machine that enrolled later.
    """
    kind, _, name = part.partition("#")
    match kind:
        case "shard":
            return nodes.targets_of_shard(int(name), cursor, size, inserted_until, _labels_of(targeting))
        case "cluster":
            return _page_of_clusters(nodes, targeting, name.split(","), cursor, inserted_until, size)
        case "nodes":
            ids = (targeting.node_ids or ())[int(name) * SLICE : (int(name) + 1) * SLICE]
            start = int(cursor or 0)
            found = nodes.targets(ids[start : start + size])
            following = str(start + size) if start + size < len(ids) else None
            return TargetPage([node for node in found if node.inserted_at <= inserted_until], following)
        case _:
            raise ValueError(f"no fan-out has a part {part!r}")


def whole_fleet(nodes: NodeReader, targeting: Targeting, most_per_shard: int, inserted_until: str) -> TargetPage | None:
    """The nodes of all shards at once, before filters; None if there are more than may be read of one."""
    fleet = nodes.whole_fleet(most_per_shard, inserted_until, _labels_of(targeting))
    return None if fleet is None else TargetPage(fleet, None)


def may_miss(part: str) -> bool:
    """Whether the nodes of a part are found by an index, which lags and which a node may move in. Named ones are read
    by their keys."""
    return not part.startswith(_NAMED)


def meant(found: Sequence[TargetNode], targeting: Targeting, until: str, nodes: NodeReader) -> list[TargetNode]:
    """Those of the nodes, which are found in a part only later, that were in it until then (seconds text), as far as is
    known of them. Reads the rows of those that have changed meanwhile, 100 a call."""
    same = [node for node in found if _was_meant(node, targeting, until)]
    changed = {node.id for node in found}.difference(node.id for node in same)
    rows = nodes.targets([node.id for node in found if node.id in changed]) if changed else []
    return [*same, *(node for node in rows if _was_meant(node, targeting, until))]


def _was_meant(node: TargetNode, targeting: Targeting, until: str) -> bool:
    """Whether nothing by which the node is found has changed since: it may have moved in, or fit the filters, only by
    that change. Its row, if that was read, tells when what changed."""
    if node.updated_at <= until:
        return True
    compared = {name.partition("__")[0] for name in targeting.node_filters or ()}
    stamps = {_STAMPS.get(name, _DESCRIBED) for name in compared} - {""}
    if targeting.cluster_filters or targeting.type in {TargetType.CLUSTERS, TargetType.NODES}:
        stamps.add(_PLACED)
    row = node.row
    if row is None:
        return not stamps
    return all(str(row.get(stamp) or node.inserted_at) <= until for stamp in stamps)


def is_of_cluster(part: str, cluster_id: str) -> bool:
    """Whether the part is of this cluster, maybe of others as well."""
    kind, _, ids = part.partition("#")
    return kind == "cluster" and cluster_id in ids.split(",")


def select(page: Sequence[TargetNode], targeting: Targeting, nodes: NodeReader, clusters: Clusters) -> list[TargetNode]:
    """The nodes that all filters leave, each once: one that moves while a page of several clusters is read is found in
    two of them. Reads presence or clusters only where a filter asks for them.

    ``cluster_filters`` of a request for clusters have been applied to the named ones when it was made.
    """
    chosen = list({node.id: node for node in page if targeting.includes(node.cluster_id)}.values())
    if targeting.cluster_filters and targeting.type is not TargetType.CLUSTERS and chosen:
        names = list(dict.fromkeys(node.cluster_name for node in chosen))
        fitting = {row.id for row in clusters.find_many(names) if _fits_cluster(row, targeting)}
        chosen = [node for node in chosen if node.cluster_id in fitting]
    filters = targeting.node_filters or {}
    if not filters or not chosen:
        return chosen
    rows: Mapping[str, Item] = {}
    if not OF_ROWS.isdisjoint(filters):
        rows = {node.id: node.row for node in chosen if node.row is not None}
        rows = {**rows, **nodes.rows_of([node.id for node in chosen if node.id not in rows])}
        chosen = [node for node in chosen if node.id in rows]
    seen: Mapping[str, nodes_model.Presence] = {}
    if any(name.startswith(_PRESENCE_FILTER) for name in filters):
        seen = nodes.presence_of([node.id for node in chosen])
    return [
        node
        for node in chosen
        if matches(NODE_FIELDS, filters, {**rows.get(node.id, {}), **_node_row(node, seen.get(node.id))})
    ]


def _labels_of(targeting: Targeting) -> tuple[str, ...]:
    """The labels that all its nodes have."""
    wanted = (targeting.node_filters or {}).get("labels")
    return label_pairs(str(wanted)) if wanted else ()


def _page_of_clusters(
    nodes: NodeReader, targeting: Targeting, ids: Sequence[str], cursor: str | None, inserted_until: str, size: int
) -> TargetPage:
    """The next nodes of some clusters, one cluster after the other; the cursor says in which, and where in it."""
    labels = _labels_of(targeting)
    if len(ids) == 1:
        return nodes.targets_of_cluster(ids[0], cursor, size, inserted_until, labels)
    here, found = StepCursor.parse(cursor, _IN_CLUSTER), list[TargetNode]()
    for cluster_id in ids[here.step : here.step + CLUSTERS_PER_PAGE]:
        page = nodes.targets_of_cluster(cluster_id, here.within, size - len(found), inserted_until, labels)
        found += page.nodes
        here = here.after(page.cursor)
        if page.cursor is not None or len(found) >= size:
            break
    return TargetPage(found, here.text(_IN_CLUSTER) if here.step < len(ids) else None)


def _distinct(values: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(dict.fromkeys(values))


def _is_cluster_name(name: str) -> bool:
    """Whether a cluster can have this name; a key that none can have is not asked for."""
    return len(name) <= NAME_MAX_LENGTH and is_label(name)


def _fits_cluster(cluster: Cluster, targeting: Targeting) -> bool:
    row: Item = cluster.model_dump(mode="json")
    return matches(CLUSTER_FIELDS, targeting.cluster_filters or {}, row)


def _node_row(node: TargetNode, presence: nodes_model.Presence | None) -> Item:
    return {
        "id_type": node.id_type,
        "status": node.status,
        "cluster_name": node.cluster_name,
        "agent_version": node.agent_version,
        "self_update_enabled": node.self_update_enabled,
        "last_seen_at": None if presence is None else presence.last_seen_at,
        "inserted_at": node.inserted_at,
        "updated_at": node.updated_at,
    }
