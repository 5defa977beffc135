"""Bills of a tenant through the API."""

from datetime import timedelta

import pytest

from chalicelib.kit.clock import to_seconds_text
from chalicelib.platform.billing.model import Mark
from chalicelib.platform.billing.service import MOST_SHOWN
from chalicelib.platform.billing.wiring import metering_of
from tests.support.cloud import ADA, BOB, EVE

INSTANCE = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02202"
PRICE = 0.0276


def ran(scene, tenant, hours_ago, until_hours_ago=None, resource=INSTANCE, version=1):
    """An instance of the tenant began to run so many hours ago, and ended."""
    now = scene.world.clock.now()
    for number, (ago, size) in enumerate(((hours_ago, "ubuntu-small"), (until_hours_ago, None))):
        if ago is not None:
            charge = {"charge_type": "instance", "charge_size": size, "units": 1} if size else {}
            at = to_seconds_text(now - timedelta(hours=ago))
            metering_of(scene.world.platform).note(
                Mark(
                    tenant=tenant,
                    resource_id=resource,
                    kind="instance",
                    owner=scene.variables["owner_id"],
                    version=version + number,
                    at=at,
                    **charge,
                )
            )


def ask(scene, view, address=ADA, **query):
    return scene.request(view, key=scene.keys[address], query=query)


@pytest.fixture
def owner(scene, team):
    scene.variables["owner_id"] = scene.request("get_own_user", key=scene.keys[ADA]).json["data"]["id"]
    return scene.variables["owner_id"]


def test_summary_has_amounts_by_type_and_hours_by_capitals(scene, team, owner):
    ran(scene, team, 10, 4)
    bill = ask(scene, "get_bill").json["data"]
    assert (bill["user_id"], bill["tenant_id"], bill["currency"]) == (owner, team, "USD")
    assert bill["total_amount"] == pytest.approx(6 * PRICE)
    assert bill["usage_by_type"] == {"instance": bill["total_amount"]}
    assert bill["usage_quantities"] == {"INSTANCE": 6.0}


def test_summary_of_a_period_has_only_what_lies_in_it(scene, team, owner):
    ran(scene, team, 10, 4)
    now = scene.world.clock.now()
    span = {"start": to_seconds_text(now - timedelta(hours=8)), "end": to_seconds_text(now - timedelta(hours=7))}
    bill = ask(scene, "get_bill", **span).json["data"]
    assert (bill["total_amount"], bill["period_start"], bill["period_end"]) == (PRICE, span["start"], span["end"])


def test_usage_is_what_the_bill_adds_up_with_stable_ids(scene, team, owner):
    ran(scene, team, 10, 4)
    ran(scene, team, 2, resource="01a1fd8c-9bc8-7fee-8afc-f6c8cad02203")
    first, second = ask(scene, "list_usage").json["data"]
    assert [first["quantity"], second["quantity"]] == [2.0, 6.0]
    assert (second["resource_id"], second["resource_type"], second["user_id"]) == (INSTANCE, "INSTANCE", owner)
    assert (second["unit"], second["unit_price"], second["resource_size"]) == ("hours", PRICE, "ubuntu-small")
    total = ask(scene, "get_bill").json["data"]["total_amount"]
    assert first["amount"] + second["amount"] == pytest.approx(total)
    assert [one["id"] for one in ask(scene, "list_usage").json["data"]] == [first["id"], second["id"]]


def test_forecast_is_the_month_if_all_runs_on(scene, team, owner):
    now = scene.world.clock.now()
    ran(scene, team, 10)
    told = ask(scene, "get_forecast").json["data"]
    assert (told["period_start"], told["period_end"]) == ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
    left = 9 * 24 + 24 - now.hour - now.minute / 60 - now.second / 3600
    assert told["amount_so_far"] == pytest.approx(10 * PRICE)
    assert told["forecast_amount"] == pytest.approx((10 + left) * PRICE, abs=1e-5)


@pytest.mark.parametrize("view", ["get_bill", "list_usage", "get_forecast"])
def test_other_tenants_things_are_in_no_bill(scene, team, owner, view):
    ran(scene, team, 10, 4)
    scene.join(scene.tenant("other"), EVE, "owner")
    answer = ask(scene, view, EVE)
    assert answer.status == 200
    assert INSTANCE not in answer.text
    assert str(PRICE)[:4] not in answer.text


@pytest.mark.parametrize("view", ["get_bill", "list_usage", "get_forecast"])
def test_developer_reads_no_bill_until_a_role_allows_it(scene, team, owner, view):
    assert ask(scene, view, BOB).status == 403
    role = {"name": "accountant", "permissions": ["accounting:read"]}
    assert scene.request("create_role", json=role, key=scene.keys[ADA]).status == 201
    binding = {"user_identifier": BOB, "role_name": "accountant"}
    assert scene.request("create_binding", json=binding, key=scene.keys[ADA]).status == 204
    assert ask(scene, view, BOB).status == 200


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"start": "yesterday"}, "start"),
        ({"start": "2026-11-20T00:00:00"}, "start"),
        ({"start": "2026-11-20T00:00:00Z", "end": "2026-11-19T00:00:00Z"}, "before the end"),
        ({"start": "2020-01-01T00:00:00Z"}, "400 days"),
    ],
)
@pytest.mark.parametrize("view", ["get_bill", "list_usage"])
def test_period_that_is_none_is_400_and_says_why(scene, team, owner, view, query, named):
    answer = ask(scene, view, **query)
    assert answer.status == 400
    assert named in answer.text


def test_usage_shows_a_thousand_and_the_bill_has_all(scene, team, owner):
    for number in range(MOST_SHOWN + 1):
        ran(scene, team, 10, 9, resource=f"r-{number}")
    assert len(ask(scene, "list_usage").json["data"]) == MOST_SHOWN
    assert ask(scene, "get_bill").json["data"]["usage_quantities"] == {"INSTANCE": MOST_SHOWN + 1.0}


def test_bill_over_more_than_it_can_add_up_is_400(scene, team, owner, monkeypatch):
    monkeypatch.setattr("chalicelib.platform.billing.service.MOST_ADDED", 2)
    for number in range(3):
        ran(scene, team, 10, 9, resource=f"r-{number}")
    answer = ask(scene, "get_bill")
    assert answer.status == 400
    assert "more than 2 intervals have ended since" in answer.text
