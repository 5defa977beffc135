"""The DynamoDB calls of the cloud's requests, as docs/cost.md tells them."""

import pytest

from chalicelib.kit.clock import to_seconds_text
from chalicelib.platform.billing.model import Mark
from chalicelib.platform.billing.wiring import metering_of
from tests.support.cloud import ADA, PASSWORD, CloudScene

OF_ACCESS = 3
"""The key, its user, and the membership together with the tenant."""

READS = {
    "get_own_user": 0,
    "get_tenant": 1,
    "get_bill": 1,
    "list_usage": 1,
    "get_forecast": 1,
    "list_ssh_keys": 1,
    "list_members": 2,
    "get_quotas": 2,
}
"""The calls of each beside those of access."""


@pytest.fixture
def scene():
    """No copy: its application has kept in memory what it has read."""
    return CloudScene()


def spent(scene, view, **options):
    """Calls, read units and write units of a request."""
    meter = scene.world.driver.meter
    meter.reset()
    answer = scene.request(view, **options)
    assert answer.status < 300, answer.text
    calls = meter.calls
    return len(calls), sum(call.read_units for call in calls), sum(call.write_units for call in calls)


@pytest.mark.parametrize("view", READS)
def test_read_makes_so_many_calls_beside_access(scene, team, view):
    calls, _, written = spent(scene, view, key=scene.keys[ADA])
    assert (calls - OF_ACCESS, written) == (READS[view], 0)


def test_login_is_seven_calls_and_thirteen_write_units_and_a_secret_eleven(scene, team):
    body = {"email": ADA, "password": PASSWORD}
    assert spent(scene, "log_in", key=None, json=body) == (7, 7.5, 13.0)
    secret = {"name": "a.b", "value": "x"}
    assert spent(scene, "create_secret", key=scene.keys[ADA], json=secret) == (6, 5.0, 11.0)


@pytest.mark.parametrize(("intervals", "units"), [(10, 1.0), (1_000, 46.0)])
def test_bill_reads_the_intervals_of_the_tenant_in_one_query(scene, team, intervals, units):
    at = to_seconds_text(scene.world.clock.now())
    for number in range(intervals):
        metering_of(scene.world.platform).note(
            Mark(
                tenant=team,
                resource_id=f"01a1fd8c-9bc8-7fee-8afc-f6c8cad0{number:04}",
                kind="instance",
                owner=scene.variables["ada"],
                version=3,
                at=at,
                charge_type="instance",
                charge_size="ubuntu-small",
                units=1,
            )
        )
    calls, read, _ = spent(scene, "get_bill", key=scene.keys[ADA])
    assert calls - OF_ACCESS == 1
    assert read - 4 <= units
