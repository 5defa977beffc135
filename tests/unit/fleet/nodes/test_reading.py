import pytest

from chalicelib.fleet.nodes.model import Status
from chalicelib.fleet.nodes.store import SHARDS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import ListRequest
from tests.unit.fleet.nodes.world import World, node_id

FAR = "2027-01-01T00:00:00Z"


@pytest.fixture
def fleet() -> World:
    """Nodes 0 to 11, a minute apart; 0-5 in alpha, 6-11 in beta; even ones run version 2; 3 is unhealthy."""
    world = World()
    world.cluster("alpha")
    world.cluster("beta")
    for number in range(12):
        registered = world.enrol(
            number, "alpha" if number < 6 else "beta", agent_version="2.0.0" if number % 2 == 0 else "1.0.0"
        )
        if number == 3:
            world.nodes.health.report(world.agent(registered), Status.UNHEALTHY)
        world.clock.advance(60)
    return world


def shown(world, **request):
    page = world.nodes.reading.list_page(ListRequest(**request), reach=EVERYWHERE)
    return [int(view.node.id[-12:], 16) for view in page.items], page.total_count


def filtered(world, **filters):
    return shown(world, filters=filters, order=(("inserted_at", False),))[0]


def test_node_list_is_newest_first_in_pages(fleet):
    assert shown(fleet, page_size=5) == ([11, 10, 9, 8, 7], 12)
    assert shown(fleet, page=3, page_size=5) == ([1, 0], 12)
    assert shown(fleet, page=9, page_size=5) == ([], 12)


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({"cluster_name": "beta"}, [6, 7, 8, 9, 10, 11]),
        ({"cluster_name": "al*"}, [0, 1, 2, 3, 4, 5]),
        ({"cluster_name": "beta, alpha"}, list(range(12))),
        ({"cluster_name": "gamma"}, []),
        ({"status": "unhealthy"}, [3]),
        ({"status": "healthy", "cluster_name": "alpha"}, [0, 1, 2, 4, 5]),
        ({"version": "2.*", "cluster_name": "alpha"}, [0, 2, 4]),
        ({"id_type": "random"}, []),
        ({"self_update_enabled": False, "version": "1.0.0"}, [1, 3, 5, 7, 9, 11]),
        ({"inserted_at__gte": "2026-11-21T10:09:00Z"}, [9, 10, 11]),
        ({"inserted_at__lte": "2026-11-21T10:01:30Z"}, [0, 1]),
        ({"inserted_at__gte": "2026-11-22"}, []),
        ({"updated_at__lte": "2026-11-21T10:00:59Z"}, [0]),
        ({"last_seen_at__gte": "2026-11-21T10:10:00Z"}, [10, 11]),
    ],
)
def test_node_list_filters_select_matching_nodes(fleet, filters, numbers):
    assert filtered(fleet, **filters) == numbers


def test_last_seen_comes_from_presence_in_filter_order_and_answer(fleet):
    again = fleet.nodes.registering.register(fleet.registration(2, "alpha"), fleet.token("alpha", 2), None)
    fleet.clock.advance(600)
    fleet.call(again)

    assert filtered(fleet, last_seen_at__gte="2026-11-21T10:20:00Z") == [2]
    assert shown(fleet, order=(("last_seen_at", True),), page_size=2)[0] == [2, 11]
    [view] = fleet.nodes.reading.list_page(
        ListRequest(filters={"last_seen_at__gte": "2026-11-21T10:20:00Z"}), reach=EVERYWHERE
    ).items
    assert view.last_seen_at == "2026-11-21T10:22:00Z"


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ((("version", False), ("inserted_at", False)), [1, 3]),
        ((("version", True), ("inserted_at", True)), [10, 8]),
        ((("status", True), ("inserted_at", False)), [3, 0]),
    ],
)
def test_node_list_orders_sort_by_each_key(fleet, order, first):
    assert shown(fleet, order=order, page_size=2)[0] == first


@pytest.mark.parametrize(
    ("filters", "ceiling"),
    [
        ({}, 4 + (SHARDS - 1) + 1),
        ({"status": "healthy"}, 4 + (SHARDS - 1) + 1),
        ({"cluster_name": "beta"}, 4 + 1),
        ({"inserted_at__gte": "2026-11-21T10:09:00Z"}, 4 + (SHARDS - 1) + 1),
    ],
)
def test_first_page_of_nodes_stays_within_its_call_ceiling(fleet, filters, ceiling):
    assert fleet.calls(lambda: shown(fleet, filters=filters, page_size=5)) <= ceiling


def test_node_read_takes_one_call_and_unknown_is_not_found(fleet):
    assert fleet.calls(lambda: fleet.nodes.reading.get(node_id(1), reach=EVERYWHERE)) == 1
    with pytest.raises(EdgeError) as caught:
        fleet.nodes.reading.get(node_id(99), reach=EVERYWHERE)
    assert caught.value.kind is Kind.NOT_FOUND


def test_nodes_found_by_ids_keep_the_order_without_unknown_ones(fleet):
    assert fleet.calls(lambda: fleet.nodes.reading.find_many([node_id(number) for number in range(12)])) == 1

    found = fleet.nodes.reading.find_many([node_id(5), node_id(99), node_id(1)])

    assert [node.id for node in found] == [node_id(5), node_id(1)]
    assert set(fleet.nodes.reading.presence_of([node_id(5), node_id(99)])) == {node_id(5)}
    assert fleet.nodes.reading.find_many([]) == []


def test_newest_nodes_of_each_cluster_take_one_query_each(fleet):
    clusters = fleet.clusters.find_many(["alpha", "beta"])

    assert fleet.calls(lambda: fleet.nodes.reading.summaries(clusters, 2)) == 2

    found = fleet.nodes.reading.summaries(clusters, 2)
    assert [summary.id for summary in found[clusters[0].id]] == [node_id(5), node_id(4)]
    assert found[clusters[1].id][0].vpn_hostname("nm.internal") == f"node-{node_id(11)}.cluster-beta.nm.internal"
    assert fleet.nodes.reading.summaries([], 2) == {}


def walked(read, until=FAR, limit=2):
    numbers, cursor = [], None
    while True:
        page = read(cursor, limit, until)
        numbers += [int(node.id[-12:], 16) for node in page.nodes]
        cursor = page.cursor
        if cursor is None:
            return numbers


def test_shards_together_hold_each_node_once(fleet):
    shards = [
        walked(
            lambda cursor, limit, until, shard=shard: fleet.nodes.reading.targets_of_shard(shard, cursor, limit, until)
        )
        for shard in range(SHARDS)
    ]

    assert sorted(number for shard in shards for number in shard) == list(range(12))
    assert all(shard == sorted(shard) for shard in shards)
    assert sum(bool(shard) for shard in shards) > 1


def test_node_enrolled_after_the_limit_is_not_in_a_walk(fleet):
    beta = fleet.clusters.get("beta", reach=EVERYWHERE).id
    until = "2026-11-21T10:08:00Z"

    assert walked(lambda *asked: fleet.nodes.reading.page_of_cluster(beta, *asked), until) == [6, 7, 8]
    everyone = [
        number
        for shard in range(SHARDS)
        for number in walked(lambda *asked, shard=shard: fleet.nodes.reading.targets_of_shard(shard, *asked), until)
    ]
    assert sorted(everyone) == list(range(9))


def test_node_moved_away_is_not_in_the_cluster_walk_despite_index_lag(fleet):
    beta = fleet.clusters.get("beta", reach=EVERYWHERE).id
    fleet.dynamo.index_lag(5)

    fleet.nodes.placing.change_cluster(node_id(7), "alpha", reach=EVERYWHERE)

    assert walked(lambda *asked: fleet.nodes.reading.page_of_cluster(beta, *asked)) == [6, 8, 9, 10, 11]


def test_walk_page_takes_one_query_and_one_read(fleet):
    alpha = fleet.clusters.get("alpha", reach=EVERYWHERE).id

    assert fleet.calls(lambda: fleet.nodes.reading.page_of_cluster(alpha, None, 100, FAR)) == 2


def test_deleted_node_is_not_listed_despite_index_lag(fleet):
    fleet.dynamo.index_lag(5)

    fleet.nodes.placing.delete(node_id(11), reach=EVERYWHERE)

    assert 11 not in shown(fleet)[0]
