"""The search of nodes by what people call them, through the real edge."""

import pytest

from chalicelib.platform.access.permissions import KeyRole
from tests.support.builders import a_cluster, machines
from tests.support.callers import operator
from tests.support.terms import forget_state
from tests.support.world import World

NODES = "/api/v1/nodes"


@pytest.fixture(params=["by terms", "by rows"])
def world(request):
    world = World()
    if request.param == "by rows":
        forget_state(world.driver)
    for name in ("north", "south"):
        a_cluster(world, name)
    return world


@pytest.fixture
def client(world):
    return operator(world)


def found(client, text, **options):
    answer = client.get(NODES, query={"search": text}, **options)
    assert answer.status == 200, answer.text
    return [node["id"] for node in answer.data]


def test_search_finds_host_names_by_their_beginning_in_any_case(world, client):
    (till,) = machines(world, 1, hostname="Till-3")
    machines(world, 1, hostname="office-till")
    machines(world, 1)
    assert found(client, "tILL") == [till.id]
    assert found(client, "till-34") == []


def test_search_finds_the_beginning_of_an_id_and_an_alias(world, client):
    first, second = machines(world, 2)
    made = client.post(f"{NODES}/{second.id}/aliases", json={"name": "printer"})
    assert made.status == 201, made.text
    assert found(client, first.id[:-1].upper()) == [first.id]
    assert found(client, "print") == [second.id]


def test_search_takes_commas_and_stars_literally(world, client):
    machines(world, 1, hostname="till-3")
    assert found(client, "till*") == found(client, "till-3,office") == []


def test_search_of_a_restricted_key_finds_only_what_it_reaches(world, client):
    (reached,) = machines(world, 1, "north", hostname="till-n")
    machines(world, 1, "south", hostname="till-s")
    north = world.fleet.clusters.find("north")
    key = world.key_with(role=KeyRole.VIEWER, restrictions={"clusters": {north.id}})
    assert found(client, "till", key=key) == [reached.id]
