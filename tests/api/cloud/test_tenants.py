"""Tenants and the one that a request works in."""

from contextvars import Context
from functools import partial

import pytest

from chalicelib.kit.errors import taken
from chalicelib.platform.identity.tenant_store import TENANTS
from chalicelib.platform.identity.user_store import MEMBERS
from chalicelib.platform.provisioning.store import RESOURCES
from chalicelib.platform.secrets.store import SECRETS
from tests.support.cloud import ADA, BOB, EVE

NOWHERE = "01900000-0000-7000-8000-0000000000ff"


def me(scene, key, **headers):
    return scene.request("get_own_user", key=key, headers=headers)


def named(scene, address):
    return {one["slug"]: one["id"] for one in scene.request("list_tenants", key=scene.keys[address]).json["data"]}


class TestWorkingIn:
    def test_header_names_the_tenant_of_a_request(self, scene, team):
        personal = next(one for slug, one in named(scene, ADA).items() if slug.startswith("personal"))
        user = me(scene, scene.keys[ADA], **{"X-Tenant-ID": personal}).json["data"]
        assert (user["tenant_id"], user["default_tenant_id"], user["role"]) == (personal, team, "owner")

    def test_switch_moves_the_requests_of_all_keys(self, scene, team):
        older = scene.keys[BOB]
        newer = scene.log_in(BOB)
        personal = next(one for slug, one in named(scene, BOB).items() if slug.startswith("personal"))
        assert scene.request("switch_tenant", variables={"tenant_id": personal}, key=older).status == 200
        for key in (older, newer):
            user = me(scene, key).json["data"]
            assert (user["tenant_id"], user["role"]) == (personal, "owner")

    def test_tenant_of_others_and_an_unknown_one_are_refused_alike(self, scene, team):
        foreign = scene.tenant("foreign")
        answers = [me(scene, scene.keys[ADA], **{"X-Tenant-ID": one}) for one in (foreign, NOWHERE)]
        answers += [
            scene.request("switch_tenant", variables={"tenant_id": one}, key=scene.keys[ADA])
            for one in (foreign, NOWHERE)
        ]
        assert {(answer.status, answer.json["error"]["message"]) for answer in answers} == {
            (403, "You have no place in this tenant, or there is none")
        }

    def test_header_of_another_form_is_400(self, scene, team):
        answer = me(scene, scene.keys[ADA], **{"X-Tenant-ID": "engines"})
        assert (answer.status, "X-Tenant-ID" in answer.json["error"]["message"]) == (400, True)

    def test_removed_member_is_refused_by_the_next_request(self, scene, team):
        key = scene.keys[BOB]
        assert scene.request("get_tenant", key=key).status == 200
        assert scene.request("remove_member", variables={"user_id": scene.variables["bob"]}).status == 204
        assert scene.request("get_tenant", key=key).status == 404
        assert me(scene, key).json["data"]["tenant_id"] != team

    def test_operator_works_in_every_tenant_and_its_key_in_none_that_is_not(self, scene, team):
        assert scene.request("get_tenant").status == 200
        assert scene.request("get_tenant", variables={"tenant_id": NOWHERE}).status == 404
        assert scene.request("list_user_keys", headers={"X-Tenant-ID": NOWHERE}).status == 403

    def test_key_of_another_tenant_reaches_none_by_the_header(self, scene, team):
        stranger = scene.world.key_with(role="admin", tenant=scene.tenant("foreign"))
        assert scene.request("list_user_keys", key=stranger, headers={"X-Tenant-ID": team}).status == 403

    def test_caller_costs_two_calls_beside_its_key(self, scene, team):
        scene.request("get_tenant", key=scene.keys[ADA])
        calls = [(call.operation, call.table) for call in scene.world.driver.meter.calls]
        assert calls[:3] == [("GetItem", "api_keys"), ("GetItem", "users"), ("BatchGetItem", "members,tenants")]
        assert calls[3:] == [("GetItem", "tenants")]


class TestTenants:
    def test_user_owns_the_tenant_that_it_makes(self, scene, team):
        body = {"name": "Difference", "slug": "difference"}
        made = scene.request("create_tenant", json=body, key=scene.keys[BOB]).json["data"]
        assert (made["owner_id"], made["plan"], made["status"]) == (scene.variables["bob"], "free", "active")
        names = {"tenant_id": made["id"]}
        assert scene.request("list_members", variables=names, key=scene.keys[BOB]).json["data"][0]["role"] == "owner"
        quotas = scene.request("get_quotas", variables=names, key=scene.keys[BOB]).json["data"]
        assert {value for name, value in quotas.items() if name != "tenant_id"} == {0}

    def test_slug_is_taken_once_until_its_tenant_is_deleted(self, scene, team):
        body = {"name": "Engines 2", "slug": "engines"}
        refused = scene.request("create_tenant", json=body, key=scene.keys[ADA])
        assert (refused.status, refused.json["error"]["message"]) == (409, taken("slug").message)
        scene.request("remove_member", variables={"user_id": scene.variables["bob"]})
        assert scene.request("delete_tenant", key=scene.keys[ADA]).status == 204
        assert scene.request("create_tenant", json=body, key=scene.keys[ADA]).status == 201

    def test_callers_at_once_make_one_tenant_of_a_slug(self, scene, team):
        scene.world.driver.latency(0.01)
        body = {"name": "Difference", "slug": "difference"}
        answers = scene.world.clock.run_together(
            [lambda: scene.request("create_tenant", json=body, key=scene.keys[ADA])] * 4
        )
        assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
        assert len(named(scene, ADA)) == 3

    def test_tenant_with_members_or_things_is_409(self, scene, team):
        with_members = scene.request("delete_tenant", key=scene.keys[ADA])
        assert (with_members.status, "other members" in with_members.json["error"]["message"]) == (409, True)
        scene.request("remove_member", variables={"user_id": scene.variables["bob"]})
        tables = scene.world.platform.tables.scoped(team)
        tables.write(scene.world.platform.quotas.taking("compute.instances", None), "instance.created")
        with_things = scene.request("delete_tenant", key=scene.keys[ADA])
        assert (with_things.status, "still has instances" in with_things.json["error"]["message"]) == (409, True)

    def test_member_who_joins_during_a_deletion_keeps_the_tenant(self, scene, team):
        scene.request("remove_member", variables={"user_id": scene.variables["bob"]})
        body = {"user_id": scene.variables["bob"], "role": "viewer"}
        scene.world.driver.latency(0.01)
        joined, deleted = scene.world.clock.run_together(
            [lambda: scene.request("add_member", json=body), lambda: scene.request("delete_tenant")]
        )
        assert (joined.status, deleted.status) in {(200, 409), (404, 204)}
        rows = [row for row in scene.world.driver.rows(MEMBERS) if row["tenant"] == team]
        assert len(rows) == (2 if joined.status == 200 else 0)

    @pytest.mark.parametrize(
        ("view", "body", "table"),
        [
            ("create_secret", {"name": "late", "value": "a value"}, SECRETS),
            ("create_vpc", {"name": "late", "cidr_block": "10.0.0.0/16"}, RESOURCES),
        ],
    )
    def test_thing_made_beside_a_deletion_keeps_the_tenant_or_is_403(self, scene, team, view, body, table):
        """Either comes between the reads of the other and its transaction."""
        scene.request("set_quotas", json={"max_vpcs": 1})
        scene.request("remove_member", variables={"user_id": scene.variables["bob"]})
        statuses = []

        def make():
            statuses.append(scene.request(view, json=body, headers={"X-Tenant-ID": team}).status)

        def delete():
            statuses.append(scene.request("delete_tenant").status)

        twin = scene.copy()
        scene.world.driver.before_next(partial(Context().run, make), operation="TransactWriteItems", table=TENANTS)
        delete()
        assert statuses == [201, 409]
        scene, statuses = twin, []
        scene.world.driver.before_next(partial(Context().run, delete), operation="TransactWriteItems", table=table)
        make()
        assert statuses == [204, 403]
        assert scene.world.driver.rows(table) == []

    def test_user_removed_from_its_last_tenant_works_in_the_next_one(self, scene, team):
        personal = next(one for slug, one in named(scene, BOB).items() if slug.startswith("personal"))
        assert scene.request("delete_tenant", variables={"tenant_id": personal}, key=scene.keys[BOB]).status == 204
        other = scene.tenant("other")
        body = {"user_id": scene.variables["bob"], "role": "viewer"}
        assert scene.request("add_member", variables={"tenant_id": other}, json=body).status == 200
        scene.request("remove_member", variables={"user_id": scene.variables["bob"]})
        assert named(scene, BOB) == {"other": other}

    @pytest.mark.parametrize(("view", "by"), [("remove_member", ADA), ("leave_tenant", BOB)])
    def test_user_who_loses_its_last_place_gets_a_tenant_of_its_own(self, scene, team, view, by):
        personal = next(one for slug, one in named(scene, BOB).items() if slug.startswith("personal"))
        assert scene.request("delete_tenant", variables={"tenant_id": personal}, key=scene.keys[BOB]).status == 204
        names = {"user_id": scene.variables["bob"]}
        assert scene.request(view, variables=names, key=scene.keys[by]).status in {200, 204}
        scene.log_in(BOB)
        (slug,) = named(scene, BOB)
        assert slug.startswith("personal-bob-")
        assert scene.request("delete_own_user", key=scene.keys[BOB]).status == 204

    def test_only_tenant_of_its_owner_stays(self, scene, team):
        scene.join(scene.tenant("other"), EVE)
        others = named(scene, EVE)
        other, personal = others.pop("other"), next(iter(others.values()))
        scene.request("remove_member", variables={"tenant_id": other, "user_id": user_id(scene, EVE)})
        refused = scene.request("delete_tenant", variables={"tenant_id": personal}, key=scene.keys[EVE])
        assert (refused.status, "only tenant" in refused.json["error"]["message"]) == (409, True)


class TestQuotas:
    def test_operator_grants_quotas_and_those_that_are_not_given_stay(self, scene, team):
        scene.request("set_quotas", json={"max_instances": 10, "max_vpcs": 2})
        quotas = scene.request("set_quotas", json={"max_instances": 3}).json["data"]
        assert (quotas["max_instances"], quotas["max_vpcs"], quotas["max_vcpus"]) == (3, 2, 0)
        assert scene.request("get_quotas", key=scene.keys[BOB]).json["data"] == quotas

    @pytest.mark.parametrize("address", [ADA, BOB])
    def test_member_grants_itself_nothing(self, scene, team, address):
        assert scene.request("set_quotas", json={"max_instances": 10}, key=scene.keys[address]).status == 403


def user_id(scene, address):
    return me(scene, scene.keys[address]).json["data"]["id"]
