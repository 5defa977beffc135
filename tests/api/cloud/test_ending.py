"""The end of tenants and users: the rows that go, in chunks and repeatedly, and what is kept."""

import pytest

from chalicelib.cloud import gone
from chalicelib.cloud.accounts import ending
from chalicelib.cloud.gone import TENANT_GONE, USER_GONE
from chalicelib.machines.api import AUTH_API
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.store import API_KEYS
from chalicelib.platform.audit.store import TABLE as AUDIT
from chalicelib.platform.identity.session_store import SESSIONS
from chalicelib.platform.identity.tenant_store import TENANTS
from tests.support.client import MASTER_KEY, Client
from tests.support.cloud import ADA, BOB, EVE, PASSWORD
from tests.support.operations.cloud import POLICY, SSH_KEY

KEPT_OF_A_TENANT = {"tenants", "audit_events", "quotas", "api_keys", "verifications", "limits"}
"""Its id without a name, its log, counters that are zero, keys that name it, mailed tokens for a week, and the number
of invitations that the operator has sent for it, for an hour."""

OF_A_PERSON = {"verifications"}
"""Mailed tokens, with the address that they were sent to, for a week."""


@pytest.fixture
def full(scene, team, monkeypatch):
    """The id of a tenant of Ada's with more of everything than one chunk removes."""
    monkeypatch.setattr(gone, "MOST", 3)
    key = scene.keys[ADA]
    for number in range(5):
        ssh = {"name": f"laptop-{number}", "public_key": SSH_KEY}
        assert scene.request("add_ssh_key", json=ssh, key=key).status == 201
        assert scene.request("create_policy", json={**POLICY, "name": f"policy {number}"}, key=key).status == 201
        assert scene.request("create_role", json={"name": f"role-{number}"}, key=key).status == 201
        account = {"name": f"account-{number}", "role": "viewer"}
        assert scene.request("create_service_account", json=account, key=key).status == 201
        scene.invite(team, f"guest-{number}@example.com")
    scene.cluster("north")
    assert scene.request("give_clusters", json={"clusters": ["north"]}).status == 200
    scene.request("remove_member", variables={"user_id": scene.variables["bob"]}, key=key)
    scene.world.settle()
    return team


def delete(scene):
    assert scene.request("delete_tenant", key=scene.keys[ADA]).status == 204


def tables_with(scene, text):
    """The names of the tables with a row that says this, elsewhere than in its last writer."""
    said = {name: [{**row, "changed_by": None} for row in rows] for name, rows in scene.world.driver.snapshot().items()}
    return {name for name, rows in said.items() if text in repr(rows)}


class TestTenant:
    def test_rows_of_a_deleted_tenant_are_gone_and_others_stay(self, scene, full):
        other = scene.tenant("other")
        scene.join(other, EVE, "owner")
        ssh = {"name": "laptop", "public_key": SSH_KEY}
        assert scene.request("add_ssh_key", json=ssh, key=scene.keys[EVE]).status == 201
        before = tables_with(scene, other)
        delete(scene)
        scene.world.settle(twice=True)
        assert tables_with(scene, full) <= KEPT_OF_A_TENANT | {"tasks"}
        assert tables_with(scene, other) == before

    def test_clusters_are_free_for_another_tenant(self, scene, full):
        delete(scene)
        scene.world.settle()
        variables = {"tenant_id": scene.tenant("other")}
        given = scene.request("give_clusters", variables=variables, json={"clusters": ["north"]})
        assert given.status == 200

    def test_chunks_may_be_repeated_in_any_order(self, scene, full):
        delete(scene)
        background = scene.world.platform.background
        cursors = [None]
        for _ in range(40):
            message = {"kind": TENANT_GONE, "id": full, "cursor": cursors[-1]}
            following = background.chunk(message)
            background.chunk(message)  # once more: it finds less, or nothing
            if following is None:
                break
            cursors.append(following)
        assert cursors[-1] is not None
        assert tables_with(scene, full) <= KEPT_OF_A_TENANT | {"tasks"}
        assert full not in "".join(str(cursor) for cursor in cursors)

    def test_row_that_stays_says_nothing_of_what_it_was(self, scene, full):
        delete(scene)
        scene.world.settle()
        (row,) = [row for row in scene.world.driver.rows(TENANTS) if row["id"] == full]
        assert set(row) == {"id", "inserted_at", "updated_at", "deleted_at", "owned", "version", "changed_by"}


class TestUser:
    def test_keys_lose_their_names_and_are_refused(self, scene, team):
        scene.request("create_user_key", json={"name": "bob's own machine"}, key=scene.keys[BOB])
        assert scene.request("delete_own_user", key=scene.keys[BOB]).status == 204
        scene.world.settle(twice=True)
        keys = [row for row in scene.world.driver.rows(API_KEYS) if row.get("user") == scene.variables["bob"]]
        assert {(row["name"], "revoked_at" in row, "last_used_at" in row) for row in keys} == {("deleted", True, False)}
        assert scene.request("get_own_user", key=scene.keys[BOB]).status == 401

    def test_sessions_of_another_api_end_with_the_user(self, scene):
        """Of a user who was registered there, and has given itself a password since."""
        client = Client(AUTH_API.groups(), scene.world.platform.container(Machines), api=AUTH_API, key=None)
        body = {"email": ADA, "fullName": "Ada Lovelace", "alias": "ada"}
        made = client.request("POST", "/api/auth/v2/user", json=body, headers={"authorization": f"Bearer {MASTER_KEY}"})
        scene.world.settle()
        code = {"verificationCodeID": made.json["verificationCodeID"], "code": scene.world.mailer.code_for(ADA)}
        assert client.request("PUT", "/api/auth/v2/session/verification", json=code).status == 200
        scene.request("forget_password", key=None, json={"email": ADA})
        scene.world.settle()
        reset = {"token": scene.world.mailer.token_for(ADA), "new_password": PASSWORD}
        assert scene.request("reset_password", key=None, json=reset).status == 200
        scene.log_in(ADA)
        assert scene.request("delete_own_user", key=scene.keys[ADA]).status == 204
        scene.world.settle(twice=True)
        session = {"headers": {"authorization": f"Bearer {made.json['bearer']}"}}
        assert client.request("GET", "/api/auth/v2/session", **session).status == 401
        assert "lovelace" not in repr(scene.world.driver.rows(SESSIONS)).lower()

    def test_no_row_names_the_person_any_more(self, scene, team):
        assert scene.request("delete_own_user", key=scene.keys[BOB]).status == 204
        scene.world.settle(twice=True)
        assert tables_with(scene, BOB) <= OF_A_PERSON
        log = [row for row in scene.world.driver.rows(AUDIT) if row.get("user_id") == scene.variables["bob"]]
        assert log  # by its id, which nothing leads from to a person
        assert BOB not in repr(log)

    def test_keys_of_several_chunks_are_forgotten_chunk_by_chunk(self, scene, team, monkeypatch):
        monkeypatch.setattr(ending, "MOST", 2)
        for number in range(4):
            scene.request("create_user_key", json={"name": f"machine {number}"}, key=scene.keys[BOB])
        scene.request("delete_own_user", key=scene.keys[BOB])
        background, message = scene.world.platform.background, {"kind": USER_GONE, "id": scene.variables["bob"]}
        first = background.chunk(message)
        assert background.chunk(message) == first
        assert background.chunk({**message, "cursor": first}) is not None
        scene.world.settle()
        keys = [row for row in scene.world.driver.rows(API_KEYS) if row.get("user") == scene.variables["bob"]]
        assert [row["name"] for row in keys] == ["deleted"] * 5
