from functools import partial

import pytest

from chalicelib.fleet.nodes.rules import already_there, full_cluster
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind, invalid, not_found
from tests.unit.fleet.nodes.world import World, node_id


def refused(call, *arguments) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        call(*arguments)
    return caught.value


@pytest.fixture
def two(world):
    """Clusters `alpha`, with node 1 in it, and `beta`."""
    world.cluster("beta")
    world.registered = world.enrol()
    return world


def test_moved_node_changes_cluster_counts_and_keeps_its_token(two):
    two.clock.advance(60)
    two.call(two.registered)
    position = two.dynamo.stream_position

    view = two.nodes.placing.change_cluster(node_id(1), "beta", reach=EVERYWHERE)

    node = two.node()
    assert (view.node.cluster_name, node.cluster_name, node.updated_at) == ("beta", "beta", "2026-11-21T10:01:00Z")
    assert node.cluster_id == two.clusters.get("beta", reach=EVERYWHERE).id
    assert node.last_seen_at == "2026-11-21T10:01:00Z"
    assert (two.node_count("alpha"), two.node_count("beta")) == (0, 1)
    assert two.agent(two.registered).node.cluster_name == "beta"
    assert two.operations_since(position) == [("MODIFY", "node.cluster_changed")]


def test_node_move_takes_two_reads_and_one_transaction(two):
    assert two.calls(lambda: two.nodes.placing.change_cluster(node_id(1), "beta", reach=EVERYWHERE)) == 3


@pytest.mark.parametrize(
    ("number", "cluster_name", "said"),
    [
        (9, "beta", not_found()),
        (1, "gamma", invalid("cluster_name", "not found")),
        (1, "alpha", already_there()),
    ],
)
def test_move_of_unknown_node_or_to_unknown_cluster_is_refused(two, number, cluster_name, said):
    error = refused(partial(two.nodes.placing.change_cluster, reach=EVERYWHERE), node_id(number), cluster_name)

    assert (error.kind, error.message, error.details) == (said.kind, said.message, said.details)
    assert two.node().cluster_name == "alpha"


def test_move_into_a_full_cluster_is_a_conflict():
    world = World()
    world.cluster("alpha")
    world.cluster("beta", node_limit=1)
    world.enrol(1)
    world.enrol(2, "beta")

    error = refused(partial(world.nodes.placing.change_cluster, reach=EVERYWHERE), node_id(1), "beta")

    assert (error.kind, error.message) == (Kind.CONFLICT, full_cluster(1).message)
    assert (world.node_count("alpha"), world.node_count("beta")) == (1, 1)


def test_concurrent_moves_for_the_last_slot_move_one_node():
    world = World()
    world.cluster("alpha")
    world.cluster("beta", node_limit=1)
    world.enrol(1)
    world.enrol(2)
    world.dynamo.latency(0.01)

    outcomes = world.clock.run_together(
        [
            lambda number=number: world.nodes.placing.change_cluster(node_id(number), "beta", reach=EVERYWHERE)
            for number in (1, 2)
        ]
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["EdgeError", "NodeView"]
    assert (world.node_count("alpha"), world.node_count("beta")) == (1, 1)


def test_concurrent_moves_of_one_node_count_it_once(two):
    two.cluster("gamma")
    two.dynamo.latency(0.01)

    two.clock.run_together(
        [
            lambda name=name: two.nodes.placing.change_cluster(node_id(1), name, reach=EVERYWHERE)
            for name in ("beta", "gamma")
        ]
    )

    counts = {name: two.node_count(name) for name in ("alpha", "beta", "gamma")}
    assert counts == {"alpha": 0, "beta": 0, "gamma": 0} | {two.node().cluster_name: 1}


def test_deleted_node_frees_its_slot_and_token(two):
    position = two.dynamo.stream_position

    assert two.calls(lambda: two.nodes.placing.delete(node_id(1), reach=EVERYWHERE)) == 2

    assert two.node() is None
    assert two.node_count() == 0
    assert refused(two.agent, two.registered).kind is Kind.UNAUTHORIZED
    assert [kind for kind, _ in two.operations_since(position)] == ["REMOVE"]
    assert refused(partial(two.nodes.placing.delete, reach=EVERYWHERE), node_id(1)).kind is Kind.NOT_FOUND


def test_concurrent_node_deletions_free_one_slot(two):
    two.enrol(2)
    two.dynamo.latency(0.01)

    outcomes = two.clock.run_together([lambda: two.nodes.placing.delete(node_id(1), reach=EVERYWHERE)] * 2)

    assert outcomes == [None, None]
    assert two.node_count() == 1


def test_node_deletion_with_a_lost_answer_happens_once(two):
    two.enrol(2)
    two.dynamo.tokens_honoured = False
    two.dynamo.fail_next(1, "lost_answer", operation="TransactWriteItems")

    two.nodes.placing.delete(node_id(1), reach=EVERYWHERE)

    assert two.node() is None
    assert two.node_count() == 1


def test_node_move_with_a_lost_answer_happens_once(two):
    two.dynamo.tokens_honoured = False
    two.dynamo.fail_next(1, "lost_answer", operation="TransactWriteItems")

    two.nodes.placing.change_cluster(node_id(1), "beta", reach=EVERYWHERE)

    assert (two.node_count("alpha"), two.node_count("beta")) == (0, 1)


def test_node_moved_during_its_deletion_leaves_correct_counts(two):
    two.dynamo.before_next(
        lambda: two.nodes.placing.change_cluster(node_id(1), "beta", reach=EVERYWHERE),
        operation="TransactWriteItems",
        table=NODES,
    )

    two.nodes.placing.delete(node_id(1), reach=EVERYWHERE)

    assert two.node() is None
    assert (two.node_count("alpha"), two.node_count("beta")) == (0, 0)


@pytest.mark.parametrize("conflicts", [0.3, 0.6])
def test_transaction_conflicts_of_node_moves_are_retried(two, conflicts):
    two.dynamo.conflicts(conflicts)

    two.nodes.placing.change_cluster(node_id(1), "beta", reach=EVERYWHERE)
    two.nodes.placing.delete(node_id(1), reach=EVERYWHERE)

    assert (two.node_count("alpha"), two.node_count("beta")) == (0, 0)
