"""The billing API: limits, quotas and the customer."""

import pytest

from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.provisioning.model import State
from tests.support.builders import a_customer
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_compute import instance_in


@pytest.fixture
def scene():
    scene = MachinesScene()
    a_customer(scene.world, "acme", tier="pro")
    scene.acme = scene.world.key_with(role=KeyRole.OPERATOR, tenant="acme")
    return scene


def test_limits_and_quotas_are_those_of_the_customers_tier(scene):
    limits, quotas = (scene.request(view, key=scene.acme).json for view in ("get_limits", "get_quotas"))

    assert (limits["customerId"], limits["tierName"]) == ("acme", "Pro") == (quotas["customerId"], quotas["tierName"])
    create = {"value": 60, "window": "minute", "description": "New instances"}
    assert limits["limits"]["compute"]["create"] == create
    assert quotas["quotas"]["compute"]["instances"]["value"] == 50
    of_service = scene.request("get_service_limits", key=scene.acme).json
    assert of_service == {
        "customerId": "acme",
        "tierName": "Pro",
        "serviceName": "compute",
        "limits": limits["limits"]["compute"],
    }
    assert scene.request("get_limit", key=scene.acme).json == create


@pytest.mark.parametrize(
    "view", ["get_service_limits", "get_limit", "get_service_quotas", "get_quota", "get_service_ip_limits"]
)
def test_unknown_service_is_not_found(scene, view):
    assert scene.request(view, variables={"service": "nothing"}).status == 404


@pytest.mark.parametrize("view", ["get_limit", "get_quota"])
def test_unknown_feature_is_not_found(scene, view):
    assert scene.request(view, variables={"feature": "nothing"}).status == 404


def test_use_of_quotas_is_exact(scene):
    for _ in range(3):
        instance_in(scene, State.READY, tenant="acme")
    answer = scene.request("get_quota_usage", key=scene.acme).json

    (feature,) = answer["services"]["compute"]["features"]
    assert (feature["currentUsage"], feature["limit"], feature["remaining"]) == (3, 50, 47)
    assert (feature["window"], feature["resetAt"], feature["isLocked"]) == (None, 0, False)
    assert (answer["totalFeatures"], answer["customerId"]) == (1, "acme")


def test_limits_of_an_address_need_no_credentials(scene):
    limits = scene.request("get_ip_limits", key=None).json
    use = scene.request("get_ip_usage", key=None).json

    assert limits["ipLimits"]["public"]["requests"]["value"] == 600
    (feature,) = use["services"]["public"]["features"]
    assert (use["identifier"], use["identifierType"], feature["currentUsage"] > 0) == ("203.0.113.7", "ip", True)
    of_service = scene.request("get_service_ip_limits", variables={"service": "public"}, key=None).json
    assert of_service == {"serviceName": "public", "limits": limits["ipLimits"]["public"]}


def test_customer_is_that_of_the_caller_with_its_tier(scene):
    assert scene.request("get_customer", key=scene.acme).json == {"id": "acme", "gcid": None}
    tier = scene.request("get_customer_tier", key=scene.acme).json
    assert (tier["customerId"], tier["tierId"], tier["tierName"], tier["isActive"]) == ("acme", "pro", "Pro", True)
