"""The audit log of a tenant, its events, and the dashboard that follows from both."""

import pytest

from chalicelib.kit.tables import Put
from chalicelib.platform.audit.store import TABLE as AUDIT
from tests.support.cloud import ADA, BOB, EVE, PASSWORD
from tests.support.world import MASTER_KEY

BEFORE = "01900000-0000-7000-8000-0000000000aa"
OTHER_PASSWORD = "An0ther-Horse-Staple"


def log(scene, address=ADA, key=None, headers=None, **query):
    scene.world.settle()
    answer = scene.request("list_audit", key=key or scene.keys[address], query=query, headers=headers or {})
    assert answer.status == 200, answer.text
    return answer.json["data"]


def actions(scene, address=ADA, **query):
    return [entry["action"] for entry in log(scene, address, **query)]


def keep(scene, name, address=BOB):
    scene.world.clock.advance(seconds=1)
    answer = scene.request("create_secret", json={"name": name, "value": "kept"}, key=scene.keys[address])
    return answer.json["data"]["id"]


@pytest.fixture
def other(scene):
    """The id of a tenant of Eve's."""
    tenant_id = scene.tenant("other")
    scene.join(tenant_id, EVE, "owner")
    return tenant_id


class TestEntries:
    def test_entry_says_who_did_what_from_where(self, scene, team):
        secret_id = keep(scene, "db.password")
        entry = log(scene, action="secret.create")[0]
        assert entry == {
            "id": entry["id"],
            "user_id": scene.variables["bob"],
            "tenant_id": team,
            "action": "secret.create",
            "resource_type": "secret",
            "resource_id": secret_id,
            "details": {"resource_name": "db.password", "request_id": entry["details"]["request_id"]},
            "ip_address": "203.0.113.7",
            "user_agent": None,
            "created_at": entry["timestamp"],
            "timestamp": entry["timestamp"],
            "actor": BOB,
            "resource": f"secret/{secret_id}",
            "status": "done",
        }

    def test_operator_is_named_without_its_address(self, scene, team):
        entry = log(scene, action="tenant.invite")[0]
        assert (entry["actor"], entry["user_id"], entry["ip_address"]) == ("operator", None, None)

    def test_removal_and_refusal_are_told(self, scene, team):
        keep(scene, "db.password")
        names = {"secret_id": "db.password"}
        assert scene.request("delete_secret", variables=names, key=scene.keys[BOB]).status == 204
        assert scene.request("list_roles", key=scene.keys[BOB]).status == 403
        told = [(entry["action"], entry["status"], entry["actor"]) for entry in log(scene)]
        assert set(told) >= {("GET /rbac/roles", "refused", BOB), ("secret.delete", "done", BOB)}

    def test_refusal_of_a_removed_member_stands_in_its_own_log(self, scene, team):
        scene.request("remove_member", variables={"user_id": scene.variables["bob"]}, key=scene.keys[ADA])
        before = actions(scene)
        scene.world.clock.advance(seconds=1)
        stranger = {"key": scene.keys[BOB], "headers": {"x-tenant-id": team}}
        assert scene.send("GET", "/secrets/planted", **stranger).status == 403
        assert actions(scene) == before
        own = log(scene, BOB, headers={"x-tenant-id": own_tenant(scene, BOB)})
        assert [(one["status"], one["resource_id"]) for one in own[:1]] == [("refused", "planted")]

    def test_refused_token_of_an_invitation_stands_in_no_log(self, scene, team):
        token = scene.invite(team, EVE, "admin", key=scene.keys[ADA])
        refused = scene.request("accept_invitation", variables={"token": token}, key=scene.keys[BOB])
        assert refused.status == 403
        told = [(entry["status"], entry["actor"], entry["resource_id"]) for entry in log(scene, action="tenant.join")]
        assert ("refused", BOB, None) in told
        kept = repr(scene.world.state()) + "".join(scene.world.lines.texts)
        assert token not in kept + refused.text

    def test_program_is_named_by_its_account(self, scene, team):
        body = {"name": "deployer", "role": "developer"}
        made = scene.request("create_service_account", json=body, key=scene.keys[ADA]).json["data"]
        form = {"grant_type": "client_credentials", "client_id": made["id"], "client_secret": made["secret"]}
        token = scene.request("issue_token", json=form, key=None).json["access_token"]
        sent = scene.request("create_secret", json={"name": "a", "value": "b"}, key=None, headers=bearer(token))
        assert sent.status == 201
        entry = log(scene, action="secret.create")[0]
        assert (entry["actor"], entry["user_id"], entry["ip_address"]) == ("deployer", None, "203.0.113.7")

    def test_address_of_a_former_member_is_not_shown(self, scene, team):
        keep(scene, "db.password")
        variables = {"user_id": scene.variables["bob"]}
        assert scene.request("remove_member", variables=variables, key=scene.keys[ADA]).status in {200, 204}
        entry = log(scene, action="secret.create")[0]
        assert (entry["user_id"], BOB in str(log(scene))) == (scene.variables["bob"], False)


def own_tenant(scene, address):
    tenants = scene.request("list_tenants", key=scene.keys[address]).json["data"]
    return next(tenant["id"] for tenant in tenants if tenant["slug"].startswith("personal-"))


def bearer(token):
    return {"authorization": f"Bearer {token}"}


class TestOneself:
    def test_registering_joining_and_logging_in_are_told(self, scene, team):
        told = [(entry["action"], entry["actor"]) for entry in log(scene)]
        for address in (ADA, BOB):
            assert {("tenant.join", address), ("user.login", address)} <= set(told)
        own = log(scene, BOB, headers={"x-tenant-id": own_tenant(scene, BOB)})
        assert [entry["action"] for entry in own] == ["user.register"]

    def test_login_and_its_failures_stand_in_the_log_of_the_tenant_worked_in(self, scene, team):
        scene.world.clock.advance(seconds=1)
        for password in ("wrong", PASSWORD):
            scene.request("log_in", key=None, json={"email": BOB, "password": password})
        told = [(one["status"], one["actor"], one["resource_id"]) for one in log(scene, action="user.login")[:2]]
        assert set(told) == {("done", BOB, scene.variables["bob"]), ("refused", None, scene.variables["bob"])}

    def test_failure_of_an_unknown_address_is_told_to_the_operator_alone(self, scene, team):
        scene.request("log_in", key=None, json={"email": EVE, "password": PASSWORD})
        rows = [row for row in scene.world.driver.rows(AUDIT) if row["outcome"] == "refused"]
        assert [(row["operation"], row.get("tenant"), row.get("thing_id")) for row in rows] == [
            ("user.login", None, None)
        ]
        assert EVE not in str(rows)

    def test_known_and_unknown_addresses_take_the_same_calls(self, scene, team):
        scene.log_in(BOB)  # the first of an application also looks its limit up
        taken = []
        for address in (BOB, EVE):
            scene.world.driver.meter.reset()
            scene.request("log_in", key=None, json={"email": address, "password": "wrong"})
            taken.append([(call.operation, call.table) for call in scene.world.driver.meter.calls])
        assert taken[0] == taken[1]

    def test_new_password_is_told(self, scene, team):
        scene.request("forget_password", key=None, json={"email": BOB})
        scene.world.settle()
        body = {"token": scene.world.mailer.token_for(BOB), "new_password": OTHER_PASSWORD}
        assert scene.request("reset_password", key=None, json=body).status == 200
        (entry,) = log(scene, action="user.reset_password")
        assert (entry["actor"], entry["resource_type"]) == (BOB, "user")

    def test_switch_stands_in_the_log_of_the_tenant_worked_in_from_then_on(self, scene, team):
        personal = own_tenant(scene, BOB)
        before = actions(scene)
        for tenant in (personal, team):
            scene.world.clock.advance(seconds=1)
            scene.request("switch_tenant", variables={"tenant_id": tenant}, key=scene.keys[BOB])
        assert actions(scene) == ["user.switch_tenant", *before]
        entry = log(scene, BOB, headers={"x-tenant-id": personal})[0]
        assert (entry["action"], entry["actor"], entry["tenant_id"]) == ("user.switch_tenant", BOB, personal)

    def test_user_who_deletes_itself_has_left_each_tenant_without_a_name(self, scene, team):
        assert scene.request("delete_own_user", key=scene.keys[BOB]).status == 204
        told = [entry for entry in log(scene) if entry["action"] in {"tenant.leave", "user.delete"}]
        assert {entry["action"] for entry in told} == {"tenant.leave", "user.delete"}
        assert {entry["user_id"] for entry in told} == {scene.variables["bob"]}
        assert BOB not in str(log(scene))


class TestPrograms:
    @pytest.fixture
    def account(self, scene, team):
        body = {"name": "deployer", "role": "developer"}
        return scene.request("create_service_account", json=body, key=scene.keys[ADA]).json["data"]

    def ask(self, scene, account_id, secret):
        form = {"grant_type": "client_credentials", "client_id": account_id, "client_secret": secret}
        return scene.request("issue_token", json=form, key=None).status

    def test_wrong_secret_is_told_once_a_second(self, scene, account):
        for moment in range(2):
            scene.world.clock.advance(seconds=1 - moment)
            assert self.ask(scene, account["id"], "sa_wrong") == 401
        assert self.ask(scene, account["id"], account["secret"]) == 200
        (entry,) = log(scene, action="service_account.prove")
        assert (entry["status"], entry["resource_id"]) == ("refused", account["id"])
        assert (entry["actor"], entry["ip_address"]) == (None, "203.0.113.7")
        scene.world.clock.advance(seconds=1)
        self.ask(scene, account["id"], "sa_wrong")
        assert len(log(scene, action="service_account.prove")) == 2

    def test_disabled_account_is_told(self, scene, account):
        names = {"account_id": account["id"]}
        scene.request("change_service_account", variables=names, json={"enabled": False}, key=scene.keys[ADA])
        assert self.ask(scene, account["id"], account["secret"]) == 401
        assert [entry["status"] for entry in log(scene, action="service_account.prove")] == ["refused"]

    def test_unknown_account_is_told_to_the_operator_alone_without_what_was_sent(self, scene, team):
        self.ask(scene, BEFORE, "sa_wrong")
        rows = [row for row in scene.world.driver.rows(AUDIT) if row["outcome"] == "refused"]
        assert [(row["operation"], row.get("tenant"), row.get("thing_id")) for row in rows] == [
            ("service_account.prove", None, None)
        ]
        assert "sa_wrong" not in str(rows)

    def test_refusal_that_cannot_be_told_is_answered_all_the_same(self, scene, account):
        scene.world.driver.fail_next(1, "throttle", operation="PutItem", table=AUDIT)
        assert self.ask(scene, account["id"], "sa_wrong") == 401
        assert any("audit_failed" in line for line in scene.world.lines.texts)


class TestList:
    def test_tenants_see_their_own_entries_alone(self, scene, team, other):
        for address in (BOB, EVE):
            keep(scene, "db.password", address)
        assert {entry["tenant_id"] for entry in log(scene)} == {team}
        assert {entry["tenant_id"] for entry in log(scene, EVE)} == {other}
        asked = log(scene, EVE, resource=f"tenant/{team}") + log(scene, EVE, actor=BOB)
        assert asked + log(scene, EVE, actor=scene.variables["bob"]) == []

    def test_operator_reads_a_tenant_that_it_names_and_else_the_installation(self, scene, team, other):
        named = log(scene, key=MASTER_KEY, headers={"x-tenant-id": other})
        assert {entry["tenant_id"] for entry in named} == {other}
        assert {entry["tenant_id"] for entry in log(scene, key=MASTER_KEY)} >= {team, other}

    def test_member_reads_no_log(self, scene, team):
        assert scene.request("list_audit", key=scene.keys[BOB]).status == 403
        assert scene.request("list_events", key=scene.keys[BOB]).status == 403

    @pytest.mark.parametrize(
        "action", ["api_key.create", "api_key:create", "API_KEY_CREATE", "user.login,api_key.create"]
    )
    def test_action_is_found_in_each_spelling(self, scene, team, action):
        scene.request("create_user_key", json={"name": "build"}, key=scene.keys[ADA])
        assert "api_key.create" in actions(scene, action=action)

    def test_filters_leave_what_was_asked_for(self, scene, team):
        secret_id = keep(scene, "db.password")
        assert actions(scene, resource=f"secret/{secret_id}") == ["secret.create"]
        assert set(actions(scene, resource="secret")) == {"secret.create"}
        assert {entry["actor"] for entry in log(scene, actor=BOB)} == {BOB}
        assert log(scene, actor=BOB) == log(scene, actor=scene.variables["bob"])
        assert log(scene, end="2020-01-01T00:00:00Z") == []
        assert log(scene, start="2020-01-01") == log(scene)

    def test_pages_have_each_entry_once(self, scene, team):
        for number in range(7):
            keep(scene, f"secret-{number}")
        scene.world.settle()
        seen, token = [], None
        for _ in range(9):
            query = {"limit": "3", **({"next_token": token} if token else {})}
            body = scene.request("list_audit", key=scene.keys[ADA], query=query).json
            seen += [entry["id"] for entry in body["data"]]
            token = body["meta"].get("next_token")
            if token is None:
                break
        assert seen == [entry["id"] for entry in log(scene)]
        assert len(seen) > 7

    @pytest.mark.parametrize(
        "query", [{"limit": "0"}, {"limit": "501"}, {"next_token": "x"}, {"start": "x"}, {"of": "x"}]
    )
    def test_bad_query_is_400(self, scene, team, query):
        assert scene.request("list_audit", key=scene.keys[ADA], query=query).status == 400

    def test_token_of_another_list_is_400(self, scene, team, other):
        scene.world.settle()
        token = scene.request("list_audit", key=scene.keys[ADA], query={"limit": "1"}).json["meta"]["next_token"]
        foreign = scene.request("list_audit", key=scene.keys[EVE], query={"next_token": token})
        assert foreign.status in {200, 400}
        assert team not in foreign.text

    def test_first_page_takes_two_calls_and_one_for_addresses(self, scene, team):
        for number in range(5):
            keep(scene, f"secret-{number}")
        scene.world.settle()
        scene.request("list_audit", key=scene.keys[ADA])
        scene.world.driver.meter.reset()
        scene.request("list_audit", key=scene.keys[ADA], query={"limit": "5"})
        tables = [call.table for call in scene.world.driver.meter.calls]
        assert tables.count("audit_events") == 2
        assert tables.count("users") == 2  # who asks, and who is shown


class TestRows:
    def test_event_of_before_loads_and_is_in_no_tenants_log(self, scene, team):
        keep(scene, "db.password")
        scene.world.settle()
        row = next(row for row in scene.world.driver.rows(AUDIT) if row["operation"] == "secret.create")
        lacking = {"tenant", "user_id", "version", "changed_by"}
        old = {name: value for name, value in row.items() if name not in lacking} | {"id": BEFORE}
        scene.world.platform.tables.write(Put(AUDIT, old), "test")
        assert BEFORE not in {entry["id"] for entry in log(scene)}
        (found,) = [entry for entry in log(scene, key=MASTER_KEY) if entry["id"] == BEFORE]
        assert (found["tenant_id"], found["action"]) == (None, "secret.create")

    def test_event_of_a_tenant_takes_a_unit_more_than_one_of_the_installation(self, scene, team):
        for name, key, headers in (("a", MASTER_KEY, {}), ("b", scene.keys[BOB], {})):
            scene.request("create_secret", json={"name": name, "value": "kept"}, key=key, headers=headers)
        scene.world.settle()
        rows = [row for row in scene.world.driver.rows(AUDIT) if row["operation"] == "secret.create"]
        taken = []
        for row in rows:
            fresh = {**row, "id": scene.world.ids.uuid7(scene.world.clock.now())}
            scene.world.driver.meter.reset()
            scene.world.platform.audit.record(fresh)
            taken.append((row.get("tenant"), scene.world.driver.meter.write_units))
        assert sorted(taken, key=lambda one: one[1]) == [(None, 5), (team, 6)]


class TestEvents:
    def test_events_are_what_was_done_in_capitals(self, scene, team):
        secret_id = keep(scene, "db.password")
        scene.request("list_roles", key=scene.keys[BOB])
        scene.world.settle()
        events = scene.request("list_events", key=scene.keys[ADA]).json["data"]
        newest = events[0]
        assert (newest["action"], newest["resource_type"]) == ("SECRET_CREATE", "SECRET")
        assert (newest["resource_id"], newest["metadata"]) == (secret_id, {"name": "db.password"})
        assert [event for event in events if "GET" in event["action"]] == []

    def test_dashboard_counts_and_shows_the_latest(self, scene, team):
        for number in range(3):
            keep(scene, f"secret-{number}")
        scene.world.settle()
        counts = scene.request("get_dashboard_summary", key=scene.keys[BOB]).json["data"]
        assert (counts["total_secrets"], counts["total_instances"]) == (3, 0)
        recent = scene.request("list_recent_events", key=scene.keys[BOB], query={"limit": "2"}).json["data"]
        assert [event["action"] for event in recent] == ["SECRET_CREATE", "SECRET_CREATE"]
        stats = scene.request("get_dashboard_stats", key=scene.keys[BOB]).json["data"]
        assert (stats["summary"], stats["recent_events"][:2]) == (counts, recent)

    def test_viewer_has_no_dashboard(self, scene, team):
        scene.join(team, EVE, "viewer")
        assert scene.request("get_dashboard_stats", key=scene.keys[EVE]).status == 403
