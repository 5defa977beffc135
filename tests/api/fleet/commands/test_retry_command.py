"""Retries over HTTP."""

import pytest

from chalicelib.fleet.commands.rules import nothing_to_retry
from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.platform.access.permissions import KeyRole
from tests.support.builders import a_cluster, a_command, machines
from tests.support.callers import operator
from tests.support.world import World


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
def command(world):
    """A command of which every execution was cancelled."""
    made = a_command(world, "restart web")
    world.settle()
    for row in world.driver.rows(EXECUTIONS):
        world.fleet.commands.executions.cancel(str(row["id"]), reach=EVERYWHERE)
    world.settle()
    return made


def key(world, **wanted):
    north = world.fleet.clusters.find("north")
    return world.key_with(role=KeyRole.ADMIN, restrictions={"clusters": {north.id}}, **wanted)


def retry(client, command, outcomes=("cancelled",), **options):
    return client.post(f"/api/v1/commands/{command.id}/retry", json={"outcomes": [*outcomes]}, **options)


def test_retry_answers_the_new_command_and_says_of_which(client, command):
    answer = retry(client, command)
    assert answer.status == 201
    assert answer.headers["location"] == f"/api/v1/commands/{answer.data['id']}"
    assert (answer.data["retry_of"], answer.data["command_text"]) == (command.id, "restart web")
    assert answer.data["targeting"] == {"type": "executions", "command_id": command.id, "outcomes": ["cancelled"]}


def test_retry_with_a_key_of_idempotency_makes_one_command(world, client, command):
    answers = [retry(client, command, headers={"Idempotency-Key": "again"}) for _ in range(2)]
    assert answers[0].data == answers[1].data
    assert answers[1].headers["idempotency-replayed"] == "true"


def test_retry_by_a_restricted_key_runs_within_its_clusters(world, client, command):
    answer = retry(client, command, key=key(world))
    world.settle()
    rows = [row for row in world.driver.rows(EXECUTIONS) if row["command_id"] == answer.data["id"]]
    assert [row["node_cluster_name"] for row in rows] == ["north", "north"]


def test_restricted_key_does_not_see_of_what_a_retry_of_others_is_one(world, client, command):
    made = retry(client, command).data["id"]
    world.settle()
    shown = client.get(f"/api/v1/commands/{made}", key=key(world)).data
    assert (shown["targeting"], shown["retry_of"]) == ({"type": "executions"}, None)


def test_key_without_outputs_retries_and_sees_no_text(world, client, command):
    answer = retry(client, command, key=world.key_with(role=KeyRole.OPERATOR, outputs=False))
    assert (answer.status, answer.data["command_text"]) == (201, None)


@pytest.mark.parametrize("outcomes", [[], ["succeeded"], ["open"]])
def test_outcomes_that_no_retry_takes_are_400(client, command, outcomes):
    answer = retry(client, command, outcomes)
    assert (answer.status, [*answer.error["details"]]) == (400, ["outcomes" if not outcomes else "outcomes/0"])


def test_command_without_such_executions_is_refused(client, command):
    answer = retry(client, command, ("failed", "expired"))
    assert (answer.status, answer.error["message"]) == (409, nothing_to_retry(["failed", "expired"]).message)


def test_targeting_of_a_new_command_cannot_be_executions(client):
    targeting = {"type": "executions", "command_id": "01900000-0000-7000-8000-0000000000ff", "outcomes": ["failed"]}
    assert client.post("/api/v1/commands", json={"command_text": "true", "targeting": targeting}).status == 400
