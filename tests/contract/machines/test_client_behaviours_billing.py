"""What clients of the billing API rely on, driven as they do."""

import pytest

from tests.contract.machines.behaviours import GO, JS, PAGES, relied_on
from tests.support.operations.machines import MachinesScene

BILLING = "Billing"


@pytest.fixture
def scene():
    return MachinesScene()


@relied_on(
    BILLING, f"{GO}, {JS}", "`/limits` and `/limits/{service}` are objects; `window` is a word, `value` a number"
)
def test_limits_are_objects_by_service_and_feature(scene):
    limits = scene.request("get_limits").json
    of_service = scene.request("get_service_limits").json

    assert set(limits) == {"customerId", "tierName", "limits"}
    assert set(of_service) == {"customerId", "tierName", "serviceName", "limits"}
    one = limits["limits"]["compute"]["create"]
    assert one == of_service["limits"]["create"]
    assert {name: type(value) for name, value in one.items()} == {"value": int, "window": str, "description": str}


@relied_on(BILLING, f"{GO}, {PAGES}", "`/limits/{service}/{feature}` answers `{value, window, description}`")
def test_single_limit_is_answered_bare(scene):
    assert set(scene.request("get_limit").json) == {"value", "window", "description"}


@relied_on(BILLING, JS, "`/limits/usage` tells what is used of each limit, with times in Unix seconds")
def test_use_of_limits_tells_each_feature(scene):
    report = scene.request("get_limit_usage").json

    assert set(report) == {"identifier", "identifierType", "services", "totalFeatures", "fetchedAt"}
    (first, *_) = report["services"]["compute"]["features"]
    asked = {"featureKey", "currentUsage", "limit", "remaining", "tierName", "window", "description", "resetAt"}
    assert set(first) == asked | {"isLocked"}
    assert (type(report["fetchedAt"]), type(first["resetAt"])) == (int, int)
    assert report["fetchedAt"] == int(scene.world.clock.now().timestamp())
    assert report["totalFeatures"] == sum(len(one["features"]) for one in report["services"].values())


@relied_on(BILLING, f"{GO}, {JS}", "`/quotas/usage` has the same under `usage` and `services`")
def test_use_of_quotas_is_told_under_both_names(scene):
    report = scene.request("get_quota_usage").json

    assert report["usage"] == report["services"]
    assert {"customerId", "totalFeatures", "fetchedAt"} <= set(report)
    (feature,) = report["services"]["compute"]["features"]
    assert (feature["featureKey"], feature["resetAt"]) == ("instances", 0)


@relied_on(BILLING, f"{GO}, {JS}", "`/limits/usage/ip` has the same under `usage` and `services`, without credentials")
def test_use_of_an_address_is_told_under_both_names(scene):
    report = scene.request("get_ip_usage", key=None).json

    assert report["usage"] == report["services"]
    assert (report["identifierType"], report["identifier"]) == ("ip", "203.0.113.7")


@relied_on(BILLING, GO, "`/limits/ip` answers `{ipLimits}`, `/limits/ip/{service}` `{limits}`, without credentials")
def test_limits_of_an_address_are_answered_without_credentials(scene):
    every = scene.request("get_ip_limits", key=None).json["ipLimits"]
    one = scene.request("get_service_ip_limits", variables={"service": "public"}, key=None).json

    assert one["limits"] == every["public"]


@relied_on(
    BILLING, GO, "`/quotas` and `/quotas/{service}` have `quotas`, `/quotas/{service}/{feature}` `value`, `unit`"
)
def test_quotas_are_objects(scene):
    every, of_service = scene.request("get_quotas").json, scene.request("get_service_quotas").json
    one = scene.request("get_quota", variables={"feature": "instances"}).json

    assert every["quotas"]["compute"] == of_service["quotas"]
    assert of_service["quotas"]["instances"] == one
    assert (type(one["value"]), one["unit"]) == (int, "instances")


@relied_on(BILLING, f"{GO}, {JS}", "`GET /customer` answers `{id, gcid}`, of which `gcid` may be null")
def test_customer_has_its_id(scene):
    assert scene.request("get_customer").json == {"id": "default", "gcid": None}


@relied_on(BILLING, f"{GO}, {JS}", "`GET /customer/tier` answers ids and names as strings, `stacks` as a whole number")
def test_tier_of_the_customer_has_the_fields_of_both_clients(scene):
    tier = scene.request("get_customer_tier").json

    texts = ("customerId", "tierId", "tierName", "description", "subscriptionStatus")
    assert all(isinstance(tier[name], str) for name in texts)
    assert (type(tier["stacks"]), type(tier["isActive"]), type(tier["trialUsed"])) == (int, bool, bool)


@relied_on(BILLING, f"{GO}, {JS}", "`usage` and `ip` are words of the paths and no names of services")
@pytest.mark.parametrize("path", ["/quotas/ip", "/quotas/usage/users", "/limits/usage/users", "/limits/ip/usage"])
def test_reserved_words_name_no_service(scene, path):
    answer = scene.send("Billing", "GET", f"/api/billing/v1{path}")

    assert (answer.status, answer.json["error"]["code"]) == (404, "not_found")


@relied_on(BILLING, f"{GO}, {JS}", "operations that are not offered answer 404 in the form of errors")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/customer"),
        ("POST", "/customer/member"),
        ("POST", "/customer/leave"),
        ("POST", "/customer/transfer-ownership"),
        ("GET", "/limits/usage/users"),
        ("GET", "/quotas/usage/users"),
        ("POST", "/stripe/upgrade"),
        ("GET", "/stripe/customer"),
        ("GET", "/admin/customers"),
    ],
)
def test_operation_that_is_not_offered_is_not_found(scene, method, path):
    answer = scene.send("Billing", method, f"/api/billing/v1{path}")

    assert (answer.status, answer.json["error"]["error_id"]) == (404, answer.headers["x-error-id"])
    assert answer.headers["x-error"] == answer.json["error"]["message"]


@relied_on(BILLING, f"{GO}, {JS}", "`GET /customer/members` answers `{pages, items, members}`")
def test_members_are_a_page(scene):
    assert scene.request("list_customer_members", query={"limit": 5, "page": 1}).json == {
        "pages": 0,
        "items": 0,
        "members": [],
    }
