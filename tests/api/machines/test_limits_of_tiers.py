"""The limits of customers by type of operation: what is counted, refused and told."""

import pytest

from chalicelib import families
from chalicelib.machines.catalogue.service import packaged
from chalicelib.platform.access.permissions import KeyRole
from tests.support.builders import a_customer
from tests.support.operations.machines import MachinesScene
from tests.support.world import World

COUNTED = {one.counted_as for api in families.apis_of("machines") for one in api.endpoints() if one.counted_as}


@pytest.fixture
def scene():
    scene = MachinesScene(World(operation_limits_enabled=True, default_tier="free"))
    a_customer(scene.world, "operators", tier="operator")
    return scene


def key_of(scene, tenant):
    return scene.world.key_with(role=KeyRole.OPERATOR, tenant=tenant)


def statuses(scene, view, number, key):
    return [scene.request(view, key=key, checked=False).status for _ in range(number)]


def used(scene, feature, key):
    services = scene.request("get_limit_usage", key=key).json["services"]
    return next(one for one in services["compute"]["features"] if one["featureKey"] == feature)


def test_types_of_operations_are_those_of_the_catalogue():
    known = {f"{service}.{name}" for service, of in packaged().operations.items() for name in of}

    assert known == COUNTED


def test_request_above_the_limit_of_its_type_is_refused_with_the_time_to_wait(scene):
    acme = key_of(scene, "acme")
    a_customer(scene.world, "acme", tier="free")
    before = statuses(scene, "create_instance", 10, acme)
    refused = scene.request("create_instance", key=acme)

    assert (before[:2], set(before[2:])) == ([201, 201], {403})
    assert (refused.status, refused.json["error"]["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) > 0
    assert scene.request("get_instance", key=acme).status == 404, "another type has a limit of its own"
    scene.world.clock.advance(int(refused.headers["retry-after"]))
    assert scene.request("create_instance", key=acme).status == 403


def test_hosted_nodes_have_limits_of_their_own(scene):
    acme = key_of(scene, "acme")
    found = statuses(scene, "create_hosted_node", 11, acme)

    assert [each == 429 for each in found] == [False] * 10 + [True]
    assert scene.request("create_instance", key=acme).status == 201
    assert scene.request("list_hosted_nodes", key=acme).status == 200


def test_limit_is_that_of_the_customer_whoever_of_it_asks(scene):
    one, another, stranger = key_of(scene, "acme"), key_of(scene, "acme"), key_of(scene, "umbrella")
    statuses(scene, "delete_instance", 30, one)

    assert scene.request("delete_instance", key=another).status == 429
    assert scene.request("delete_instance", key=stranger).status == 404


def test_use_of_limits_is_told(scene):
    acme = key_of(scene, "acme")
    statuses(scene, "create_instance", 10, acme)
    now = int(scene.world.clock.now().timestamp())

    assert used(scene, "create", acme) == {
        "featureKey": "create",
        "currentUsage": 10,
        "limit": 10,
        "remaining": 0,
        "tierName": "Free",
        "window": "minute",
        "description": "New instances",
        "resetAt": now + 60,
        "isLocked": True,
    }
    assert (used(scene, "power", acme)["currentUsage"], used(scene, "power", acme)["isLocked"]) == (0, False)


def test_headers_tell_the_rest_of_the_limit_of_the_operation(scene):
    answer = scene.request("create_instance", key=key_of(scene, "acme"))

    assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]) == ("10", "9")


def test_other_tier_gives_other_limits_at_once_in_the_function_that_set_it(scene):
    acme = key_of(scene, "acme")
    a_customer(scene.world, "acme")
    assert scene.request("get_limit", key=acme).json["value"] == 10
    scene.request("change_customer", variables={"customer_id": "acme"}, json={"tier": "pro"})

    assert scene.request("get_limit", key=acme).json["value"] == 60
    assert statuses(scene, "create_instance", 11, acme) == [201] * 11


def test_new_tier_is_known_to_every_function_after_a_minute(scene):
    acme = key_of(scene, "acme")
    assert scene.request("get_limit", key=acme).json["value"] == 10
    a_customer(scene.world, "acme", tier="pro")

    assert scene.request("get_limit", key=acme).json["value"] == 10
    scene.world.clock.advance(61)
    assert scene.request("get_limit", key=acme).json["value"] == 60


def test_request_costs_one_write_for_a_small_limit_and_none_for_a_large_one(scene):
    small, large = key_of(scene, "acme"), key_of(scene, "operators")
    for key, writes in ((small, 1), (large, 0)):
        scene.request("list_templates", key=key)
        scene.request("list_templates", key=key)
        calls = [one for one in scene.world.driver.meter.calls if one.table == "limits"]
        assert len(calls) == writes


def test_tier_that_there_is_not_is_a_mistake_of_ours_that_the_log_names():
    scene = MachinesScene(World(default_tier="gold"))

    assert scene.request("create_instance", key=key_of(scene, "acme")).status == 500
    assert "DEFAULT_TIER" in "".join(scene.world.lines.texts)
