"""`Outcomes`: takes the agents' reports about updates, and lists the nodes of a request with their versions."""

from datetime import timedelta

from chalicelib.fleet.clusters.reached_lists import ReachedLists
from chalicelib.fleet.nodes.model import Agent
from chalicelib.fleet.reach import Reach
from chalicelib.fleet.updates import node_store, rules
from chalicelib.fleet.updates.model import NodeUpdate, Report
from chalicelib.fleet.updates.store import UpdateStore, nodes_of, update_from_item
from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.errors import conflict, not_found
from chalicelib.kit.listing import ListPage, ListRequest
from chalicelib.kit.tables import Tables

OLDER_WITHIN = timedelta(days=1)
"""Requests made so long before another may still wait for their reports."""


class Outcomes:
    """A request ends only after each triggered node that reports outcomes has reported."""

    def __init__(self, tables: Tables, clock: Clock, lists: ReachedLists) -> None:
        self._tables = tables
        self._clock = clock
        self._lists = lists
        self._store = UpdateStore(tables)

    def report(self, agent: Agent, request_id: str, report: Report) -> NodeUpdate:
        """Store the version that a node runs after an update, also for the older requests that it was told of and never
        acts on. Idempotent.

        Raises `EdgeError` (not found) if the node is not part of the request, (conflict) if no report is expected from
        it.
        """
        node_id = agent.node.id
        found = next(iter(self._store.updates_of(request_id, [node_id])), None)
        if found is None:
            raise not_found()
        if not _says_the_same(found, report):
            found = self._store_report(found, report)
        self._end_older(found, report)
        return found

    def page_of_nodes(self, request_id: str, request: ListRequest, *, reach: Reach) -> ListPage[NodeUpdate]:
        """One page of the nodes of a request, as they stand now. Raises `EdgeError` (not found, bad request)."""
        self._store.find_within(request_id, reach)
        return self._lists.page(nodes_of(request_id), request, reach).map(update_from_item)

    def _store_report(self, found: NodeUpdate, report: Report) -> NodeUpdate:
        request_id, node_id = found.request_id, found.node_id
        write = node_store.reported(request_id, node_id, report, to_seconds_text(self._clock.now()))
        if not self._tables.try_write(write, f"self_update.{report.state.value}"):
            now = next(iter(self._store.updates_of(request_id, [node_id])), None)
            if now is None:
                raise not_found()
            if not _says_the_same(now, report):
                raise conflict(f"no report is waited for: this node's update is {now.state.value}")
            return now
        return next(iter(self._store.updates_of(request_id, [node_id])), found)

    def _end_older(self, newer: NodeUpdate, report: Report) -> None:
        for row in self._store.newest_for(newer.node_id, parse_time(newer.inserted_at) - OLDER_WITHIN):
            ending = rules.report_for_older(row, newer, report)
            if ending is not None:
                write = node_store.reported(row.request_id, row.node_id, ending, to_seconds_text(self._clock.now()))
                # Otherwise it has ended meanwhile.
                self._tables.try_write(write, f"self_update.{ending.state.value}")


def _says_the_same(row: NodeUpdate, report: Report) -> bool:
    return row.state is report.state and row.agent_version == report.version
