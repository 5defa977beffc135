"""Reads the nodes of a label in the order of their enrolment, for fan-outs: from the terms, and then their rows.

The cursor of such a walk names its label, so that all its pages are of the one that it began with, and of terms even if
these are said to be incomplete by then.
"""

import json
from collections.abc import Callable, Collection
from typing import Any

from chalicelib.fleet.nodes.model import TargetNode, TargetPage
from chalicelib.fleet.nodes.store import NODES, SHARDS, node_key
from chalicelib.fleet.nodes.term_store import NODE_TERMS, label_term, shards_of
from chalicelib.fleet.nodes.walk_store import enrolled_by, target_from_item
from chalicelib.kit.tables import Query, Ref, Tables

_BEGINNING = "labels"
"""The beginning of the cursor of a walk by label; others are JSON."""

WEIGHED = 1000
"""Entries that are counted at most to find the rarest of several labels."""

Position = tuple[str | None, str]
"""An index, None for the table itself, and a partition of it."""

PositionOf = Callable[[str], Position]
"""Finds the entries of a term."""


def begin(tables: Tables, position_of: PositionOf, labels: Collection[str]) -> str:
    """The cursor at the start of a walk over the nodes of the rarest of these labels."""
    positions = [position_of(label_term(pair)) for pair in sorted(labels)]
    index, partition = _rarest(tables, [[position] for position in positions])[0]
    return _cursor(index, partition, None)


def is_cursor(cursor: str) -> bool:
    """Whether a walk by label goes on at it."""
    return cursor.startswith(_BEGINNING)


def read_targets(tables: Tables, cursor: str, limit: int, inserted_until: str) -> TargetPage:
    """The next nodes, up to and with that second."""
    index, partition, start = json.loads(cursor.removeprefix(_BEGINNING))
    page = tables.query(_query(index, partition, limit, inserted_until, start))
    following = None if page.last_key is None else _cursor(index, partition, page.last_key)
    return TargetPage(_nodes(tables, [str(item["id"]) for item in page.items]), following)


def read_fleet(
    tables: Tables, labels: Collection[str], most_per_shard: int, inserted_until: str
) -> list[TargetNode] | None:
    """The nodes of all shards that have the rarest of these labels; None if a shard has further pages."""
    spread: list[list[Position]] = [[(None, shard) for shard in shards_of(label_term(pair))] for pair in sorted(labels)]
    rarest = _rarest(tables, spread)
    pages = tables.query_many([_query(index, shard, most_per_shard, inserted_until, None) for index, shard in rarest])
    if any(page.last_key is not None for page in pages):
        return None
    return _nodes(tables, [str(item["id"]) for page in pages for item in page.items])


def _rarest(tables: Tables, spread: list[list[Position]]) -> list[Position]:
    """Those of the positions of several labels that have the fewest entries."""
    if len(spread) == 1:
        return spread[0]
    limit = WEIGHED // SHARDS
    queries = [
        Query(NODE_TERMS, partition, None if index is None else NODE_TERMS.index(index), limit=limit, count_only=True)
        for positions in spread
        for index, partition in positions
    ]
    counts = iter(page.count for page in tables.query_many(queries))
    weighed = [(sum(next(counts) for _ in positions), positions) for positions in spread]
    return min(weighed, key=lambda one: one[0])[1]


def _query(index: str | None, partition: str, limit: int, inserted_until: str, start: Any) -> Query:
    by = None if index is None else NODE_TERMS.index(index)
    return Query(NODE_TERMS, partition, by, sort=enrolled_by(inserted_until), limit=limit, start=start)


def _nodes(tables: Tables, node_ids: Collection[str]) -> list[TargetNode]:
    rows = tables.get_many([Ref(NODES, node_key(node_id)) for node_id in node_ids])
    return [target_from_item(row, is_row=True) for row in rows if row is not None]


def _cursor(index: str | None, partition: str, start: Any) -> str:
    return f"{_BEGINNING}{json.dumps([index, partition, start])}"
