"""`UpdateFanOuts`: finds the nodes of a request, part by part and chunk by chunk, and notices what was left undone."""

from collections.abc import Iterator, Sequence

from chalicelib.clusters.service import Clusters
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import unavailable
from chalicelib.kit.queues import Message
from chalicelib.kit.tables import (
    Change,
    Check,
    ConditionFailedError,
    Equals,
    Exists,
    Set,
    Tables,
    TransactionFailedError,
    Update,
)
from chalicelib.nodes.model import TargetNode
from chalicelib.nodes.service import Nodes
from chalicelib.targeting import selection
from chalicelib.updates import rules, store
from chalicelib.updates.model import NodeState, NodeUpdate, PartChunk, RequestStatus, SelfUpdateRequest
from chalicelib.updates.store import REQUESTS, UpdateStore, request_key

CHUNK = 99
"""Rows in one transaction: DynamoDB's 100 writes less the check that the request still has parts left."""

PAGES_PER_MESSAGE = 10
"""Pages of nodes that a message may read before filters leave it a chunk: bounds its time."""

_DROPPED = PartChunk(None, ends_part=False)
_ENDED = PartChunk(None, ends_part=True)


class UpdateFanOuts:
    """Any method may be repeated at any point, also late and beside itself: the rows that result are the same."""

    def __init__(self, tables: Tables, clock: Clock, nodes: Nodes, clusters: Clusters) -> None:
        self._tables = tables
        self._clock = clock
        self._nodes = nodes
        self._clusters = clusters
        self._store = UpdateStore(tables)

    def create_chunk(self, request_id: str, part: str, cursor: str | None) -> PartChunk:
        """Note the next nodes of a part. The caller queues the chunk's cursor, or finishes the part.

        Dropped: a message for a part that is finished, or for a request that is gone. After the deadline no node is
        added.
        """
        request = self._store.find(request_id)
        if request is None or part not in request.parts:
            return _DROPPED
        now = to_seconds_text(self._clock.now())
        if request.deadline_at <= now:
            return _ENDED
        self._begin(request, now)
        chosen, cursor = self._chosen(request, part, cursor)
        updates = [
            NodeUpdate(
                request_id=request_id,
                node_id=node.id,
                cluster_name=node.cluster_name,
                state=NodeState.PENDING,
                inserted_at=request.inserted_at,
                updated_at=now,
            )
            for node in chosen
        ]
        for start in range(0, len(updates), CHUNK):
            if not self._create(request_id, updates[start : start + CHUNK]):
                return _DROPPED
        return PartChunk(cursor, ends_part=cursor is None)

    def finish_part(self, request_id: str, part: str) -> bool:
        """Note that every node of a part is known. True if it was the last one."""
        request = self._store.find(request_id)
        for _ in self._tables.tries():
            if request is None or part not in request.parts:
                return False
            left = request.parts - {part}
            update = Update(
                REQUESTS, request_key(request_id), (Set("parts", left or None),), Equals("version", request.version)
            )
            try:
                self._tables.write(update, "self_update_request.part_finished")
            except ConditionFailedError as error:
                request = None if error.current is None else store.request_from_item(error.current)
            else:
                return not left
        raise unavailable()

    def due_work(self, limit: int) -> Iterator[list[Message]]:
        """The messages that a sweep has to queue now, of at most ``limit`` requests, page by page.

        Each request is put off before it is handed out: what is lost on the way comes up again.
        """
        now = self._clock.now()
        taken = 0
        for rows in self._store.due_pages(to_seconds_text(now)):
            yield [message for row in rows[: limit - taken] for message in self._claim(row)]
            taken += len(rows)
            if taken >= limit:
                return

    def _claim(self, request: SelfUpdateRequest) -> list[Message]:
        due_at = rules.next_look(request, self._clock.now())
        changes: tuple[Change, ...] = (Set("sweeps", request.sweeps + 1), *store.due_changes(due_at))
        update = Update(REQUESTS, request_key(request.id), changes, Equals("version", request.version))
        if not self._tables.try_write(update, "self_update_request.swept"):
            return []  # another sweep was faster, or it has moved on by itself and is due again
        if request.parts:
            return [{"request_id": request.id, "part": part} for part in sorted(request.parts)]
        return [{"request_id": request.id, "redrive": True}]

    def _begin(self, request: SelfUpdateRequest, now: str) -> None:
        """From its first node on a request is being processed; with several parts, one of them says so."""
        if request.status is not RequestStatus.PENDING:
            return
        changes = (Set("status", RequestStatus.PROCESSING.value), Set("updated_at", now))
        pending = Equals("status", RequestStatus.PENDING.value)
        # Else another part did.
        self._tables.try_write(Update(REQUESTS, request_key(request.id), changes, pending), "self_update_request.begun")

    def _chosen(self, request: SelfUpdateRequest, part: str, cursor: str | None) -> tuple[list[TargetNode], str | None]:
        """The next nodes that the filters leave, about a chunk of them, and where to go on."""
        chosen: list[TargetNode] = []
        wanted = rules.forced(request.targeting)
        for _ in range(PAGES_PER_MESSAGE):
            page = selection.page_of_part(self._nodes, wanted, part, cursor, request.inserted_at)
            chosen += selection.select(page.nodes, wanted, self._nodes, self._clusters)
            cursor = page.cursor
            if cursor is None or len(chosen) >= CHUNK:
                break
        return chosen, cursor

    def _create(self, request_id: str, updates: Sequence[NodeUpdate]) -> bool:
        """Put those that do not exist, in one transaction while the request has parts left; False if it has none."""
        missing = list(updates)
        check = Check(REQUESTS, request_key(request_id), Exists("parts"))
        while missing:
            try:
                self._tables.commit([check, *map(store.put_update, missing)], "self_update.created")
            except TransactionFailedError as error:
                if 0 in error.failed:
                    return False
                missing = [row for place, row in enumerate(missing, start=1) if place not in error.failed]
            else:
                return True
        return True
