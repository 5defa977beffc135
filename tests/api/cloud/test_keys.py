"""Keys of users."""

import pytest

from chalicelib.machines.api import AUTH_API
from chalicelib.machines.wiring import Machines
from chalicelib.platform.identity.user_keys import MOST_KEYS
from tests.support.client import MASTER_KEY, Client
from tests.support.cloud import ADA, BOB, PASSWORD


def create(scene, address=ADA, name="build server"):
    scene.world.clock.advance(seconds=1)
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


@pytest.fixture
def pair(scene):
    """The text of a key pair of Ada's for a day, made by the machines' API; it may do what an operator may at most."""
    client = Client(AUTH_API.groups(), scene.world.platform.container(Machines), api=AUTH_API, key=None)

    def verified(method, path, body, **headers):
        made = client.request(method, f"/api/auth/v2/{path}", json=body, headers=headers)
        scene.world.settle()
        proof = {"verificationCodeID": made.json["verificationCodeID"], "code": scene.world.mailer.code_for(ADA)}
        kind = "keypair" if path == "keypair" else "session"
        assert client.request("PUT", f"/api/auth/v2/{kind}/verification", json=proof).status == 200
        return made.json

    person = {"email": ADA, "fullName": "Ada L", "alias": "ada"}
    session = verified("POST", "user", person, authorization=f"Bearer {MASTER_KEY}")["bearer"]
    made = verified("POST", "keypair", {"name": "pair", "days": 1}, authorization=f"Bearer {session}")
    return f"{made['apiKey']}_{made['apiSecret']}"


def test_key_with_limits_of_its_own_makes_none_of_its_user(scene, pair):
    assert scene.request("create_user_key", json={"name": "wide"}, key=pair).status == 403
    scene.request("forget_password", key=None, json={"email": ADA})
    scene.world.settle()
    reset = {"token": scene.world.mailer.token_for(ADA), "new_password": PASSWORD}
    assert scene.request("reset_password", key=None, json=reset).status == 200
    scene.log_in(ADA)
    known = scene.request("list_user_keys", key=pair).json["data"][0]
    for view in ("rotate_user_key", "regenerate_user_key"):
        assert scene.request(view, variables={"key_id": known["id"]}, key=pair).status == 403


def test_key_with_limits_of_its_own_does_nothing_for_its_whole_user(scene, pair):
    assert scene.request("create_tenant", json={"name": "Own", "slug": "own"}, key=pair).status == 403
    names = {"tenant_id": scene.request("list_tenants", key=pair).json["data"][0]["id"], "token": "none"}
    views = ("delete_own_user", "leave_tenant", "switch_tenant", "accept_invitation")
    statuses = [scene.request(view, variables=names, key=pair).status for view in views]
    assert statuses == [403] * len(views)
    assert scene.request("get_own_user", key=pair).status == 200
