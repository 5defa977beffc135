"""Lists of the families that test_statuses.py leaves out: 503 while the tables take nothing."""

import pytest

from chalicelib.fleet.api.operator import (
    admins,
    self_update_requests,
    ssh_public_keys,
    ssh_usernames,
    webhook_deliveries,
    webhooks,
)
from chalicelib.kit.errors import unavailable
from tests.contract.application import Application

UNTOUCHED = {"show_admin_name"}
"""It reads no table."""

LISTS = [
    endpoint
    for module in (admins, self_update_requests, ssh_usernames, ssh_public_keys, webhooks, webhook_deliveries)
    for endpoint in module.routes.all
    if endpoint.method == "GET" and "{" not in endpoint.route and endpoint.view.__name__ not in UNTOUCHED
]


@pytest.mark.parametrize("endpoint", LISTS, ids=lambda endpoint: endpoint.view.__name__)
def test_busy_tables_are_503_for_every_list(endpoint):
    app = Application()
    app.world.driver.fail_next(100_000, "throttle")
    with app.unchanged():
        answer = app.call(endpoint)
    assert (answer.status, answer.error) == (
        503,
        {"code": "service_unavailable", "message": unavailable().message},
    )
