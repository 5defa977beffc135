"""Reads nodes as their clusters show them, from entries of indexes alone."""

import dataclasses
from collections.abc import Collection, Sequence

from chalicelib.fleet.nodes.model import IdType, NodeSummary, Status
from chalicelib.fleet.nodes.store import NODES, SHARDS
from chalicelib.kit.tables import Item, Query, Tables


def summary_from_item(item: Item) -> NodeSummary:
    return NodeSummary(
        id=str(item["id"]),
        cluster_name=str(item["cluster_name"]),
        status=Status(str(item["status"])),
        id_type=IdType(str(item["id_type"])),
    )


def read_summaries(tables: Tables, cluster_ids: Sequence[str], limit: int) -> list[list[NodeSummary]]:
    """The newest nodes of each cluster, one query a cluster."""
    index = NODES.index("by_cluster")
    queries = [Query(NODES, cluster_id, index, descending=True, limit=limit) for cluster_id in cluster_ids]
    return [[summary_from_item(item) for item in page.items] for page in tables.query_many(queries)]


def read_summaries_by_status(
    tables: Tables, statuses: Collection[Status], cluster_ids: Collection[str] | None, limit: int
) -> list[NodeSummary]:
    """The nodes of these statuses, all or those of some clusters, from index entries alone. Reads to the end, or until
    more than ``limit`` were found."""
    index = NODES.index("by_cluster")
    queries = (
        _by_status(statuses)
        if cluster_ids is None
        else [Query(NODES, cluster_id, index) for cluster_id in sorted(cluster_ids)]
    )
    found: dict[str, NodeSummary] = {}
    while queries and len(found) <= limit:
        pages = tables.query_many(queries)
        summaries = [summary_from_item(item) for page in pages for item in page.items]
        found |= {summary.id: summary for summary in summaries if summary.status in statuses}
        queries = [
            dataclasses.replace(query, start=page.last_key)
            for query, page in zip(queries, pages, strict=True)
            if page.last_key is not None
        ]
    return list(found.values())


def _by_status(statuses: Collection[Status]) -> list[Query]:
    index = NODES.index("by_status")
    return [Query(NODES, f"{status.value}#{shard}", index) for status in statuses for shard in range(SHARDS)]
