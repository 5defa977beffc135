"""Registrations beside others: for the last place, of one machine twice, and while the node or its cluster changes."""

from datetime import timedelta

import pytest

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.nodes.model import Status
from chalicelib.fleet.nodes.registering import RACE_SECONDS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import Add, Delete, Update
from tests.support.fakes.dynamo import Crash
from tests.unit.fleet.nodes.world import World, node_id, refused


def test_two_machines_racing_for_the_last_place_get_one():
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
def test_deleting_a_cluster_while_a_node_enrols_fails_one_of_them_cleanly(world, head_start_seconds):
    token = world.token()
    world.dynamo.latency(0.01)

    def enrol():
        world.clock.sleep(head_start_seconds)
        return world.nodes.registering.register(world.registration(), token, None)

    enrolled, deleted = world.clock.run_together([enrol, lambda: world.clusters.delete("alpha")])

    failures = [outcome for outcome in (enrolled, deleted) if isinstance(outcome, EdgeError)]
    assert [error.kind for error in failures] in ([Kind.VALIDATION_FAILED], [Kind.CONFLICT])
    assert (world.clusters.find("alpha") is None) == (world.node() is None)


def test_a_cluster_deleted_after_verification_takes_no_node(world):
    token = world.token()
    world.clusters.delete("alpha")
    world.cluster("alpha")

    error = refused(world.nodes.registering.register, world.registration(), token, None)

    assert error.details == {"network_name": ["cluster does not exist"]}
    assert world.node_count() == 0


@pytest.mark.parametrize("lost", ["answer", "process"])
def test_whatever_is_lost_at_registration_the_machine_is_not(world, lost):
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


def test_two_registrations_of_one_machine_at_once_leave_one_node_and_one_good_token(world):
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
def test_two_hundred_agents_enrol_at_once_in_one_cluster(world, seed):
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
def test_who_meets_others_and_then_conflicts_is_told_before_the_gateway_gives_up(world, race_seconds):
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


def test_a_registration_ends_the_socket_of_the_one_before(world):
    registered = world.enrol()
    world.connect(registered, "socket-1")

    again = world.nodes.registering.register(world.registration(), None, registered.secrets.api_token)

    assert world.node().replaced_connection_id == "socket-1"
    assert world.presence().connection_id is None
    third = world.nodes.registering.register(world.registration(), None, again.secrets.api_token)
    assert third.node.replaced_connection_id is None


def test_a_socket_opened_during_a_registration_is_not_forgotten(world):
    registered = world.enrol()
    world.dynamo.before_next(lambda: world.connect(registered, "socket-1"), operation="TransactWriteItems", table=NODES)

    world.nodes.registering.register(world.registration(), None, registered.secrets.api_token)

    assert world.node().replaced_connection_id == "socket-1"
    assert world.presence().connection_id is None


def test_a_deleted_machine_needs_a_new_token_and_begins_anew(world):
    registered = world.enrol()
    world.nodes.placing.delete(node_id(1))
    world.clock.advance(24 * 3600)

    assert refused(world.nodes.registering.register, world.registration(), None, registered.secrets.api_token).code == (
        "node_removed"
    )
    world.newer_key()
    world.enrol()
    assert world.node().inserted_at == "2026-11-22T10:00:01Z"
    assert world.node_count() == 1


def test_a_registration_that_can_never_succeed_ends_before_the_gateway_does(world):
    """The count of the cluster that it would leave is lost: damage that no retry mends."""
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


def test_a_node_moved_while_it_registers_stays_where_it_was_moved(world):
    world.cluster("beta")
    registered = world.enrol()
    world.dynamo.before_next(
        lambda: world.nodes.placing.change_cluster(node_id(1), "beta"), operation="TransactWriteItems", table=NODES
    )

    again = world.nodes.registering.register(world.registration(1, "alpha"), None, registered.secrets.api_token)

    assert again.node.cluster_name == world.node().cluster_name == "beta"
    assert (world.node_count("alpha"), world.node_count("beta")) == (0, 1)


def test_a_node_deleted_while_it_registers_is_not_half_there(world):
    registered = world.enrol()
    world.dynamo.before_next(
        lambda: world.nodes.placing.delete(node_id(1)), operation="TransactWriteItems", table=NODES
    )

    error = refused(world.nodes.registering.register, world.registration(), None, registered.secrets.api_token)

    assert error.code == "node_removed"
    assert world.node() is None
    assert world.node_count() == 0


def test_the_previous_token_works_as_often_as_answers_are_lost(world):
    first = world.enrol()
    world.call(first)

    for _ in range(3):
        world.clock.advance(1000)
        found = world.nodes.registering.register(world.registration(), None, first.secrets.api_token)

    assert world.agent(found).node.id == node_id(1)


@pytest.mark.parametrize("with_bearer", [True, False])
def test_a_registration_token_places_a_node_once(world, with_bearer):
    world.cluster("beta")
    token = world.token("alpha")
    registered = world.nodes.registering.register(world.registration(), token, None)
    world.nodes.placing.change_cluster(node_id(1), "beta")

    again = world.nodes.registering.register(
        world.registration(), token, registered.secrets.api_token if with_bearer else None
    )

    assert again.node.cluster_name == "beta"
    assert (world.node_count("alpha"), world.node_count("beta")) == (0, 1)


def test_a_node_of_a_full_cluster_comes_back_even_if_it_is_overtaken():
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
