"""What nodes do to the tables, on the fake and on the emulator alike."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from chalicelib.fleet.nodes import store
from chalicelib.fleet.nodes.health import HealthSweep
from chalicelib.fleet.nodes.model import NodeAlias, Status
from chalicelib.fleet.nodes.store import CONNECTIONS, SHARDS, with_alias, without_alias
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError
from chalicelib.kit.listing import ListRequest
from chalicelib.kit.tables import TransactionFailedError
from tests.support.declared import TABLES
from tests.support.drivers import BOTH, FAKE, emulated
from tests.unit.fleet.nodes.world import World, node_id

FAR = "2027-01-01T00:00:00Z"


@pytest.fixture(params=BOTH)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with nullcontext() if request.param == FAKE else emulated(request, TABLES) as driver:
        world = World(driver)
        world.cluster()
        yield world


def test_node_reads_back_as_registered(world):
    registered = world.enrol(agent_version="1.2.3", self_update_enabled=True)

    node = world.node()

    assert node.model_copy(update={"version": 0}) == registered.node
    assert world.nodes.vault.open(node) == registered.secrets
    assert world.agent(registered).node == node


def test_node_deleted_after_a_full_life_leaves_no_rows(world):
    world.cluster("beta")
    registered = world.enrol()
    world.connect(registered, "socket-1")
    world.clock.advance(4000)
    assert world.nodes.health.sweep(45.0).unreachable == 1
    assert world.node().status is Status.UNREACHABLE
    world.nodes.connections.on_frame("socket-1")
    assert world.node().status is Status.HEALTHY
    world.nodes.health.report(world.call(registered), Status.UNHEALTHY)
    world.nodes.connections.disconnected("socket-1")
    assert world.tables.get(CONNECTIONS, {"id": "socket-1"}) is None
    world.nodes.placing.change_cluster(node_id(1), "beta", reach=EVERYWHERE)
    again = world.nodes.registering.register(world.registration(), None, registered.secrets.api_token)
    assert (again.node.status, again.node.cluster_name) == (Status.HEALTHY, "beta")
    assert (world.node_count("alpha"), world.node_count("beta")) == (0, 1)

    world.nodes.placing.delete(node_id(1), reach=EVERYWHERE)
    world.nodes.connections.forget_deleted(node_id(1))

    assert (world.node(), world.presence(), world.node_count("beta")) == (None, None, 0)


def test_repeated_registration_clears_the_socket_and_used_token(world):
    registered = world.enrol()
    world.connect(registered, "socket-1")
    again = world.nodes.registering.register(world.registration(), None, registered.secrets.api_token)
    assert world.node().replaced_connection_id == "socket-1"

    world.nodes.registering.register(world.registration(), None, again.secrets.api_token)

    assert world.node().replaced_connection_id is None
    assert world.presence().connection_id is None
    assert world.presence().used_token_digest is None


def test_health_index_holds_only_nodes_due_for_a_check(world):
    first = world.enrol(1)
    world.enrol(2)
    world.clock.advance(200)
    world.call(first)
    world.clock.advance(150)

    assert (world.nodes.health.sweep(45.0).moved, world.node(2).status) == (1, Status.UNREACHABLE)
    world.clock.advance(100)
    assert world.nodes.health.sweep(45.0) == HealthSweep()


def test_older_socket_does_not_replace_a_newer_one(world):
    token = world.enrol().secrets.api_token
    world.nodes.connections.connected(token, "newer", 2000)

    with pytest.raises(EdgeError, match="newer"):
        world.nodes.connections.connected(token, "older", 1000)

    assert world.presence().connection_id == "newer"


def test_node_lists_and_walks_see_every_node_once(world):
    world.cluster("beta")
    for number in range(9):
        world.enrol(number, "alpha" if number % 3 else "beta")
        world.clock.advance(1)

    listed = world.nodes.reading.list_page(ListRequest(page_size=4), reach=EVERYWHERE)
    assert [view.node.id for view in listed.items] == [node_id(number) for number in (8, 7, 6, 5)]
    assert listed.total_count == 9
    beta = world.nodes.reading.list_page(ListRequest(filters={"cluster_name": "beta"}), reach=EVERYWHERE)
    assert [view.node.id for view in beta.items] == [node_id(number) for number in (6, 3, 0)]

    walked = []
    for shard in range(SHARDS):
        cursor = None
        while True:
            page = world.nodes.reading.targets_of_shard(shard, cursor, 2, FAR)
            walked += [node.id for node in page.nodes]
            cursor = page.cursor
            if cursor is None:
                break
    assert sorted(walked) == sorted(node_id(number) for number in range(9))


def test_full_cluster_refuses_new_and_moved_nodes(world):
    world.cluster("small", node_limit=1)
    world.enrol(1)
    world.enrol(2, "small")

    with pytest.raises(EdgeError, match="node limit of 1"):
        world.nodes.placing.change_cluster(node_id(1), "small", reach=EVERYWHERE)

    assert world.node().cluster_name == "alpha"
    assert world.node_count("small") == 1


def test_aliases_are_kept_on_the_node_row_and_stale_writes_refused(world):
    world.cluster("beta")
    world.enrol()
    first, second = NodeAlias(id="a-1", name="web"), NodeAlias(id="a-2", name="db")
    bare = world.node()
    world.tables.commit([with_alias(bare, first)], "alias.created")
    with pytest.raises(TransactionFailedError):
        world.tables.commit([with_alias(bare, second)], "alias.created")
    world.tables.commit([with_alias(world.node(), second)], "alias.created")
    assert world.node().aliases == (first, second)

    named = world.node()
    world.tables.commit([without_alias(named, "a-1")], "alias.deleted")
    with pytest.raises(TransactionFailedError):
        world.tables.commit([store.delete(named)], "node.deleted")
    world.nodes.placing.change_cluster(node_id(1), "beta", reach=EVERYWHERE)
    assert (world.node().aliases, world.node().cluster_name) == ((), "beta")
    world.nodes.placing.delete(node_id(1), reach=EVERYWHERE)
    assert world.node() is None
