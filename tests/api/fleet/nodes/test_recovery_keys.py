"""Recovery keys: a machine that has lost its token becomes its node again, once."""

import pytest

from chalicelib.fleet.nodes.rules import already_registered
from chalicelib.fleet.nodes.store import NODES
from chalicelib.platform.access.permissions import KeyRole
from tests.support.builders import UNTOLD, a_registration
from tests.support.callers import enrolled, operator
from tests.support.world import World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def client(world):
    client = operator(world)
    for name in ("north", "south"):
        client.post("/api/v1/clusters", json={"name": name})
    return client


@pytest.fixture
def agent(world, client):
    agent, _ = enrolled(client, 2)
    agent.heartbeat()
    world.settle()
    return agent


def made(client, agent):
    answer = client.post(f"/api/v1/nodes/{agent.id}/recovery_key")
    assert answer.status == 201, answer.text
    return answer.data["recovery_key"]


def registration(agent, **changes):
    said = a_registration(agent.id, "north").model_dump(mode="json", exclude=UNTOLD)
    said["version"] = said.pop("agent_version")
    return {**said, **changes}


def register(client, agent, key):
    body = registration(agent, network_name="cluster-anywhere", recovery_key=key)
    return client.post("/api/v1/agents/nodes", json=body, key=None)


def is_accepted(client, token):
    return client.get("/api/v1/agents/command_executions?status=pending", key=token).status == 200


def test_machine_without_a_token_becomes_its_node_again_with_a_recovery_key(world, client, agent):
    client.patch(f"/api/v1/nodes/{agent.id}", json={"labels": {"env": "prod"}})
    client.post(f"/api/v1/nodes/{agent.id}/aliases", json={"name": "db"})
    before = client.get(f"/api/v1/nodes/{agent.id}").data
    answer = register(client, agent, made(client, agent))

    assert answer.status == 201
    assert is_accepted(client, answer.data["api_token"])
    shown = client.get(f"/api/v1/nodes/{agent.id}").data
    kept = ("cluster_name", "labels", "aliases", "inserted_at", "enrollment_key_id")
    assert {name: shown[name] for name in kept} == {name: before[name] for name in kept}


def test_token_from_before_is_refused_and_marks_a_conflict_after_a_recovery(world, client, agent):
    lost = agent.token
    assert register(client, agent, made(client, agent)).status == 201
    answer = client.post("/api/v1/agents/nodes", json=registration(agent), key=lost)
    assert (answer.status, answer.error["code"]) == (409, "identity_conflict")


def test_key_admits_once_and_again_only_while_its_answer_may_be_lost(world, client, agent):
    key = made(client, agent)
    assert register(client, agent, key).status == 201
    again = register(client, agent, key)
    assert again.status == 201
    assert is_accepted(client, again.data["api_token"])
    refused = register(client, agent, key)
    assert (refused.status, refused.error["details"]) == (422, already_registered().details)


def test_used_key_ends_with_the_next_registration_by_token(world, client, agent):
    key = made(client, agent)
    token = register(client, agent, key).data["api_token"]
    assert client.post("/api/v1/agents/nodes", json=registration(agent), key=token).status == 201
    (row,) = [row for row in world.driver.rows(NODES) if row["id"] == agent.id]
    assert row.get("recovery_key_digest") is None
    assert register(client, agent, key).status == 422


@pytest.mark.parametrize("how", ["wrong", "replaced", "deleted", "moved", "of another node", "blocked"])
def test_key_that_does_not_hold_is_refused_and_changes_nothing(world, client, agent, how):
    key = made(client, agent)
    path = f"/api/v1/nodes/{agent.id}"
    match how:
        case "wrong":
            key = key[:-1] + ("A" if key[-1] != "A" else "B")
        case "replaced":
            made(client, agent)
        case "deleted":
            for _ in range(2):
                assert client.delete(f"{path}/recovery_key").status == 204
        case "moved":
            assert client.post(f"{path}/change_cluster", json={"cluster_name": "south"}).status == 200
        case "of another node":
            agent = enrolled(client, 1)[0]
        case "blocked":
            client.post(f"{path}/block")
    world.settle()
    before = world.state()
    assert register(client, agent, key).status == (403 if how == "blocked" else 422)
    assert world.state() == before


def test_registration_with_the_token_keeps_an_unused_key(world, client, agent):
    key = made(client, agent)
    assert client.post("/api/v1/agents/nodes", json=registration(agent), key=agent.token).status == 201
    assert register(client, agent, key).status == 201


def test_key_is_stored_as_a_digest_and_told_in_no_event_and_no_log(world, client, agent):
    key = made(client, agent)
    register(client, agent, key)
    world.settle()
    told = repr(world.bus_client.entries) + repr(world.lines.__dict__) + repr(world.state())
    assert key not in told


def test_node_beyond_reach_and_unknown_node_have_no_recovery_key(world, client, agent):
    stranger = client.with_key(world.key_with(role=KeyRole.ADMIN, restrictions={"clusters": {"elsewhere"}}))
    for caller, node_id in ((stranger, agent.id), (client, "00000000-0000-4000-8000-000000000000")):
        for method in ("POST", "DELETE"):
            assert caller.request(method, f"/api/v1/nodes/{node_id}/recovery_key").status == 404
