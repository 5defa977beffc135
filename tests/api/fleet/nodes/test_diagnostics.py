"""Diagnostic reports: told by agents, asked for by operators."""

import pytest

from chalicelib.fleet.nodes.store import NODES
from tests.support.builders import UNTOLD, a_registration
from tests.support.callers import connect, enrolled, operator
from tests.support.world import World

REPORT = {
    "collected_at": "2026-11-21T11:00:00+01:00",
    "checks": [
        {"name": "database", "status": "pass", "duration_ms": 3, "details": {"free": "20 GiB"}},
        {"name": "ssh_server", "status": "warn", "duration_ms": 0, "details": {}, "summary": "not offered"},
    ],
}


@pytest.fixture
def world():
    return World()


@pytest.fixture
def client(world):
    client = operator(world)
    client.post("/api/v1/clusters", json={"name": "north"})
    return client


@pytest.fixture
def agent(world, client):
    """An agent that makes reports."""
    (agent,) = enrolled(client, 1)
    said = a_registration(agent.id, "north").model_dump(mode="json", exclude=UNTOLD)
    said["version"] = said.pop("agent_version")
    again = {**said, "features": ["diagnostics"]}
    agent.token = client.post("/api/v1/agents/nodes", json=again, key=agent.token).data["api_token"]
    world.settle()
    return agent


def tell(client, agent, **changes):
    return client.post("/api/v1/agents/diagnostics", json={**REPORT, **changes}, key=agent.token)


def diagnosed(client, agent):
    return client.get(f"/api/v1/nodes/{agent.id}/diagnostics")


def test_report_is_shown_as_it_was_told_with_its_worst_status(client, agent):
    assert tell(client, agent).status == 200
    shown = diagnosed(client, agent)
    assert shown.status == 200
    assert shown.data == {
        "overall": "warn",
        "collected_at": "2026-11-21T10:00:00Z",
        "checks": [{**REPORT["checks"][0], "summary": None}, REPORT["checks"][1]],
    }


def test_connected_agent_is_asked_for_a_new_report(world, client, agent):
    tell(client, agent)
    connect(world, agent, "socket")
    world.clock.advance(11)

    def answer():
        world.clock.sleep(0.6)
        tell(client, agent, checks=[{**REPORT["checks"][0], "status": "fail"}])

    shown, _ = world.clock.run_together([lambda: diagnosed(client, agent), answer])
    assert shown.data["overall"] == "fail"
    assert {"type": "metrics", "metrics_types": ["diagnostics"]} in world.socket_client.frames["socket"]


def test_fresh_report_is_shown_without_asking_again(world, client, agent):
    connect(world, agent, "socket")
    tell(client, agent)
    assert diagnosed(client, agent).status == 200
    assert world.socket_client.frames["socket"] == []


def test_report_of_an_agent_that_is_silent_is_shown_for_five_minutes(world, client, agent):
    tell(client, agent)
    world.clock.advance(299)
    assert diagnosed(client, agent).status == 200
    world.clock.advance(1)
    assert diagnosed(client, agent).status == 503


def test_node_without_reports_is_503_at_once(world, client, agent):
    other, _ = enrolled(client, 2)
    connect(world, other, "socket")
    before = world.clock.now()
    assert diagnosed(client, other).status == diagnosed(client, agent).status == 503
    assert world.clock.now() == before
    assert world.socket_client.frames["socket"] == []


def test_report_goes_with_its_node(world, client, agent):
    tell(client, agent)
    client.delete(f"/api/v1/nodes/{agent.id}")
    world.settle()
    assert diagnosed(client, agent).status == 404
    assert not [row for row in world.driver.rows(NODES) if row["id"] == agent.id]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"checks": []}, "checks"),
        ({"checks": [{**REPORT["checks"][0], "name": "disk"}]}, "checks/0/name"),
        ({"checks": [{**REPORT["checks"][0], "status": "ok"}]}, "checks/0/status"),
        ({"checks": [{**REPORT["checks"][0], "duration_ms": -1}]}, "checks/0/duration_ms"),
        ({"checks": [{**REPORT["checks"][0], "details": [1]}]}, "checks/0/details"),
        ({"checks": [{**REPORT["checks"][0], "details": {"n": 1}}]}, "checks/0/details/n"),
        ({"checks": [REPORT["checks"][0]] * 11}, "checks"),
        ({"collected_at": "now"}, "collected_at"),
    ],
)
def test_wrong_report_is_refused_by_name_and_changes_nothing(world, client, agent, changes, field):
    agent.heartbeat()
    before = world.state()
    answer = tell(client, agent, **changes)
    assert (answer.status, list(answer.error["details"])) == (400, [field])
    assert world.state() == before


def test_report_of_more_than_64_kib_is_413(client, agent):
    check = {**REPORT["checks"][0], "details": {f"n{number}": "x" * 1000 for number in range(50)}}
    assert tell(client, agent, checks=[check] * 2).status == 413


def test_diagnostics_are_no_type_of_metrics(client, agent):
    body = {"metrics_type": "diagnostics", "metrics_text": "{}"}
    answer = client.post("/api/v1/agents/metrics/push", json=body, key=agent.token)
    assert (answer.status, list(answer.error["details"])) == (400, ["metrics_type"])
