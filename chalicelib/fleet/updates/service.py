"""`SelfUpdates`: the use cases of operators and agents for self-update requests."""

from dataclasses import replace
from datetime import timedelta

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.nodes.model import Agent
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.reach import Reach, empty_page
from chalicelib.fleet.targeting.accepting import accept
from chalicelib.fleet.targeting.model import Targeting
from chalicelib.fleet.targeting.rules import wrong_with
from chalicelib.fleet.transport.dispatch import UPDATES_PER_MESSAGE
from chalicelib.fleet.updates import node_store, rules, store
from chalicelib.fleet.updates.model import NodeState, NodeUpdate, RequestStatus, SelfUpdateRequest, UpdateCheck
from chalicelib.fleet.updates.store import (
    REACHED_LIST,
    REQUEST_LIST,
    SHARDS,
    UpdateStore,
    request_from_item,
)
from chalicelib.fleet.updates.triggering import Triggering
from chalicelib.kit import tasks
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind, not_found
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import ListPage, ListRequest, Lists
from chalicelib.kit.redrive import FIRST_LOOK
from chalicelib.kit.tables import ConditionFailedError, Tables, TransactionFailedError

REMEMBERED = 2
"""Agents get requests up to this many deadlines old: an agent that was triggered just before a deadline asks after it.
"""

_REQUEST_INDEX = 0
"""The index of the request's own write in the transaction that deletes it."""

ROWS_PER_CHUNK = 100
"""Rows that one message of a clean-up removes: about a second of single writes."""


class SelfUpdates:
    """Requests are made, read and deleted; `UpdateFanOuts` and `Triggering` carry them out.

    ``deadline_seconds`` is how long nodes are waited for.
    """

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        nodes: NodeReader,
        clusters: Clusters,
        triggering: Triggering,
        *,
        deadline_seconds: int,
        lists: Lists,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._nodes = nodes
        self._clusters = clusters
        self._triggering = triggering
        self._deadline = timedelta(seconds=deadline_seconds)
        self._lists = lists
        self._store = UpdateStore(tables)

    def create(
        self,
        targeting: Targeting,
        version: str | None = None,
        *,
        allow_missing: bool = False,
        reach: Reach,
        request_id: str | None = None,
    ) -> SelfUpdateRequest:
        """Accept a request in one write, regardless of the size of the fleet. Named nodes and clusters must exist
        within reach, unless they may be missing, and are read first. Succeeds even if no node is left. With a
        ``request_id``, a UUIDv7, that is there already, the request as it is. Raises `EdgeError` (validation failed).
        """
        details = wrong_with(targeting)
        if details:
            raise EdgeError(Kind.VALIDATION_FAILED, "Validation failed", details)
        if request_id is not None and (made := self._store.find(request_id)) is not None:
            return made
        now = self._clock.now()
        text = to_seconds_text(now)
        accepted = accept(targeting, self._nodes, self._clusters, allow_missing=allow_missing, reach=reach)
        request = SelfUpdateRequest(
            id=request_id or self._ids.uuid7(now),
            targeting=accepted.targeting,
            agent_version=version,
            status=RequestStatus.PENDING,
            parts=accepted.parts,
            deadline_at=to_seconds_text(now + self._deadline),
            due_at=to_seconds_text(now + FIRST_LOOK),
            inserted_at=text,
            updated_at=text,
            version=1,
        )
        try:
            self._tables.apply(store.put_request(request), "self_update_request.created", result=request)
        except ConditionFailedError as error:
            return request_from_item(error.current or {})
        return request

    def state_of(self, request_id: str, node_id: str) -> tuple[SelfUpdateRequest, NodeUpdate | None] | None:
        """A request and one of its nodes; None if there is no such request. Two reads."""
        request = self._store.find(request_id)
        if request is None:
            return None
        return request, next(iter(self._store.updates_of(request_id, [node_id])), None)

    def get(self, request_id: str, *, reach: Reach) -> SelfUpdateRequest:
        """The request; its summary is that of the nodes within reach, which are counted where they are not all. Raises
        `EdgeError` (not found)."""
        request = self._store.find_within(request_id, reach)
        if request.summary is None or request.is_wholly_within(reach):
            return request
        names = {cluster.name for cluster in self._clusters.within(reach)}
        part = (row for row in self._store.every_update(request_id) if row.cluster_name in names)
        return request.model_copy(update={"summary": rules.summary_of(part)})

    def list_page(self, request: ListRequest, *, reach: Reach) -> ListPage[SelfUpdateRequest]:
        """One page of all requests, without the summaries of those that are only partly within reach; raises
        `EdgeError` (bad request) when the filters leave too much to read."""
        if reach.cluster_ids is None:
            return self._lists.page(REQUEST_LIST, request).map(request_from_item)
        if not reach.cluster_ids:
            return empty_page(request)
        within = ",".join(sorted(reach.cluster_ids))
        asked = replace(request, filters={**request.filters, "within": within})
        page = self._lists.page(REACHED_LIST, asked).map(request_from_item)
        return page.map(lambda row: row if row.is_wholly_within(reach) else row.model_copy(update={"summary": None}))

    def delete(self, request_id: str, *, reach: Reach) -> None:
        """Delete a completed request; its nodes are cleaned up afterwards. Raises `EdgeError` (not found), (forbidden)
        if it is only partly within reach, (conflict)."""
        if not reach.is_everywhere and not self._store.find_within(request_id, reach).is_wholly_within(reach):
            raise rules.partly_out_of_reach()
        writes = (
            store.delete_completed(request_id),
            # Its nodes are read from their table, all of them: one pass is enough.
            tasks.ask("self_update_request", request_id, self._clock.now(), settles=False),
        )
        try:
            self._tables.commit(writes, "self_update_request.deleted")
        except TransactionFailedError as error:
            row = error.failed.get(_REQUEST_INDEX)
            if row is None:
                raise not_found() from error
            raise rules.delete_refused(RequestStatus(str(row["status"]))) from error

    def check(self, agent: Agent) -> UpdateCheck:
        """Whether the agent should update itself now. The answer triggers it: its open requests become triggered. An
        agent that reports is told of the newest alone, and older ones that wait end as replaced.

        A request applies to the machines that existed when it was created: a later one does not get it, and a machine
        that has registered again since it was triggered does not get it twice. A lost answer is repeated.
        """
        since = self._clock.now() - REMEMBERED * self._deadline
        mine = self._store.newest_for(agent.node.id, since)
        if not mine:
            return UpdateCheck(including_me=False, inserted_at=None)
        self._triggering.replace([row for row in mine if rules.is_replaced(row, mine[0], agent)])
        concerning = [row for row in mine if rules.concerns(row, agent) and not rules.is_replaced(row, mine[0], agent)]
        if not concerning or not rules.takes_updates(agent):
            return UpdateCheck(including_me=False, inserted_at=mine[0].inserted_at)
        waiting = [row for row in concerning if row.state is NodeState.PENDING]
        for start in range(0, len(waiting), UPDATES_PER_MESSAGE):
            some = waiting[start : start + UPDATES_PER_MESSAGE]
            self._triggering.note_triggered([(row.request_id, agent.node) for row in some])
        newest = concerning[0]
        return UpdateCheck(True, newest.inserted_at, newest.request_id, newest.wanted)  # noqa: FBT003 - as declared

    def clean_up_chunk(self, request_id: str, cursor: str | None) -> str | None:
        """Remove some nodes of a deleted request; returns where the next chunk begins, None at the end."""
        for shard in range(int(cursor or 0), SHARDS):
            page = self._store.page_of_shard(request_id, shard, ROWS_PER_CHUNK)
            for item in page.items:
                self._tables.write(node_store.delete(item), "self_update.deleted")
            if page.items:
                return str(shard)
        return None
