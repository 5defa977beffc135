"""The members of a tenant, and invitations."""

import pytest

from chalicelib.cloud.tenancy import invitations, rules
from chalicelib.platform.identity.user_store import MEMBERS, put_member
from tests.support.cloud import ADA, BOB, EVE


@pytest.fixture
def eve(scene, team):
    """The id of a user who is a member elsewhere."""
    return scene.join(scene.tenant("other"), EVE, "owner")


def roles(scene):
    return {one["email"]: one["role"] for one in scene.request("list_members").json["data"]}


class TestMembers:
    @pytest.mark.parametrize("by", ["email", "user_id"])
    def test_user_is_added_at_once_by_either_name(self, scene, team, eve, by):
        body = {by: EVE if by == "email" else eve, "role": "viewer"}
        assert scene.request("add_member", json=body, key=scene.keys[ADA]).status == 200
        assert roles(scene) == {ADA: "owner", BOB: "developer", EVE: "viewer"}
        assert scene.request("get_tenant", key=scene.keys[EVE]).status == 200

    def test_member_is_409_and_unknown_user_404(self, scene, team):
        assert scene.request("add_member", json={"email": BOB, "role": "viewer"}).status == 409
        assert scene.request("add_member", json={"email": EVE, "role": "viewer"}).status == 404
        assert scene.request("add_member", json={"role": "viewer"}).status == 400
        both = {"email": BOB, "user_id": scene.variables["bob"], "role": "viewer"}
        assert scene.request("add_member", json=both).status == 400

    @pytest.mark.parametrize("view", ["add_member", "change_member", "remove_member", "create_invitation"])
    def test_developer_changes_no_member(self, scene, team, eve, view):
        bodies = {"add_member": {"email": EVE, "role": "viewer"}, "change_member": {"role": "viewer"}}
        bodies["create_invitation"] = bodies["add_member"]
        before = roles(scene)
        names = {"user_id": scene.variables["ada"]}
        answer = scene.request(view, variables=names, json=bodies.get(view), key=scene.keys[BOB])
        assert (answer.status, answer.json["error"]["type"]) == (403, "FORBIDDEN")
        assert roles(scene) == before

    def test_owner_keeps_its_role_and_its_membership(self, scene, team):
        names = {"user_id": scene.variables["ada"]}
        assert scene.request("change_member", variables=names, json={"role": "viewer"}).status == 409
        assert scene.request("remove_member", variables=names).status == 409
        names = {"user_id": scene.variables["bob"]}
        assert scene.request("change_member", variables=names, json={"role": "owner"}).status == 409

    def test_changed_role_counts_from_the_next_request_on(self, scene, team, eve):
        names, body = {"user_id": scene.variables["bob"]}, {"email": EVE, "role": "viewer"}
        assert scene.request("add_member", json=body, key=scene.keys[BOB]).status == 403
        changed = scene.request("change_member", variables=names, json={"role": "admin"}, key=scene.keys[ADA])
        assert changed.json["data"]["role"] == "admin"
        assert scene.request("add_member", json=body, key=scene.keys[BOB]).status == 200

    def test_member_leaves_by_itself_and_its_owner_does_not(self, scene, team, eve):
        assert scene.request("leave_tenant", key=scene.keys[BOB]).status == 200
        assert roles(scene) == {ADA: "owner"}
        assert scene.request("get_tenant", key=scene.keys[BOB]).status == 404
        left = [scene.request("leave_tenant", key=scene.keys[address]).status for address in (BOB, EVE, ADA)]
        assert left == [404, 404, 409]

    def test_callers_at_once_give_one_membership(self, scene, team, eve):
        scene.world.driver.latency(0.01)
        answers = scene.world.clock.run_together(
            [lambda: scene.request("add_member", json={"user_id": eve, "role": "viewer"})] * 4
        )
        assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]

    def test_user_joins_several_tenants_at_once_and_none_is_lost(self, scene, team, eve):
        tenants = [scene.tenant(f"many-{number}") for number in range(4)]
        scene.world.driver.latency(0.01)

        def add(tenant_id):
            body = {"user_id": eve, "role": "viewer"}
            return lambda: scene.request("add_member", variables={"tenant_id": tenant_id}, json=body)

        answers = scene.world.clock.run_together([add(each) for each in tenants])
        assert {answer.status for answer in answers} == {200}
        listed = scene.request("list_tenants", key=scene.keys[EVE]).json["data"]
        assert set(tenants) <= {one["id"] for one in listed}


class TestInvitations:
    def test_user_accepts_with_the_token_of_its_mail(self, scene, team, eve):
        token = scene.invite(team, EVE, "admin")
        (shown,) = scene.request("list_invitations").json["data"]
        assert (shown["email"], shown["role"], token in str(shown)) == (EVE, "admin", False)
        names = {"token": token}
        assert scene.request("accept_invitation", variables=names, key=scene.keys[EVE]).status == 200
        assert roles(scene)[EVE] == "admin"
        assert scene.request("accept_invitation", variables=names, key=scene.keys[EVE]).status == 400

    def test_token_of_another_address_is_403_and_stays_good(self, scene, team, eve):
        names = {"token": scene.invite(team, EVE)}
        assert scene.request("accept_invitation", variables=names, key=scene.keys[BOB]).status == 403
        assert scene.request("accept_invitation", variables=names).status == 404
        assert scene.request("accept_invitation", variables=names, key=scene.keys[EVE]).status == 200

    def test_user_with_as_many_tenants_as_one_may_have_is_409(self, scene, team, eve, monkeypatch):
        names = {"token": scene.invite(team, EVE)}
        with monkeypatch.context() as changed:
            changed.setattr(rules, "MOST_TENANTS", 1)
            assert scene.request("accept_invitation", variables=names, key=scene.keys[EVE]).status == 409
        assert scene.request("accept_invitation", variables=names, key=scene.keys[EVE]).status == 200

    def test_owner_of_a_tenant_without_one_is_invited_once(self, scene, eve):
        tenant_id = scene.tenant("orphan")
        names = {"tenant_id": tenant_id}
        token = scene.invite(tenant_id, EVE, "owner")
        assert scene.request("accept_invitation", variables={"token": token}, key=scene.keys[EVE]).status == 200
        assert scene.request("get_tenant", variables=names).json["data"]["owner_id"] == eve
        second = {"email": BOB, "role": "owner"}
        assert scene.request("create_invitation", variables=names, json=second).status == 409

    def test_second_invitation_of_an_address_is_409(self, scene, team):
        scene.invite(team, EVE)
        again = scene.request("create_invitation", json={"email": EVE, "role": "viewer"})
        assert (again.status, "is open" in again.json["error"]["message"]) == (409, True)

    def test_mails_of_invitations_to_an_address_are_bounded(self, scene, team):
        def invite_again():
            body = {"email": EVE, "role": "viewer"}
            made = scene.request("create_invitation", json=body, key=scene.keys[ADA])
            if made.status == 201:
                names = {"invitation_id": made.json["data"]["id"]}
                assert scene.request("withdraw_invitation", variables=names, key=scene.keys[ADA]).status == 204
            return made

        answers = [invite_again() for _ in range(11)]
        assert [answer.status for answer in answers] == [201] * 10 + [429]
        assert int(answers[-1].headers["retry-after"]) <= 3600

    def test_mails_of_invitations_of_a_user_are_bounded(self, scene, team, monkeypatch):
        monkeypatch.setattr(invitations, "MAILS_PER_HOUR", 2)
        bodies = [{"email": f"guest-{number}@example.com", "role": "viewer"} for number in range(3)]
        answers = [scene.request("create_invitation", json=body, key=scene.keys[ADA]).status for body in bodies]
        assert answers == [201, 201, 429]
        assert scene.request("create_invitation", json=bodies[2]).status == 201

    def test_mail_is_sent_once_however_often_the_stream_repeats_it(self, scene, team):
        scene.request("create_invitation", json={"email": EVE, "role": "viewer"})
        scene.world.settle(twice=True)
        assert [mail.to for mail in scene.world.mailer.sent].count(EVE) == 1

    def test_admin_invites_no_owner(self, scene, team):
        names = {"user_id": scene.variables["bob"]}
        scene.request("change_member", variables=names, json={"role": "admin"})
        refused = scene.request("create_invitation", json={"email": EVE, "role": "owner"}, key=scene.keys[BOB])
        assert refused.status == 403


@pytest.mark.parametrize("view", ["list_members", "list_bindings"])
def test_pages_of_members_have_each_once(scene, team, view):
    scene.join(team, EVE, "viewer")
    every = scene.request(view, key=scene.keys[ADA]).json
    assert (len(every["data"]), "next_token" in every["meta"]) == (3, False)
    seen, token = [], None
    for _ in range(4):
        query = {"page_size": "2", **({"next_token": token} if token else {})}
        page = scene.request(view, key=scene.keys[ADA], query=query).json
        seen += page["data"]
        token = page["meta"].get("next_token")
        if token is None:
            break
    assert seen == every["data"]
    bad = [scene.request(view, key=scene.keys[ADA], query=query) for query in ({"page_size": "0"}, {"next_token": "x"})]
    assert [answer.status for answer in bad] == [400, 400]


def test_page_of_members_costs_the_same_behind_any_number(scene, team):
    scene.join(team, EVE, "viewer")

    def units():
        scene.world.driver.meter.reset()
        scene.request("list_members", key=scene.keys[ADA], query={"page_size": "2"})
        meter = scene.world.driver.meter
        return meter.count, meter.read_units

    few = units()
    now = scene.world.clock.now()
    scene.world.driver.load(MEMBERS, [put_member(team, f"z-{number}", "viewer", now).item for number in range(2000)])
    assert units() == few
