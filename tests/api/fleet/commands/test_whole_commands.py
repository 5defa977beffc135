"""What the API adds to the contract for whole commands: where their executions stand, and cancelling all of them."""

import json
import os
from pathlib import Path

import pytest
from openapi_schema_validator import OAS30Validator

from tests.support.callers import enrolled, operator
from tests.support.world import World

NOBODY = "00000000-0000-4000-8000-000000000000"
CONTRACT = os.environ.get("EDGE_CONTRACT_DIR")
OUTCOMES = ("open", "pending", "sent", "succeeded", "failed", "cancelled", "expired", "waiting", "skipped", "dropped")
NONE = dict.fromkeys(("total", *OUTCOMES), 0)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def client(world):
    client = operator(world)
    client.post("/api/v1/clusters", json={"name": "north"})
    return client


def run(client, world):
    answer = client.post("/api/v1/commands", json={"command_text": "true", "targeting": {"type": "all"}})
    world.settle()
    return f"/api/v1/commands/{answer.data['id']}"


def test_command_summary_counts_executions_by_status(client, world):
    first, second, third, _ = enrolled(client, 4)
    world.settle()
    path = run(client, world)
    assert client.get(path).data["summary"] == NONE | {"total": 4, "open": 4, "pending": 4}

    for agent, code in ((first, 0), (second, 7)):
        agent.acknowledge(agent.waiting()[0])
        agent.report(agent.waiting("sent")[0], exit_code=code)
    third.acknowledge(third.waiting()[0])
    expected = {"total": 4, "open": 2, "pending": 1, "sent": 1, "succeeded": 1, "failed": 1}
    assert client.get(path).data["summary"] == NONE | expected
    assert "summary" not in client.get("/api/v1/commands").data[0]


@pytest.mark.parametrize("short_way", [False, True])
def test_command_state_is_creating_then_running_then_finished(short_way):
    world = World(short_way=short_way)
    client = operator(world)
    client.post("/api/v1/clusters", json={"name": "north"})
    agent, _ = enrolled(client, 2)
    world.settle()
    targeting = {"type": "nodes", "node_ids": [agent.id]}
    made = client.post("/api/v1/commands", json={"command_text": "false", "targeting": targeting}).data
    path = f"/api/v1/commands/{made['id']}"

    def standing():
        shown = client.get(path).data
        return shown["state"], shown["targets"], shown["finished_at"]

    at_once = ("running", 1, None) if short_way else ("creating", None, None)
    assert (made["state"], standing()) == ("creating", at_once)
    world.settle()
    assert standing() == ("running", 1, None)
    world.clock.advance(10)
    agent.acknowledge(agent.waiting()[0])
    assert standing() == ("running", 1, None)
    agent.report(agent.waiting("sent")[0], exit_code=3)
    world.settle(twice=True)
    assert standing() == ("finished", 1, "2026-11-21T10:00:10Z")


def test_command_without_targets_is_finished_at_once(client, world):
    targeting = {"type": "all", "node_filters": {"version": "0.0.0"}}
    made = client.post("/api/v1/commands", json={"command_text": "true", "targeting": targeting}).data
    world.settle()
    shown = client.get(f"/api/v1/commands/{made['id']}").data
    assert (shown["state"], shown["targets"], shown["finished_at"]) == ("finished", 0, "2026-11-21T10:00:00Z")


def test_command_cancelled_during_creation_finishes_then(client, world):
    made = client.post("/api/v1/commands", json={"command_text": "true", "targeting": {"type": "all"}}).data
    world.clock.advance(7)
    path = f"/api/v1/commands/{made['id']}"
    assert client.post(f"{path}/cancel").status == 202
    world.settle()
    shown = client.get(path).data
    assert (shown["state"], shown["targets"], shown["finished_at"]) == ("finished", 0, "2026-11-21T10:00:07Z")


def test_finish_time_of_a_command_is_its_last_result_despite_stream_repeats(client, world):
    first, second = enrolled(client, 2)
    world.settle()
    path = run(client, world)
    for agent, seconds in ((first, 30), (second, 5)):
        world.clock.advance(seconds)
        agent.acknowledge(agent.waiting()[0])
        agent.report(agent.waiting("sent")[0], exit_code=0)
    world.driver.crash_after(2)
    world.settle(twice=True)
    assert client.get(path).data["finished_at"] == "2026-11-21T10:00:35Z"


def test_cancelling_a_command_cancels_all_open_executions(client, world):
    agent, busy = enrolled(client, 2)
    world.settle()
    path = run(client, world)
    busy.acknowledge(busy.waiting()[0])

    answer = client.post(f"{path}/cancel")
    assert (answer.status, answer.data) == (202, {"result": "cancellation requested"})
    world.settle()
    assert (agent.waiting(), len(busy.waiting("sent"))) == ([], 1)
    assert busy.poll("sent").data[0]["cancel_requested_at"] is not None
    assert client.get(path).data["summary"] == NONE | {"total": 2, "open": 1, "sent": 1, "cancelled": 1}

    busy.report(busy.waiting("sent")[0], exit_code=143)
    assert client.post(f"{path}/cancel").status == 202
    world.settle()
    assert client.get(path).data["summary"] == NONE | {"total": 2, "cancelled": 2}


def test_cancelling_an_unknown_or_deleted_command_is_404(client, world):
    path = run(client, world)
    assert client.delete(path).status == 204

    assert client.post(f"{path}/cancel").status == 404
    assert client.post(f"/api/v1/commands/{NOBODY}/cancel").status == 404
    assert client.post("/api/v1/commands/x/cancel").status == 400
    assert client.post(f"{path}/cancel", key=None).status == 401


def test_command_too_large_to_count_has_targets_and_state_but_no_summary(client, world, monkeypatch):
    enrolled(client, 3)
    world.settle()
    monkeypatch.setattr("chalicelib.fleet.commands.service.SUMMARY_LIMIT", 2)
    shown = client.get(run(client, world)).data

    assert (shown["summary"], shown["targets"], shown["state"]) == (None, 3, "running")


@pytest.mark.skipif(CONTRACT is None, reason="EDGE_CONTRACT_DIR names no folder with the contract")
def test_command_with_its_summary_fits_the_contract(client, world):
    document = json.loads((Path(CONTRACT) / "edge-admin-openapi-v0.2.0.json").read_text())
    components = document["components"]

    answer = client.get(run(client, world))

    OAS30Validator({**components["schemas"]["CommandSingleResponse"], "components": components}).validate(answer.json)
