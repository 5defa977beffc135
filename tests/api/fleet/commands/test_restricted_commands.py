"""Commands over HTTP with keys that are restricted to clusters."""

import pytest

from chalicelib.fleet.commands.rules import partly_out_of_reach
from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.platform.access.permissions import KeyRole
from tests.support.builders import a_cluster, machines
from tests.support.callers import operator
from tests.support.world import World

COMMANDS = "/api/v1/commands"
ALL = {"command_text": "true", "targeting": {"type": "all"}}


@pytest.fixture
def world():
    world = World()
    for name in ("north", "south"):
        a_cluster(world, name)
        machines(world, 2, name)
    world.settle()
    return world


@pytest.fixture
def client(world):
    return operator(world)


@pytest.fixture
def key(world):
    """A key for the cluster north."""
    north = world.fleet.clusters.find("north")
    return world.key_with(role=KeyRole.ADMIN, restrictions={"clusters": {north.id}})


def statuses(world):
    found = [(str(row["node_cluster_name"]), str(row["status"])) for row in world.driver.rows(EXECUTIONS)]
    return sorted(found)


def test_command_for_all_of_a_restricted_key_names_the_clusters_it_is_for(world, client, key):
    made = client.post(COMMANDS, json=ALL, key=key)
    assert (made.status, made.data["targeting"]) == (201, {"type": "clusters", "cluster_names": ["north"]})
    world.settle()
    assert statuses(world) == [("north", "pending")] * 2
    assert client.get(f"{COMMANDS}/{made.data['id']}", key=key).data["targets"] == 2


def test_part_of_a_command_is_cancelled_once_and_audited_by_the_name_of_the_key(world, client, key):
    command = client.post(COMMANDS, json=ALL).data["id"]
    world.settle()
    answers = [
        client.post(f"{COMMANDS}/{command}/cancel", key=key, headers={"Idempotency-Key": "cancel-1"}) for _ in range(2)
    ]
    assert [(answer.status, answer.data) for answer in answers] == [(202, {"result": "cancellation requested"})] * 2
    assert answers[1].headers["idempotency-replayed"] == "true"
    world.settle()
    assert statuses(world) == [("north", "cancelled")] * 2 + [("south", "pending")] * 2
    events = [event for event in client.get("/api/v1/audit_events").data if event["operation"] == "command.cancel"]
    (event,) = events
    assert event["principal"]["name"] == "a key of a test"


def test_command_that_also_ran_elsewhere_is_not_deleted_with_a_restricted_key(world, client, key):
    command = client.post(COMMANDS, json=ALL).data["id"]
    world.settle()
    refused = client.delete(f"{COMMANDS}/{command}", key=key)
    assert (refused.status, refused.error["message"]) == (403, partly_out_of_reach().message)
    shown = client.get(f"{COMMANDS}/{command}", key=key).data
    assert (shown["targeting"], shown["targets"], shown["summary"]["pending"]) == ({"type": "all"}, 2, 2)
