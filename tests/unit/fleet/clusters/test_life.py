"""What happens to a cluster after it was made: its limit, its places, its end."""

from functools import partial

import pytest

from chalicelib.fleet.clusters.rules import below_count, not_empty
from chalicelib.fleet.clusters.store import TABLE, release_slot, reserve_slot, still_there
from chalicelib.fleet.clusters.subnet_store import SUBNETS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import ConditionFailedError, TransactionFailedError
from tests.unit.fleet.enrollment.world import World


def refusal(kind, call, *arguments):
    with pytest.raises(EdgeError) as caught:
        call(*arguments)
    assert caught.value.kind is kind
    return caught.value


# -- change ------------------------------------------------------------------------------------------------------------


def test_node_limit_is_set_and_lifted():
    world = World()
    world.cluster("one")
    world.clock.advance(60)

    limited = world.clusters.change_node_limit("one", 7, reach=EVERYWHERE)
    lifted = world.clusters.change_node_limit("one", None, reach=EVERYWHERE)

    assert (limited.node_limit, limited.updated_at) == (7, "2026-11-21T10:01:00Z")
    assert lifted.node_limit is None
    assert "node_limit" not in world.fake.rows(TABLE)[0]


def test_node_limit_above_the_range_is_refused():
    world = World()
    world.cluster("one")

    error = refusal(Kind.VALIDATION_FAILED, partial(world.clusters.change_node_limit, reach=EVERYWHERE), "one", 237)

    assert list(error.details) == ["node_limit"]


def test_node_limit_below_a_just_raised_count_is_refused():
    world = World()
    cluster = world.cluster("one")
    world.enrol(cluster)
    world.fake.before_next(lambda: world.enrol(cluster), operation="UpdateItem", table=TABLE)

    error = refusal(Kind.VALIDATION_FAILED, partial(world.clusters.change_node_limit, reach=EVERYWHERE), "one", 1)

    assert error.details == below_count(2).details
    assert world.clusters.get("one", reach=EVERYWHERE).node_limit is None


def test_node_limit_of_cluster_deleted_meanwhile_is_not_found():
    world = World()
    world.cluster("one")
    world.fake.before_next(lambda: world.clusters.delete("one", reach=EVERYWHERE), operation="UpdateItem", table=TABLE)

    refusal(Kind.NOT_FOUND, partial(world.clusters.change_node_limit, reach=EVERYWHERE), "one", 5)
    assert world.fake.rows(TABLE) == []


# -- places ------------------------------------------------------------------------------------------------------------


def test_concurrent_enrolments_for_the_last_slot_admit_one():
    world = World()
    cluster = world.cluster("one", node_limit=2)
    world.enrol(cluster)
    world.fake.latency(0.005)

    outcomes = world.clock.run_together([lambda: world.enrol(cluster)] * 5)

    assert sum(isinstance(outcome, ConditionFailedError) for outcome in outcomes) == 4
    assert world.clusters.get("one", reach=EVERYWHERE).node_count == 2


def test_node_count_change_costs_one_write_and_keeps_updated_at():
    world = World()
    cluster = world.cluster("one")
    world.clock.advance(60)
    world.tables.meter.reset()

    world.enrol(cluster)

    assert world.tables.meter.write_units == 1
    assert world.clusters.get("one", reach=EVERYWHERE).updated_at == cluster.updated_at


def test_slot_of_a_deleted_cluster_is_not_reserved_in_its_successor():
    world = World()
    old = world.cluster("one")
    world.clusters.delete("one", reach=EVERYWHERE)
    world.cluster("one")

    for write in (reserve_slot(old), release_slot("one", old.id)):
        with pytest.raises(ConditionFailedError):
            world.tables.write(write, "node.registered")
    assert world.clusters.get("one", reach=EVERYWHERE).node_count == 0


def test_cluster_existence_check_compares_the_id():
    world = World()
    old = world.cluster("one")
    world.tables.commit([still_there(old)], "anything")
    world.clusters.delete("one", reach=EVERYWHERE)
    world.cluster("one")

    with pytest.raises(TransactionFailedError):
        world.tables.commit([still_there(old)], "anything")


# -- delete ------------------------------------------------------------------------------------------------------------


def test_cluster_deletion_removes_its_row_and_frees_its_range():
    world = World()
    world.cluster("one")

    world.clusters.delete("one", reach=EVERYWHERE)

    refusal(Kind.NOT_FOUND, partial(world.clusters.get, reach=EVERYWHERE), "one")
    refusal(Kind.NOT_FOUND, partial(world.clusters.delete, reach=EVERYWHERE), "one")
    assert [row["start"] for row in world.fake.rows(SUBNETS)] == [-1]


def test_cluster_with_nodes_cannot_be_deleted():
    world = World()
    cluster = world.cluster("one")
    for _ in range(3):
        world.enrol(cluster)

    error = refusal(Kind.CONFLICT, partial(world.clusters.delete, reach=EVERYWHERE), "one")

    assert error.message == not_empty(3).message
    assert world.clusters.get("one", reach=EVERYWHERE).node_count == 3


def test_cluster_deletion_overtaken_by_an_enrolment_is_refused():
    world = World()
    cluster = world.cluster("one")
    world.fake.before_next(lambda: world.enrol(cluster), operation="TransactWriteItems")

    error = refusal(Kind.CONFLICT, partial(world.clusters.delete, reach=EVERYWHERE), "one")

    assert error.message == not_empty(1).message
    assert len(world.fake.rows(SUBNETS)) == 2


def test_enrolment_overtaken_by_a_cluster_deletion_is_refused():
    world = World()
    cluster = world.cluster("one")
    world.fake.before_next(lambda: world.clusters.delete("one", reach=EVERYWHERE), operation="UpdateItem", table=TABLE)

    with pytest.raises(ConditionFailedError):
        world.enrol(cluster)
    assert world.fake.rows(TABLE) == []


def test_cluster_recreated_during_a_deletion_is_kept():
    world = World()
    world.cluster("one")

    def recreate():
        world.clusters.delete("one", reach=EVERYWHERE)
        world.cluster("one")

    world.fake.before_next(recreate, operation="TransactWriteItems")

    refusal(Kind.NOT_FOUND, partial(world.clusters.delete, reach=EVERYWHERE), "one")
    assert len(world.fake.rows(TABLE)) == 1


@pytest.mark.parametrize("honoured", [True, False])
def test_cluster_deletion_with_a_lost_answer_succeeds(honoured):
    world = World()
    world.fake.tokens_honoured = honoured
    world.cluster("one")
    world.fake.fail_next(1, "lost_answer", operation="TransactWriteItems")

    world.clusters.delete("one", reach=EVERYWHERE)

    assert world.fake.rows(TABLE) == []


def test_concurrent_cluster_deletions_free_every_range():
    world = World()
    names = [f"c{n}" for n in range(8)]
    for name in names:
        world.cluster(name)
    world.fake.latency(0.005)
    world.fake.transaction_seconds(0.01)

    outcomes = world.clock.run_together(
        [lambda name=name: world.clusters.delete(name, reach=EVERYWHERE) for name in names]
    )

    assert outcomes == [None] * 8
    assert world.cluster("next").ipv4_range == "100.64.0.0/24"


def test_clusters_found_by_names_are_unique_and_known():
    world = World()
    one, two = world.cluster("one"), world.cluster("two")

    assert world.clusters.find_many(["two", "none", "one", "two"]) == [two, one]
    assert world.clusters.find("none") is None
