"""Users: registered by themselves where that is allowed, or by the operator."""

import pytest

from chalicelib.kit.errors import not_found
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.identity.model import TenantFacts
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_auth import ADDRESS, a_session, registered

BODY = {"email": ADDRESS, "fullName": "Ada Lovelace", "alias": "ada"}


@pytest.fixture
def scene():
    return MachinesScene()


@pytest.fixture
def open_scene():
    return MachinesScene(registration="open")


def register(scene, key=None, **body):
    return scene.request("register_user", key=key, json={**BODY, **body})


def test_registration_is_refused_where_it_is_off(scene):
    before = scene.world.state()
    answer = register(scene)
    assert (answer.status, answer.error["code"]) == (403, "registration_off")
    assert scene.world.state() == before


@pytest.mark.parametrize("role", [KeyRole.OPERATOR, KeyRole.VIEWER])
def test_lesser_keys_register_nobody_where_that_is_off(scene, role):
    assert register(scene, scene.world.key_with(role=role)).status == 403


def test_admin_of_another_tenant_registers_nobody_where_that_is_off(scene):
    assert register(scene, scene.world.key_with(role=KeyRole.ADMIN, tenant="acme")).status == 403


def test_wrong_key_is_refused_though_anyone_may_register(open_scene):
    assert register(open_scene, "wrong").status == 401


def test_user_registers_with_a_tenant_of_its_own(open_scene):
    token_of = [a_session(open_scene, address) for address in (ADDRESS, "bob@example.com")]
    principals = [open_scene.world.platform.identities.identify(one, (), "", sessions=True) for one in token_of]
    assert len({principal.tenant for principal in principals} | {"default"}) == 3
    identity = open_scene.world.platform.identity
    mine = principals[0]
    tier = open_scene.world.platform.settings.default_tier
    assert identity.tenant(mine.tenant) == TenantFacts(id=mine.tenant, name="Ada Lovelace", tier=tier)
    assert [user.id for _, user in identity.members(mine.tenant)] == [mine.user]
    assert register(open_scene, email="eve@example.com").status == 200


def test_known_address_is_answered_alike_and_starts_a_session_of_its_user(open_scene):
    registered(open_scene)
    rows = {table: len(open_scene.world.driver.snapshot()[table]) for table in ("users", "tenants", "addresses")}
    answer = register(open_scene, email="ADA@example.com", fullName="Somebody Else", alias="x")
    assert answer.status == 200
    open_scene.world.settle()
    assert {table: len(open_scene.world.driver.snapshot()[table]) for table in rows} == rows
    code = open_scene.world.mailer.code_for(ADDRESS)
    body = {"verificationCodeID": answer.json["verificationCodeID"], "code": code}
    assert open_scene.request("verify_session", key=None, json=body).status == 200
    assert open_scene.request("get_session", key=answer.json["bearer"]).json["fullName"] == "Ada Lovelace"


def test_registrations_at_once_make_one_user(open_scene):
    open_scene.world.platform.sealer.keys.newest()  # its callers would wait for each other
    open_scene.world.driver.latency(0.01)
    answers = open_scene.world.clock.run_together([lambda: register(open_scene) for _ in range(5)])
    assert {answer.status for answer in answers} == {200}
    rows = open_scene.world.driver.snapshot()
    assert {table: len(rows[table]) for table in ("users", "tenants", "addresses", "members")} == {
        "users": 1,
        "tenants": 1,
        "addresses": 1,
        "members": 1,
    }
    assert len(rows["sessions"]) == 5


@pytest.mark.parametrize("field", ["email", "fullName", "alias"])
def test_registration_without_a_field_is_refused_by_name(open_scene, field):
    body = {name: value for name, value in BODY.items() if name != field}
    answer = open_scene.request("register_user", key=None, json=body)
    assert (answer.status, answer.error["param"]) == (400, field)


def test_operator_finds_any_user_by_address(scene):
    a_session(scene)
    user_id = scene.request("get_user_by_email", query={"email": "Ada@Example.com"}).json["userID"]
    assert scene.world.platform.identity.find_user(user_id).alias == "ada"
    assert scene.request("get_user_by_email", query={"email": "nobody@example.com"}).status == 404


def test_user_finds_its_own_tenants_users_alone(scene):
    mine, _ = a_session(scene), a_session(scene, "bob@example.com")
    assert scene.request("get_user_by_email", key=mine, query={"email": ADDRESS}).status == 200
    unseen = [
        scene.request("get_user_by_email", key=mine, query={"email": email})
        for email in ("bob@example.com", "nobody@example.com")
    ]
    assert {(answer.status, answer.error["message"]) for answer in unseen} == {(404, not_found().message)}
