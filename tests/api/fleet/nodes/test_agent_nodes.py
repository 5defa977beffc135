"""The agents' routes of nodes, through the real edge."""

import pytest

from chalicelib.fleet.api.agent import nodes as routes
from chalicelib.fleet.nodes.rules import already_registered, no_network, other_network
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from tests.support.builders import a_cluster
from tests.support.client import Client
from tests.support.world import World

NODE_ID = "0f0e0d0c-0b0a-4900-8000-000000000001"
HEALTH = "/api/v1/agents/nodes/me/health_check"
NODES_PATH = "/api/v1/agents/nodes"


@pytest.fixture
def world():
    world = World(websocket_url="wss://socket.test/live", admin_urls=("https://one.test", "https://two.test"))
    a_cluster(world)
    key = world.fleet.enrollment.create("north", {"uses_remaining": None}, reach=EVERYWHERE)
    world.blob = world.fleet.enrollment.reveal(key).reveal()
    return world


@pytest.fixture
def client(world):
    return Client([routes.routes], world.fleet, key=None)


def token(world):
    return world.fleet.enrollment.verify(world.blob, None).registration_token


def body(**changes):
    return {
        "node_id": NODE_ID,
        "network_name": "cluster-north",
        "id_type": "persistent",
        "http_port": 44000,
        "ssh_port": 42222,
        "host_metrics_port": 49100,
        "wireguard_metrics_port": 49586,
        "http_proxy_port": 44880,
        "socks5_proxy_port": 44180,
        "version": "1.0.0",
        "self_update_enabled": True,
        **changes,
    }


def register(client, world, **changes):
    return client.post(NODES_PATH, json=body(registration_token=token(world), **changes))


def test_control_characters_of_facts_are_replaced_and_the_machine_joins(client, world):
    facts = {"hostname": "a\x1b]0;b\x07", "os_name": "\x9b2J", "kernel": "6.1\u202e", "addresses": ["10.0.0.1\r"]}
    assert register(client, world, facts=facts, version="1.0\n").status == 201

    node = world.fleet.nodes.reading.get(NODE_ID, reach=EVERYWHERE).node
    assert (node.hostname, node.os_name, node.kernel) == ("a\ufffd]0;b\ufffd", "\ufffd2J", "6.1\ufffd")
    assert (node.addresses, node.agent_version) == (("10.0.0.1\ufffd",), "1.0\ufffd")


def test_registered_machine_gets_its_token_and_urls(client, world):
    answer = register(client, world)

    assert answer.status == 201
    assert "location" not in answer.headers
    said = answer.data
    assert {name: said[name] for name in ("node_id", "admin_urls", "derp_map_url", "websocket_url")} == {
        "node_id": NODE_ID,
        "admin_urls": ["https://one.test", "https://two.test"],
        "derp_map_url": None,
        "websocket_url": "wss://socket.test/live",
    }
    assert 48 <= said["poll_seconds"] <= 72
    assert (len(said["api_token"]), len(said["proxy_password"])) == (64, 43)
    assert world.fleet.nodes.identity.authenticate(said["api_token"]).node.id == NODE_ID


@pytest.mark.parametrize(("fraction", "seconds"), [(0.0, 48), (0.5, 60), (0.999999, 72)])
def test_poll_interval_is_spread_by_a_fifth(fraction, seconds):
    assert routes.jittered(60, fraction) == seconds
    assert routes.jittered(1, fraction) == 1


def test_registration_accepts_upper_case_ids_and_values_as_text(client, world):
    answer = register(client, world, node_id=NODE_ID.upper(), http_port="44001", self_update_enabled="true")

    assert answer.data["node_id"] == NODE_ID
    node = world.fleet.nodes.reading.get(NODE_ID, reach=EVERYWHERE).node
    assert (node.http_port, node.self_update_enabled) == (44001, True)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"node_id": "x"}, "node_id"),
        ({"node_id": None}, "node_id"),
        ({"id_type": "other"}, "id_type"),
        ({"http_port": 0}, "http_port"),
        ({"ssh_port": 65536}, "ssh_port"),
        ({"version": 1}, "version"),
        ({"version": "v" * 256}, "version"),
        ({"self_update_enabled": 1}, "self_update_enabled"),
        ({"surprise": 1}, "surprise"),
        ({"registration_token": "t" * 513}, "registration_token"),
    ],
)
def test_malformed_registration_is_400_by_field_and_changes_nothing(client, world, changes, field):
    answer = client.post(NODES_PATH, json=body(**changes))

    assert (answer.status, answer.error["code"]) == (400, "bad_request")
    assert list(answer.error["details"]) == [field]
    assert world.driver.rows(NODES) == []


@pytest.mark.parametrize("missing", sorted(body()))
def test_registration_without_a_required_field_is_refused(client, missing):
    sent = body()
    del sent[missing]

    answer = client.post(NODES_PATH, json=sent)

    assert answer.error["details"] == {missing: [f"Missing field: {missing}"]}


@pytest.mark.parametrize(
    ("changes", "details"),
    [
        ({"network_name": "north"}, no_network().details),
        ({"network_name": "cluster-south"}, other_network().details),
    ],
)
def test_registration_that_breaks_a_rule_is_422(client, world, changes, details):
    answer = register(client, world, **changes)

    assert (answer.status, answer.error["code"], answer.error["details"]) == (422, "validation_failed", details)


def test_registration_of_a_registered_id_without_its_token_is_422(client, world):
    first = register(client, world).data
    client.with_key(first["api_token"]).patch(HEALTH, json={"status": "healthy"})

    without = client.post(NODES_PATH, json=body())
    with_key = register(client, world)

    assert without.status == with_key.status == 422
    assert without.error["details"] == with_key.error["details"] == already_registered().details
    assert client.with_key(first["api_token"]).patch(HEALTH, json={"status": "healthy"}).status == 200


def test_machine_registers_again_with_its_token(client, world):
    first = register(client, world).data

    again = client.with_key(first["api_token"]).post(NODES_PATH, json=body(version="2.0.0"))

    assert (again.status, again.data["node_id"]) == (201, NODE_ID)
    assert client.with_key(first["api_token"]).patch(HEALTH, json={"status": "healthy"}).status == 401
    assert client.with_key(again.data["api_token"]).patch(HEALTH, json={"status": "healthy"}).status == 200


def test_registration_in_degraded_mode_is_503(client, world):
    proof = token(world)
    world.fleet.degraded = lambda: True

    answer = client.post(NODES_PATH, json=body(registration_token=proof))

    assert (answer.status, answer.error["code"]) == (503, "degraded_mode")
    assert world.driver.rows(NODES) == []


def test_registration_beyond_the_rate_of_an_address_is_429(client):
    statuses = [client.post(NODES_PATH, json={}).status for _ in range(101)]

    assert (statuses[0], statuses[-1]) == (400, 429)
    assert client.request("POST", NODES_PATH, json={}, address="203.0.113.8").status == 400


def test_health_report_changes_the_status_of_its_node(client, world):
    agent = client.with_key(register(client, world).data["api_token"])

    sick = agent.patch(HEALTH, json={"status": "unhealthy"})
    world.clock.advance(60)
    well = agent.patch(HEALTH, json={"status": "healthy"})

    assert (sick.status, sick.data) == (
        200,
        {"id": NODE_ID, "node_id": NODE_ID, "status": "unhealthy", "last_seen_at": "2026-11-21T10:00:00Z"},
    )
    assert (well.data["status"], well.data["last_seen_at"]) == ("healthy", "2026-11-21T10:01:00Z")


def test_heartbeat_takes_two_calls_at_most(client, world):
    agent = client.with_key(register(client, world).data["api_token"])
    agent.patch(HEALTH, json={"status": "healthy"})
    meter = world.platform.tables.meter

    agent.patch(HEALTH, json={"status": "healthy"})
    assert meter.count <= 2
    world.clock.advance(31)
    agent.patch(HEALTH, json={"status": "healthy"})
    assert meter.count <= 3
    agent.patch(HEALTH, json={"status": "healthy"})
    assert meter.count <= 2


def test_registration_takes_two_calls(client, world):
    proof = token(world)

    client.post(NODES_PATH, json=body(registration_token=proof))

    assert [call.operation for call in world.platform.tables.meter.calls] == [
        "BatchGetItem",
        "GetItem",
        "TransactWriteItems",
    ]


@pytest.mark.parametrize(
    ("sent", "status"),
    [({"status": "unreachable"}, 400), ({"status": "healthy", "mood": "fine"}, 400), ({}, 400), ([], 400)],
)
def test_malformed_health_report_is_refused(client, world, sent, status):
    agent = client.with_key(register(client, world).data["api_token"])

    assert agent.patch(HEALTH, json=sent).status == status


@pytest.mark.parametrize("key", [None, "master-key", "wrong"])
def test_health_report_without_a_node_token_is_401(client, world, key):
    register(client, world)

    assert client.with_key(key).patch(HEALTH, json={"status": "healthy"}).status == 401


def test_unreachable_node_becomes_healthy_by_any_call(client, world):
    agent = client.with_key(register(client, world).data["api_token"])
    world.clock.advance(301)
    world.sweep("check_health")
    assert world.fleet.nodes.reading.get(NODE_ID, reach=EVERYWHERE).node.status == "unreachable"

    agent.patch(HEALTH, json={"status": "nonsense"})

    assert world.fleet.nodes.reading.get(NODE_ID, reach=EVERYWHERE).node.status == "healthy"


def test_registration_secrets_are_not_logged(client, world):
    proof = token(world)
    said = client.post(NODES_PATH, json=body(registration_token=proof)).data
    client.with_key(said["api_token"]).patch(HEALTH, json={"status": "healthy"})

    logged = "".join(world.lines.texts)

    assert NODES_PATH in logged
    assert not any(secret in logged for secret in (proof, said["api_token"], said["proxy_password"]))
