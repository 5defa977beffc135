"""Service accounts: credentials, tokens, and what ends them."""

import base64
import json
from urllib.parse import urlencode

import pytest

from chalicelib.platform.audit.store import TABLE as AUDIT
from tests.support.cloud import ADA, BOB

READING = {"name": "reading", "statements": [{"effect": "Allow", "action": "iam:read", "resource": "*"}]}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def account(scene, team):
    """An account of Ada's tenant that may read its roles."""
    scene.request("create_role", json={"name": "reader", "permissions": ["rbac:read"]}, key=scene.keys[ADA])
    body = {"name": "deployer", "role": "reader"}
    answer = scene.request("create_service_account", json=body, key=scene.keys[ADA])
    assert answer.status == 201, answer.text
    return answer.json["data"]


def token_of(scene, account, secret=None, **options):
    sent = {
        "grant_type": "client_credentials",
        "client_id": account["id"],
        "client_secret": secret or account["secret"],
    }
    return scene.send("POST", "/oauth2/token", key=None, body=urlencode(sent), headers=FORM, **options)


def bearer(scene, account, secret=None):
    answer = token_of(scene, account, secret)
    assert answer.status == 200, answer.text
    return answer.json["access_token"]


def ask(scene, token, path="/rbac/roles", method="GET", **headers):
    return scene.send(method, path, key=None, headers={"authorization": f"Bearer {token}", **headers})


def owner(scene, view, account, **options):
    names = {"account_id": account["id"], **options.pop("names", {})}
    return scene.request(view, variables=names, key=scene.keys[ADA], **options)


@pytest.mark.parametrize("name", ["super", "admin"])
def test_account_that_may_all_makes_neither_owners_nor_admins(scene, team, name):
    scene.request("create_role", json={"name": "super", "permissions": ["*"]}, key=scene.keys[ADA])
    body = {"name": "deployer", "role": name}
    made = scene.request("create_service_account", json=body, key=scene.keys[ADA]).json["data"]
    headers = {"headers": {"authorization": f"Bearer {bearer(scene, made)}"}, "key": None}
    for role, status in (("admin", 403), ("owner", 403), ("viewer", 200)):
        path = f"/tenants/{team}/members/{scene.variables['bob']}"
        assert scene.send("PATCH", path, json={"role": role}, **headers).status == status


@pytest.mark.parametrize(
    ("path", "body"), [("/tenants", {"name": "Own", "slug": "own"}), ("/auth/keys", {"name": "ci"})]
)
def test_account_makes_no_tenant_and_no_key_which_would_outlive_it(scene, team, path, body):
    wanted = {"name": "deployer", "role": "admin"}
    made = scene.request("create_service_account", json=wanted, key=scene.keys[ADA]).json["data"]
    headers = {"authorization": f"Bearer {bearer(scene, made)}"}
    before = scene.world.state()["changes"]
    assert scene.send("POST", path, json=body, headers=headers, key=None).status == 403
    assert scene.world.state()["changes"] == before


class TestTokens:
    def test_token_is_answered_plainly_and_in_the_envelope_of_other_answers(self, scene, account):
        answer = token_of(scene, account)
        assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 3600)
        assert answer.json["data"]["access_token"] == answer.json["access_token"]
        assert answer.headers["cache-control"] == "no-store"

    def test_token_names_its_account_and_tenant(self, scene, team, account):
        header, claims, _ = bearer(scene, account).split(".")
        decoded = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (header, claims)]
        assert decoded[0] == {"alg": "HS256", "typ": "JWT"}
        assert (decoded[1]["iss"], decoded[1]["sa_id"], decoded[1]["tenant_id"]) == ("thecloud", account["id"], team)
        assert decoded[1]["exp"] - decoded[1]["iat"] == 3600

    def test_account_may_do_what_its_role_and_policies_allow(self, scene, account):
        token = bearer(scene, account)
        assert ask(scene, token).status == 200
        assert ask(scene, token, "/iam/policies").status == 403
        policy = scene.request("create_policy", json=READING, key=scene.keys[ADA]).json["data"]["id"]
        assert owner(scene, "attach_account_policy", account, names={"policy_id": policy}).status == 200
        assert ask(scene, token, "/iam/policies").status == 200
        listed = owner(scene, "list_account_policies", account).json["data"]
        assert [one["name"] for one in listed] == ["reading"]
        assert owner(scene, "detach_account_policy", account, names={"policy_id": policy}).status == 200
        assert ask(scene, token, "/iam/policies").status == 403

    def test_account_works_in_its_own_tenant_alone(self, scene, team, account):
        token = bearer(scene, account)
        other = scene.tenant("other")
        assert ask(scene, token, **{"x-tenant-id": team}).status == 200
        assert ask(scene, token, **{"x-tenant-id": other}).status == 403
        assert ask(scene, token, f"/tenants/{team}").status == 200
        assert ask(scene, token, f"/tenants/{other}").status == 404
        assert ask(scene, token, "/auth/me").status == 404

    @pytest.mark.parametrize("how", ["json", "basic"])
    def test_credentials_may_come_as_json_or_basic(self, scene, account, how):
        sent = {"grant_type": "client_credentials"}
        pair = {"client_id": account["id"], "client_secret": account["secret"]}
        if how == "json":
            answer = scene.request("issue_token", key=None, json={**sent, **pair})
        else:
            basic = base64.b64encode(":".join(pair.values()).encode()).decode()
            headers = {**FORM, "authorization": f"Basic {basic}"}
            answer = scene.send("POST", "/oauth2/token", key=None, body=urlencode(sent), headers=headers)
        assert answer.status == 200

    def test_unknown_account_and_wrong_secret_are_refused_alike(self, scene, account):
        unknown = {**account, "id": "01900000-0000-7000-8000-0000000000ff"}
        answers = [token_of(scene, account, "sa_wrong"), token_of(scene, unknown)]
        assert {(answer.status, answer.json["error"]["message"]) for answer in answers} == {
            (401, "Wrong client_id or client_secret")
        }

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"grant_type": "password"}, "grant_type"),
            ({"client_id": ""}, "client_id"),
            ({"client_secret": ""}, "secret"),
        ],
    )
    def test_other_grant_or_missing_credentials_are_400(self, scene, account, changes, said):
        sent = {"grant_type": "client_credentials", "client_id": account["id"], "client_secret": "x", **changes}
        answer = scene.send("POST", "/oauth2/token", key=None, body=urlencode(sent), headers=FORM)
        assert (answer.status, said in answer.json["error"]["message"]) == (400, True)


class TestEnds:
    def test_token_ends_after_an_hour(self, scene, account):
        token = bearer(scene, account)
        scene.world.clock.advance(3599)
        assert ask(scene, token).status == 200
        scene.world.clock.advance(1)
        assert ask(scene, token).status == 401

    def test_disabled_account_is_refused_by_the_next_request_until_it_is_enabled(self, scene, account):
        token = bearer(scene, account)
        assert owner(scene, "change_service_account", account, json={"enabled": False}).status == 200
        assert (ask(scene, token).status, token_of(scene, account).status) == (401, 401)
        assert owner(scene, "change_service_account", account, json={"enabled": True}).status == 200
        assert ask(scene, token).status == 200

    def test_rotated_secret_ends_the_old_ones_with_their_tokens(self, scene, account):
        token = bearer(scene, account)
        new = owner(scene, "rotate_account_secret", account).json["data"]["secret"]
        assert (ask(scene, token).status, token_of(scene, account).status) == (401, 401)
        assert ask(scene, bearer(scene, account, new)).status == 200

    def test_revoked_secret_ends_its_tokens(self, scene, account):
        token = bearer(scene, account)
        (secret,) = owner(scene, "list_account_secrets", account).json["data"]
        assert set(secret) == {"id", "created_at"}
        assert owner(scene, "revoke_account_secret", account, names={"secret_id": secret["id"]}).status == 204
        assert (ask(scene, token).status, token_of(scene, account).status) == (401, 401)

    def test_deleted_account_is_refused_by_the_next_request(self, scene, account):
        token = bearer(scene, account)
        assert owner(scene, "delete_service_account", account).status == 204
        assert (ask(scene, token).status, token_of(scene, account).status) == (401, 401)
        assert owner(scene, "get_service_account", account).status == 404

    def test_account_of_a_deleted_tenant_is_refused(self, scene, account):
        token = bearer(scene, account)
        scene.request("remove_member", variables={"user_id": scene.variables["bob"]})
        assert scene.request("delete_tenant", key=scene.keys[ADA]).status == 204
        assert ask(scene, token).status == 403


class TestForgery:
    def changed(self, token, **claims):
        header, body, signature = token.split(".")
        known = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        sent = json.dumps({**known, **claims}, separators=(",", ":")).encode()
        return f"{header}.{base64.urlsafe_b64encode(sent).rstrip(b'=').decode()}.{signature}"

    def test_changed_claims_are_refused(self, scene, account):
        token = bearer(scene, account)
        other = scene.tenant("other")
        for claims in ({"exp": 9_999_999_999}, {"tenant_id": other}, {"sa_id": "x"}, {"tenant_id": "a|b"}, {"sid": ""}):
            assert ask(scene, self.changed(token, **claims)).status == 401

    def test_token_of_another_algorithm_is_refused(self, scene, account):
        _, body, signature = bearer(scene, account).split(".")
        for header in ({"alg": "none", "typ": "JWT"}, {"alg": "none"}, {"typ": "JWT", "alg": "HS256"}):
            sent = base64.urlsafe_b64encode(json.dumps(header, separators=(",", ":")).encode()).rstrip(b"=").decode()
            assert ask(scene, f"{sent}.{body}.{signature}").status == 401
            assert ask(scene, f"{sent}.{body}.").status == 401

    @pytest.mark.parametrize("token", ["..", "a.b.c", "e30.e30.e30", "x" * 3000 + ".b.c"])
    def test_text_that_is_no_token_is_401(self, scene, token):
        assert ask(scene, token).status == 401

    def test_token_of_one_account_is_none_of_another(self, scene, account):
        body = {"name": "other", "role": "reader"}
        other = scene.request("create_service_account", json=body, key=scene.keys[ADA]).json["data"]
        token = self.changed(bearer(scene, account), sa_id=other["id"])
        assert ask(scene, token).status == 401


class TestWidening:
    def keeper(self, scene):
        """Bob may see to service accounts, and read roles."""
        names = ["service_account:create", "service_account:update", "service_account:read", "rbac:read"]
        scene.request("create_role", json={"name": "keeper", "permissions": names}, key=scene.keys[ADA])
        body = {"user_identifier": BOB, "role_name": "keeper"}
        scene.request("create_binding", json=body, key=scene.keys[ADA])
        return scene.keys[BOB]

    def test_account_gets_no_role_above_its_makers_rights(self, scene, account):
        key = self.keeper(scene)
        roles = [("reader", 201), ("admin", 403), ("owner", 403), ("keeper", 201), ("gone", 400)]
        for role, status in roles:
            body = {"name": "mine", "role": role}
            assert scene.request("create_service_account", json=body, key=key).status == status

    def test_secret_of_an_account_with_more_rights_is_not_given_away(self, scene, account):
        key = self.keeper(scene)
        body = {"name": "strong", "role": "admin"}
        strong = scene.request("create_service_account", json=body, key=scene.keys[ADA]).json["data"]
        names = {"account_id": strong["id"]}
        assert scene.request("rotate_account_secret", variables=names, key=key).status == 403
        assert scene.request("change_service_account", variables=names, json={"role": "admin"}, key=key).status == 403
        assert scene.request("rotate_account_secret", variables={"account_id": account["id"]}, key=key).status == 200


def test_no_secret_of_an_account_stands_in_rows_or_logs(scene, account):
    token = bearer(scene, account)
    ask(scene, token)
    kept = repr(scene.world.state()) + "".join(scene.world.lines.texts)
    for secret in (account["secret"], account["secret"].removeprefix("sa_"), token, token.split(".")[2]):
        assert secret not in kept


def test_acts_of_an_account_are_told_with_its_name(scene, account):
    ask(scene, bearer(scene, account), "/iam/policies")
    scene.world.settle()
    told = [row for row in scene.world.driver.rows(AUDIT) if row["principal_kind"] == "service_account"]
    assert [(row["principal_id"], row["outcome"]) for row in told] == [(account["id"], "refused")]
