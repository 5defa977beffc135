"""How people become users of the cloud."""

import pytest

from chalicelib.platform.identity.user_store import ADDRESSES, MEMBERS, USERS
from chalicelib.platform.identity.verification_store import VERIFICATIONS
from tests.support.cloud import ADA, BOB, EVE, PASSWORD, CloudScene

STRANGERS = "An0ther-Horse-Staple"
WANTED = {"email": EVE, "password": PASSWORD, "name": "Eve"}


def register(scene, **changes):
    return scene.request("register", key=None, json={**WANTED, **changes})


def proof(token):
    return {"token": token, "password": PASSWORD}


@pytest.fixture
def open_scene():
    return CloudScene(registration="open")


class TestInvited:
    def test_holder_of_an_invitation_is_a_member_with_a_tenant_of_its_own(self, scene):
        tenant_id = scene.tenant()
        token = scene.invite(tenant_id, EVE, "admin")

        answer = register(scene, email="Eve@Example.COM", invitation_token=token)

        user = answer.json["data"]
        assert answer.status == 201
        assert (user["email"], user["name"], user["role"], user["tenant_id"]) == (EVE, "Eve", "admin", tenant_id)
        assert user["id"] == user["user_id"]
        key = scene.log_in(EVE)
        tenants = scene.request("list_tenants", key=key).json["data"]
        assert {one["name"] for one in tenants} == {"Engines", "Eve's Personal Tenant"}
        assert scene.request("list_invitations", variables={"tenant_id": tenant_id}).json["data"] == []

    def test_used_invitation_registers_no_second_user(self, scene):
        token = scene.invite(scene.tenant(), EVE)
        assert register(scene, invitation_token=token).status == 201
        again = register(scene, invitation_token=token)
        assert (again.status, again.json["error"]["type"]) == (403, "INVITATION_NEEDED")

    def test_address_of_a_user_is_409_for_the_holder_of_an_invitation(self, scene):
        scene.join(scene.tenant(), EVE, "owner")
        token = scene.invite(scene.tenant("other"), EVE)
        before = scene.world.state()
        answer = register(scene, invitation_token=token)
        assert (answer.status, answer.json["error"]["type"]) == (409, "CONFLICT")
        assert scene.world.state()["changes"] == before["changes"]

    @pytest.mark.parametrize("token", [None, "none", "f" * 64])
    def test_registration_without_a_usable_invitation_is_403(self, scene, token):
        assert register(scene, invitation_token=token).status == 403
        assert scene.world.driver.rows(USERS) == []

    def test_invitation_of_another_address_is_403(self, scene):
        token = scene.invite(scene.tenant(), BOB)
        assert register(scene, invitation_token=token).status == 403

    def test_withdrawn_and_expired_invitations_are_403(self, scene):
        tenant_id = scene.tenant()
        token = scene.invite(tenant_id, EVE)
        (invitation,) = scene.request("list_invitations", variables={"tenant_id": tenant_id}).json["data"]
        names = {"tenant_id": tenant_id, "invitation_id": invitation["id"]}
        assert scene.request("withdraw_invitation", variables=names).status == 204
        assert register(scene, invitation_token=token).status == 403

        late = scene.invite(tenant_id, EVE)
        scene.world.clock.advance(7 * 86_400)
        assert register(scene, invitation_token=late).status == 403


class TestOpen:
    def test_token_of_the_mail_makes_the_user(self, open_scene):
        asked = register(open_scene)
        assert (asked.status, asked.json["data"]["id"]) == (202, None)
        assert open_scene.world.driver.rows(USERS) == []
        open_scene.world.settle(twice=True)

        token = open_scene.world.mailer.token_for(EVE)
        user = open_scene.request("verify_registration", key=None, json=proof(token)).json["data"]

        assert (user["email"], user["role"]) == (EVE, "owner")
        assert user["tenant_id"] == user["default_tenant_id"]
        open_scene.log_in(EVE)
        again = open_scene.request("verify_registration", key=None, json=proof(token))
        assert (again.status, again.json["error"]["type"]) == (400, "INVALID_INPUT")

    def test_reader_of_the_mail_chooses_the_password_and_not_who_asked_for_it(self, open_scene):
        register(open_scene, password=STRANGERS)
        open_scene.world.settle()
        token = open_scene.world.mailer.token_for(EVE)
        weak = {"token": token, "password": "password"}
        assert open_scene.request("verify_registration", key=None, json=weak).status == 400
        assert open_scene.request("verify_registration", key=None, json={"token": token}).status == 400
        open_scene.request("verify_registration", key=None, json=proof(token))
        stranger = open_scene.request("log_in", key=None, json={"email": EVE, "password": STRANGERS})
        assert stranger.status == 401
        open_scene.log_in(EVE)

    def test_known_and_unknown_addresses_have_the_same_answer_calls_and_rows(self, open_scene):
        open_scene.join(open_scene.tenant(), ADA, "owner")
        seen = []
        for address in (ADA, EVE):
            rows = len(open_scene.world.driver.rows(VERIFICATIONS))
            answer = register(open_scene, email=address)
            calls = [(call.operation, call.table) for call in open_scene.world.driver.meter.calls]
            body = {**answer.json, "meta": None}
            seen.append((answer.status, body, calls, len(open_scene.world.driver.rows(VERIFICATIONS)) - rows))
        assert seen[0] == seen[1]
        open_scene.world.settle()
        assert "belongs to a user already" in open_scene.world.mailer.sent[-2].text
        assert open_scene.world.mailer.sent[-2].to == ADA

    def test_address_registered_meanwhile_is_409_for_the_holder_of_the_token(self, open_scene):
        register(open_scene)
        open_scene.world.settle()
        token = open_scene.world.mailer.token_for(EVE)
        open_scene.join(open_scene.tenant(), EVE, "owner")
        before = open_scene.world.driver.rows(MEMBERS)
        assert open_scene.request("verify_registration", key=None, json=proof(token)).status == 409
        assert open_scene.world.driver.rows(MEMBERS) == before

    def test_token_of_another_kind_makes_no_user(self, open_scene):
        token = open_scene.invite(open_scene.tenant(), EVE)
        assert open_scene.request("verify_registration", key=None, json=proof(token)).status == 400
        assert open_scene.world.driver.rows(ADDRESSES) == []

    def test_callers_at_once_with_one_token_make_one_user(self, open_scene):
        register(open_scene)
        open_scene.world.settle()
        body = {"token": open_scene.world.mailer.token_for(EVE), "password": PASSWORD}
        open_scene.world.driver.latency(0.01)
        answers = open_scene.world.clock.run_together(
            [lambda: open_scene.request("verify_registration", key=None, json=body)] * 4
        )
        assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
        assert len(open_scene.world.driver.rows(USERS)) == 1


def test_closed_installation_registers_nobody_who_is_invited():
    scene = CloudScene(registration="closed")
    token = scene.invite(scene.tenant(), EVE)
    answer = register(scene, invitation_token=token)
    assert (answer.status, answer.json["error"]["type"]) == (403, "REGISTRATION_CLOSED")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"email": "eve"}, "email is not an address"),
        ({"password": "password"}, "password is easily guessed"),
        ({"name": "E"}, "name"),
        ({"email": ""}, "email"),
    ],
)
def test_bad_registration_is_400_and_changes_nothing(open_scene, changes, said):
    before = open_scene.world.state()
    answer = register(open_scene, **changes)
    assert (answer.status, answer.json["error"]["type"]) == (400, "INVALID_INPUT")
    assert said in answer.json["error"]["message"]
    assert open_scene.world.state() == before


def test_no_secret_of_a_registration_stands_in_rows_logs_or_messages(open_scene):
    register(open_scene)
    open_scene.world.settle()
    token = open_scene.world.mailer.token_for(EVE)
    open_scene.request("verify_registration", key=None, json=proof(token))
    key = open_scene.log_in(EVE)
    kept = repr(open_scene.world.state()) + "".join(open_scene.world.lines.texts)
    for secret in (PASSWORD, token, key, key.removeprefix("thecloud_")):
        assert secret not in kept
