"""Login, passwords and the own user."""

import pytest

from chalicelib.cloud.accounts.rules import LONGEST_DELAY, MOST_KNOWN_ADDRESSES
from chalicelib.cloud.accounts.store import LOGIN_TRIES, PASSWORDS
from chalicelib.cloud.tenancy import rules
from chalicelib.cloud.tenancy.rules import MOST_TENANTS
from chalicelib.platform.access.store import API_KEYS
from chalicelib.platform.identity import user_keys
from chalicelib.platform.identity.user_keys import MOST_KEYS
from tests.support.cloud import ADA, BOB, EVE, PASSWORD

WRONG = "Wr0ng-Horse-Staple"
OTHER = "An0ther-Horse-Staple"
ELSEWHERE = "198.51.100.9"


def log_in(scene, email=ADA, password=PASSWORD, **options):
    return scene.request("log_in", key=None, json={"email": email, "password": password}, **options)


def fail(scene, times, **options):
    for _ in range(times):
        scene.world.clock.advance(60)
        assert log_in(scene, password=WRONG, **options).status == 401


class TestLogin:
    def test_login_gives_a_new_key_in_the_published_form_each_time(self, scene, team):
        first, second = (log_in(scene, email=" ADA@example.com").json["data"] for _ in range(2))
        assert first["user"]["tenant_id"] == team
        assert first["api_key"] != second["api_key"]
        for each in (first, second):
            prefix, _, secret = each["api_key"].partition("_")
            assert (prefix, len(secret), int(secret, 16) > 0) == ("thecloud", 32, True)
            assert scene.request("get_own_user", key=each["api_key"]).json["data"]["email"] == ADA

    def test_unknown_account_and_wrong_password_have_the_same_answer_calls_and_work(self, scene, team):
        scene.log_in(ADA)  # the first of an application also looks its limit up
        seen = []
        for email in (ADA, EVE):
            checks = len(scene.passwords.checked)
            answer = log_in(scene, email=email, password=WRONG)
            calls = [(call.operation, call.table) for call in scene.world.driver.meter.calls]
            seen.append((answer.status, answer.json["error"], calls, len(scene.passwords.checked) - checks))
        assert seen[0] == seen[1]
        assert seen[0][0] == 401

    def test_tries_of_one_address_with_one_account_are_few_a_minute(self, scene, team):
        scene.world.clock.advance(60)
        statuses = [log_in(scene, password=WRONG).status for _ in range(6)]
        assert statuses == [401] * 5 + [429]
        assert log_in(scene, email=BOB).status == 200
        scene.world.clock.advance(60)
        assert log_in(scene).status == 200

    def test_failures_delay_the_next_try_from_unknown_addresses_alone(self, scene, team):
        fail(scene, 12, address=ELSEWHERE)
        assert log_in(scene).status == 200  # from an address that the user has logged in from
        fail(scene, 12, address=ELSEWHERE)
        refused = log_in(scene, address="198.51.100.10")
        assert refused.status == 429
        assert 1 <= int(refused.headers["retry-after"]) <= LONGEST_DELAY.seconds
        scene.world.clock.advance(LONGEST_DELAY.seconds)
        assert log_in(scene, address="198.51.100.10").status == 200

    def test_refused_tries_make_the_delay_no_longer(self, scene, team):
        fail(scene, 12, address=ELSEWHERE)
        for _ in range(5):
            scene.world.clock.advance(5)
            assert log_in(scene, password=WRONG, address="198.51.100.10").status == 429
        scene.world.clock.advance(5)
        assert log_in(scene, address="198.51.100.11").status == 200

    def test_success_forgets_failures_and_knows_the_last_addresses(self, scene, team):
        fail(scene, 4, address=ELSEWHERE)
        assert log_in(scene, address=ELSEWHERE).status == 200
        assert scene.world.driver.rows(LOGIN_TRIES) == []
        for last in range(MOST_KNOWN_ADDRESSES + 2):
            assert log_in(scene, address=f"198.51.100.{last + 20}").status == 200
        fail(scene, 12, address=ELSEWHERE)
        assert log_in(scene, address="198.51.100.20").status == 429
        assert log_in(scene, address=f"198.51.100.{MOST_KNOWN_ADDRESSES + 21}").status == 200

    def test_key_of_a_user_works_while_logins_are_delayed(self, scene, team):
        fail(scene, 12, address=ELSEWHERE)
        assert scene.request("get_own_user", key=scene.keys[ADA]).status == 200

    def test_login_above_the_number_of_a_thiefs_keys_revokes_the_idlest(self, scene, team, monkeypatch):
        monkeypatch.setattr(user_keys, "MOST_KEYS", 3)
        stolen = scene.keys[ADA]
        for number in range(2):
            scene.world.clock.advance(60)
            made = scene.request("create_user_key", json={"name": f"thief {number}"}, key=stolen).json["data"]
        scene.world.clock.advance(60)
        scene.request("revoke_user_key", variables={"key_id": own_key_id(scene)}, key=stolen)
        assert scene.request("create_user_key", json={"name": "thief 2"}, key=made["key"]).status == 201
        assert log_in(scene).status == 200
        left = scene.request("list_user_keys", key=made["key"]).json["data"]
        assert {one["name"] for one in left} == {"Default Key", "thief 2", "thief 1"}

    def test_login_above_the_number_of_keys_revokes_the_oldest_of_its_name(self, scene, team):
        for _ in range(MOST_KEYS - 1):
            scene.world.clock.advance(60)
            assert log_in(scene).status == 200
        first = scene.keys[ADA]
        scene.world.clock.advance(60)
        assert log_in(scene).status == 200
        assert scene.request("get_own_user", key=first).status == 401
        listed = scene.request("list_user_keys", key=scene.log_in(ADA)).json["data"]
        assert len(listed) == MOST_KEYS


class TestPassword:
    def forgotten(self, scene, email=ADA):
        answer = scene.request("forget_password", key=None, json={"email": email})
        scene.world.settle(twice=True)
        return answer

    def test_mailed_token_sets_another_password_once_and_keys_go_on(self, scene, team):
        self.forgotten(scene)
        body = {"token": scene.world.mailer.token_for(ADA), "new_password": OTHER}
        assert scene.request("reset_password", key=None, json=body).status == 200
        assert log_in(scene, password=OTHER).status == 200
        assert log_in(scene).status == 401
        assert scene.request("get_own_user", key=scene.keys[ADA]).status == 200
        assert scene.request("reset_password", key=None, json=body).status == 400

    def test_reset_revokes_every_key_and_key_pair_where_it_is_asked_to(self, scene, team, monkeypatch):
        monkeypatch.setattr(user_keys, "MOST_ENDED", 2)
        made = [scene.request("create_user_key", json={"name": f"{n}"}, key=scene.keys[ADA]) for n in range(5)]
        self.forgotten(scene)
        body = {"token": scene.world.mailer.token_for(ADA), "new_password": OTHER, "revoke_keys": True}
        assert scene.request("reset_password", key=None, json=body).status == 200
        texts = [scene.keys[ADA], *(one.json["data"]["key"] for one in made)]
        assert {scene.request("get_own_user", key=text).status for text in texts} == {401}
        assert log_in(scene, password=OTHER).status == 200
        assert scene.request("get_own_user", key=scene.keys[BOB]).status == 200

    def test_address_of_a_reset_logs_in_while_strangers_keep_up_the_delay(self, scene, team):
        self.forgotten(scene)
        body = {"token": scene.world.mailer.token_for(ADA), "new_password": OTHER}
        assert scene.request("reset_password", key=None, json=body, address="198.51.100.7").status == 200
        fail(scene, 12, address=ELSEWHERE)
        statuses = [log_in(scene, password=OTHER, address=f"198.51.100.{last}").status for last in (8, 7)]
        assert statuses == [429, 200]

    def test_reset_beside_the_end_of_its_user_leaves_no_password(self, scene, team, monkeypatch):
        self.forgotten(scene, BOB)
        seal = scene.cloud.password_secrets.seal

        def seal_late(*values):
            scene.request("delete_own_user", key=scene.keys[BOB])
            return seal(*values)

        monkeypatch.setattr(scene.cloud.password_secrets, "seal", seal_late)
        body = {"token": scene.world.mailer.token_for(BOB), "new_password": OTHER}
        assert scene.request("reset_password", key=None, json=body).status == 400
        assert scene.variables["bob"] not in {row["id"] for row in scene.world.driver.rows(PASSWORDS)}

    def test_known_and_unknown_addresses_have_the_same_answer_and_calls(self, scene, team):
        seen = []
        for email in (ADA, EVE):
            answer = self.forgotten(scene, email)
            scene.request("forget_password", key=None, json={"email": email})
            calls = [(call.operation, call.table) for call in scene.world.driver.meter.calls]
            seen.append((answer.status, answer.json["data"], calls))
        assert seen[0] == seen[1]
        assert [mail for mail in scene.world.mailer.sent if mail.to == EVE] == []

    def test_expired_token_is_refused(self, scene, team):
        self.forgotten(scene)
        body = {"token": scene.world.mailer.token_for(ADA), "new_password": OTHER}
        scene.world.clock.advance(3600)
        assert scene.request("reset_password", key=None, json=body).status == 400

    def test_weak_password_is_refused_and_the_token_stays_good(self, scene, team):
        self.forgotten(scene)
        token = scene.world.mailer.token_for(ADA)
        weak = scene.request("reset_password", key=None, json={"token": token, "new_password": "password"})
        assert (weak.status, "new_password" in weak.json["error"]["message"]) == (400, True)
        good = {"token": token, "new_password": OTHER}
        assert scene.request("reset_password", key=None, json=good).status == 200

    def test_password_is_kept_as_a_sealed_hash(self, scene, team):
        rows = scene.world.driver.rows(PASSWORDS)
        assert PASSWORD not in repr(rows)
        assert "hash of" not in repr(rows)


class TestOwnUser:
    def test_deleted_user_is_gone_with_its_address_and_its_keys(self, scene, team):
        key = scene.keys[BOB]
        assert scene.request("delete_own_user", key=key).status == 204
        assert scene.request("get_own_user", key=key).status == 401
        assert log_in(scene, email=BOB).status == 401
        members = scene.request("list_members").json["data"]
        assert [member["email"] for member in members] == [ADA]
        kept = {name: rows for name, rows in scene.world.driver.snapshot().items() if name != "audit_events"}
        assert BOB not in repr({name: rows for name, rows in kept.items() if name != "verifications"})

    def test_user_deleted_during_its_login_gets_no_key(self, scene, team, monkeypatch):
        prepare = user_keys.UserKeys.replaced_for_login

        def deleted_meanwhile(*given):
            scene.request("delete_own_user", key=scene.keys[BOB])
            return prepare(*given)

        monkeypatch.setattr(user_keys.UserKeys, "replaced_for_login", deleted_meanwhile)
        before = len(scene.world.driver.rows(API_KEYS))
        assert log_in(scene, email=BOB).status == 401
        assert len(scene.world.driver.rows(API_KEYS)) == before

    def test_address_of_a_deleted_user_can_be_invited_again(self, scene, team):
        old = scene.variables["bob"]
        scene.request("delete_own_user", key=scene.keys[BOB])
        assert scene.join(team, BOB) != old

    def test_owner_of_a_tenant_with_members_is_409_until_they_are_gone(self, scene, team):
        key = scene.keys[ADA]
        refused = scene.request("delete_own_user", key=key)
        assert (refused.status, "Engines" in refused.json["error"]["message"]) == (409, True)
        assert scene.request("remove_member", variables={"user_id": scene.variables["bob"]}, key=key).status == 204
        assert scene.request("delete_own_user", key=key).status == 204
        assert scene.request("get_tenant").status == 404

    def test_user_with_as_many_tenants_as_there_may_be_is_deleted(self, scene, team):
        key = scene.keys[BOB]
        assert scene.request("leave_tenant", key=key).status == 200
        bodies = ({"name": "x", "slug": f"own-{number}"} for number in range(MOST_TENANTS))
        statuses = [scene.request("create_tenant", json=body, key=key).status for body in bodies]
        assert statuses == [201] * (MOST_TENANTS - 1) + [409]
        assert scene.request("delete_own_user", key=key).status == 204

    def test_user_with_more_tenants_than_there_may_be_by_now_is_told_to_delete_one(self, scene, team, monkeypatch):
        monkeypatch.setattr(rules, "MOST_TENANTS", 20)
        key = scene.keys[BOB]
        assert scene.request("leave_tenant", key=key).status == 200
        for number in range(19):
            scene.request("create_tenant", json={"name": "x", "slug": f"own-{number}"}, key=key)
        refused = scene.request("delete_own_user", key=key)
        assert (refused.status, "too many tenants" in refused.json["error"]["message"]) == (409, True)

    @pytest.mark.parametrize("view", ["get_own_user", "delete_own_user", "list_tenants"])
    def test_key_without_a_user_has_none(self, scene, view):
        assert scene.request(view).status == 404


def test_keys_stay_for_the_log_without_their_owner(scene, team):
    scene.request("revoke_user_key", variables={"key_id": own_key_id(scene)}, key=scene.keys[ADA])
    rows = [row for row in scene.world.driver.rows(API_KEYS) if row.get("revoked_at")]
    assert [("owner" in row, row["user"]) for row in rows] == [(False, scene.variables["ada"])]


def own_key_id(scene, name="Default Key"):
    listed = scene.request("list_user_keys", key=scene.keys[ADA]).json["data"]
    return next(one["id"] for one in listed if one["name"] == name)
