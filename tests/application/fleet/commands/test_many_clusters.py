"""A command that names many clusters: few parts, each of several clusters, none left out and none twice."""

import pytest

from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.clusters.store import ClusterStore
from chalicelib.fleet.commands.store import FAN_OUTS
from chalicelib.fleet.nodes import store
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.targeting.selection import CLUSTERS_PER_PAGE, MOST_CLUSTER_PARTS, SLICE
from chalicelib.kit.tables import Set, Update
from tests.application.fleet.commands.fleet import (
    CLUSTER,
    a_node,
    command,
    executions,
    fan_out,
    first_messages,
    nodes,
    reached,
    run,
)
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def clusters(world: World, count: int) -> list[Cluster]:
    """Rows of clusters; their address ranges are of no interest here."""
    made = []
    for number in range(count):
        row_id = world.ids.uuid7(world.clock.now())
        cluster = CLUSTER.model_copy(update={"id": row_id, "name": f"site-{number}"})
        world.platform.tables.write(ClusterStore(world.platform.tables).put(cluster), "cluster.created")
        made.append(cluster)
    return made


def command_for(world, named):
    return command(world, "clusters", cluster_names=tuple(cluster.name for cluster in named))


def parts_of(world, made):
    row = world.driver.row(FAN_OUTS, {"command_id": made.id}) or {}
    return row.get("parts") or frozenset()


def ids_of(part):
    return part.removeprefix("cluster#").split(",")


@pytest.mark.parametrize("count", [1, 2, MOST_CLUSTER_PARTS, MOST_CLUSTER_PARTS + 1, 100, 2000])
def test_named_clusters_are_each_in_one_of_a_bounded_number_of_parts(world, count):
    named = clusters(world, count)
    parts = parts_of(world, command_for(world, named))
    assert len(parts) <= MOST_CLUSTER_PARTS
    assert sorted(row_id for part in parts for row_id in ids_of(part)) == sorted(cluster.id for cluster in named)


def test_few_named_clusters_are_one_part_each(world):
    named = clusters(world, 3)
    assert parts_of(world, command_for(world, named)) == {f"cluster#{cluster.id}" for cluster in named}


def test_command_for_many_clusters_reaches_exactly_their_nodes(world):
    """Each part has more clusters than a page reads."""
    named = clusters(world, MOST_CLUSTER_PARTS * (CLUSTERS_PER_PAGE + 5))
    meant = {a_node(world, cluster).id for cluster in named[:: CLUSTERS_PER_PAGE // 3]}
    nodes(world, 3)
    fan_out(world, command_for(world, named))
    assert reached(world) == meant
    assert len(executions(world)) == len(meant)


def test_part_with_a_large_cluster_continues_in_further_messages(world):
    named = clusters(world, MOST_CLUSTER_PARTS * 3)
    meant = {node.id for node in nodes(world, SLICE + 10, named[1])}
    meant |= {a_node(world, cluster).id for cluster in (named[0], named[2])}
    made = command_for(world, named)
    part = next(message for message in first_messages(world, made) if named[1].id in message["part"])
    world.seconds_left = 0
    (following,) = run(world, part)
    assert len(executions(world)) == SLICE
    assert run(world, following) == []
    assert reached(world) == meant


def test_node_moving_between_clusters_of_a_page_gets_one_execution(world):
    named = clusters(world, MOST_CLUSTER_PARTS * 2)
    made = command_for(world, named)
    first, second = ids_of(part := min(parts_of(world, made)))
    origin = next(cluster for cluster in named if cluster.id == first)
    target = next(cluster for cluster in named if cluster.id == second)
    node = a_node(world, origin)

    def move():
        """Between the queries of the two clusters."""
        (read,) = world.fleet.nodes.reading.find_many([node.id])
        after = store.moved(read, target.id, target.name, world.clock.now())
        world.platform.tables.write(store.move(read, after, read.last_seen_at), "node.moved")

    for action in (lambda: None, move):
        world.driver.before_next(action, operation="Query", table=NODES)
    assert run(world, {"command_id": made.id, "part": part}) == []
    assert reached(world) == {node.id}
    assert part not in parts_of(world, made)


def test_duplicate_messages_of_cluster_parts_create_nothing_twice(world):
    named = clusters(world, MOST_CLUSTER_PARTS * 2)
    meant = {a_node(world, cluster).id for cluster in named}
    made = command_for(world, named)
    for message in first_messages(world, made) * 2:
        assert run(world, message) == []
    assert reached(world) == meant
    assert len(executions(world)) == len(meant)
    assert parts_of(world, made) == frozenset()


# Slow: parts as an early release stored them, and two thousand nodes.
@pytest.mark.slow
def test_parts_stored_before_slices_existed_are_finished(world):
    """A part each, however many there are, and a cursor that only says where in the cluster."""
    named = clusters(world, MOST_CLUSTER_PARTS * 2)
    meant = {a_node(world, cluster).id for cluster in named}
    meant |= {node.id for node in nodes(world, SLICE + 5, named[0])}
    made = command_for(world, named)
    old = frozenset(f"cluster#{cluster.id}" for cluster in named)
    world.platform.tables.write(Update(FAN_OUTS, {"command_id": made.id}, (Set("parts", old),)), "test.prepared")
    fan_out(world, made)
    assert reached(world) == meant
    assert parts_of(world, made) == frozenset()


def test_finishing_many_parts_costs_a_bounded_number_of_writes(world):
    named = clusters(world, 2000)
    made = command_for(world, named)
    calls = fan_out(world, made)
    written = sum(call.write_units for call in calls if call.table == "fan_outs" and call.operation == "UpdateItem")
    assert 0 < written < 1000, written
