"""The state of the table of terms, a row of its own in it, and the walk over the nodes that it is filled from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.fleet.nodes.store import NODES, SHARDS
from chalicelib.fleet.nodes.term_store import NODE_TERMS
from chalicelib.kit.tables import Absent, Equals, Key, Query, Set, Tables, Update

_STATE: Key = {"term_shard": "state", "position": "fill"}


@dataclass(frozen=True)
class Fill:
    """When the task that fills the table was asked for last, and when it was done first (seconds text)."""

    asked_at: str
    done_at: str | None


def read(tables: Tables, *, consistent: bool = True) -> Fill | None:
    """The state; None if the task was never asked for."""
    row = tables.get(NODE_TERMS, _STATE, consistent=consistent)
    if row is None:
        return None
    return Fill(str(row["asked_at"]), str(row["done_at"]) if "done_at" in row else None)


def note_asked(known: Fill | None, now: str) -> Update:
    """The task is asked for now, if it was not asked for since the state was read."""
    return _update(known, Set("asked_at", now))


def note_whole(now: str) -> Update:
    """The table was never asked for, and has nothing to be filled with."""
    return _update(None, Set("asked_at", now), Set("done_at", now))


def note_done(known: Fill, now: str) -> Update:
    """The task is done, if it was not asked for anew since the state was read."""
    return _update(known, Set("done_at", now))


def page_of_ids(tables: Tables, shard: int, cursor: str | None, limit: int) -> tuple[Sequence[str], str | None]:
    """The ids of the next nodes of a shard of their list, and the next cursor."""
    start = None if cursor is None else json.loads(cursor)
    page = tables.query(Query(NODES, str(shard), NODES.index("listing"), limit=limit, start=start))
    ids = [str(item["id"]) for item in page.items]
    return ids, None if page.last_key is None else json.dumps(page.last_key)


def has_nodes(tables: Tables) -> bool:
    """Whether any node is listed."""
    queries = [Query(NODES, str(shard), NODES.index("listing"), limit=1) for shard in range(SHARDS)]
    return any(page.count for page in tables.query_many(queries))


def _update(known: Fill | None, *changes: Set) -> Update:
    same = Absent("asked_at") if known is None else Equals("asked_at", known.asked_at)
    return Update(NODE_TERMS, _STATE, changes, same)
