"""Rows of self-update requests and of their nodes: tables, keys, indexes and attribute names."""

import zlib
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from chalicelib.fleet.reach import Reach
from chalicelib.fleet.targeting.fan_out import PartsLeft
from chalicelib.fleet.updates.model import NodeUpdate, RequestStatus, SelfUpdateRequest, Summary
from chalicelib.kit.errors import found, not_found
from chalicelib.kit.ids import compose_uuid7, to_milliseconds
from chalicelib.kit.listing import (
    ALSO_IN,
    Choice,
    Custom,
    FilterValue,
    IndexSource,
    Listing,
    Moment,
    Text,
    all_rows,
    fixed,
)
from chalicelib.kit.redrive import due_rows
from chalicelib.kit.tables import (
    Absent,
    And,
    Between,
    Change,
    Delete,
    Equals,
    Index,
    Item,
    Key,
    Page,
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

SHARDS = 16
"""Partitions of the nodes of one request: a fan-out writes to all of them, and they are counted without an index."""

LISTING = "self_update_requests"
"""The single partition of the index `listing`. Operators create requests one by one, so it is never hot."""

DUE = "self_update_requests"
"""The one partition of the index `due`: one row per unfinished request."""

REQUESTS = Table(
    "self_update_requests",
    partition="id",
    indexes=(
        Index("listing", "listing", "id", ("status", "inserted_at", "updated_at")),
        Index("due", "due", "due_at"),
    ),
    stream=True,
    thing=Thing("self_update_request"),
)

NODE_UPDATES = Table("self_updates", partition="request_shard", sort="node_id", stream=True)

_ALL = IndexSource(index="listing", partitions=fixed(LISTING), totals=all_rows(REQUESTS))

TOTALS = _ALL.counted(REQUESTS)
"""The totals that are kept as counters, and the queries of a recount."""

FIELDS = {
    "status": Choice("status", offers=ALSO_IN),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}
"""The filters and orders of requests."""

REQUEST_LIST = Listing(REQUESTS, fields=FIELDS, sources=(_ALL,))


def _is_seen_within(item: Item, value: FilterValue, _now: datetime) -> bool:
    return request_from_item(item).is_seen_within(Reach(frozenset(str(value).split(","))))


REACHED_LIST = Listing(
    REQUESTS,
    fields={**FIELDS, "within": Custom(("cluster_ids", "targeting"), _is_seen_within)},
    sources=(_ALL,),
)
"""For callers with a restricted reach: ``within`` are the ids of its clusters. The rows are read: requests are few."""

_NEWEST = 100
"""Requests that one check looks at: what one BatchGet reads."""


NODE_FIELDS = {
    "status": Choice("state"),
    "cluster_name": Text("cluster_name"),
    "version": Text("agent_version"),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}
"""The filters and orders of a request's nodes."""


class UpdateStore:
    """Reads of requests and of their nodes."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, request_id: str) -> SelfUpdateRequest | None:
        row = self._tables.get(REQUESTS, request_key(request_id))
        return None if row is None else request_from_item(row)

    def find_within(self, request_id: str, reach: Reach) -> SelfUpdateRequest:
        """Raises `EdgeError` (not found) if no part of it is within reach."""
        request = found(self.find(request_id))
        if not request.is_seen_within(reach):
            raise not_found()
        return request

    def due_pages(self, now: str) -> Iterator[list[SelfUpdateRequest]]:
        """The due rows, most overdue first, read anew."""
        for rows in due_rows(self._tables, REQUESTS, DUE, now):
            yield [request_from_item(row) for row in rows]

    def updates_of(self, request_id: str, node_ids: Sequence[str]) -> list[NodeUpdate]:
        """The rows of these nodes of a request that exist, in the order asked for."""
        refs = [Ref(NODE_UPDATES, update_key(request_id, node_id)) for node_id in node_ids]
        return [update_from_item(item) for item in self._tables.get_many(refs) if item is not None]

    def newest_for(self, node_id: str, since: datetime) -> list[NodeUpdate]:
        """A node's rows of the newest requests made since then, newest first: 2 calls, however many nodes there are."""
        oldest = compose_uuid7(to_milliseconds(since), 0)
        query = Query(
            REQUESTS,
            LISTING,
            index=REQUESTS.index("listing"),
            sort=Between(oldest, "~"),
            descending=True,
            limit=_NEWEST,
        )
        ids = [str(item["id"]) for item in self._tables.query(query).items]
        items = self._tables.get_many([Ref(NODE_UPDATES, update_key(request_id, node_id)) for request_id in ids])
        return [update_from_item(item) for item in items if item is not None]

    def every_update(self, request_id: str) -> Iterator[NodeUpdate]:
        """Each node of a request as it stands now: read consistently, 1 MB a call."""
        for shard in range(SHARDS):
            for page in self._tables.pages(_shard_query(request_id, shard)):
                yield from map(update_from_item, page.items)

    def page_of_shard(self, request_id: str, shard: int, limit: int) -> Page:
        """The first rows of a shard of a request's nodes."""
        return self._tables.query(_shard_query(request_id, shard, limit))


def nodes_of(request_id: str) -> Listing:
    """The nodes of a request. Their rows are read whole: some 300 bytes a node."""
    of_request = IndexSource(index=None, partitions=fixed(*_shards(request_id)), insertion=None)
    return Listing(NODE_UPDATES, fields=NODE_FIELDS, sources=(of_request,))


def _shard_query(request_id: str, shard: int, limit: int | None = None) -> Query:
    return Query(NODE_UPDATES, f"{request_id}#{shard}", consistent=True, limit=limit)


def _shards(request_id: str) -> list[str]:
    return [f"{request_id}#{shard}" for shard in range(SHARDS)]


def request_key(request_id: str) -> Key:
    return {"id": request_id}


def update_key(request_id: str, node_id: str) -> Key:
    return {"request_shard": f"{request_id}#{zlib.crc32(node_id.encode()) % SHARDS}", "node_id": node_id}


def put_request(request: SelfUpdateRequest) -> Put:
    item: dict[str, Any] = request.model_dump(mode="python", exclude={"version", "targeting", "summary"})
    item["targeting"] = request.targeting.model_dump(mode="json", exclude_none=True)
    item["status"] = request.status.value
    item["parts"] = request.parts or None
    item["looks"] = request.looks or None
    item["cursors"] = {**request.cursors} or None
    item["cluster_ids"] = request.cluster_ids or None
    item["listing"] = LISTING
    item["due"] = DUE
    return put_new(REQUESTS, item)


def note_found(request: SelfUpdateRequest, cluster_ids: Collection[str], now: str) -> Update:
    """Notes clusters of its nodes; from the first ones on a request is being processed. Fails unless the request is as
    it was read."""
    begun: tuple[Change, ...] = (Set("status", RequestStatus.PROCESSING.value), Set("updated_at", now))
    clusters = Set("cluster_ids", request.cluster_ids.union(cluster_ids) or None)
    return _unchanged(request, (clusters, *(begun if request.status is RequestStatus.PENDING else ())))


def put_parts(request: SelfUpdateRequest, left: PartsLeft, looks_since: str | None) -> Update:
    """Writes the parts that are left, if the request is as it was read."""
    return _unchanged(request, (*left.changes, Set("looks_since", looks_since)))


def end_looks(request: SelfUpdateRequest) -> Update:
    """End the search for nodes; fails if the request has changed since it was read."""
    return _unchanged(request, (Set("looks", None), Set("looks_since", None), Set("cursors", None)))


def put_off(request: SelfUpdateRequest, due_at: str | None) -> Update:
    """Counts a sweep and sets the time of the next; fails unless the request is as it was read."""
    return _unchanged(request, (Set("sweeps", request.sweeps + 1), *due_changes(due_at)))


def complete(request: SelfUpdateRequest, summary: Summary, now: str) -> Update:
    """Ends a request of which no part or search is left; fails if another look has ended it.

    Nodes that have ended stay so, and none is added once no part is left: the summary cannot change any more.
    """
    changes = (
        Set("status", RequestStatus.COMPLETED.value),
        Set("summary", summary.model_dump()),
        Set("updated_at", now),
        *due_changes(None),
    )
    is_open = And(Absent("parts"), Absent("looks_since"), Equals("status", request.status.value))
    return Update(REQUESTS, request_key(request.id), changes, is_open)


def delete_completed(request_id: str) -> Delete:
    """Fails for a request that is not completed."""
    return Delete(REQUESTS, request_key(request_id), Equals("status", RequestStatus.COMPLETED.value))


def _unchanged(request: SelfUpdateRequest, changes: tuple[Change, ...]) -> Update:
    return Update(REQUESTS, request_key(request.id), changes, Equals("version", request.version))


def put_update(update: NodeUpdate) -> Put:
    return put_new(NODE_UPDATES, {**update.model_dump(mode="json"), **update_key(update.request_id, update.node_id)})


def due_changes(due_at: str | None) -> tuple[Change, ...]:
    """Set the due time; None removes the row from the index."""
    return Set("due_at", due_at), Set("due", None if due_at is None else DUE)


def request_from_item(item: Item) -> SelfUpdateRequest:
    return SelfUpdateRequest.model_validate({"parts": frozenset(), "due_at": None, **item})


def update_from_item(item: Item) -> NodeUpdate:
    return NodeUpdate.model_validate(item)
