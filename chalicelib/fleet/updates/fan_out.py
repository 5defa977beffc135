"""`UpdateFanOuts`: finds the nodes of a request, part by part and chunk by chunk, and finds unfinished work."""

from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.nodes.model import TargetNode
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.targeting import selection
from chalicelib.fleet.targeting.fan_out import CHUNK, put_missing, without_parts
from chalicelib.fleet.updates import rules, store
from chalicelib.fleet.updates.model import (
    LOOK,
    SETTLE,
    NodeState,
    NodeUpdate,
    PartChunk,
    RequestStatus,
    SelfUpdateRequest,
)
from chalicelib.fleet.updates.store import REQUESTS, UpdateStore, request_key
from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.cursors import StepCursor
from chalicelib.kit.errors import unavailable
from chalicelib.kit.parking import park
from chalicelib.kit.queues import Message
from chalicelib.kit.redrive import SETTLE_SOON, claim_due
from chalicelib.kit.tables import ConditionFailedError, Tables
from chalicelib.kit.worktime import WorkTime

PAGES_PER_MESSAGE = 10
"""The maximum of pages that a message reads to fill a chunk, if filters drop many nodes: limits its time."""

_DROPPED = PartChunk(None, ends_part=False)
_ENDED = PartChunk(None, ends_part=True)


class UpdateFanOuts:
    """Creates the rows of a self-update request's nodes, part by part. Every method is idempotent: it may be repeated
    at any point, late or concurrently, with the same resulting rows."""

    def __init__(self, tables: Tables, clock: Clock, nodes: NodeReader, clusters: Clusters) -> None:
        self._tables = tables
        self._clock = clock
        self._nodes = nodes
        self._clusters = clusters
        self._store = UpdateStore(tables)

    def create_chunk(self, request_id: str, part: str, cursor: str | None) -> PartChunk:
        """Store the next nodes of a part. The caller continues from the chunk's cursor, or finishes the part. A message
        for a finished part, or for a deleted request, is dropped. After the deadline no node is added.
        """
        request = self._store.find(request_id)
        if request is None or part not in request.parts:
            return _DROPPED
        now = to_seconds_text(self._clock.now())
        if request.deadline_at <= now:
            return _ENDED
        chosen, cursor = self._chosen(request, part, cursor)
        if self._note_found(request, chosen, now) is None or not self._note(request, chosen):
            return _DROPPED
        return PartChunk(cursor, ends_part=cursor is None)

    def finish_part(self, request_id: str, part: str) -> bool:
        """Store that all nodes of a part are known. Returns True for the last part."""
        request = self._store.find(request_id)
        for _ in self._tables.tries():
            if request is None or part not in request.parts:
                return False
            left = without_parts(request, {part}, {part} if selection.may_miss(part) else ())
            since = None if left.parts or not left.looks else to_seconds_text(self._clock.now())
            try:
                self._tables.write(store.put_parts(request, left, since), "self_update_request.part_finished")
            except ConditionFailedError as error:
                request = None if error.current is None else store.request_from_item(error.current)
            else:
                return not left.parts
        raise unavailable()

    def look(self, request_id: str, cursor: str | None, time: WorkTime) -> str | None:
        """Store nodes that an index had hidden when the parts were processed, once it has caught up, until ``time`` is
        over; returns the next cursor, None at the end or if it is too early. After the deadline no node is added."""
        request, now = self._store.find(request_id), self._clock.now()
        if request is None or request.looks_since is None or now < parse_time(request.looks_since) + SETTLE_SOON:
            return None
        parts = sorted(request.looks) if to_seconds_text(now) < request.deadline_at else []
        here, wanted = StepCursor.parse(cursor), rules.forced(request.targeting)
        while here.step < len(parts):
            chosen, following = self._chosen(request, parts[here.step], here.within)
            until = max(request.looks_since, request.inserted_at)  # by a clock that is behind it was read before
            meant = selection.meant(chosen, wanted, until, self._nodes)
            noted = self._note_found(request, meant, to_seconds_text(now))
            if noted is None:
                return None
            request = noted
            there = {row.node_id for row in self._store.updates_of(request_id, [node.id for node in meant])}
            if not self._note(request, [node for node in meant if node.id not in there]):
                return None
            here = here.after(following)
            if time.is_over and here.step < len(parts):
                return here.text()
        self._tables.try_write(store.end_looks(request), "self_update_request.looked")
        return None

    def park(self, request_id: str, name: str, before: str | None, cursor: str) -> bool:
        """Store the cursor of a part, of the search or of a look that a message started at ``before``: the change
        stream leads to the next message. False if another message is ahead of this one, or no work is left."""
        return park(
            self._tables,
            REQUESTS,
            request_key(request_id),
            name,
            before,
            {name: cursor},
            is_wanted=lambda row: rules.is_wanted(store.request_from_item(row), name),
            now=self._clock.now(),
            operation="self_update_request.parked",
        )

    def due_work(self, limit: int) -> Iterator[list[Message]]:
        """The messages that a sweep has to queue now, of at most ``limit`` requests, page by page.

        The due time of each request is moved before it is returned: if its message is lost, it comes up again.
        """
        return claim_due(self._store.due_pages(to_seconds_text(self._clock.now())), self._claim, limit)

    def _claim(self, request: SelfUpdateRequest) -> list[Message]:
        due_at = rules.next_look(request, self._clock.now())
        if not self._tables.try_write(store.put_off(request, due_at), "self_update_request.swept"):
            return []  # another sweep was faster, or the request has progressed and is due again
        if request.parts:
            return [_message(request, part) for part in sorted(request.parts)]
        name = SETTLE if request.looks_since is None else LOOK
        return [{**_message(request, name), "redrive": True}]

    def _note_found(self, known: SelfUpdateRequest, nodes: Sequence[TargetNode], now: str) -> SelfUpdateRequest | None:
        """Note the clusters of the nodes, before their rows; the first piece of work also marks the request as
        processing. Writes nothing where both are known. Returns the request as it is then, None if it is gone."""
        request, clusters = known, {node.cluster_id for node in nodes}
        for _ in self._tables.tries():
            if request.status is not RequestStatus.PENDING and request.cluster_ids >= clusters:
                return request
            operation = "self_update_request.begun"
            try:
                row = self._tables.write(store.note_found(request, clusters, now), operation)
            except ConditionFailedError as error:
                row = error.current
                if row is None:
                    return None
                request = store.request_from_item(row)
            else:
                return None if row is None else store.request_from_item(row)
        raise unavailable()

    def _chosen(self, request: SelfUpdateRequest, part: str, cursor: str | None) -> tuple[list[TargetNode], str | None]:
        """The next nodes that pass the filters, about a chunk, and the next cursor."""
        chosen: list[TargetNode] = []
        wanted = rules.forced(request.targeting)
        for _ in range(PAGES_PER_MESSAGE):
            page = selection.page_of_part(self._nodes, wanted, part, cursor, request.inserted_at)
            chosen += selection.select(page.nodes, wanted, self._nodes, self._clusters)
            cursor = page.cursor
            if cursor is None or len(chosen) >= CHUNK:
                break
        return chosen, cursor

    def _note(self, request: SelfUpdateRequest, nodes: Sequence[TargetNode]) -> bool:
        """Put the rows of these nodes; False if none may be added any more."""
        now = to_seconds_text(self._clock.now())
        updates = [
            NodeUpdate(
                request_id=request.id,
                node_id=node.id,
                cluster_name=node.cluster_name,
                state=NodeState.PENDING,
                wanted=request.agent_version,
                inserted_at=request.inserted_at,
                updated_at=now,
            )
            for node in nodes
        ]
        chunks = (updates[start : start + CHUNK] for start in range(0, len(updates), CHUNK))
        fan_out, operation = (REQUESTS, request_key(request.id)), "self_update.created"
        return all(
            put_missing(self._tables, fan_out, chunk, store.put_update, operation) is not None for chunk in chunks
        )


def _message(request: SelfUpdateRequest, name: str) -> dict[str, Any]:
    """The message that continues a part of a request at its stored cursor."""
    position = {"cursor": request.cursors[name]} if name in request.cursors else {}
    return {"request_id": request.id, "part": name, **position}
