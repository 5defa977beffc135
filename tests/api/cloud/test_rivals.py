"""Refusals that need another caller at the same moment, and those of callers without a place or a key."""

import pytest

from chalicelib.cloud.roles.store import POLICIES
from chalicelib.cloud.service_accounts.store import ACCOUNTS
from chalicelib.cloud.ssh_keys.store import SSH_KEYS
from chalicelib.platform.identity.tenant_store import TENANTS
from chalicelib.platform.identity.user_store import MEMBERS
from chalicelib.platform.secrets.store import SECRETS
from tests.support.cloud import ADA, BOB, EVE

MANY = 200
"""More often than a change is tried again."""

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada"
POLICY = {"name": "p", "statements": [{"effect": "Deny", "action": ["tenant:delete"], "resource": ["*"]}]}


def change_always(scene, table, operation="TransactWriteItems", **values):
    """Before each such call another caller changes all rows of the table."""
    driver = scene.world.driver

    def change():
        driver.load(table, [{**row, "version": row["version"] + 1, **values} for row in driver.rows(table)])

    for _ in range(MANY):
        driver.before_next(change, operation=operation)


def ask(scene, view, **options):
    return scene.request(view, **{"key": scene.keys[ADA], **options})


def made(scene, view, **body):
    answer = ask(scene, view, json=body)
    assert answer.status == 201, answer.text
    return answer.json["data"]["id"]


@pytest.fixture
def things(scene, team):
    """One of each, by the names of path variables."""
    names = {
        "policy_id": made(scene, "create_policy", **POLICY),
        "account_id": made(scene, "create_service_account", name="deployer", role="viewer"),
        "key_id": made(scene, "add_ssh_key", name="laptop", public_key=KEY),
        "name": "viewer",
        "user_id": scene.variables["bob"],
    }
    scene.variables |= names
    for view in ("attach_user_policy", "attach_role_policy", "attach_account_policy"):
        assert ask(scene, view).status == 200
    return names


@pytest.mark.parametrize(
    ("view", "table", "body"),
    [
        ("delete_policy", POLICIES, None),
        ("detach_user_policy", MEMBERS, None),
        ("detach_role_policy", TENANTS, None),
        ("change_service_account", ACCOUNTS, {"enabled": False}),
        ("delete_service_account", ACCOUNTS, None),
        ("detach_account_policy", ACCOUNTS, None),
        ("delete_ssh_key", SSH_KEYS, None),
    ],
)
def test_change_of_a_thing_that_others_always_change_is_409(scene, things, view, table, body):
    change_always(scene, table)
    answer = ask(scene, view, **({} if body is None else {"json": body}))
    assert answer.status == 409, answer.text
    assert "again" in answer.json["error"]["message"]


def test_quotas_of_a_tenant_that_others_always_change_are_409(scene, team):
    change_always(scene, TENANTS, "UpdateItem")
    assert scene.request("set_quotas", json={"max_instances": 1}).status == 409


@pytest.mark.parametrize(
    ("view", "body"),
    [
        ("create_role", {"name": "auditor"}),
        ("create_policy", {**POLICY, "name": "q"}),
        ("create_service_account", {"name": "deployer", "role": "viewer"}),
        ("add_ssh_key", {"name": "laptop", "public_key": KEY}),
    ],
)
def test_thing_of_a_tenant_that_is_deleted_meanwhile_is_404(scene, team, view, body):
    change_always(scene, TENANTS, deleted_at="2026-11-21T10:00:00Z")
    assert ask(scene, view, json=body).status == 404


def test_invitation_that_another_withdraws_first_is_409(scene, team):
    names = {"invitation_id": made(scene, "create_invitation", email=EVE, role="viewer")}
    scene.world.driver.before_next(
        lambda: ask(scene, "withdraw_invitation", variables=names), operation="TransactWriteItems"
    )
    assert ask(scene, "withdraw_invitation", variables=names).status == 409


def test_secret_that_another_deletes_while_it_is_read_is_409(scene, team):
    names = {"secret_id": "a.b"}
    made(scene, "create_secret", name="a.b", value="x")
    scene.world.driver.before_next(
        lambda: ask(scene, "delete_secret", variables=names), operation="BatchGetItem", table=SECRETS
    )
    assert ask(scene, "read_secret", variables=names).status == 409


def test_invitation_of_a_user_who_is_added_meanwhile_is_400(scene, team):
    other = scene.tenant("other")
    user_id = scene.join(other, EVE, "owner")
    token = scene.invite(team, EVE)
    assert ask(scene, "add_member", json={"user_id": user_id, "role": "viewer"}).status == 200
    answer = scene.request("accept_invitation", variables={"token": token}, key=scene.keys[EVE])
    assert answer.status == 400


def test_policy_is_not_given_the_name_of_another(scene, things):
    made(scene, "create_policy", **{**POLICY, "name": "another"})
    assert ask(scene, "replace_policy", json={**POLICY, "name": "another"}).status == 409


def test_permission_of_a_role_of_every_tenant_stays(scene, team):
    names = {"role_id": "viewer", "permission": "tenant:read"}
    assert ask(scene, "remove_role_permission", variables=names).status == 409


def test_binding_of_a_stranger_is_404(scene, team):
    assert ask(scene, "create_binding", json={"user_identifier": EVE, "role_name": "viewer"}).status == 404


@pytest.mark.parametrize(
    "view", ["delete_own_user", "list_tenants", "switch_tenant", "leave_tenant", "accept_invitation"]
)
def test_own_acts_without_a_key_are_401(scene, team, view):
    assert scene.request(view, key=None, variables={"token": "none"}).status == 401


@pytest.mark.parametrize("view", ["delete_own_user", "list_tenants", "leave_tenant"])
def test_own_acts_in_a_tenant_without_a_place_are_403_and_change_nothing(scene, team, view):
    other = scene.tenant("other")
    before = scene.world.state()
    assert scene.request(view, key=scene.keys[BOB], headers={"x-tenant-id": other}).status == 403
    assert scene.world.state()["rows"] == before["rows"]


def test_key_without_a_user_works_in_no_other_tenant(scene, team):
    assert scene.request("switch_tenant").status == 404
