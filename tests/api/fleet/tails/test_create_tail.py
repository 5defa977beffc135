"""Asking for a ticket to watch an execution."""

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.platform.access.permissions import KeyRole
from tests.support.builders import a_cluster
from tests.support.tails import AGENTS_SOCKET, watchable
from tests.support.world import World


@pytest.fixture
def world():
    world = World(websocket_url="wss://sockets.test/agent")
    a_cluster(world)
    return world


def ask(client, execution_id, **options):
    return client.post(f"/api/v1/command_executions/{execution_id}/tail", **options)


def test_ticket_names_the_socket_and_its_times(world, client):
    _, execution_id = watchable(world)
    made = ask(client, execution_id)
    assert made.status == 201
    assert made.data["url"] == "wss://sockets.test/agent"
    assert made.data["ticket"].startswith("tail_")
    assert made.data["tail_id"] not in made.data["ticket"]
    assert (made.data["expires_at"], made.data["ends_at"]) == ("2026-11-21T10:01:00Z", "2026-11-21T11:00:00Z")


def test_watching_is_in_the_audit_log_with_its_execution(world, client):
    _, execution_id = watchable(world)
    ask(client, execution_id)
    world.settle()
    events = client.get("/api/v1/audit_events").data
    assert [event["thing"]["id"] for event in events if event["operation"] == "execution.tail"] == [execution_id]


def test_agent_that_offers_no_live_output_is_named(world, client):
    _, execution_id = watchable(world, features=("environment",))
    refused = ask(client, execution_id)
    assert (refused.status, refused.error["code"]) == (409, "tail_not_offered")


def test_agent_without_a_socket_is_named(world, client):
    _, execution_id = watchable(world)
    world.call(
        "chalicelib.fleet.workers.connections.disconnect",
        {"requestContext": {"connectionId": AGENTS_SOCKET, "requestId": "x"}},
    )
    refused = ask(client, execution_id)
    assert (refused.status, refused.error["code"]) == (409, "node_not_connected")


def test_execution_that_has_ended_is_not_watched(world, client):
    machine, execution_id = watchable(world)
    world.fleet.commands.executions.report(machine.id, execution_id, Report(False, "out", 0, None))
    refused = ask(client, execution_id)
    assert (refused.status, refused.error["code"]) == (409, "execution_ended")


def test_keys_without_outputs_or_reach_do_not_watch(world, client):
    _, execution_id = watchable(world)
    south = a_cluster(world, "south")
    blind = world.key_with(role=KeyRole.ADMIN, outputs=False)
    elsewhere = world.key_with(role=KeyRole.OPERATOR, restrictions={"clusters": frozenset({south.id})})
    assert ask(client, execution_id, key=blind).status == 403
    assert ask(client, execution_id, key=elsewhere).status == 404
