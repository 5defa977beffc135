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


def test_a_token_leads_to_the_cluster_and_is_bound_by_its_first_use(world):
    key, blob = world.key()
    token = world.enrollment.verify(blob, None).registration_token

    first = redeem(world, token, NODE)
    again = redeem(world, token, NODE)

    assert (first.key_id, first.cluster_name, first.cluster_id) == (key.id, "prod", key.cluster_id)
    assert (first.already_bound, again.already_bound) == (False, True)
    assert invalid_token(world, token, OTHER)


def test_a_token_of_a_named_machine_serves_no_other(world):
    _, blob = world.key()
    token = world.enrollment.verify(blob, NODE).registration_token

    assert invalid_token(world, token, OTHER)
    assert redeem(world, token, NODE).already_bound is False


def test_a_token_ends_after_fifteen_minutes(world):
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


def test_of_two_machines_with_one_token_the_first_has_it(world):
    _, blob = world.key()
    token = world.enrollment.verify(blob, None).registration_token
    slow = world.enrollment.redeem_token(token, OTHER)
    redeem(world, token, NODE)

    with pytest.raises(ConditionFailedError):
        world.tables.write(slow.write, "node.registered")

    assert world.fake.row(TOKENS, {"id": digest(token)})["node_id"] == NODE


def test_a_token_that_was_collected_meanwhile_is_not_made_anew(world):
    _, blob = world.key()
    token = world.enrollment.verify(blob, None).registration_token
    redemption = world.enrollment.redeem_token(token, NODE)
    world.clock.advance(20 * 60)
    world.fake.collect_expired()

    with pytest.raises(ConditionFailedError):
        world.tables.write(redemption.write, "node.registered")

    assert world.fake.rows(TOKENS) == []


@pytest.mark.parametrize("token", ["", "nonsense", "A" * 43])
def test_an_unknown_token_is_invalid(world, token):
    assert invalid_token(world, token, NODE)
