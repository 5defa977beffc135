"""Registration tokens: good for one machine, for a quarter of an hour."""

import pytest

from chalicelib.fleet.enrollment.store import TOKENS
from chalicelib.kit.crypto import digest
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import ConditionFailedError
from tests.unit.fleet.enrollment.world import World

NODE, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def world():
    world = World()
    world.cluster()
    return world


def redeem(world, token, node_id):
    """As registration does: look, then commit."""
    redemption = world.enrollment.redeem_token(token, node_id)
    world.tables.write(redemption.write, "node.registered")
    return redemption


def tokens(world):
    """The other rows are the uses that machines had."""
    return [row for row in world.fake.rows(TOKENS) if "key_id" in row]


def invalid_token(world, token, node_id):
    with pytest.raises(EdgeError) as caught:
        world.enrollment.redeem_token(token, node_id)
    assert caught.value.kind is Kind.VALIDATION_FAILED
    return caught.value.details == {"registration_token": ["is invalid or expired"]}


def test_registration_token_is_bound_to_its_first_node(world):
    key, blob = world.key()
    token = world.enrollment.verify(blob, None).registration_token

    first = redeem(world, token, NODE)
    again = redeem(world, token, NODE)

    assert (first.key_id, first.cluster_name, first.cluster_id) == (key.id, "prod", key.cluster_id)
    assert (first.already_bound, again.already_bound) == (False, True)
    assert invalid_token(world, token, OTHER)


def test_registration_token_of_a_named_node_is_invalid_for_others(world):
    _, blob = world.key()
    token = world.enrollment.verify(blob, NODE).registration_token

    assert invalid_token(world, token, OTHER)
    assert redeem(world, token, NODE).already_bound is False


def test_registration_token_expires_after_fifteen_minutes(world):
    _, blob = world.key()
    token = world.enrollment.verify(blob, NODE).registration_token
    redemption = world.enrollment.redeem_token(token, NODE)
    world.clock.advance(15 * 60 - 1)
    assert redeem(world, token, NODE).already_bound is False

    world.clock.advance(1)

    assert invalid_token(world, token, NODE)
    assert redemption.cluster_name == "prod"
    world.fake.collect_expired()
    assert tokens(world) != []
    world.clock.advance(1)
    world.fake.collect_expired()
    assert tokens(world) == []
    assert invalid_token(world, token, NODE)


def test_registration_token_used_by_two_nodes_belongs_to_the_first(world):
    _, blob = world.key()
    token = world.enrollment.verify(blob, None).registration_token
    slow = world.enrollment.redeem_token(token, OTHER)
    redeem(world, token, NODE)

    with pytest.raises(ConditionFailedError):
        world.tables.write(slow.write, "node.registered")

    assert world.fake.row(TOKENS, {"id": digest(token)})["node_id"] == NODE


def test_registration_token_collected_meanwhile_is_not_recreated(world):
    _, blob = world.key()
    token = world.enrollment.verify(blob, None).registration_token
    redemption = world.enrollment.redeem_token(token, NODE)
    world.clock.advance(20 * 60)
    world.fake.collect_expired()

    with pytest.raises(ConditionFailedError):
        world.tables.write(redemption.write, "node.registered")

    assert world.fake.rows(TOKENS) == []


@pytest.mark.parametrize("token", ["", "nonsense", "A" * 43])
def test_unknown_registration_token_is_invalid(world, token):
    assert invalid_token(world, token, NODE)
