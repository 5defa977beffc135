"""Clusters that the operator gives a tenant: its keys reach these by the fleet's API."""

import pytest

from chalicelib.machines.api import AUTH_API, COMPUTE_API
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Principal, PrincipalKind
from chalicelib.platform.access.store import API_KEYS
from chalicelib.platform.limits.store import LIMITS
from infra.grants import GRANTS
from tests.support.callers import enrolled
from tests.support.client import Client
from tests.support.cloud import ADA, BOB, EVE

V1 = "/api/v1"


def give(scene, team, *names):
    return scene.request("give_clusters", variables={"tenant_id": team}, json={"clusters": list(names)})


def names_of(answer):
    assert answer.status == 200, answer.text
    return sorted(one["name"] for one in answer.data)


@pytest.fixture
def clusters(scene, team):
    """The ids of three clusters by name: the first is the team's, the second another tenant's."""
    made = {name: scene.cluster(name) for name in ("north", "south", "west")}
    scene.join(scene.tenant("other"), EVE, "owner")
    assert give(scene, team, "north").status == 200
    other = scene.request("list_tenants", key=scene.keys[EVE]).json["data"]
    scene.variables["other"] = next(one["id"] for one in other if one["slug"] == "other")
    assert give(scene, scene.variables["other"], "south").status == 200
    return made


def test_tools_work_in_the_tenant_that_the_request_names(scene, team, clusters):
    scene.request("add_member", variables={"tenant_id": scene.variables["other"]}, json={"email": ADA, "role": "admin"})
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_clusters", "arguments": {}}}
    sent = {"x-tenant-id": scene.variables["other"], "mcp-protocol-version": "2025-06-18"}
    text = scene.fleet(scene.keys[ADA]).request("POST", "/mcp", json=call, headers=sent).text
    assert ("south" in text, "north" in text) == (True, False)


class TestGiving:
    def test_operator_gives_and_takes_back(self, scene, team, clusters):
        shown = give(scene, team, "west", "north").json["data"]
        assert shown == [{"id": clusters[name], "name": name} for name in ("north", "west")]
        assert scene.request("list_owned_clusters", key=scene.keys[BOB]).json["data"] == shown
        assert give(scene, team).json["data"] == []
        assert give(scene, scene.variables["other"], "north", "south").status == 200

    def test_cluster_of_another_tenant_is_409_and_changes_nothing(self, scene, team, clusters):
        before = scene.world.state()
        refused = give(scene, team, "west", "south")
        assert (refused.status, "another tenant owns south" in refused.text) == (409, True)
        assert scene.world.state() == before

    @pytest.mark.parametrize("names", [["east"], ["north"] * 21, [""], [1]])
    def test_unknown_cluster_and_bad_names_are_400(self, scene, team, clusters, names):
        assert scene.request("give_clusters", json={"clusters": names}).status == 400

    def test_tenant_gives_itself_none(self, scene, team, clusters):
        refused = scene.request("give_clusters", json={"clusters": ["west"]}, key=scene.keys[ADA])
        assert refused.status == 403

    def test_clusters_of_a_deleted_tenant_are_free(self, scene, team, clusters):
        scene.request("remove_member", variables={"user_id": scene.variables["bob"]})
        assert scene.request("delete_tenant", key=scene.keys[ADA]).status == 204
        scene.world.settle()
        assert give(scene, scene.variables["other"], "north", "south").status == 200


class TestReaching:
    def test_owner_sees_its_clusters_and_no_other(self, scene, team, clusters):
        fleet = scene.fleet(scene.keys[ADA])
        assert names_of(fleet.get(f"{V1}/clusters")) == ["north"]
        assert fleet.get(f"{V1}/clusters/south").status == fleet.get(f"{V1}/clusters/none").status == 404

    def test_key_reaches_machines_of_its_clusters_alone(self, scene, team, clusters):
        north, south = (enrolled(scene.fleet(), 1, name)[0] for name in ("north", "south"))
        fleet = scene.fleet(scene.keys[ADA])
        assert [node["id"] for node in fleet.get(f"{V1}/nodes").data] == [north.id]
        assert fleet.get(f"{V1}/nodes/{south.id}").status == 404
        body = {"command_text": "true", "targeting": {"type": "nodes", "node_ids": [south.id]}}
        assert fleet.post(f"{V1}/commands", json=body, checked=False).status == 422
        own = {**body, "targeting": {"type": "nodes", "node_ids": [north.id]}}
        assert fleet.post(f"{V1}/commands", json=own).status == 201

    def test_role_without_rights_in_the_fleet_sees_nothing_until_a_policy_allows_it(self, scene, team, clusters):
        fleet = scene.fleet(scene.keys[BOB])
        assert fleet.get(f"{V1}/clusters").status == 403
        attach(scene, {"effect": "Allow", "action": ["clusters:read"], "resource": ["*"]})
        assert names_of(fleet.get(f"{V1}/clusters")) == ["north"]

    def test_denial_of_one_thing_wins(self, scene, team, clusters):
        (node,) = enrolled(scene.fleet(), 1)
        attach(
            scene,
            {"effect": "Allow", "action": ["nodes:*"], "resource": ["*"]},
            {"effect": "Deny", "action": ["nodes:read"], "resource": [f"nodes:{node.id}"]},
        )
        fleet = scene.fleet(scene.keys[BOB])
        assert (fleet.get(f"{V1}/nodes").status, fleet.get(f"{V1}/nodes/{node.id}").status) == (200, 403)

    def test_role_of_the_tenants_own_holds_permissions_of_the_fleet(self, scene, team, clusters):
        body = {"name": "watcher", "permissions": ["clusters:read", "nodes:read"]}
        assert scene.request("create_role", json=body, key=scene.keys[ADA]).status == 201
        bound = {"user_identifier": BOB, "role_name": "watcher"}
        assert scene.request("create_binding", json=bound, key=scene.keys[ADA]).status == 204
        fleet = scene.fleet(scene.keys[BOB])
        assert names_of(fleet.get(f"{V1}/clusters")) == ["north"]
        assert fleet.get(f"{V1}/commands").status == 403

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/clusters", {"name": "east"}),
            ("DELETE", "/clusters/north", None),
            ("PATCH", "/clusters/north", {"node_limit": 100}),
            ("GET", "/audit_events", None),
            ("GET", "/secrets", None),
            ("GET", "/api_keys", None),
            ("GET", "/webhooks", None),
            ("GET", "/scripts", None),
        ],
    )
    def test_things_of_the_operator_are_refused_to_an_owner(self, scene, team, clusters, method, path, body):
        before = scene.world.state()
        answer = scene.fleet(scene.keys[ADA]).request(method, f"{V1}{path}", json=body)
        assert answer.status == 403
        assert scene.world.state() == before

    def test_schedule_is_refused_since_it_would_outlive_the_place(self, scene, team, clusters):
        body = {
            "name": "nightly",
            "cron": "0 2 * * *",
            "command": {"command_text": "true", "targeting": {"type": "clusters", "cluster_names": ["north"]}},
        }
        refused = scene.fleet(scene.keys[ADA]).post(f"{V1}/schedules", json=body, checked=False)
        assert refused.status == 403
        assert scene.fleet().get(f"{V1}/schedules").data == []

    def test_program_reaches_them_by_its_token(self, scene, team, clusters):
        fleet = scene.fleet(program(scene))
        assert names_of(fleet.get(f"{V1}/clusters")) == ["north"]
        off = {"enabled": False}
        (account,) = scene.request("list_service_accounts", key=scene.keys[ADA]).json["data"]
        scene.request("change_service_account", variables={"account_id": account["id"]}, json=off, key=scene.keys[ADA])
        assert fleet.get(f"{V1}/clusters").status == 401

    def test_removed_member_is_refused_by_the_next_request(self, scene, team, clusters):
        attach(scene, {"effect": "Allow", "action": ["clusters:read"], "resource": ["*"]})
        fleet = scene.fleet(scene.keys[BOB])
        assert fleet.get(f"{V1}/clusters").status == 200
        scene.request("remove_member", variables={"user_id": scene.variables["bob"]}, key=scene.keys[ADA])
        assert names_of(fleet.get(f"{V1}/clusters")) == []  # it works in its own tenant now

    def test_tenant_of_the_header_counts_and_a_foreign_one_is_403(self, scene, team, clusters):
        fleet = scene.fleet(scene.keys[ADA])
        foreign = {"x-tenant-id": scene.variables["other"]}
        assert fleet.get(f"{V1}/clusters", headers=foreign).status == 403
        assert fleet.get(f"{V1}/clusters", headers={"x-tenant-id": "x"}, checked=False).status == 400
        assert names_of(fleet.get(f"{V1}/clusters", headers={"x-tenant-id": team})) == ["north"]

    def test_act_in_the_fleet_stands_in_the_tenants_log(self, scene, team, clusters):
        fleet = scene.fleet(scene.keys[ADA])
        made = fleet.post(f"{V1}/clusters/north/enrollment_keys", json={})
        assert made.status == 201
        scene.world.settle()
        query = {"action": "enrollment_key.create"}
        (entry,) = scene.request("list_audit", key=scene.keys[ADA], query=query).json["data"]
        assert (entry["actor"], entry["resource_id"]) == (ADA, made.data["id"])

    def test_calls_are_three_more_and_granted_to_the_fleets_function(self, scene, team, clusters):
        scene.world.driver.meter.reset()
        scene.fleet(scene.keys[ADA]).get(f"{V1}/clusters/north")
        calls = {(call.operation, table) for call in scene.world.driver.meter.calls for table in call.table.split(",")}
        assert {("GetItem", "users"), ("BatchGetItem", "members"), ("BatchGetItem", "tenants")} <= calls
        granted = GRANTS["api_handler"].tables
        assert {call for call in calls if call[0] not in granted.get(call[1], ())} == set()

    def test_installation_without_the_family_grants_such_a_key_nothing(self, scene, team, clusters):
        scene.world.platform.callers.__dict__["guests"] = None
        assert scene.fleet(scene.keys[ADA]).get(f"{V1}/clusters").status == 403


def attach(scene, *statements):
    body = {"name": f"policy {len(statements)}", "statements": list(statements)}
    policy = scene.request("create_policy", json=body, key=scene.keys[ADA]).json["data"]["id"]
    names = {"policy_id": policy, "user_id": scene.variables["bob"]}
    assert scene.request("attach_user_policy", variables=names, key=scene.keys[ADA]).status == 200


def program(scene):
    """The token of an account that Ada makes for a program."""
    body = {"name": "deployer", "role": "admin"}
    made = scene.request("create_service_account", json=body, key=scene.keys[ADA]).json["data"]
    form = {"grant_type": "client_credentials", "client_id": made["id"], "client_secret": made["secret"]}
    return scene.request("issue_token", json=form, key=None).json["access_token"]


class TestMachines:
    PATH = "/api/compute/v1/instances"

    def asked(self, scene, key, **headers):
        sent = {"authorization": f"Bearer {key}", **headers}
        machines = scene.world.platform.container(Machines)
        client = Client(COMPUTE_API.groups(), machines, api=COMPUTE_API, key=None)
        return client.request("GET", self.PATH, headers=sent)

    def test_tenant_without_a_tier_of_the_operators_makes_no_machines(self, scene, team):
        refused = self.asked(scene, scene.keys[ADA])
        assert (refused.status, "no tier" in refused.text) == (403, True)

    def test_tenant_with_a_tier_sees_its_instances_by_role_and_policy(self, scene, team):
        scene.world.platform.identity.change_tenant(team, tier="starter")
        assert self.asked(scene, scene.keys[ADA]).status == 200
        assert self.asked(scene, scene.keys[BOB]).status == 403
        attach(scene, {"effect": "Allow", "action": ["instances:read"], "resource": ["*"]})
        assert self.asked(scene, scene.keys[BOB]).status == 200

    @pytest.mark.parametrize("is_program", [False, True])
    def test_guest_makes_no_key_pair_that_would_keep_its_rights(self, scene, team, is_program):
        scene.world.platform.identity.change_tenant(team, tier="starter")
        token = program(scene) if is_program else scene.keys[ADA]
        machines = scene.world.platform.container(Machines)
        client = Client(AUTH_API.groups(), machines, api=AUTH_API, key=None)
        sent = {"headers": {"authorization": f"Bearer {token}"}, "json": {"name": "ci", "days": 1}}
        before = scene.world.driver.rows(API_KEYS)
        assert client.request("POST", "/api/auth/v2/keypair", **sent).status == 403
        assert scene.world.driver.rows(API_KEYS) == before
        assert [row for row in scene.world.driver.rows(LIMITS) if row["subject"].startswith("mails")] == []

    @pytest.mark.parametrize(("by", "status"), [("pair's own user", 200), ("program", 404)])
    def test_guest_revokes_a_key_pair_of_its_own_alone(self, scene, team, by, status):
        platform = scene.world.platform
        platform.identity.change_tenant(team, tier="starter")
        maker = Principal(kind=PrincipalKind.SESSION, user=scene.variables["ada"], tenant=team, role=KeyRole.OPERATOR)
        made = platform.identity.key_pairs.create("ci", 1, None, maker)
        client = Client(AUTH_API.groups(), platform.container(Machines), api=AUTH_API, key=None)
        sent = {"authorization": f"Bearer {program(scene) if by == 'program' else scene.keys[ADA]}"}
        answer = client.request("DELETE", f"/api/auth/v2/keypair/{made.shown.key.id}", headers=sent)
        assert answer.status == status

    def test_user_of_the_cloud_starts_no_session_that_could_go_round_its_role(self, scene, team):
        machines = scene.world.platform.container(Machines)
        client = Client(AUTH_API.groups(), machines, api=AUTH_API, key=None)
        sent = len(scene.world.mailer.sent)
        answers = [
            client.request("POST", "/api/auth/v2/session", json={"email": address})
            for address in (BOB, "nobody@example.com")
        ]
        scene.world.settle()
        assert [answer.status for answer in answers] == [answers[0].status] * 2
        assert answers[0].status in {200, 201}
        assert len(scene.world.mailer.sent) == sent
