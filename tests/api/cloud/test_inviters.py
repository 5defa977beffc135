"""Invitations hold as long as their inviters could send them."""

from urllib.parse import urlencode

import pytest

from chalicelib.cloud.tenancy import invitations
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.limits import service as limits
from tests.support.cloud import ADA, BOB, EVE, PASSWORD

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def lead(scene, team):
    """Bob may invite, and give the role that he has."""
    body = {"name": "lead", "permissions": ["tenant:update", "storage:read"]}
    assert scene.request("create_role", json=body, key=scene.keys[ADA]).status == 201
    give(scene, "lead")
    return team


def give(scene, role):
    names = {"user_id": scene.variables["bob"]}
    assert scene.request("change_member", variables=names, json={"role": role}, key=scene.keys[ADA]).status == 200


def accept(scene, token, address=EVE):
    return scene.request("accept_invitation", variables={"token": token}, key=scene.keys[address])


def deny(scene, action, **more):
    statement = {"effect": "Deny", "action": [action], "resource": ["*"], **more}
    body = {"name": "denial", "statements": [statement]}
    made = scene.request("create_policy", json=body, key=scene.keys[ADA]).json["data"]["id"]
    names = {"user_id": scene.variables["bob"], "policy_id": made}
    assert scene.request("attach_user_policy", variables=names, key=scene.keys[ADA]).status == 200


def remove(scene):
    names = {"user_id": scene.variables["bob"]}
    assert scene.request("remove_member", variables=names, key=scene.keys[ADA]).status == 204


@pytest.mark.parametrize(
    "what_happens",
    [
        remove,
        lambda scene: give(scene, "viewer"),
        lambda scene: deny(scene, "storage:read"),
        lambda scene: deny(scene, "tenant:update"),
        lambda scene: scene.request("delete_own_user", key=scene.keys[BOB]),
    ],
    ids=["removed", "another_role", "denied_the_rights", "denied_to_invite", "deleted"],
)
def test_invitation_of_a_member_who_may_not_invite_any_more_is_good_for_nothing(scene, lead, what_happens):
    scene.join(scene.tenant("other"), EVE, "owner")
    token = scene.invite(lead, EVE, "lead", key=scene.keys[BOB])
    new = scene.invite(lead, "new@example.com", "lead", key=scene.keys[BOB])
    what_happens(scene)
    assert accept(scene, token).status == 400
    body = {"email": "new@example.com", "password": PASSWORD, "name": "New", "invitation_token": new}
    assert scene.request("register", key=None, json=body).status == 403


def test_invitation_of_a_member_with_another_role_that_may_invite_holds(scene, lead):
    scene.join(scene.tenant("other"), EVE, "owner")
    token = scene.invite(lead, EVE, "lead", key=scene.keys[BOB])
    give(scene, "admin")
    assert accept(scene, token).status == 200


def test_registration_is_tried_again_when_its_inviter_changes_meanwhile(scene, lead, monkeypatch):
    token = scene.invite(lead, EVE, "lead", key=scene.keys[BOB])
    holding, seen = invitations.Invitations.holding, []

    def changed_meanwhile(*given):
        held = holding(*given)
        if not seen:
            give(scene, "admin")
        seen.append(held)
        return held

    monkeypatch.setattr(invitations.Invitations, "holding", changed_meanwhile)
    body = {"email": EVE, "password": PASSWORD, "name": "Eve", "invitation_token": token}
    assert scene.request("register", key=None, json=body).status == 201
    assert len(seen) == 2


def test_member_is_not_invited_and_comes_not_back_by_an_older_invitation(scene, lead):
    scene.join(scene.tenant("other"), EVE, "owner")
    older = scene.invite(lead, EVE, "viewer", key=scene.keys[ADA])
    added = {"email": EVE, "role": "viewer"}
    assert scene.request("add_member", json=added, key=scene.keys[ADA]).status == 200
    again = scene.request("create_invitation", json={"email": BOB, "role": "lead"}, key=scene.keys[BOB])
    assert (again.status, "member already" in again.json["error"]["message"]) == (409, True)
    assert scene.request("leave_tenant", key=scene.keys[EVE]).status == 200
    assert accept(scene, older).status == 400
    assert scene.request("list_invitations").json["data"] == []


def test_added_user_who_deletes_itself_comes_not_back_by_an_older_invitation(scene, lead):
    scene.join(scene.tenant("other"), EVE, "viewer")
    older = scene.invite(lead, EVE, "viewer", key=scene.keys[ADA])
    added = {"email": EVE, "role": "viewer"}
    assert scene.request("add_member", json=added, key=scene.keys[ADA]).status == 200
    assert scene.request("list_invitations").json["data"] == []
    assert scene.request("delete_own_user", key=scene.keys[EVE]).status == 204
    body = {"email": EVE, "password": PASSWORD, "name": "Eve", "invitation_token": older}
    assert scene.request("register", key=None, json=body).status == 403


def test_member_denied_to_invite_at_times_is_told_and_sends_nothing(scene, lead):
    deny(scene, "tenant:update", condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    sent = len(scene.world.mailer.sent)
    refused = scene.request("create_invitation", json={"email": EVE, "role": "lead"}, key=scene.keys[BOB])
    scene.world.settle()
    assert (refused.status, "tenant:update" in refused.json["error"]["message"]) == (403, True)
    assert len(scene.world.mailer.sent) == sent


def test_key_of_a_tenant_without_a_user_is_not_taken_for_the_operator(scene, lead):
    key = scene.world.key_with(tenant=lead, role=KeyRole.ADMIN)
    refused = scene.request("create_invitation", json={"email": EVE, "role": "viewer"}, key=key)
    assert (refused.status, "of none of them" in refused.json["error"]["message"]) == (403, True)


class TestPrograms:
    @pytest.fixture
    def program(self, scene, lead):
        """A function that sends a request with the token of a program that may invite; `account` is its id."""
        wanted = {"name": "inviter", "role": "lead"}
        made = scene.request("create_service_account", json=wanted, key=scene.keys[ADA]).json["data"]
        form = {"grant_type": "client_credentials", "client_id": made["id"], "client_secret": made["secret"]}
        answer = scene.send("POST", "/oauth2/token", key=None, body=urlencode(form), headers=FORM)
        bearer = {"authorization": f"Bearer {answer.json['access_token']}"}

        def invite(address):
            return scene.request("create_invitation", json={"email": address, "role": "lead"}, key=None, headers=bearer)

        scene.variables["account_id"] = made["id"]
        return invite

    def test_invitation_of_a_program_ends_with_its_account(self, scene, program):
        scene.join(scene.tenant("other"), EVE, "owner")
        assert program(EVE).status == 201
        scene.world.settle()
        token, off = scene.world.mailer.token_for(EVE), {"enabled": False}
        assert scene.request("change_service_account", json=off, key=scene.keys[ADA]).status == 200
        assert accept(scene, token).status == 400
        assert scene.request("change_service_account", json={"enabled": True}, key=scene.keys[ADA]).status == 200
        assert accept(scene, token).status == 200

    def test_mails_of_a_program_are_those_of_the_tenants_owner(self, scene, program, monkeypatch):
        monkeypatch.setattr(invitations, "MAILS_PER_HOUR", 2)
        statuses = [program(f"guest-{number}@example.com").status for number in range(2)]
        own = {"email": "guest-3@example.com", "role": "lead"}
        statuses.append(scene.request("create_invitation", json=own, key=scene.keys[ADA]).status)
        assert statuses == [201, 201, 429]


def test_mails_that_invite_an_address_leave_those_that_its_user_asks_for(scene, team, monkeypatch):
    monkeypatch.setattr(limits, "INVITATIONS_OF_ALL_PER_HOUR", 1)
    monkeypatch.setattr(limits, "MAILS_OF_ALL_PER_HOUR", 1)
    scene.join(scene.tenant("other"), EVE, "owner")
    second = scene.request("create_invitation", json={"email": EVE, "role": "viewer"}, key=scene.keys[ADA])
    assert second.status == 429
    sent = len(scene.world.mailer.sent)
    scene.request("forget_password", key=None, json={"email": EVE})
    scene.world.settle()
    assert len(scene.world.mailer.sent) == sent + 1
