import pytest

from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import Delete
from tests.unit.fleet.nodes.world import node_id


def refused(world, bearer):
    with pytest.raises(EdgeError) as caught:
        world.nodes.identity.authenticate(bearer)
    return caught.value.kind


def test_authentication_takes_one_call(world):
    registered = world.enrol()

    assert world.calls(lambda: world.agent(registered)) == 1
    assert world.tables.meter.calls[0].operation == "BatchGetItem"


def test_touch_within_thirty_seconds_makes_no_call(world):
    registered = world.enrol()
    world.call(registered)
    world.clock.advance(29)
    agent = world.agent(registered)

    assert world.calls(lambda: world.nodes.health.touch(agent)) == 0
    world.clock.advance(1)
    assert world.calls(lambda: world.nodes.health.touch(agent)) == 1
    assert world.presence().last_seen_at == "2026-11-21T10:00:30Z"


@pytest.mark.parametrize("bearer", [None, "", "x", "master-key"])
def test_malformed_token_is_refused_without_a_call(world, bearer):
    assert world.calls(lambda: refused(world, bearer)) == 0
    assert refused(world, bearer) is Kind.UNAUTHORIZED


def test_token_with_one_changed_character_is_refused(world):
    token = world.enrol().secrets.api_token
    other = "A" if token[-1] != "A" else "B"

    assert refused(world, token[:-1] + other) is Kind.UNAUTHORIZED


def test_token_of_unknown_node_is_refused_at_the_same_cost(world):
    token = world.enrol(1).secrets.api_token
    wrong = token[:30] + ("A" if token[30] != "A" else "B") + token[31:]
    calls = world.calls(lambda: refused(world, wrong))
    world.tables.write(Delete(NODES, {"id": node_id(1)}), "test.never")

    assert refused(world, token) is Kind.UNAUTHORIZED
    assert world.calls(lambda: refused(world, token)) == calls == 2


def test_token_of_deleted_node_is_refused_with_node_removed(world):
    token = world.enrol(1).secrets.api_token
    world.nodes.placing.delete(node_id(1), reach=EVERYWHERE)

    with pytest.raises(EdgeError) as caught:
        world.nodes.identity.authenticate(token)

    assert (caught.value.kind, caught.value.code) == (Kind.UNAUTHORIZED, "node_removed")


def test_token_mixed_from_two_nodes_is_refused(world):
    one, two = world.enrol(1).secrets.api_token, world.enrol(2).secrets.api_token
    mixed = one[:21] + two[21:]

    assert refused(world, mixed) is Kind.UNAUTHORIZED


def test_authentication_writes_nothing(world):
    registered = world.enrol()
    before = world.dynamo.rows(NODES)

    world.agent(registered)

    assert world.dynamo.rows(NODES) == before
