"""Roles and policies of a tenant, by what they let its members do."""

import pytest

from chalicelib.cloud.roles.rules import MOST_ATTACHED
from tests.support.cloud import ADA, BOB, EVE

READ_ROLES = {"effect": "Allow", "action": "rbac:read", "resource": "*"}
SECRET_VIEWS = ("read_secret", "delete_secret")
ALLOW_POLICIES = {"effect": "Allow", "action": "iam:*", "resource": "*"}
DENY_READING = {"effect": "Deny", "action": ["tenant:read"], "resource": ["*"]}


def role(scene, name="auditor", permissions=("rbac:read",), key=None):
    body = {"name": name, "permissions": [*permissions]}
    return scene.request("create_role", json=body, key=key or scene.keys[ADA])


def policy(scene, *statements, name="a policy", key=None):
    body = {"id": "00000000-0000-0000-0000-000000000000", "name": name, "statements": [*statements]}
    return scene.request("create_policy", json=body, key=key or scene.keys[ADA])


def bind(scene, who, name, key=None):
    return scene.request("create_binding", json={"user_identifier": who, "role_name": name}, key=key or scene.keys[ADA])


def attach(scene, policy_id, view="attach_user_policy", **names):
    variables = {"user_id": scene.variables["bob"], "policy_id": policy_id, **names}
    return scene.request(view, variables=variables, key=scene.keys[ADA])


def bob(scene):
    return {"user_id": scene.variables["bob"]}


def given(scene, name, key):
    """The statuses of each way to give a role: to an account, by an invitation of Eve, and to a member by two ways."""
    who, eve = {"email": EVE, "role": name}, {"user_id": scene.variables["eve"]}
    account = scene.request("create_service_account", json={"name": "robot", "role": name}, key=key)
    added = scene.request("add_member", json=who, key=key)
    if added.status != 200:
        assert scene.request("add_member", json={**who, "role": "viewer"}).status == 200
    changed = scene.request("change_member", variables=eve, json={"role": name}, key=key)
    bound = bind(scene, EVE, name, key)
    assert scene.request("remove_member", variables=eve).status == 204
    invited = scene.request("create_invitation", json=who, key=key)
    return [account.status < 300, added.status < 300, changed.status < 300, bound.status < 300, invited.status < 300]


def statuses(scene, *views, key=None):
    return [scene.request(view, key=key or scene.keys[BOB]).status for view in views]


class TestRoles:
    def test_role_of_the_tenant_counts_from_the_next_request_on(self, scene, team):
        made = role(scene).json["data"]
        assert statuses(scene, "list_roles") == [403]
        assert bind(scene, BOB, "auditor").status == 204
        assert statuses(scene, "list_roles", "list_policies") == [200, 403]
        names = {"role_id": made["id"]}
        body = {"permission": "iam:read"}
        added = scene.request("add_role_permission", variables=names, json=body, key=scene.keys[ADA])
        assert (added.status, statuses(scene, "list_policies")) == (204, [200])
        changed = scene.request("replace_role", variables=names, json={"permissions": []}, key=scene.keys[ADA])
        assert (changed.json["data"]["permissions"], statuses(scene, "list_roles")) == ([], [403])

    def test_binding_is_by_id_as_well_and_listed_with_users(self, scene, team):
        role(scene)
        assert bind(scene, scene.variables["bob"], "auditor").status == 204
        bound = scene.request("list_bindings", key=scene.keys[ADA]).json["data"]
        assert {one["email"]: one["role"] for one in bound} == {ADA: "owner", BOB: "auditor"}

    def test_role_is_found_by_name_and_by_id(self, scene, team):
        made = role(scene).json["data"]
        for name in ("auditor", made["id"]):
            found = scene.request("get_role", variables={"role_id": name}, key=scene.keys[ADA])
            assert found.json["data"] == made
        listed = [one["name"] for one in scene.request("list_roles", key=scene.keys[ADA]).json["data"]]
        assert listed == ["owner", "admin", "developer", "member", "viewer", "auditor"]

    def test_name_is_taken_once_and_never_that_of_a_common_role(self, scene, team):
        assert [role(scene).status, role(scene).status, role(scene, name="viewer").status] == [201, 409, 409]

    def test_role_that_a_member_has_stays(self, scene, team):
        role(scene)
        bind(scene, BOB, "auditor")
        names = {"role_id": "auditor"}
        assert scene.request("delete_role", variables=names, key=scene.keys[ADA]).status == 409
        bind(scene, BOB, "viewer")
        assert scene.request("delete_role", variables=names, key=scene.keys[ADA]).status == 204
        assert scene.request("get_role", variables=names, key=scene.keys[ADA]).status == 404

    @pytest.mark.parametrize("name", ["owner", "viewer"])
    def test_common_role_cannot_be_changed(self, scene, team, name):
        names = {"role_id": name}
        assert scene.request("delete_role", variables=names, key=scene.keys[ADA]).status == 409
        body = {"permissions": ["rbac:read"]}
        assert scene.request("replace_role", variables=names, json=body, key=scene.keys[ADA]).status == 409

    def test_holder_of_a_role_gives_no_more_than_it_has(self, scene, team):
        role(scene, "keeper", ["rbac:read", "rbac:write"])
        role(scene, "strong", ["rbac:read", "iam:write"])
        bind(scene, BOB, "keeper")
        key = scene.keys[BOB]
        assert role(scene, "mine", ["rbac:read"], key=key).status == 201
        for permissions in (["*"], ["iam:write"], ["tenant:delete"]):
            assert role(scene, "more", permissions, key=key).status == 403
        for name in ("strong", "admin"):
            assert bind(scene, BOB, name, key=key).status == 403
        body = {"permission": "iam:write"}
        names = {"role_id": "keeper"}
        assert scene.request("add_role_permission", variables=names, json=body, key=key).status == 403

    def test_unknown_permission_is_400_with_its_value(self, scene, team):
        refused = role(scene, permissions=["vpc:fly"])
        assert (refused.status, "'vpc:fly'" in refused.json["error"]["message"]) == (400, True)

    def test_role_of_another_tenant_cannot_be_given(self, scene, team):
        scene.join(scene.tenant("other"), EVE, "owner")
        role(scene, key=scene.keys[EVE])
        refused = bind(scene, BOB, "auditor")
        assert (refused.status, "is not a role" in refused.json["error"]["message"]) == (400, True)

    def test_star_is_everything_in_the_tenant_and_nothing_beyond(self, scene, team):
        role(scene, "all", ["*"])
        bind(scene, BOB, "all")
        assert statuses(scene, "list_roles", "list_policies", "list_invitations") == [200, 200, 200]
        assert scene.request("set_quotas", json={"max_vpcs": 1}, key=scene.keys[BOB]).status == 403

    def test_deleted_role_leaves_none_of_its_policies_to_a_later_one(self, scene, team):
        made = role(scene).json["data"]
        attach(scene, policy(scene, ALLOW_POLICIES).json["data"]["id"], "attach_role_policy", name="auditor")
        names = {"role_id": made["id"]}
        assert scene.request("delete_role", variables=names, key=scene.keys[ADA]).status == 204
        role(scene)
        bind(scene, BOB, "auditor")
        assert statuses(scene, "list_roles", "list_policies") == [200, 403]

    def test_role_of_an_account_or_an_open_invitation_stays(self, scene, team):
        for view, body in (
            ("create_service_account", {"name": "robot", "role": "auditor"}),
            ("create_invitation", {"email": EVE, "role": "auditor"}),
        ):
            names = {"role_id": role(scene).json["data"]["id"]}
            made = scene.request(view, json=body, key=scene.keys[ADA]).json["data"]["id"]
            assert scene.request("delete_role", variables=names, key=scene.keys[ADA]).status == 409
            ended = {"account_id": made, "invitation_id": made}
            ending = "delete_service_account" if view == "create_service_account" else "withdraw_invitation"
            assert scene.request(ending, variables=ended, key=scene.keys[ADA]).status == 204
            assert scene.request("delete_role", variables=names, key=scene.keys[ADA]).status == 204


class TestGiving:
    """Each way to give a role is refused to a caller who may not do all that the role gives."""

    @pytest.fixture(autouse=True)
    def elsewhere(self, scene):
        """Eve has a tenant of her own."""
        scene.variables["eve"] = scene.join(scene.tenant("elsewhere"), EVE, "owner")

    @pytest.fixture
    def keeper(self, scene, team):
        """Bob, who may give roles, but has little himself."""
        role(scene, "keeper", ("service_account:create", "tenant:update", "rbac:write", "iam:write"))
        bind(scene, BOB, "keeper")
        return scene.keys[BOB]

    def test_role_is_given_with_the_allowances_of_its_policies(self, scene, keeper):
        role(scene, "ops", ())
        assert given(scene, "ops", keeper) == [True] * 5
        attach(scene, policy(scene, ALLOW_POLICIES).json["data"]["id"], "attach_role_policy", name="ops")
        assert given(scene, "ops", keeper) == [False] * 5

    @pytest.mark.parametrize("condition", [{}, {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}])
    def test_admin_gives_no_role_of_which_a_policy_denies_it_a_part(self, scene, team, condition):
        scene.request("change_member", variables=bob(scene), json={"role": "admin"}, key=scene.keys[ADA])
        body = {"effect": "Deny", "action": ["tenant:delete"], "resource": ["secret:1"], "condition": condition}
        attach(scene, policy(scene, body).json["data"]["id"])
        assert given(scene, "admin", scene.keys[BOB]) == [False] * 5
        assert given(scene, "viewer", scene.keys[BOB]) == [True] * 5

    def test_denial_is_lifted_by_a_caller_alone_whom_none_denies_that(self, scene, team):
        scene.request("change_member", variables=bob(scene), json={"role": "admin"}, key=scene.keys[ADA])
        denying = policy(scene, DENY_READING).json["data"]["id"]
        for view, more in (("attach_user_policy", {}), ("attach_role_policy", {"name": "viewer"})):
            attach(scene, denying, view, **more)
        names = {**bob(scene), "policy_id": denying, "name": "viewer"}
        lifting = ("detach_user_policy", "detach_role_policy", "delete_policy")
        assert [scene.request(view, variables=names, key=scene.keys[BOB]).status for view in lifting] == [403] * 3
        body = {"name": "a policy", "statements": [{**DENY_READING, "action": ["vpc:read"]}]}
        assert scene.request("replace_policy", variables=names, json=body, key=scene.keys[BOB]).status == 403
        assert [scene.request(view, variables=names, key=scene.keys[ADA]).status for view in lifting] == [200] * 3


class TestPolicies:
    def test_policy_of_a_member_allows_and_denies_at_once(self, scene, team):
        allowing = policy(scene, READ_ROLES).json["data"]
        denying = policy(scene, DENY_READING, name="no reading").json["data"]
        assert statuses(scene, "list_roles", "get_tenant") == [403, 200]
        for one in (allowing, denying):
            assert attach(scene, one["id"]).json["data"] == {"status": "attached"}
        assert statuses(scene, "list_roles", "get_tenant") == [200, 403]
        names = {"user_id": scene.variables["bob"]}
        listed = scene.request("list_user_policies", variables=names, key=scene.keys[ADA]).json["data"]
        assert [one["name"] for one in listed] == ["a policy", "no reading"]
        attach(scene, denying["id"], "detach_user_policy")
        assert statuses(scene, "get_tenant") == [200]

    def test_policy_of_a_role_denies_what_one_of_the_user_allows(self, scene, team):
        allowing = policy(scene, READ_ROLES).json["data"]["id"]
        denying = policy(scene, {**READ_ROLES, "effect": "Deny"}, name="no roles").json["data"]["id"]
        attach(scene, allowing)
        assert statuses(scene, "list_roles") == [200]
        assert attach(scene, denying, "attach_role_policy", name="developer").status == 200
        assert statuses(scene, "list_roles") == [403]
        assert attach(scene, denying, "detach_role_policy", name="developer").status == 200
        assert statuses(scene, "list_roles") == [200]

    def test_policy_on_one_thing_is_evaluated_with_its_id(self, scene, team):
        elsewhere = scene.tenant("elsewhere")
        on_another = {**DENY_READING, "resource": [f"tenant:{elsewhere}"]}
        on_this = {**DENY_READING, "resource": [f"arn:thecloud:tenant:local:{team}:tenant/{team}"]}
        attach(scene, policy(scene, on_another).json["data"]["id"])
        assert statuses(scene, "get_tenant") == [200]
        attach(scene, policy(scene, on_this, name="this").json["data"]["id"])
        assert statuses(scene, "get_tenant") == [403]

    @pytest.mark.parametrize("by", ["id", "name"])
    def test_denial_of_a_thing_holds_by_whatever_text_it_is_named(self, scene, team, by):
        made = scene.request("create_secret", json={"name": "db.password", "value": "x"}, key=scene.keys[ADA])
        secret = made.json["data"]
        attach(
            scene, policy(scene, {**DENY_READING, "action": "secret:*", "resource": [secret[by]]}).json["data"]["id"]
        )
        for text in (secret["id"], secret["id"].upper(), secret["id"][:-1], secret["name"], secret["name"][:-1]):
            names = {"secret_id": text}
            answers = [scene.request(view, variables=names, key=scene.keys[BOB]) for view in SECRET_VIEWS]
            assert [answer.status for answer in answers] == [403, 403]

    def test_condition_on_the_address_of_the_caller(self, scene, team):
        only_here = {**DENY_READING, "condition": {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}}
        attach(scene, policy(scene, only_here).json["data"]["id"])
        assert statuses(scene, "get_tenant") == [200]
        assert scene.request("get_tenant", key=scene.keys[BOB], address="198.51.100.1").status == 403

    def test_deleted_policy_counts_nowhere_and_frees_its_name(self, scene, team):
        denying = policy(scene, DENY_READING).json["data"]["id"]
        attach(scene, denying)
        names = {"policy_id": denying}
        deleted = scene.request("delete_policy", variables=names, key=scene.keys[ADA])
        assert deleted.json["data"] == {"status": "deleted"}
        assert statuses(scene, "get_tenant") == [200]
        assert policy(scene, DENY_READING).status == 201

    def test_replaced_policy_counts_as_it_is_then(self, scene, team):
        made = policy(scene, READ_ROLES).json["data"]
        attach(scene, made["id"])
        names, body = {"policy_id": made["id"]}, {**made, "name": "renamed", "statements": [DENY_READING]}
        changed = scene.request("replace_policy", variables=names, json=body, key=scene.keys[ADA]).json["data"]
        assert (changed["name"], changed["id"]) == ("renamed", made["id"])
        assert statuses(scene, "list_roles", "get_tenant") == [403, 403]
        assert policy(scene, READ_ROLES).status == 201

    def test_policy_that_allows_more_than_its_maker_is_403(self, scene, team):
        role(scene, "keeper", ["iam:read", "iam:write"])
        bind(scene, BOB, "keeper")
        strong = policy(scene, READ_ROLES, name="strong").json["data"]["id"]
        for action in ("rbac:write", "iam:*", "*"):
            refused = policy(scene, {**READ_ROLES, "action": action}, name="more", key=scene.keys[BOB])
            assert refused.status == 403
        names = {"user_id": scene.variables["bob"], "policy_id": strong}
        assert scene.request("attach_user_policy", variables=names, key=scene.keys[BOB]).status == 403
        assert policy(scene, DENY_READING, name="less", key=scene.keys[BOB]).status == 201

    def test_eleventh_policy_is_409_and_one_that_is_attached_stays(self, scene, team):
        made = [policy(scene, DENY_READING, name=f"p{n}").json["data"]["id"] for n in range(MOST_ATTACHED + 1)]
        for one in (*made[:MOST_ATTACHED], made[0]):
            assert attach(scene, one).status == 200
        assert attach(scene, made[-1]).status == 409

    @pytest.mark.parametrize(
        ("statement", "said"),
        [
            ({**READ_ROLES, "effect": "Maybe"}, "effect"),
            ({**READ_ROLES, "action": []}, "action"),
            ({**READ_ROLES, "action": "read roles"}, "statements.0.action 'read roles'"),
            ({**READ_ROLES, "resource": "vpc:*-prod"}, "statements.0.resource 'vpc:*-prod'"),
            ({**READ_ROLES, "condition": {"StringIs": {"aws:UserId": "u"}}}, "unknown operator 'StringIs'"),
        ],
    )
    def test_statement_that_cannot_be_evaluated_is_400(self, scene, team, statement, said):
        refused = policy(scene, statement)
        assert (refused.status, said in refused.json["error"]["message"]) == (400, True)

    def test_user_of_another_tenant_has_no_policies_here(self, scene, team):
        eve = scene.join(scene.tenant("other"), EVE, "owner")
        made = policy(scene, READ_ROLES).json["data"]["id"]
        assert attach(scene, made, user_id=eve).status == 404

    def test_changes_at_once_lose_none(self, scene, team):
        made = [policy(scene, DENY_READING, name=f"p{n}").json["data"]["id"] for n in range(4)]
        scene.world.driver.latency(0.01)
        answers = scene.world.clock.run_together([lambda one=one: attach(scene, one) for one in made])
        assert {answer.status for answer in answers} == {200}
        names = {"user_id": scene.variables["bob"]}
        listed = scene.request("list_user_policies", variables=names, key=scene.keys[ADA]).json["data"]
        assert {one["id"] for one in listed} == {*made}


def test_member_without_policies_costs_no_further_call(scene, team):
    scene.request("get_tenant", key=scene.keys[BOB])
    before = scene.world.driver.meter.count
    attach(scene, policy(scene, READ_ROLES).json["data"]["id"])
    scene.request("get_tenant", key=scene.keys[BOB])
    assert scene.world.driver.meter.count == before + 1
