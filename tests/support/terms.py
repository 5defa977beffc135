"""The table of terms as it should be, worked out from rows alone, and rows as a release without terms left them."""

import zlib
from collections.abc import Callable, Iterable
from typing import Any

from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.nodes.term_store import NODE_TERMS
from chalicelib.kit.tables import Delete, Item

Position = tuple[str, str, str]
"""Partition, position in it, partition in the index by cluster."""


def stored_terms(driver: Any) -> set[Position]:
    """The entries that there are."""
    rows = [row for row in driver.rows(NODE_TERMS) if row["term_shard"] != "state"]
    return {(str(row["term_shard"]), str(row["position"]), str(row["cluster_term"])) for row in rows}


def expected_terms(rows: Iterable[Item]) -> set[Position]:
    """The entries that there should be for these rows of nodes."""
    found = set()
    for row in rows:
        shard = zlib.crc32(str(row["id"]).encode()) % 4
        labels: Any = row.get("labels") or {}
        positions = [(f"label:{name}:{value}", f"{row['inserted_at']}#{row['id']}") for name, value in labels.items()]
        positions += [(f"name:{name.lower()[0]}", f"{name.lower()}#{row['id']}") for name in names_of(row)]
        found |= {(f"{term}#{shard}", position, f"{row['cluster_id']}#{term}") for term, position in positions}
    return found


def names_of(row: Item) -> list[str]:
    """The names of a node."""
    aliases: Any = row.get("aliases") or []
    hostname = row.get("hostname")
    return [str(row["id"]), *([str(hostname)] if hostname else []), *(str(alias["name"]) for alias in aliases)]


def make_old(driver: Any, row: Item) -> None:
    """Leave the row of a node as an earlier release had it: without terms."""
    for term_shard, position, _ in expected_terms([row]):
        driver.write(Delete(NODE_TERMS, {"term_shard": term_shard, "position": position}))
    driver.load(NODES, [{name: value for name, value in row.items() if name != "termed"}])


def forget_state(driver: Any) -> None:
    """As a deployment that had nodes before its terms."""
    driver.write(Delete(NODE_TERMS, {"term_shard": "state", "position": "fill"}))


def fill(terms: Any, pause: Callable[[], Any]) -> None:
    """Ask for the task and do its two passes; ``pause`` until indexes have caught up between them."""
    terms.keep()
    for _ in range(2):
        cursor = terms.fill_chunk("fleet", None)
        while cursor is not None:
            cursor = terms.fill_chunk("fleet", cursor)
        pause()
