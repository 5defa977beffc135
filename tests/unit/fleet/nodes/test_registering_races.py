"""Registrations beside others: for the last place, of one machine twice, and while the node or its cluster changes."""

from datetime import timedelta

import pytest

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.nodes.model import Status
from chalicelib.fleet.nodes.registering import RACE_SECONDS
from chalicelib.fleet.nodes.rules import unknown_network
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import Add, Delete, Update
from tests.support.fakes.dynamo import Crash
from tests.unit.fleet.nodes.world import World, node_id, refused


def test_concurrent_registrations_for_the_last_slot_admit_one():
    world = World()
    world.cluster(node_limit=1)
    tokens = [world.token(), world.token()]
    world.dynamo.latency(0.01)

    outcomes = world.clock.run_together(
        [
            lambda number=number: world.nodes.registering.register(world.registration(number), tokens[number - 1], None)
            for number in (1, 2)
        ]
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["EdgeError", "Registered"]
    assert len(world.dynamo.rows(NODES)) == world.node_count() == 1


@pytest.mark.parametrize("head_start_seconds", [0, 0.005, 0.015, 0.025])
def test_cluster_deletion_during_a_registration_fails_exactly_one(world, head_start_seconds):
    token = world.token()
    world.dynamo.latency(0.01)

    def enrol():
        world.clock.sleep(head_start_seconds)
        return world.nodes.registering.register(world.registration(), token, None)

    enrolled, deleted = world.clock.run_together([enrol, lambda: world.clusters.delete("alpha", reach=EVERYWHERE)])

    failures = [outcome for outcome in (enrolled, deleted) if isinstance(outcome, EdgeError)]
    assert [error.kind for error in failures] in ([Kind.VALIDATION_FAILED], [Kind.CONFLICT])
    assert (world.clusters.find("alpha") is None) == (world.node() is None)


def test_cluster_recreated_after_verification_takes_no_node(world):
    token = world.token()
    world.clusters.delete("alpha", reach=EVERYWHERE)
    world.cluster("alpha")

    error = refused(world.nodes.registering.register, world.registration(), token, None)

    assert error.details == unknown_network().details
    assert world.node_count() == 0


@pytest.mark.parametrize("lost", ["answer", "process"])
def test_registration_repeated_after_a_lost_answer_or_crash_succeeds(world, lost):
    token = world.token()
    if lost == "answer":
        world.dynamo.fail_next(1, "lost_answer", operation="TransactWriteItems")
        world.nodes.registering.register(world.registration(), token, None)
    else:
        world.dynamo.crash_after(1)
        with pytest.raises(Crash):
            world.nodes.registering.register(world.registration(), token, None)

    again = world.nodes.registering.register(world.registration(), token, None)

    assert world.agent(again).node.id == node_id(1)
    assert world.node_count() == 1


def test_concurrent_registrations_of_one_node_leave_one_valid_token(world):
    token = world.token()
    world.dynamo.latency(0.01)

    outcomes = world.clock.run_together(
        [lambda: world.nodes.registering.register(world.registration(), token, None)] * 2
    )

    good = []
    for outcome in outcomes:
        try:
            good.append(world.agent(outcome))
        except EdgeError as error:
            assert error.kind is Kind.UNAUTHORIZED  # noqa: PT017 - the older of the two answers
    assert len(good) == 1
    assert world.node_count() == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_two_hundred_concurrent_registrations_in_one_cluster_succeed(world, seed):
    tokens = [world.token() for _ in range(200)]
    world.dynamo.latency(0.005)
    world.dynamo.transaction_seconds(0.02)
    world.dynamo.conflicts(0.2, seed=seed)
    started = world.clock.now()

    outcomes = world.clock.run_together(
        [
            lambda number=number: world.nodes.registering.register(world.registration(number), tokens[number], None)
            for number in range(200)
        ]
    )

    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    assert world.node_count() == 200
    assert 5 < (world.clock.now() - started).total_seconds() < 30  # longer than others repeat: patience is needed


@pytest.mark.parametrize("race_seconds", [4.5, 19])
def test_contended_registration_is_refused_before_the_gateway_timeout(world, race_seconds):
    """Every try finds the node changed; when that has gone on for long, the row stays in conflict as well."""
    registered = world.enrol()
    started = world.clock.now()

    def be_faster() -> None:
        world.dynamo.write(Update(NODES, {"id": node_id(1)}, (Add("version", 1),)))
        if world.clock.now() < started + timedelta(seconds=race_seconds):
            world.dynamo.before_next(be_faster, operation="TransactWriteItems")
        else:
            world.dynamo.before_next(lambda: world.dynamo.conflicts(1.0), operation="TransactWriteItems")

    be_faster()
    with pytest.raises(EdgeError) as caught:
        world.nodes.registering.register(world.registration(), None, registered.secrets.api_token)
    assert caught.value.kind is Kind.UNAVAILABLE
    assert 4 < (world.clock.now() - started).total_seconds() < 28


def test_reregistration_replaces_the_open_socket(world):
    registered = world.enrol()
    world.connect(registered, "socket-1")

    again = world.nodes.registering.register(world.registration(), None, registered.secrets.api_token)

    assert world.node().replaced_connection_id == "socket-1"
    assert world.presence().connection_id is None
    third = world.nodes.registering.register(world.registration(), None, again.secrets.api_token)
    assert third.node.replaced_connection_id is None


def test_socket_opened_during_a_reregistration_is_replaced(world):
    registered = world.enrol()
    world.dynamo.before_next(lambda: world.connect(registered, "socket-1"), operation="TransactWriteItems", table=NODES)

    world.nodes.registering.register(world.registration(), None, registered.secrets.api_token)

    assert world.node().replaced_connection_id == "socket-1"
    assert world.presence().connection_id is None


def test_deleted_node_needs_a_new_token_to_register(world):
    registered = world.enrol()
    world.nodes.placing.delete(node_id(1), reach=EVERYWHERE)
    world.clock.advance(24 * 3600)

    assert refused(world.nodes.registering.register, world.registration(), None, registered.secrets.api_token).code == (
        "node_removed"
    )
    world.newer_key()
    world.enrol()
    assert world.node().inserted_at == "2026-11-22T10:00:01Z"
    assert world.node_count() == 1


def test_registration_that_can_never_succeed_ends_before_the_gateway(world):
    """The row of the cluster that it leaves is lost: damage that no retry mends."""
    world.cluster("beta")
    registered = world.enrol()
    world.call(registered)
    world.tables.write(Delete(CLUSTERS, {"name": "alpha"}), "test.damage")
    token = world.token("beta")
    before = world.dynamo.snapshot()
    started = world.clock.now()

    error = refused(
        world.nodes.registering.register, world.registration(1, "beta"), token, registered.secrets.api_token
    )

    assert error.kind is Kind.UNAVAILABLE
    assert RACE_SECONDS - 0.2 <= (world.clock.now() - started).total_seconds() <= RACE_SECONDS
    assert world.dynamo.snapshot() == before


def test_node_moved_during_its_reregistration_stays_moved(world):
    world.cluster("beta")
    registered = world.enrol()
    world.dynamo.before_next(
        lambda: world.nodes.placing.change_cluster(node_id(1), "beta", reach=EVERYWHERE),
        operation="TransactWriteItems",
        table=NODES,
    )

    again = world.nodes.registering.register(world.registration(1, "alpha"), None, registered.secrets.api_token)

    assert again.node.cluster_name == world.node().cluster_name == "beta"
    assert (world.node_count("alpha"), world.node_count("beta")) == (0, 1)


def test_node_deleted_during_its_reregistration_stays_deleted(world):
    registered = world.enrol()
    world.dynamo.before_next(
        lambda: world.nodes.placing.delete(node_id(1), reach=EVERYWHERE), operation="TransactWriteItems", table=NODES
    )

    error = refused(world.nodes.registering.register, world.registration(), None, registered.secrets.api_token)

    assert error.code == "node_removed"
    assert world.node() is None
    assert world.node_count() == 0


def test_previous_api_token_reregisters_repeatedly(world):
    first = world.enrol()
    world.call(first)

    for _ in range(3):
        world.clock.advance(1000)
        found = world.nodes.registering.register(world.registration(), None, first.secrets.api_token)

    assert world.agent(found).node.id == node_id(1)


@pytest.mark.parametrize("with_bearer", [True, False])
def test_registration_token_sets_the_cluster_of_a_node_once(world, with_bearer):
    world.cluster("beta")
    token = world.token("alpha")
    registered = world.nodes.registering.register(world.registration(), token, None)
    world.nodes.placing.change_cluster(node_id(1), "beta", reach=EVERYWHERE)

    again = world.nodes.registering.register(
        world.registration(), token, registered.secrets.api_token if with_bearer else None
    )

    assert again.node.cluster_name == "beta"
    assert (world.node_count("alpha"), world.node_count("beta")) == (0, 1)


def test_node_of_a_full_cluster_reregisters_despite_a_race():
    world = World()
    world.cluster(node_limit=1)
    registered = world.enrol()
    world.dynamo.before_next(
        lambda: world.nodes.health.report(world.agent(registered), Status.UNHEALTHY),
        operation="TransactWriteItems",
        table=NODES,
    )

    again = world.nodes.registering.register(world.registration(), None, registered.secrets.api_token)

    assert world.agent(again).node.status is Status.HEALTHY
    assert world.node_count() == 1
