import pytest

from chalicelib.fleet.nodes.model import Status
from chalicelib.fleet.nodes.store import CONNECTIONS, NODES, PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from tests.unit.fleet.nodes.world import node_id


@pytest.fixture
def registered(world):
    return world.enrol()


def test_connection_is_stored_in_one_read_and_one_transaction(world, registered):
    world.clock.advance(10)

    assert world.calls(lambda: world.connect(registered, "socket-1")) == 2

    presence = world.presence()
    assert (presence.connection_id, presence.last_seen_at) == ("socket-1", "2026-11-21T10:00:10Z")
    assert presence.health_due == "2026-11-21T11:05:10Z"
    [row] = world.dynamo.rows(CONNECTIONS)
    assert (row["id"], row["node_id"]) == ("socket-1", node_id(1))
    assert row["expires_epoch"] == int(world.clock.now().timestamp()) + 3 * 3600


@pytest.mark.parametrize("bearer", [None, "", "x" * 64])
def test_connection_without_a_valid_token_is_unauthorized(world, registered, bearer):
    before = world.dynamo.snapshot()

    with pytest.raises(EdgeError) as caught:
        world.nodes.connections.connected(bearer, "socket-1", 1)

    assert caught.value.kind is Kind.UNAUTHORIZED
    assert world.dynamo.snapshot() == before


def test_newer_socket_replaces_an_older_one_and_never_the_reverse(world, registered):
    token = registered.secrets.api_token
    world.nodes.connections.connected(token, "newer", 2000)

    with pytest.raises(EdgeError) as caught:
        world.nodes.connections.connected(token, "older", 1000)
    assert caught.value.kind is Kind.CONFLICT
    assert world.presence().connection_id == "newer"

    world.nodes.connections.connected(token, "newest", 3000)
    assert world.presence().connection_id == "newest"


def test_repeated_connect_of_one_socket_stores_it_once(world, registered):
    token = registered.secrets.api_token
    world.nodes.connections.connected(token, "socket-1", 1000)
    world.nodes.connections.connected(token, "socket-1", 1000)

    assert world.presence().connection_id == "socket-1"
    assert len(world.dynamo.rows(CONNECTIONS)) == 1


def test_unreachable_node_becomes_healthy_on_connecting(world, registered):
    world.clock.advance(301)
    world.nodes.health.sweep(45.0)
    position = world.dynamo.stream_position

    world.connect(registered, "socket-1")

    assert world.node().status is Status.HEALTHY
    assert world.presence().health_due == "2026-11-21T11:10:01Z"
    assert world.operations_since(position) == [("MODIFY", "node.became_healthy")]


def test_connecting_of_a_healthy_node_changes_no_node_row(world, registered):
    position = world.dynamo.stream_position

    world.connect(registered, "socket-1")

    assert world.operations_since(position) == []


def test_connected_node_becomes_unreachable_after_65_minutes(world, registered):
    world.connect(registered, "socket-1")
    world.clock.advance(3899)
    assert world.nodes.health.sweep(45.0).unreachable == 0
    world.clock.advance(1)
    assert world.nodes.health.sweep(45.0).unreachable == 1


def test_frame_updates_last_seen_in_three_calls(world, registered):
    world.connect(registered, "socket-1")
    world.clock.advance(540)

    assert world.calls(lambda: world.nodes.connections.on_frame("socket-1")) == 3
    assert world.presence().last_seen_at == "2026-11-21T10:09:00Z"

    world.clock.advance(3400)
    assert world.nodes.health.sweep(45.0).moved == 1


def test_frame_makes_an_unreachable_node_healthy(world, registered):
    world.connect(registered, "socket-1")
    world.clock.advance(4000)
    world.nodes.health.sweep(45.0)

    world.nodes.connections.on_frame("socket-1")

    assert world.node().status is Status.HEALTHY
    assert world.presence().health_due == "2026-11-21T12:11:40Z"


def test_frame_on_a_replaced_socket_is_ignored(world, registered):
    world.connect(registered, "socket-1")
    again = world.nodes.registering.register(world.registration(), None, registered.secrets.api_token)
    world.clock.advance(100)
    before = world.dynamo.snapshot()

    world.nodes.connections.on_frame("socket-1")
    world.nodes.connections.on_frame("unknown")

    assert world.dynamo.snapshot() == before
    assert world.agent(again).presence.last_seen_at == "2026-11-21T10:00:00Z"


def test_closed_socket_is_removed_and_the_short_health_limit_applies(world, registered):
    world.connect(registered, "socket-1")
    world.clock.advance(310)

    world.nodes.connections.disconnected("socket-1")

    assert world.presence().connection_id is None
    assert world.dynamo.rows(CONNECTIONS) == []
    assert world.nodes.health.sweep(45.0).unreachable == 1


def test_late_close_of_an_old_socket_keeps_the_newer_one(world, registered):
    world.connect(registered, "socket-1")
    world.clock.advance(1)
    world.connect(registered, "socket-2")

    world.nodes.connections.disconnected("socket-1")
    world.nodes.connections.disconnected("socket-1")

    assert world.presence().connection_id == "socket-2"
    assert [row["id"] for row in world.dynamo.rows(CONNECTIONS)] == ["socket-2"]


def test_close_of_an_unreachable_nodes_socket_schedules_no_health_check(world, registered):
    world.connect(registered, "socket-1")
    world.clock.advance(4000)
    world.nodes.health.sweep(45.0)

    world.nodes.connections.disconnected("socket-1")

    assert world.presence().connection_id is None
    assert world.presence().health_due is None


def test_stale_socket_is_cleared_only_while_it_is_current(world, registered):
    world.connect(registered, "socket-1")
    world.clock.advance(60)
    world.nodes.connections.mark_stale(world.presence().model_copy(update={"connection_id": "socket-0"}))
    assert world.presence().connection_id == "socket-1"

    world.nodes.connections.mark_stale(world.presence())

    assert world.presence().connection_id is None
    assert world.dynamo.rows(CONNECTIONS) == []


def test_connect_with_a_token_replaced_meanwhile_is_unauthorized(world, registered):
    world.dynamo.before_next(
        lambda: world.nodes.registering.register(world.registration(), None, registered.secrets.api_token),
        operation="TransactWriteItems",
        table=CONNECTIONS,
    )

    with pytest.raises(EdgeError) as caught:
        world.connect(registered, "socket-1")

    assert caught.value.kind is Kind.UNAUTHORIZED
    assert world.presence().connection_id is None
    assert world.dynamo.rows(CONNECTIONS) == []


def test_node_marked_unreachable_while_connecting_ends_healthy(world, registered):
    world.clock.advance(301)
    world.dynamo.before_next(lambda: world.nodes.health.sweep(45.0), operation="TransactWriteItems", table=CONNECTIONS)

    world.connect(registered, "socket-1")

    assert world.node().status is Status.HEALTHY
    assert world.presence().connection_id == "socket-1"


def test_deleted_node_keeps_its_connection_until_cleaned_up(world, registered):
    world.connect(registered, "socket-1")
    world.nodes.placing.delete(node_id(1), reach=EVERYWHERE)

    assert world.nodes.connections.connection_of_deleted(node_id(1)) == "socket-1"
    for _ in range(2):
        world.nodes.connections.forget("socket-1")
        world.nodes.connections.forget_deleted(node_id(1))

    assert world.nodes.connections.connection_of_deleted(node_id(1)) is None
    assert [world.dynamo.rows(table) for table in (NODES, PRESENCE, CONNECTIONS)] == [[], [], []]


def test_reenrolled_node_keeps_its_presence_on_clean_up(world, registered):
    world.nodes.placing.delete(node_id(1), reach=EVERYWHERE)
    world.newer_key()
    again = world.enrol(1)
    world.connect(again, "socket-2")

    assert world.nodes.connections.connection_of_deleted(node_id(1)) is None
    world.nodes.connections.forget_deleted(node_id(1))

    assert world.presence().connection_id == "socket-2"
    assert world.agent(again).node.id == node_id(1)
