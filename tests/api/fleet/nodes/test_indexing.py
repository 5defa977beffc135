"""Lists by labels and names while their index is made, when it is whole, and by cursor across that moment."""

import pytest

from chalicelib.fleet.nodes.store import NODES
from chalicelib.kit.redrive import SETTLE
from chalicelib.platform.access.permissions import KeyRole
from tests.support.builders import a_cluster, machines
from tests.support.callers import operator
from tests.support.terms import expected_terms, fill, forget_state, make_old, stored_terms
from tests.support.world import World

LIST = "/api/v1/nodes"
COUNT = 12


@pytest.fixture
def world():
    """Machines of a release without terms, in two clusters."""
    world = World()
    for name in ("north", "south"):
        a_cluster(world, name)
        for number in range(COUNT // 2):
            labels = {"env": "prod", "role": "web" if number % 2 else "db"}
            machines(world, 1, name, hostname=f"till-{name[0]}-{number}", agent_labels=labels)
            world.clock.advance(1)
    for row in world.driver.rows(NODES):
        make_old(world.driver, row)
    forget_state(world.driver)
    return world


@pytest.fixture
def client(world):
    return operator(world)


def fill_all(world):
    fill(world.fleet.nodes.terms, lambda: world.clock.advance(SETTLE.total_seconds()))


def walk(client, cursor="", **query):
    """All pages by cursor; returns the ids in the order in which they were shown."""
    shown, key = [], query.pop("key", "")
    while cursor is not None:
        options = {"key": key} if key else {}
        answer = client.get(LIST, query={**query, "cursor": cursor, "page_size": 3}, **options)
        assert answer.status == 200, answer.text
        shown += [node["id"] for node in answer.data]
        cursor = answer.json["meta"]["pagination"]["next_cursor"]
    return shown


@pytest.mark.parametrize("query", [{"labels": "env:prod"}, {"search": "till"}, {"hostname": "till-n-1"}], ids=str)
def test_list_says_indexing_until_every_row_has_its_terms(world, client, query):
    before = client.get(LIST, query=query)
    assert before.json["meta"]["indexing"] is True
    assert "indexing" not in client.get(LIST).json["meta"]

    fill_all(world)
    after = client.get(LIST, query=query)
    assert "indexing" not in after.json["meta"]
    assert [node["id"] for node in after.data] == [node["id"] for node in before.data] != []
    assert after.json["meta"]["pagination"] == before.json["meta"]["pagination"]


def test_minute_of_a_deployment_asks_for_the_terms_and_its_workers_make_them(world, client):
    world.sweep("check_health")
    for _ in range(2):
        world.settle(twice=True, crash_after=5)
        world.clock.advance(SETTLE.total_seconds())
        world.sweep("sweep_commands")

    assert "indexing" not in client.get(LIST, query={"search": "till"}).json["meta"]
    assert stored_terms(world.driver) == expected_terms(world.driver.rows(NODES))


@pytest.mark.parametrize(
    "query", [{"labels": "env:prod"}, {"labels": "env:prod,role:web"}, {"search": "till"}, {"search": "t"}], ids=str
)
def test_walk_by_cursor_meets_each_node_once_by_terms_as_by_rows(world, client, query):
    by_rows = walk(client, **query)
    fill_all(world)
    by_terms = walk(client, **query)

    assert len(by_terms) == len(by_rows) > 3
    assert set(by_terms) == set(by_rows)


def test_walk_that_began_before_the_terms_were_whole_goes_on(world, client):
    first = client.get(LIST, query={"search": "till", "cursor": "", "page_size": 3})
    fill_all(world)
    shown = walk(client, first.json["meta"]["pagination"]["next_cursor"], search="till")

    assert len({*shown, *(node["id"] for node in first.data)}) == len(shown) + 3 == COUNT


def test_node_with_several_names_that_begin_so_is_shown_once(world, client):
    fill_all(world)
    for node in client.get(LIST, query={"search": "till-n"}).data:
        for name in ("tilly", "till"):
            assert (
                client.post(f"{LIST}/{node['id']}/aliases", json={"name": f"{name}-{node['hostname']}"}).status == 201
            )

    assert len(walk(client, search="till")) == COUNT
    listed = client.get(LIST, query={"search": "till"})
    assert (len(listed.data), listed.json["meta"]["pagination"]["total_count"]) == (COUNT, COUNT)


def test_cursor_of_one_label_is_refused_for_another(world, client):
    fill_all(world)
    first = client.get(LIST, query={"labels": "env:prod", "cursor": "", "page_size": 3})
    cursor = first.json["meta"]["pagination"]["next_cursor"]

    assert client.get(LIST, query={"labels": "role:web", "cursor": cursor, "page_size": 3}).status == 400


@pytest.mark.parametrize(
    "query", [{"labels": "env:prod"}, {"search": "till"}, {"hostname": "till-s-1,till-n-1"}], ids=str
)
def test_restricted_key_lists_by_terms_only_what_it_reaches(world, client, query):
    fill_all(world)
    north = world.fleet.clusters.find("north")
    key = world.key_with(role=KeyRole.VIEWER, restrictions={"clusters": {north.id}})
    answer = client.get(LIST, query=query, key=key)

    assert {node["cluster_name"] for node in answer.data} == {"north"}
    assert answer.json["meta"]["pagination"]["total_count"] == len(answer.data)
    assert client.get(LIST, query={**query, "cluster_name": "south"}, key=key).data == []
    assert {world.fleet.nodes.reading.find_many([one])[0].cluster_name for one in walk(client, key=key, **query)} == {
        "north"
    }
