from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.fleet.nodes import rules
from chalicelib.fleet.nodes.model import Presence, Status
from chalicelib.fleet.nodes.rules import HealthLimits, is_touch_due
from chalicelib.kit.errors import Kind, invalid

INVALID = (Kind.VALIDATION_FAILED, invalid("", "").message)
NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def node(world):
    world.enrol()
    return world.node()


@pytest.mark.parametrize(("limit", "refresh"), [(300, 30), (90, 30), (60, 20), (30, 10)])
def test_touch_is_due_every_thirty_seconds_or_a_third_of_the_limit(limit, refresh, node):
    limits = HealthLimits(limit)

    def due(age_seconds):
        seen = (NOW - timedelta(seconds=age_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        presence = Presence(id=node.id, last_seen_at=seen, used_token_digest=node.token_digest)
        return is_touch_due(node, presence, limits, NOW)

    assert limits.refresh_seconds == refresh
    assert due(refresh)
    assert not due(refresh - 1)


def test_touch_is_due_at_once_for_unreachable_or_new_token(node):
    seen = Presence(id=node.id, last_seen_at="2026-11-21T12:00:00Z", used_token_digest=node.token_digest)
    silent = node.model_copy(update={"status": Status.UNREACHABLE})

    assert not is_touch_due(node, seen, HealthLimits(), NOW)
    assert is_touch_due(silent, seen, HealthLimits(), NOW)
    assert is_touch_due(node, seen.model_copy(update={"used_token_digest": "older"}), HealthLimits(), NOW)


@pytest.mark.parametrize(
    ("limit", "connected", "due"),
    [
        (300, False, "2026-11-21T12:05:00Z"),
        (300, True, "2026-11-21T13:05:00Z"),
        (7200, True, "2026-11-21T14:00:00Z"),
        (60, False, "2026-11-21T12:01:00Z"),
    ],
)
def test_connected_node_has_a_longer_health_limit(limit, connected, due):
    assert HealthLimits(limit).due_after(NOW, connected=connected) == due


@pytest.mark.parametrize(
    ("error", "kind", "message", "details"),
    [
        (rules.already_there(), Kind.CONFLICT, "node is already in this cluster", None),
        (rules.full_cluster(7), Kind.CONFLICT, "cluster has reached its node limit of 7", None),
        (rules.full_network(7), *INVALID, {"network_name": ["cluster has reached its node limit of 7"]}),
        (rules.unknown_network(), *INVALID, {"network_name": ["cluster does not exist"]}),
        (rules.no_network(), *INVALID, {"network_name": ["must start with 'cluster-'"]}),
        (rules.other_network(), *INVALID, {"network_name": ["is not the network of the registration token"]}),
        (rules.already_registered(), *INVALID, {"node_id": ["is already registered"]}),
    ],
    ids=str,
)
def test_refusal_of_a_node_has_the_published_text(error, kind, message, details):
    assert (error.kind, error.message, error.details) == (kind, message, details)
