"""Secrets and SSH keys of a tenant."""

import pytest

from chalicelib.platform.audit.store import TABLE as AUDIT
from tests.support.cloud import ADA, BOB, EVE

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada"
FINGERPRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
VALUE = "a value that is kept"


def keep(scene, name="db.password", value=VALUE, address=BOB):
    return scene.request("create_secret", json={"name": name, "value": value}, key=scene.keys[address])


def read(scene, name, address=BOB):
    return scene.request("read_secret", variables={"secret_id": name}, key=scene.keys[address])


def add(scene, name="laptop", line=ED25519, address=BOB):
    return scene.request("add_ssh_key", json={"name": name, "public_key": line}, key=scene.keys[address])


def viewer(scene, team):
    scene.join(team, EVE, "viewer")
    return EVE


class TestSecrets:
    def test_value_is_shown_by_name_id_and_unique_beginning_and_each_time_told(self, scene, team):
        made = keep(scene).json["data"]
        assert made["encrypted_value"] is None
        for name in ("db.password", made["id"], "db."):
            assert read(scene, name).json["data"]["encrypted_value"] == VALUE
        scene.world.settle()
        told = [row["thing_id"] for row in scene.world.driver.rows(AUDIT) if row["operation"] == "secret.access"]
        assert told == [made["id"]] * 3

    def test_list_shows_no_values_and_only_those_of_the_tenant(self, scene, team):
        keep(scene)
        scene.join(scene.tenant("other"), EVE, "owner")
        keep(scene, "other", address=EVE)
        answer = scene.request("list_secrets", key=scene.keys[BOB])
        assert [one["name"] for one in answer.json["data"]] == ["db.password"]
        assert VALUE not in answer.text
        assert read(scene, "other").status == 404

    def test_beginning_of_several_is_400_and_a_whole_name_is_one(self, scene, team):
        keep(scene, "db")
        keep(scene, "db.password")
        assert read(scene, "d").status == 400
        assert read(scene, "db").json["data"]["name"] == "db"

    def test_taken_name_is_409_and_changes_nothing(self, scene, team):
        keep(scene)
        assert keep(scene, value="another").status == 409
        assert read(scene, "db.password").json["data"]["encrypted_value"] == VALUE

    def test_viewer_reads_no_secret(self, scene, team):
        keep(scene)
        address = viewer(scene, team)
        assert read(scene, "db.password", address).status == 403
        names = {"secret_id": "db.password"}
        only_views = scene.world.key_with(role="viewer", tenant=team)
        shown = scene.request("read_secret", variables=names, key=only_views).json["data"]
        assert (shown["name"], shown["encrypted_value"]) == ("db.password", None)

    def test_deleted_secret_is_gone(self, scene, team):
        keep(scene)
        names = {"secret_id": "db.password"}
        assert scene.request("delete_secret", variables=names, key=scene.keys[BOB]).status == 204
        assert read(scene, "db.password").status == 404

    def test_tenant_with_secrets_is_not_deleted(self, scene, team):
        keep(scene)
        scene.request("remove_member", variables={"user_id": scene.variables["bob"]})
        refused = scene.request("delete_tenant", key=scene.keys[ADA])
        assert (refused.status, "still has secrets" in refused.json["error"]["message"]) == (409, True)

    @pytest.mark.parametrize("body", [{"name": "A b", "value": "x"}, {"name": "a", "value": ""}, {"value": "x"}])
    def test_bad_secret_is_400_and_never_repeated(self, scene, team, body):
        answer = scene.request("create_secret", json=body, key=scene.keys[BOB])
        assert answer.status == 400

    def test_value_stands_in_no_row_or_log(self, scene, team):
        keep(scene)
        read(scene, "db.password")
        assert VALUE not in repr(scene.world.state()) + "".join(scene.world.lines.texts)


class TestSshKeys:
    def test_key_is_found_by_id_and_by_name_with_its_fingerprint(self, scene, team):
        made = add(scene).json["data"]
        assert (made["user_id"], made["tenant_id"]) == (scene.variables["bob"], team)
        assert (made["public_key"], made["fingerprint"]) == (ED25519, FINGERPRINT)
        for name in (made["id"], "laptop"):
            shown = scene.request("get_ssh_key", variables={"key_id": name}, key=scene.keys[ADA])
            assert shown.json["data"] == made

    def test_name_is_taken_once_in_a_tenant(self, scene, team):
        scene.join(scene.tenant("other"), EVE, "owner")
        assert [add(scene).status, add(scene).status, add(scene, address=EVE).status] == [201, 409, 201]
        assert len(scene.request("list_ssh_keys", key=scene.keys[EVE]).json["data"]) == 1

    @pytest.mark.parametrize("line", ["ssh-ed25519", "ssh-dss AAAA", f"{ED25519}\n{ED25519}", "ssh-ed25519 AAAA x"])
    def test_line_that_is_no_key_is_400(self, scene, team, line):
        refused = add(scene, line=line)
        assert (refused.status, "public_key" in refused.json["error"]["message"]) == (400, True)

    def test_deleted_key_is_gone_and_its_name_free(self, scene, team):
        made = add(scene).json["data"]
        names = {"key_id": made["id"]}
        assert scene.request("delete_ssh_key", variables=names, key=scene.keys[BOB]).status == 204
        assert scene.request("get_ssh_key", variables=names, key=scene.keys[BOB]).status == 404
        assert add(scene).status == 201

    def test_viewer_adds_none(self, scene, team):
        assert add(scene, address=viewer(scene, team)).status == 403


def test_role_with_rights_that_its_giver_lacks_is_not_given(scene, team):
    names = ["rbac:write", "rbac:read"]
    scene.request("create_role", json={"name": "keeper", "permissions": names}, key=scene.keys[ADA])
    body = {"user_identifier": BOB, "role_name": "keeper"}
    assert scene.request("create_binding", json=body, key=scene.keys[ADA]).status == 204
    again = {"user_identifier": BOB, "role_name": "developer"}
    refused = scene.request("create_binding", json=again, key=scene.keys[BOB])
    assert (refused.status, "secret:read" in refused.json["error"]["message"]) == (403, True)


class TestSlices:
    def listed(self, scene, **query):
        return scene.request("list_ssh_keys", key=scene.keys[ADA], query=query)

    def test_slice_has_the_number_of_all_and_says_whether_there_is_more(self, scene, team):
        made = [add(scene, f"laptop-{number}").json["data"] for number in range(5)]
        assert self.listed(scene).json["data"] == made
        for query, shown, more in (
            ({"limit": "2"}, made[:2], True),
            ({"limit": "2", "offset": "3"}, made[3:], False),
            ({"offset": "4"}, made[4:], False),
            ({"offset": "9"}, [], False),
        ):
            assert self.listed(scene, **query).json["data"] == {"data": shown, "total_count": 5, "has_more": more}

    @pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "1001"}, {"offset": "-1"}, {"offset": "1000001"}])
    def test_slice_out_of_bounds_is_400(self, scene, team, query):
        assert self.listed(scene, **query).status == 400
