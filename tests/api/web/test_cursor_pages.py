"""Pages by cursor over the API: every list of operators has them, complete and in words where they are misused."""

import pytest

from chalicelib import families
from chalicelib.fleet.api.operator import aliases, clusters, nodes
from chalicelib.web.list_query import ListQuery
from tests.support.builders import machines
from tests.support.client import API_KEY, Client
from tests.support.world import World


@pytest.fixture
def world():
    world = World(list_read_limit=5, api_key=API_KEY)
    world.fleet.clusters.create("north", None, None)
    return world


@pytest.fixture
def client(world):
    return Client([clusters.routes, nodes.routes, aliases.routes], world.fleet)


def walk(client, path, **query):
    """The answers of all pages."""
    answers, cursor = [], ""
    while cursor is not None:
        answers.append(client.get(path, query={**query, "cursor": cursor}))
        cursor = answers[-1].json["meta"]["pagination"]["next_cursor"]
    return answers


def test_lists_of_operators_take_a_cursor():
    lists = [one for api in families.every_api() for one in api.endpoints() if one.paginated]
    # The cloud's dialect has tokens for them.
    others = [one for one in lists if "next_token" not in one.query.model_fields]
    without = {one.view.__name__ for one in others if not issubclass(one.query, ListQuery)}
    assert without == {"list_own_executions"}


def test_walk_by_cursor_shows_each_node_once_beyond_the_read_limit(world, client):
    made = machines(world, 12)
    world.settle()

    answers = walk(client, "/api/v1/nodes", page_size=5, version="*")

    shown = [node["id"] for answer in answers for node in answer.data]
    assert sorted(shown) == sorted(one.id for one in made)
    assert client.get("/api/v1/nodes", query={"version": "*"}).status == 400


def test_page_by_cursor_says_size_and_next_cursor_and_no_total(world, client):
    machines(world, 3)
    world.settle()

    pagination = client.get("/api/v1/nodes", query={"cursor": "", "page_size": 2}).json["meta"]["pagination"]

    assert (pagination["page_size"], pagination["has_next"]) == (2, True)
    assert set(pagination) == {"page_size", "has_next", "next_cursor"}


@pytest.mark.parametrize(
    ("also", "named"),
    [({"page": 2}, "page"), ({"order_by": "status"}, "order_by"), ({"order_directions": "asc"}, "order_directions")],
)
def test_cursor_with_a_page_or_an_order_is_400(client, also, named):
    answer = client.get("/api/v1/nodes", query={"cursor": "", **also})
    assert (answer.status, list(answer.error["details"])) == (400, [named])


def test_cursor_of_another_key_is_400(world, client):
    machines(world, 3)
    world.settle()
    cursor = client.get("/api/v1/nodes", query={"cursor": "", "page_size": 1}).json["meta"]["pagination"]["next_cursor"]

    answer = client.get("/api/v1/nodes", query={"cursor": cursor}, key=API_KEY)

    assert (answer.status, list(answer.error["details"])) == (400, ["cursor"])


def test_cursor_of_another_list_is_400(world, client):
    machines(world, 3)
    world.settle()
    cursor = client.get("/api/v1/nodes", query={"cursor": "", "page_size": 1}).json["meta"]["pagination"]["next_cursor"]

    assert client.get("/api/v1/aliases", query={"cursor": cursor}).status == 400
