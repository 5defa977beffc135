from datetime import timedelta

import pytest

from chalicelib.clusters.store import TABLE as CLUSTERS
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import Add, Delete, Update
from chalicelib.nodes.model import Status
from chalicelib.nodes.registering import RACE_SECONDS
from chalicelib.nodes.store import NODES, PRESENCE
from tests.fakes.dynamo import Crash
from tests.unit.nodes.world import World, node_id


def refused(call, *arguments, **options) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        call(*arguments, **options)
    return caught.value


def test_a_new_node_is_enrolled_with_place_presence_and_working_token(world):
    position = world.dynamo.stream_position

    registered = world.enrol()

    node = world.node()
    assert (node.cluster_name, node.status, node.agent_version) == ("alpha", Status.HEALTHY, "1.0.0")
    assert node.inserted_at == node.updated_at == node.last_seen_at == "2026-11-21T10:00:00Z"
    assert world.node_count() == 1
    assert world.presence().health_due == "2026-11-21T10:05:00Z"
    assert world.agent(registered).node.id == node_id(1)
    assert len(registered.secrets.api_token) == 64
    assert len(registered.secrets.proxy_password) == 43
    assert world.nodes.secrets_of(node) == registered.secrets
    assert world.operations_since(position) == [("INSERT", "node.registered")]


def test_enrolling_takes_two_reads_and_one_transaction(world):
    token = world.token()

    calls = world.calls(lambda: world.nodes.register(world.registration(), token, None))

    assert calls == 3
    assert [call.operation for call in world.tables.meter.calls].count("TransactWriteItems") == 1


def test_no_secret_stands_in_a_row_or_in_what_is_printed(world):
    registered = world.enrol()
    secrets = [registered.secrets.api_token, registered.secrets.proxy_password]

    printed = f"{registered!r} {world.node()!r} {world.agent(registered)!r} {world.presence()!r}"
    stored = repr(world.dynamo.rows(NODES)) + repr(world.dynamo.rows(PRESENCE))

    assert all(secret not in printed + stored for secret in secrets)
    assert world.node().token_digest not in printed


@pytest.mark.parametrize("token", [None, "", "nonsense"])
def test_a_new_node_without_a_token_is_refused(world, token):
    error = refused(world.nodes.register, world.registration(), token, None)

    assert (error.kind, error.details) == (
        Kind.VALIDATION_FAILED,
        {"registration_token": ["is invalid or expired"]},
    )
    assert world.node() is None
    assert world.node_count() == 0


def test_the_network_must_be_one_of_a_cluster_and_the_tokens(world):
    world.cluster("beta")
    strange = world.registration().model_copy(update={"network_name": "alpha"})

    assert refused(world.nodes.register, strange, world.token(), None).details == {
        "network_name": ["must start with 'cluster-'"]
    }
    assert refused(world.nodes.register, world.registration(1, "beta"), world.token("alpha"), None).details == {
        "network_name": ["is not the network of the registration token"]
    }
    assert world.node() is None


def test_a_repeat_with_the_same_token_is_answered_with_fresh_secrets(world):
    token = world.token()
    position = world.dynamo.stream_position
    lost = world.nodes.register(world.registration(), token, None)

    again = world.nodes.register(world.registration(), token, None)

    assert again.secrets.api_token != lost.secrets.api_token
    assert world.agent(again).node.id == node_id(1)
    assert refused(world.agent, lost).kind is Kind.UNAUTHORIZED
    assert world.node_count() == 1
    assert world.operations_since(position) == [("INSERT", "node.registered"), ("MODIFY", "node.reregistered")]


def test_a_token_enrols_one_machine_only(world):
    token = world.token()
    world.nodes.register(world.registration(1), token, None)

    error = refused(world.nodes.register, world.registration(2), token, None)

    assert error.details == {"registration_token": ["is invalid or expired"]}
    assert world.node_count() == 1


def test_a_token_raced_for_by_two_machines_enrols_one(world):
    token = world.token()
    world.dynamo.latency(0.01)

    outcomes = world.clock.run_together(
        [lambda number=number: world.nodes.register(world.registration(number), token, None) for number in (1, 2)]
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["EdgeError", "Registered"]
    assert len(world.dynamo.rows(NODES)) == world.node_count() == 1


def test_a_known_id_without_proof_is_refused_and_keeps_its_token(world):
    registered = world.enrol()
    world.call(registered)
    before = world.dynamo.snapshot()

    for proof in ({"registration_token": None, "bearer": None}, {"registration_token": None, "bearer": "x" * 64}):
        error = refused(world.nodes.register, world.registration(), **proof)
        assert error.details == {"node_id": ["is already registered"]}
    assert world.dynamo.snapshot() == before


def test_a_fresh_token_of_the_same_key_does_not_take_over_a_node_that_uses_its_token(world):
    registered = world.enrol()
    world.call(registered)

    error = refused(world.nodes.register, world.registration(), world.token(), None)

    assert error.details == {"node_id": ["is already registered"]}
    assert world.agent(registered).node.id == node_id(1)


def test_a_machine_whose_answer_was_lost_comes_back_with_a_fresh_token_of_its_key(world):
    world.enrol()
    world.clock.advance(3 * 24 * 3600)

    again = world.nodes.register(world.registration(), world.token(number=1), None)

    assert world.agent(again).node.id == node_id(1)
    assert world.node_count() == 1


def test_a_token_of_another_key_is_no_proof_even_if_the_answer_was_lost(world):
    world.enrol()
    other = world.enrollment.verify(world.key(), None).registration_token

    assert refused(world.nodes.register, world.registration(), other, None).details == {
        "node_id": ["is already registered"]
    }


def test_a_node_comes_back_with_its_own_token_and_new_facts(world):
    registered = world.enrol()
    world.clock.advance(100)

    again = (
        world.nodes.register(world.registration(agent_version="2.0.0", http_port=1), None, registered.secrets.api_token)
        if False
        else world.nodes.register(world.registration(agent_version="2.0.0"), None, registered.secrets.api_token)
    )

    node = world.node()
    assert (node.agent_version, node.inserted_at, node.updated_at) == (
        "2.0.0",
        "2026-11-21T10:00:00Z",
        "2026-11-21T10:01:40Z",
    )
    assert node.version == 2
    assert world.agent(again).node.agent_version == "2.0.0"


def test_the_previous_token_re_registers_for_an_hour_and_does_nothing_else(world):
    first = world.enrol()
    world.call(first)
    lost = world.nodes.register(world.registration(), None, first.secrets.api_token)

    assert refused(world.agent, first).kind is Kind.UNAUTHORIZED
    world.clock.advance(3599)
    found = world.nodes.register(world.registration(), None, first.secrets.api_token)
    assert world.agent(found).node.id == node_id(1)
    assert refused(world.agent, lost).kind is Kind.UNAUTHORIZED


def test_the_hour_of_the_previous_token_does_not_start_again_when_it_is_used(world):
    first = world.enrol()
    world.call(first)
    world.nodes.register(world.registration(), None, first.secrets.api_token)
    world.clock.advance(3000)
    world.nodes.register(world.registration(), None, first.secrets.api_token)
    world.clock.advance(600)

    error = refused(world.nodes.register, world.registration(), None, first.secrets.api_token)

    assert error.details == {"node_id": ["is already registered"]}


def test_a_node_that_comes_back_stays_where_an_operator_put_it(world):
    world.cluster("beta")
    registered = world.enrol()
    world.nodes.change_cluster(node_id(1), "beta")

    again = world.nodes.register(world.registration(1, "alpha"), None, registered.secrets.api_token)

    assert again.node.cluster_name == "beta"
    assert (world.node_count("alpha"), world.node_count("beta")) == (0, 1)


def test_its_own_token_and_a_fresh_one_of_another_cluster_move_a_node(world):
    world.cluster("beta")
    registered = world.enrol()
    world.call(registered)

    moved = world.nodes.register(world.registration(1, "beta"), world.token("beta"), registered.secrets.api_token)

    assert moved.node.cluster_name == "beta"
    assert (world.node_count("alpha"), world.node_count("beta")) == (0, 1)


def test_an_expired_registration_token_does_not_stand_in_the_way_of_a_good_bearer(world):
    token = world.token()
    registered = world.nodes.register(world.registration(), token, None)
    world.clock.advance(24 * 3600)

    again = world.nodes.register(world.registration(), token, registered.secrets.api_token)

    assert world.agent(again).node.id == node_id(1)


def test_a_full_cluster_takes_no_node_and_says_so():
    world = World()
    world.cluster(node_limit=1)
    second = world.token()
    world.enrol(1)

    error = refused(world.nodes.register, world.registration(2), second, None)

    assert error.details == {"network_name": ["cluster has reached its node limit of 1"]}
    assert world.node(2) is None


def test_two_machines_racing_for_the_last_place_get_one():
    world = World()
    world.cluster(node_limit=1)
    tokens = [world.token(), world.token()]
    world.dynamo.latency(0.01)

    outcomes = world.clock.run_together(
        [
            lambda number=number: world.nodes.register(world.registration(number), tokens[number - 1], None)
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
        return world.nodes.register(world.registration(), token, None)

    enrolled, deleted = world.clock.run_together([enrol, lambda: world.clusters.delete("alpha")])

    failures = [outcome for outcome in (enrolled, deleted) if isinstance(outcome, EdgeError)]
    assert [error.kind for error in failures] in ([Kind.VALIDATION_FAILED], [Kind.CONFLICT])
    assert (world.clusters.find("alpha") is None) == (world.node() is None)


def test_a_cluster_deleted_after_verification_takes_no_node(world):
    token = world.token()
    world.clusters.delete("alpha")
    world.cluster("alpha")

    error = refused(world.nodes.register, world.registration(), token, None)

    assert error.details == {"network_name": ["cluster does not exist"]}
    assert world.node_count() == 0


@pytest.mark.parametrize("lost", ["answer", "process"])
def test_whatever_is_lost_at_registration_the_machine_is_not(world, lost):
    token = world.token()
    if lost == "answer":
        world.dynamo.fail_next(1, "lost_answer", operation="TransactWriteItems")
        world.nodes.register(world.registration(), token, None)
    else:
        world.dynamo.crash_after(1)
        with pytest.raises(Crash):
            world.nodes.register(world.registration(), token, None)

    again = world.nodes.register(world.registration(), token, None)

    assert world.agent(again).node.id == node_id(1)
    assert world.node_count() == 1


def test_two_registrations_of_one_machine_at_once_leave_one_node_and_one_good_token(world):
    token = world.token()
    world.dynamo.latency(0.01)

    outcomes = world.clock.run_together([lambda: world.nodes.register(world.registration(), token, None)] * 2)

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
            lambda number=number: world.nodes.register(world.registration(number), tokens[number], None)
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
        world.nodes.register(world.registration(), None, registered.secrets.api_token)
    assert caught.value.kind is Kind.UNAVAILABLE
    assert 4 < (world.clock.now() - started).total_seconds() < 28


def test_a_registration_ends_the_socket_of_the_one_before(world):
    registered = world.enrol()
    world.connect(registered, "socket-1")

    again = world.nodes.register(world.registration(), None, registered.secrets.api_token)

    assert world.node().replaced_connection_id == "socket-1"
    assert world.presence().connection_id is None
    third = world.nodes.register(world.registration(), None, again.secrets.api_token)
    assert third.node.replaced_connection_id is None


def test_a_socket_opened_during_a_registration_is_not_forgotten(world):
    registered = world.enrol()
    world.dynamo.before_next(lambda: world.connect(registered, "socket-1"), operation="TransactWriteItems", table=NODES)

    world.nodes.register(world.registration(), None, registered.secrets.api_token)

    assert world.node().replaced_connection_id == "socket-1"
    assert world.presence().connection_id is None


def test_a_deleted_machine_needs_a_new_token_and_begins_anew(world):
    registered = world.enrol()
    world.nodes.delete(node_id(1))
    world.clock.advance(24 * 3600)

    assert refused(world.nodes.register, world.registration(), None, registered.secrets.api_token).details == {
        "registration_token": ["is invalid or expired"]
    }
    world.enrol()
    assert world.node().inserted_at == "2026-11-22T10:00:00Z"
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

    error = refused(world.nodes.register, world.registration(1, "beta"), token, registered.secrets.api_token)

    assert error.kind is Kind.UNAVAILABLE
    assert RACE_SECONDS - 0.2 <= (world.clock.now() - started).total_seconds() <= RACE_SECONDS
    assert world.dynamo.snapshot() == before


def test_a_node_moved_while_it_registers_stays_where_it_was_moved(world):
    world.cluster("beta")
    registered = world.enrol()
    world.dynamo.before_next(
        lambda: world.nodes.change_cluster(node_id(1), "beta"), operation="TransactWriteItems", table=NODES
    )

    again = world.nodes.register(world.registration(1, "alpha"), None, registered.secrets.api_token)

    assert again.node.cluster_name == world.node().cluster_name == "beta"
    assert (world.node_count("alpha"), world.node_count("beta")) == (0, 1)


def test_a_node_deleted_while_it_registers_is_not_half_there(world):
    registered = world.enrol()
    world.dynamo.before_next(lambda: world.nodes.delete(node_id(1)), operation="TransactWriteItems", table=NODES)

    error = refused(world.nodes.register, world.registration(), None, registered.secrets.api_token)

    assert error.details == {"registration_token": ["is invalid or expired"]}
    assert world.node() is None
    assert world.node_count() == 0


def test_the_previous_token_works_as_often_as_answers_are_lost(world):
    first = world.enrol()
    world.call(first)

    for _ in range(3):
        world.clock.advance(1000)
        found = world.nodes.register(world.registration(), None, first.secrets.api_token)

    assert world.agent(found).node.id == node_id(1)


@pytest.mark.parametrize("with_bearer", [True, False])
def test_a_registration_token_places_a_node_once(world, with_bearer):
    world.cluster("beta")
    token = world.token("alpha")
    registered = world.nodes.register(world.registration(), token, None)
    world.nodes.change_cluster(node_id(1), "beta")

    again = world.nodes.register(world.registration(), token, registered.secrets.api_token if with_bearer else None)

    assert again.node.cluster_name == "beta"
    assert (world.node_count("alpha"), world.node_count("beta")) == (0, 1)


def test_a_node_of_a_full_cluster_comes_back_even_if_it_is_overtaken():
    world = World()
    world.cluster(node_limit=1)
    registered = world.enrol()
    world.dynamo.before_next(
        lambda: world.nodes.report_health(world.agent(registered), Status.UNHEALTHY),
        operation="TransactWriteItems",
        table=NODES,
    )

    again = world.nodes.register(world.registration(), None, registered.secrets.api_token)

    assert world.agent(again).node.status is Status.HEALTHY
    assert world.node_count() == 1
