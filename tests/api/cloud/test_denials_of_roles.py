"""Policies that deny something to holders of a role, or about a role, where a role is given by its name."""

import pytest

from tests.support.cloud import ADA, BOB

DENIED = {"effect": "Deny", "action": ["secret:create"], "resource": ["*"]}


def make(scene, view, body, **variables):
    answer = scene.request(view, json=body, variables=variables, key=scene.keys[ADA])
    assert answer.status in {200, 201, 204}, answer.text
    return answer.json["data"]["id"] if answer.text else ""


def role(scene, name, *permissions):
    make(scene, "create_role", {"name": name, "permissions": [*permissions]})


def policy(scene, **statement):
    return make(scene, "create_policy", {"name": "a policy", "statements": [statement]})


def bound(scene, name, key):
    return scene.request("create_binding", json={"user_identifier": BOB, "role_name": name}, key=key).status


@pytest.fixture
def keeper(scene, team):
    """Bob sees to roles, and creates no secrets, as a policy of his role says."""
    for name in ("keeper", "other"):
        role(scene, name, "rbac:write", "tenant:update", "iam:write")
    assert bound(scene, "keeper", scene.keys[ADA]) == 204
    names = {"name": "keeper", "policy_id": policy(scene, **DENIED)}
    assert scene.request("attach_role_policy", variables=names, key=scene.keys[ADA]).status == 200
    return names


class TestLifting:
    def test_change_of_role_does_not_lift_a_denial_of_the_role_before(self, scene, keeper):
        names = {"user_id": scene.variables["bob"]}
        changed = scene.request("change_member", variables=names, json={"role": "other"}, key=scene.keys[BOB])
        assert (changed.status, bound(scene, "other", scene.keys[BOB])) == (403, 403)
        assert bound(scene, "other", scene.keys[ADA]) == 204

    def test_role_with_the_same_denial_may_be_given(self, scene, keeper):
        names = {**keeper, "name": "other"}
        assert scene.request("attach_role_policy", variables=names, key=scene.keys[ADA]).status == 200
        assert bound(scene, "other", scene.keys[BOB]) == 204

    def test_account_keeps_the_denials_of_its_role_too(self, scene, keeper):
        names = {"account_id": make(scene, "create_service_account", {"name": "robot", "role": "keeper"})}
        statuses = [
            scene.request("change_service_account", variables=names, json={"role": "other"}, key=scene.keys[by]).status
            for by in (BOB, ADA)
        ]
        assert statuses == [403, 200]


@pytest.mark.parametrize("text", ["rbac:super", "super", "id"])
def test_denial_about_a_role_holds_where_a_body_names_it(scene, team, text):
    role(scene, "super", "secret:read")
    role(scene, "lead", "rbac:write", "secret:read")
    if text == "id":
        every = scene.request("list_roles", key=scene.keys[ADA]).json["data"]
        text = next(one["id"] for one in every if one["name"] == "super")
    denial = policy(scene, effect="Deny", action=["rbac:write"], resource=[text])
    assert bound(scene, "lead", scene.keys[ADA]) == 204
    names = {"user_id": scene.variables["bob"], "policy_id": denial}
    assert scene.request("attach_user_policy", variables=names, key=scene.keys[ADA]).status == 200
    # He cannot give `lead` either, of which the policy denies him a part.
    refused = scene.request("create_binding", json={"user_identifier": BOB, "role_name": "super"}, key=scene.keys[BOB])
    assert (refused.status, "denies rbac:write" in refused.text) == (403, True)
