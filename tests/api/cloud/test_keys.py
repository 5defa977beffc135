"""Keys of users."""

import pytest

from chalicelib.platform.identity.user_keys import MOST_KEYS
from tests.support.cloud import ADA, BOB


def create(scene, address=ADA, name="build server"):
    return scene.request("create_user_key", json={"name": name}, key=scene.keys[address])


def listed(scene, address=ADA):
    return scene.request("list_user_keys", key=scene.keys[address]).json["data"]


def test_new_key_is_shown_once_and_works_at_once(scene, team):
    made = create(scene).json["data"]
    assert (made["name"], made["user_id"], made["tenant_id"]) == ("build server", scene.variables["ada"], team)
    assert scene.request("get_own_user", key=made["key"]).status == 200
    assert [("key" in one, one["name"]) for one in listed(scene)] == [(False, "build server"), (False, "Default Key")]


@pytest.mark.parametrize("view", ["rotate_user_key", "regenerate_user_key"])
def test_replaced_key_is_refused_and_the_new_one_has_its_name(scene, team, view):
    old = create(scene).json["data"]
    new = scene.request(view, variables={"key_id": old["id"]}, key=scene.keys[ADA]).json["data"]
    assert (new["name"], new["id"] != old["id"]) == (old["name"], True)
    assert scene.request("get_own_user", key=old["key"]).status == 401
    assert scene.request("get_own_user", key=new["key"]).status == 200


def test_callers_at_once_replace_a_key_once(scene, team):
    old = create(scene).json["data"]
    scene.world.driver.latency(0.01)
    names = {"key_id": old["id"]}
    answers = scene.world.clock.run_together(
        [lambda: scene.request("rotate_user_key", variables=names, key=scene.keys[ADA])] * 3
    )
    first, *others = sorted(answer.status for answer in answers)
    assert first == 200
    assert set(others) <= {404, 409}  # it is gone, or is just going
    assert len(listed(scene)) == 2


@pytest.mark.parametrize("view", ["rotate_user_key", "regenerate_user_key", "revoke_user_key"])
def test_key_of_another_user_of_the_tenant_is_unknown(scene, team, view):
    made = create(scene).json["data"]
    for key in (scene.keys[BOB], scene.world.key_with(role="admin", tenant=team)):
        assert scene.request(view, variables={"key_id": made["id"]}, key=key).status == 404
    assert scene.request("get_own_user", key=made["key"]).status == 200


def test_user_has_so_many_keys_at_most(scene, team):
    for _ in range(MOST_KEYS - 1):
        assert create(scene).status == 201
    refused = create(scene)
    assert (refused.status, refused.json["error"]["type"]) == (429, "RESOURCE_LIMIT_EXCEEDED")


def test_key_of_a_user_has_no_rights_in_other_families(scene, team):
    fleet = scene.world.platform.identities.identify(scene.keys[ADA], (), "")
    assert (fleet.role, fleet.permissions) == (None, frozenset())


def test_keys_of_users_are_not_in_the_list_of_named_keys(scene, team):
    scene.world.settle()
    assert scene.world.platform.counters.read("api_keys") == 0
    scene.world.key_with(role="viewer")
    scene.world.settle()
    assert scene.world.platform.counters.read("api_keys") == 1


def test_bearer_token_is_the_same_key(scene, team):
    answer = scene.send("GET", "/auth/me", key=None, headers={"authorization": f"Bearer {scene.keys[ADA]}"})
    assert answer.json["data"]["email"] == ADA


@pytest.mark.parametrize("key", ["thecloud_", "thecloud_" + "0" * 32, "thecloud_" + "G" * 32, "edge", ""])
def test_unknown_key_is_401_in_the_envelope(scene, key):
    answer = scene.send("GET", "/auth/me", key=key)
    assert (answer.status, answer.json["error"]["type"]) == (401, "UNAUTHORIZED")
    assert set(answer.json["meta"]) == {"request_id", "timestamp"}
