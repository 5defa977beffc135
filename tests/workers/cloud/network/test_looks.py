"""Resources at rest cost a look an hour each: their row is written once, and EC2 is asked once for a hundred."""

from chalicelib.platform.provisioning.store import SHARDS
from tests.scale.scenarios import SCENARIOS

COUNT = 600
MINUTES = 62
"""Of which each begins with a sweep, which writes that it ran."""


def test_resources_at_rest_cost_one_look_an_hour_and_nothing_else():
    outcome = SCENARIOS["resources"](COUNT, 1.0)
    calls = outcome.seen.calls
    assert (outcome.done, outcome.is_at_rest) == (COUNT, True)
    sweeps = calls["Query"] // SHARDS
    assert COUNT <= calls["UpdateItem"] - sweeps <= COUNT * 1.05
    assert {name for name in calls if name.startswith("EC2 ")} == {"EC2 DescribeVpcs"}
    assert calls["EC2 DescribeVpcs"] == calls["BatchGetItem"] <= MINUTES
    assert (outcome.seen.killed, outcome.seen.failed, outcome.seen.dead) == ({}, {}, {})
