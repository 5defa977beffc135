"""Reads nodes in the order of their enrolment, for fan-outs."""

import dataclasses
import json

from chalicelib.fleet.nodes.model import NodePage, TargetNode, TargetPage
from chalicelib.fleet.nodes.store import NODES, SHARDS, listed_at, read_many
from chalicelib.kit.tables import Between, Item, Query, Tables


def read_page(
    tables: Tables, index_name: str, partition: str, cursor: str | None, limit: int, inserted_until: str
) -> NodePage:
    """The next nodes of a partition in the order of their enrolment, up to and with that second, rows in full."""
    query = _enrolled_by(index_name, partition, inserted_until, limit)
    page = tables.query(dataclasses.replace(query, start=None if cursor is None else json.loads(cursor)))
    nodes = read_many(tables, [str(item["id"]) for item in page.items])
    return NodePage(nodes, None if page.last_key is None else json.dumps(page.last_key))


def read_targets(
    tables: Tables, index_name: str, partition: str, cursor: str | None, limit: int, inserted_until: str
) -> TargetPage:
    """As `read_page`, from the index alone."""
    query = _enrolled_by(index_name, partition, inserted_until, limit)
    page = tables.query(dataclasses.replace(query, start=None if cursor is None else json.loads(cursor)))
    return TargetPage(
        [target_from_item(item) for item in page.items], None if page.last_key is None else json.dumps(page.last_key)
    )


def read_fleet(tables: Tables, most_per_shard: int, inserted_until: str) -> list[TargetNode] | None:
    """The nodes of all shards, from the index alone; None if a shard has further pages."""
    queries = [_enrolled_by("listing", str(shard), inserted_until, most_per_shard) for shard in range(SHARDS)]
    pages = tables.query_many(queries)
    if any(page.last_key is not None for page in pages):
        return None
    return [target_from_item(item) for page in pages for item in page.items]


def target_from_item(item: Item, *, is_row: bool = False) -> TargetNode:
    """From a row, or from an entry of `listing` or `by_cluster`."""
    return TargetNode(
        id=str(item["id"]),
        cluster_id=str(item["cluster_id"]),
        cluster_name=str(item["cluster_name"]),
        id_type=str(item["id_type"]),
        status=str(item["status"]),
        agent_version=str(item["agent_version"]),
        self_update_enabled=bool(item["self_update_enabled"]),
        inserted_at=str(item["inserted_at"]),
        updated_at=str(item["updated_at"]),
        row=item if is_row else None,
    )


def _enrolled_by(index_name: str, partition: str, inserted_until: str, limit: int) -> Query:
    return Query(NODES, partition, NODES.index(index_name), sort=enrolled_by(inserted_until), limit=limit)


def enrolled_by(inserted_until: str) -> Between:
    """The places in the list of nodes of those that enrolled up to and with that second."""
    return Between("0", listed_at(inserted_until, _AFTER_EVERY_ID))


_AFTER_EVERY_ID = "~"
"""Sorts behind every hexadecimal digit."""
