"""The WebSocket handlers as they are deployed: by their strings, with the events that API Gateway sends."""

import pytest

from chalicelib.fleet.nodes.model import Registration, Status
from chalicelib.fleet.nodes.store import CONNECTIONS, PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError
from tests.support.builders import a_cluster, machines
from tests.support.world import World


def socket_event(route_key, connection_id, *, headers=(), connected_at_ms=1_000, body=None):
    event = {
        "requestContext": {
            "routeKey": route_key,
            "eventType": {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route_key, "MESSAGE"),
            "connectionId": connection_id,
            "connectedAt": connected_at_ms,
            "requestTimeEpoch": connected_at_ms,
            "requestId": f"request-{connection_id}",
            "identity": {"sourceIp": "203.0.113.9"},
            "domainName": "api.test",
            "stage": "live",
            "apiId": "a1",
        },
        "isBase64Encoded": False,
    }
    if route_key == "$connect":
        event["headers"] = dict(headers)
        event["multiValueHeaders"] = {}
        for name, value in headers:
            event["multiValueHeaders"].setdefault(name, []).append(value)
    if body is not None:
        event["body"] = body
    return event


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    [world.machine] = machines(world, 1)
    return world


def connect(world, connection_id, *, headers=None, connected_at_ms=1_000):
    sent = [("Authorization", f"Bearer {world.machine.token}")] if headers is None else headers
    event = socket_event("$connect", connection_id, headers=sent, connected_at_ms=connected_at_ms)
    return world.call("chalicelib.fleet.workers.connections.connect", event)


def ping(world, connection_id, body="{}"):
    return world.call(
        "chalicelib.fleet.workers.connections.message", socket_event("$default", connection_id, body=body)
    )


def disconnect(world, connection_id):
    return world.call("chalicelib.fleet.workers.connections.disconnect", socket_event("$disconnect", connection_id))


def presence(world):
    return world.fleet.nodes.reading.presence_of([world.machine.id])[world.machine.id]


def test_agent_connects_pings_and_disconnects(world):
    assert connect(world, "socket-1") == {"statusCode": 200}
    assert presence(world).connection_id == "socket-1"
    assert world.socket_client.frames == {}

    world.clock.advance(540)
    assert ping(world, "socket-1") == {"statusCode": 200}
    assert presence(world).last_seen_at == "2026-11-21T10:09:00Z"

    assert disconnect(world, "socket-1") == {"statusCode": 200}
    assert presence(world).connection_id is None
    assert world.driver.rows(CONNECTIONS) == []


@pytest.mark.parametrize("body", ["", "nonsense", '{"type": "ping"}', "é" * 1000])
def test_frame_of_any_content_only_updates_last_seen(world, body):
    connect(world, "socket-1")
    world.clock.advance(60)

    assert ping(world, "socket-1", body) == {"statusCode": 200}
    assert presence(world).last_seen_at == "2026-11-21T10:01:00Z"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer nonsense")],
        [("Authorization", "{token}")],
        [("Authorization", "Bearer {token}"), ("authorization", "Bearer {token}")],
    ],
)
def test_handshake_without_exactly_one_valid_bearer_is_401(world, headers):
    sent = [(name, value.format(token=world.machine.token)) for name, value in headers]

    assert connect(world, "socket-1", headers=sent) == {"statusCode": 401}
    assert presence(world).connection_id is None
    assert world.driver.rows(CONNECTIONS) == []


@pytest.mark.parametrize(("name", "scheme"), [("AUTHORIZATION", "Bearer"), ("authorization", "bearer")])
def test_handshake_header_and_scheme_ignore_case(world, name, scheme):
    answer = connect(world, "socket-1", headers=[(name, f"{scheme} {world.machine.token} ")])

    assert answer == {"statusCode": 200}


def test_handshake_of_an_older_socket_is_409(world):
    connect(world, "newer", connected_at_ms=2_000)

    assert connect(world, "older", connected_at_ms=1_000) == {"statusCode": 409}
    assert presence(world).connection_id == "newer"


def test_late_repeated_disconnect_keeps_the_newer_socket(world):
    connect(world, "socket-1", connected_at_ms=1_000)
    connect(world, "socket-2", connected_at_ms=2_000)

    for _ in range(2):
        assert disconnect(world, "socket-1") == {"statusCode": 200}

    assert presence(world).connection_id == "socket-2"


def test_frame_and_disconnect_of_unknown_socket_change_nothing(world):
    before = world.driver.snapshot()

    ping(world, "unknown")
    disconnect(world, "unknown")

    assert world.driver.snapshot() == before


def test_handshake_while_tables_are_throttled_is_503(world):
    world.driver.fail_next(1000, "throttle", table=PRESENCE)

    assert connect(world, "socket-1") == {"statusCode": 503}


def test_connection_log_names_the_socket_and_omits_the_token(world):
    connect(world, "socket-1")
    connect(world, "socket-2", headers=[("Authorization", "Bearer nonsense")])

    logged = "".join(world.lines.texts)

    assert '"connection_id":"socket-1"' in logged.replace(": ", ":")
    assert '"status":401' in logged.replace(": ", ":")
    assert world.machine.token not in logged


def test_node_deletion_closes_its_socket_and_removes_its_presence(world):
    world.socket_client.frames["socket-1"] = []
    connect(world, "socket-1")
    world.settle()

    world.fleet.nodes.placing.delete(world.machine.id, reach=EVERYWHERE)
    world.settle(twice=True)

    assert "socket-1" in world.socket_client.closed
    assert world.driver.rows(PRESENCE) == []
    assert world.driver.rows(CONNECTIONS) == []


def test_reregistration_closes_the_nodes_socket(world):
    world.socket_client.frames["socket-1"] = []
    connect(world, "socket-1")
    world.settle()
    node = world.machine.node
    registration = {name: getattr(node, name) for name in ("id_type", "agent_version", "self_update_enabled")}
    ports = {name: getattr(node, name) for name in type(node).model_fields if name.endswith("_port")}

    said = Registration(node_id=node.id, network_name="cluster-north", **registration, **ports)
    world.fleet.nodes.registering.register(said, None, world.machine.token)
    world.settle()

    assert "socket-1" in world.socket_client.closed
    assert world.driver.rows(CONNECTIONS) == []
    assert connect(world, "socket-2") == {"statusCode": 401}
    with pytest.raises(EdgeError):
        world.fleet.nodes.identity.authenticate(world.machine.token)
    assert world.fleet.nodes.reading.get(node.id, reach=EVERYWHERE).node.status is Status.HEALTHY


def test_connection_functions_are_deployed_under_their_handler_strings():
    import app  # noqa: PLC0415 - the whole application, only here

    strings = {key: handler.handler_string for key, handler in app.app.websocket_handlers.items()}

    assert strings == {
        "$connect": "chalicelib.fleet.workers.connections.connect",
        "$default": "chalicelib.fleet.workers.connections.message",
        "$disconnect": "chalicelib.fleet.workers.connections.disconnect",
    }
