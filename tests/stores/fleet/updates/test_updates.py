"""Rows of self-update requests, on the fake and on the emulator alike."""

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

import pytest

from chalicelib.fleet.clusters.reached_lists import ReachedLists
from chalicelib.fleet.nodes.model import Agent
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.updates import store
from chalicelib.fleet.updates.model import NodeState, NodeUpdate, Report, RequestStatus, SelfUpdateRequest
from chalicelib.fleet.updates.outcomes import Outcomes
from chalicelib.fleet.updates.store import NODE_UPDATES, REQUESTS, SHARDS, UpdateStore
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.ids import compose_uuid7, to_milliseconds
from chalicelib.kit.listing import ListRequest, Lists
from chalicelib.kit.tables import Absent, Equals, Set, Tables, Update
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import START, FakeClock, FakeIds

NODES = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(40)]


@pytest.fixture(params=BOTH)
def tables(request: pytest.FixtureRequest) -> Iterator[Tables]:
    clock = FakeClock()
    with driver_for(request, [REQUESTS, NODE_UPDATES], clock) as driver:
        yield Tables(driver, clock, FakeIds())


def a_request(minute=0, parts=("shard#0", "shard#1"), **fields):
    at = START + timedelta(minutes=minute)
    text = to_seconds_text(at)
    given = {
        "id": compose_uuid7(to_milliseconds(at), minute),
        "targeting": Targeting(type=TargetType.ALL, node_filters={"version": "1.*"}),
        "status": RequestStatus.PENDING,
        "parts": frozenset(parts),
        "deadline_at": to_seconds_text(at + timedelta(hours=3)),
        "due_at": to_seconds_text(at + timedelta(minutes=1)),
        "inserted_at": text,
        "updated_at": text,
        "version": 1,
    }
    return SelfUpdateRequest(**{**given, **fields})


def put(tables, *requests):
    for request in requests:
        tables.write(store.put_request(request), "self_update_request.created")


def name(tables, request, node_ids):
    rows = [
        NodeUpdate(
            request_id=request.id,
            node_id=node_id,
            cluster_name="north",
            state=NodeState.PENDING,
            inserted_at=request.inserted_at,
            updated_at=request.inserted_at,
        )
        for node_id in node_ids
    ]
    tables.commit([store.put_update(row) for row in rows], "self_update.created")
    return rows


def test_self_update_request_reads_back_as_created(tables):
    whole, without_parts = a_request(), a_request(1, parts=())
    put(tables, whole, without_parts)

    assert UpdateStore(tables).find(whole.id) == whole
    assert UpdateStore(tables).find(without_parts.id) == without_parts
    assert UpdateStore(tables).find(a_request(2).id) is None


def test_self_update_request_list_is_newest_first_and_filters_by_status(tables):
    put(tables, a_request(0), a_request(1, status=RequestStatus.COMPLETED), a_request(2))
    lists = Lists(tables, FakeClock(), 1000)

    everything = lists.page(store.REQUEST_LIST, ListRequest()).map(store.request_from_item)
    completed = lists.page(store.REQUEST_LIST, ListRequest(filters={"status": "completed"})).map(
        store.request_from_item
    )

    assert [row.id for row in everything.items] == [a_request(minute).id for minute in (2, 1, 0)]
    assert ([row.id for row in completed.items], completed.total_count) == ([a_request(1).id], 1)


def test_due_requests_come_most_overdue_first_until_completed(tables):
    put(tables, a_request(1), a_request(0), a_request(5))
    now = to_seconds_text(START + timedelta(minutes=2))

    assert [[row.id for row in page] for page in UpdateStore(tables).due_pages(now)] == [
        [a_request(0).id, a_request(1).id]
    ]
    done = Update(REQUESTS, store.request_key(a_request(0).id), store.due_changes(None), Absent("summary"))
    tables.write(done, "self_update_request.completed")
    assert [[row.id for row in page] for page in UpdateStore(tables).due_pages(now)] == [[a_request(1).id]]


def test_node_updates_are_spread_over_shards_and_all_found(tables):
    request = a_request()
    rows = name(tables, request, NODES)
    updates = UpdateStore(tables)

    assert {row.node_id: row for row in updates.every_update(request.id)} == {row.node_id: row for row in rows}
    assert updates.updates_of(request.id, [NODES[3], "0" * 8, NODES[1]]) == [rows[3], rows[1]]
    in_shards = [len(updates.page_of_shard(request.id, shard, 100).items) for shard in range(SHARDS)]
    assert (sum(in_shards), sum(count > 0 for count in in_shards) > SHARDS // 2) == (len(NODES), True)


def test_newest_requests_of_a_node_are_found(tables):
    requests = [a_request(minute) for minute in range(4)]
    put(tables, *requests)
    for minute in (0, 2, 3):
        name(tables, requests[minute], NODES[: minute + 1])
    updates = UpdateStore(tables)

    found = updates.newest_for(NODES[1], START - timedelta(hours=1))
    assert [row.request_id for row in found] == [requests[3].id, requests[2].id]
    assert [row.request_id for row in updates.newest_for(NODES[0], START + timedelta(minutes=1))] == [
        requests[3].id,
        requests[2].id,
    ]
    assert updates.newest_for(NODES[9], START - timedelta(hours=1)) == []


def test_node_update_leaves_the_pending_state_once(tables):
    request = a_request()
    name(tables, request, NODES[:1])
    key = store.update_key(request.id, NODES[0])
    pending = Equals("state", "pending")
    tables.write(Update(NODE_UPDATES, key, (Set("state", "triggered"),), pending), "self_update.triggered")

    assert UpdateStore(tables).updates_of(request.id, NODES[:1])[0].state is NodeState.TRIGGERED


def test_node_update_is_listed_with_the_version_the_node_reports(tables):
    request = a_request()
    put(tables, request)
    name(tables, request, NODES[:3])
    told = (Set("state", "triggered"), Set("report_by", "2026-11-21T11:00:00Z"))
    tables.write(Update(NODE_UPDATES, store.update_key(request.id, NODES[0]), told), "self_update.triggered")
    agent = Agent(SimpleNamespace(id=NODES[0]), SimpleNamespace())
    outcomes = Outcomes(tables, FakeClock(), ReachedLists(Lists(tables, FakeClock(), 100), lambda _: []))
    row = outcomes.report(agent, request.id, Report(NodeState.UPDATED, "0.3.0+b2"))
    assert (row.state, row.agent_version, row.report_by) == (NodeState.UPDATED, "0.3.0+b2", None)
    page = outcomes.page_of_nodes(request.id, ListRequest(page=1, page_size=2, filters={}), reach=EVERYWHERE)
    assert (page.total_count, len(page.items)) == (3, 2)
    updated = outcomes.page_of_nodes(
        request.id, ListRequest(page=1, page_size=9, filters={"status": "updated"}), reach=EVERYWHERE
    )
    assert [each.node_id for each in updated.items] == [NODES[0]]
