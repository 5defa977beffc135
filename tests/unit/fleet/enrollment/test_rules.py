from datetime import UTC, datetime

import pytest

from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.enrollment.model import NOBODY, EnrollmentKey, Outcome
from chalicelib.fleet.enrollment.rules import decide

NOW = datetime(2026, 11, 21, 10, 0, 0, 500_000, tzinfo=UTC)
PAST, FUTURE = "2026-11-21T10:00:00Z", "2026-11-21T10:00:01Z"


def key(**fields):
    return EnrollmentKey(
        id="k",
        cluster_id="c",
        cluster_name="prod",
        inserted_at=PAST,
        updated_at=PAST,
        version=1,
        key_digest="digest",
        key_sealed=b"sealed",
        **fields,
    )


def cluster(cluster_id="c", node_limit=None, node_count=0):
    return Cluster(
        id=cluster_id,
        name="prod",
        ipv4_range="8.0.0.0/24",
        node_limit=node_limit,
        node_count=node_count,
        inserted_at=PAST,
        updated_at=PAST,
        version=1,
    )


@pytest.mark.parametrize(
    ("presented", "owner", "outcome"),
    [
        (None, None, Outcome.INVALID_KEY),
        (key(), None, Outcome.INVALID_KEY),
        (key(), cluster("of the same name"), Outcome.INVALID_KEY),
        (key(expired_at=PAST, uses_remaining=0), cluster(node_limit=1, node_count=1), Outcome.KEY_EXPIRED),
        (key(expired_at=FUTURE, uses_remaining=0), cluster(node_limit=1, node_count=1), Outcome.KEY_SPENT),
        (key(uses_remaining=1), cluster(node_limit=1, node_count=1), Outcome.NODE_LIMIT_REACHED),
        (key(uses_remaining=1), cluster(node_limit=2, node_count=1), Outcome.VERIFIED),
        (key(expired_at=FUTURE), cluster(node_count=10_000), Outcome.VERIFIED),
    ],
)
def test_verification_gives_the_first_reason_that_applies(presented, owner, outcome):
    assert decide(presented, owner, NOW, NOBODY, use_noted=False) is outcome


def test_verification_with_a_noted_use_accepts_a_spent_key():
    worn = key(expired_at=PAST, uses_remaining=0)

    assert decide(worn, cluster(node_limit=1, node_count=1), NOW, NOBODY, use_noted=True) is Outcome.VERIFIED
    assert decide(worn, None, NOW, NOBODY, use_noted=True) is Outcome.INVALID_KEY
    assert decide(None, None, NOW, NOBODY, use_noted=True) is Outcome.INVALID_KEY


def test_enrollment_key_does_not_print_its_digest():
    assert "digest" not in repr(key())
    assert "sealed" not in repr(key())
