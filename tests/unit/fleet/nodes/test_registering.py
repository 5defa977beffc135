import pytest

from chalicelib.fleet.enrollment.rules import unusable_token
from chalicelib.fleet.nodes.model import Status
from chalicelib.fleet.nodes.rules import already_registered, full_network, no_network, other_network
from chalicelib.fleet.nodes.store import NODES, PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import Kind
from tests.unit.fleet.nodes.world import World, node_id, refused


def test_new_node_gets_slot_presence_and_working_token(world):
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
    assert world.nodes.vault.open(node) == registered.secrets
    assert world.operations_since(position) == [("INSERT", "node.registered")]


def test_registration_takes_two_reads_and_one_transaction(world):
    token = world.token()

    calls = world.calls(lambda: world.nodes.registering.register(world.registration(), token, None))

    assert calls == 3
    assert [call.operation for call in world.tables.meter.calls].count("TransactWriteItems") == 1


def test_registration_secrets_are_neither_stored_in_clear_nor_printed(world):
    registered = world.enrol()
    secrets = [registered.secrets.api_token, registered.secrets.proxy_password]

    printed = f"{registered!r} {world.node()!r} {world.agent(registered)!r} {world.presence()!r}"
    stored = repr(world.dynamo.rows(NODES)) + repr(world.dynamo.rows(PRESENCE))

    assert all(secret not in printed + stored for secret in secrets)
    assert world.node().token_digest not in printed


@pytest.mark.parametrize("token", [None, "", "nonsense"])
def test_new_node_without_a_valid_token_is_refused(world, token):
    error = refused(world.nodes.registering.register, world.registration(), token, None)

    assert (error.kind, error.details) == (
        Kind.VALIDATION_FAILED,
        unusable_token().details,
    )
    assert world.node() is None
    assert world.node_count() == 0


def test_registration_for_another_network_than_the_tokens_is_refused(world):
    world.cluster("beta")
    strange = world.registration().model_copy(update={"network_name": "alpha"})

    assert refused(world.nodes.registering.register, strange, world.token(), None).details == no_network().details
    assert (
        refused(world.nodes.registering.register, world.registration(1, "beta"), world.token("alpha"), None).details
        == other_network().details
    )
    assert world.node() is None


def test_repeated_registration_gives_fresh_secrets(world):
    token = world.token()
    position = world.dynamo.stream_position
    lost = world.nodes.registering.register(world.registration(), token, None)

    again = world.nodes.registering.register(world.registration(), token, None)

    assert again.secrets.api_token != lost.secrets.api_token
    assert world.agent(again).node.id == node_id(1)
    assert refused(world.agent, lost).kind is Kind.UNAUTHORIZED
    assert world.node_count() == 1
    assert world.operations_since(position) == [("INSERT", "node.registered"), ("MODIFY", "node.reregistered")]


def test_registration_token_enrols_one_node_only(world):
    token = world.token()
    world.nodes.registering.register(world.registration(1), token, None)

    error = refused(world.nodes.registering.register, world.registration(2), token, None)

    assert error.details == unusable_token().details
    assert world.node_count() == 1


def test_registration_token_used_concurrently_enrols_one_node(world):
    token = world.token()
    world.dynamo.latency(0.01)

    outcomes = world.clock.run_together(
        [
            lambda number=number: world.nodes.registering.register(world.registration(number), token, None)
            for number in (1, 2)
        ]
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["EdgeError", "Registered"]
    assert len(world.dynamo.rows(NODES)) == world.node_count() == 1


def test_known_node_id_without_proof_is_refused(world):
    registered = world.enrol()
    world.call(registered)
    before = world.dynamo.snapshot()

    for proof in ({"registration_token": None, "bearer": None}, {"registration_token": None, "bearer": "x" * 64}):
        error = refused(world.nodes.registering.register, world.registration(), **proof)
        assert error.details == already_registered().details
    assert world.dynamo.snapshot() == before


def test_fresh_registration_token_does_not_take_over_an_active_node(world):
    registered = world.enrol()
    world.call(registered)

    error = refused(world.nodes.registering.register, world.registration(), world.token(), None)

    assert error.details == already_registered().details
    assert world.agent(registered).node.id == node_id(1)


def test_node_with_a_lost_answer_registers_with_a_fresh_token_of_its_key(world):
    world.enrol()
    world.clock.advance(3 * 24 * 3600)

    again = world.nodes.registering.register(world.registration(), world.token(number=1), None)

    assert world.agent(again).node.id == node_id(1)
    assert world.node_count() == 1


def test_registration_token_of_another_key_is_no_proof(world):
    world.enrol()
    other = world.enrollment.verify(world.key(), None).registration_token

    assert (
        refused(world.nodes.registering.register, world.registration(), other, None).details
        == already_registered().details
    )


def test_reregistration_with_the_api_token_updates_the_node(world):
    registered = world.enrol()
    world.clock.advance(100)

    said = world.registration(agent_version="2.0.0")
    again = world.nodes.registering.register(said, None, registered.secrets.api_token)

    node = world.node()
    assert (node.agent_version, node.inserted_at, node.updated_at) == (
        "2.0.0",
        "2026-11-21T10:00:00Z",
        "2026-11-21T10:01:40Z",
    )
    assert node.version == 2
    assert world.agent(again).node.agent_version == "2.0.0"


def test_previous_api_token_reregisters_for_an_hour_and_nothing_else(world):
    first = world.enrol()
    world.call(first)
    lost = world.nodes.registering.register(world.registration(), None, first.secrets.api_token)

    assert refused(world.agent, first).kind is Kind.UNAUTHORIZED
    world.clock.advance(3599)
    found = world.nodes.registering.register(world.registration(), None, first.secrets.api_token)
    assert world.agent(found).node.id == node_id(1)
    assert refused(world.agent, lost).kind is Kind.UNAUTHORIZED


def test_hour_of_the_previous_api_token_is_not_extended_by_use(world):
    first = world.enrol()
    world.call(first)
    world.nodes.registering.register(world.registration(), None, first.secrets.api_token)
    world.clock.advance(3000)
    world.call(world.nodes.registering.register(world.registration(), None, first.secrets.api_token))
    world.clock.advance(600)

    error = refused(world.nodes.registering.register, world.registration(), None, first.secrets.api_token)

    assert error.details == already_registered().details


def test_reregistration_keeps_a_cluster_set_by_an_operator(world):
    world.cluster("beta")
    registered = world.enrol()
    world.nodes.placing.change_cluster(node_id(1), "beta", reach=EVERYWHERE)

    again = world.nodes.registering.register(world.registration(1, "alpha"), None, registered.secrets.api_token)

    assert again.node.cluster_name == "beta"
    assert (world.node_count("alpha"), world.node_count("beta")) == (0, 1)


def test_reregistration_with_a_token_of_another_cluster_moves_the_node(world):
    world.cluster("beta")
    registered = world.enrol()
    world.call(registered)

    moved = world.nodes.registering.register(
        world.registration(1, "beta"), world.token("beta"), registered.secrets.api_token
    )

    assert moved.node.cluster_name == "beta"
    assert (world.node_count("alpha"), world.node_count("beta")) == (0, 1)


def test_expired_registration_token_beside_a_valid_bearer_is_ignored(world):
    token = world.token()
    registered = world.nodes.registering.register(world.registration(), token, None)
    world.clock.advance(24 * 3600)

    again = world.nodes.registering.register(world.registration(), token, registered.secrets.api_token)

    assert world.agent(again).node.id == node_id(1)


def test_registration_in_a_full_cluster_is_refused():
    world = World()
    world.cluster(node_limit=1)
    second = world.token()
    world.enrol(1)

    error = refused(world.nodes.registering.register, world.registration(2), second, None)

    assert error.details == full_network(1).details
    assert world.node(2) is None
