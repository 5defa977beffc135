"""The routes of admins through the real edge, and degraded mode from its cause to its refusals."""

import os

import pytest
from openapi_schema_validator import OAS30Validator

from chalicelib.fleet.admins.store import TABLE
from chalicelib.fleet.api import API
from chalicelib.fleet.api.operator.admins import NO_HOST
from chalicelib.fleet.api.protocol import NEEDS_CAPACITY
from chalicelib.settings import Settings
from tests.support.builders import a_cluster, a_command, machines
from tests.support.callers import operator
from tests.support.published import OPENAPI, published
from tests.support.world import World, fleet_of

ADMINS = "/api/v1/admins"
CONTRACT = os.environ.get("EDGE_CONTRACT_DIR")
DEGRADED = NEEDS_CAPACITY.example().message
NOTHING = "00000000-0000-4000-8000-000000000000"
OPERATIONS = ("me", "my_admin_cluster", "admin_clusters", "edge_clusters", "orphaned_clusters")


@pytest.fixture
def world():
    """An admin with room for three nodes, of a cluster of two and an empty one."""
    world = World(admin_name="admin-one", admin_max_wireguard_peers=3)
    a_cluster(world, "north")
    a_cluster(world, "south")
    world.machines = machines(world, 2, "north")
    world.sweep("heartbeat")
    return world


def names(enrolled):
    return sorted(f"node-{machine.id}" for machine in enrolled)


def overfull(world):
    """Two nodes more than there is room for, and a tick that saw it."""
    enrolled = machines(world, 2, "south")
    world.clock.advance(60)
    world.sweep("heartbeat")
    return enrolled


def entry(name, peers, others):
    return {
        "name": name,
        "max_wireguard_peers": peers,
        "admin_peer_count": others,
        "edge_node_capacity": peers - others,
        "erlang_node_name": "",
        "vpn_hostname": f"{name}.admin-cluster-default.nm.internal",
        **dict.fromkeys(("netmaker_host_id", "vpn_host_id"), NO_HOST),
    }


def test_own_admin_is_shown_with_its_figures(client, world):
    assert client.get(f"{ADMINS}/me").data == {
        **entry("admin-one", 3, 0),
        "id": world.fleet.admins.registry.me.id,
        "admin_cluster_name": "admin-cluster-default",
        "last_computed_at": "2026-11-21T10:00:00Z",
    }


def test_own_admin_cluster_is_shown_with_its_topology(client):
    assert client.get(f"{ADMINS}/my_admin_cluster").data == {
        "name": "admin-cluster-default",
        "total_admins": 1,
        "total_nodes": 2,
        "total_edge_capacity": 3,
        "degraded": False,
        "weak_leader": "admin-one",
        "topology": [entry("admin-one", 3, 0)],
    }


def test_two_stacks_show_each_other_in_the_topology(client, world):
    other = fleet_of(Settings(admin_name="admin-0", admin_max_wireguard_peers=5), world)
    other.admins.registry.beat()
    shown = client.get(f"{ADMINS}/my_admin_cluster").data
    assert shown["topology"] == [entry("admin-0", 5, 1), entry("admin-one", 3, 1)]
    assert (shown["weak_leader"], shown["total_edge_capacity"]) == ("admin-0", 6)
    assert client.get(f"{ADMINS}/me").data["edge_node_capacity"] == 2
    assert client.get(f"{ADMINS}/edge_clusters").data == {
        "admin-0": {"cluster-north": names(world.machines)},
        "admin-one": {"cluster-south": []},
    }


def test_admin_clusters_list_includes_dead_admins(client, world):
    other = fleet_of(Settings(admin_name="admin-two", admin_cluster_name="admin-cluster-b"), world)
    other.admins.registry.beat()
    world.clock.advance(180)
    world.sweep("heartbeat")
    shown = client.get(f"{ADMINS}/admin_clusters").data
    assert [(one["name"], one["ipv4_range"], one["admin_count"]) for one in shown] == [
        ("admin-cluster-b", "", 1),
        ("admin-cluster-default", "", 1),
    ]
    assert shown[1]["admins"] == [
        {
            "name": "admin-one",
            "vpn_hostname": "admin-one.admin-cluster-default.nm.internal",
            **dict.fromkeys(("netmaker_host_id", "vpn_host_id"), NO_HOST),
            "ipv4_address": None,
            "ipv6_address": None,
            "wireguard_ip_address": None,
            "wireguard_port": None,
            "use_static_port": False,
            "status": "online",
            "last_checked_in": "2026-11-21T10:03:00Z",
        }
    ]
    assert [(one["status"], one["last_checked_in"]) for one in shown[0]["admins"]] == [
        ("offline", "2026-11-21T10:00:00Z")
    ]


def test_edge_clusters_show_owners_with_current_nodes(client, world):
    assert client.get(f"{ADMINS}/edge_clusters").data == {
        "admin-one": {"cluster-north": names(world.machines), "cluster-south": []}
    }
    assert client.get(f"{ADMINS}/orphaned_clusters").data == {}
    late = machines(world, 1, "south")
    assert client.get(f"{ADMINS}/edge_clusters").data["admin-one"]["cluster-south"] == names(late)


def test_clusters_without_capacity_are_shown_as_orphaned(client, world):
    late = overfull(world)
    assert client.get(f"{ADMINS}/edge_clusters").data == {"admin-one": {"cluster-north": names(world.machines)}}
    assert client.get(f"{ADMINS}/orphaned_clusters").data == {"cluster-south": names(late)}
    shown = client.get(f"{ADMINS}/my_admin_cluster").data
    assert (shown["degraded"], shown["total_nodes"], shown["total_edge_capacity"]) == (True, 4, 3)


def test_admin_shows_itself_before_its_first_tick():
    client = operator(World())
    shown = client.get(f"{ADMINS}/me").data
    assert (shown["name"], shown["last_computed_at"]) == ("admin-default", None)
    assert (shown["max_wireguard_peers"], shown["admin_peer_count"]) == (2**31 - 1, 0)
    cluster = client.get(f"{ADMINS}/my_admin_cluster").data
    assert (cluster["weak_leader"], cluster["total_admins"], cluster["degraded"]) == ("admin-default", 1, False)
    assert client.get(f"{ADMINS}/admin_clusters").data == []
    assert client.get(f"{ADMINS}/edge_clusters").data == {"admin-default": {}}
    assert client.get(f"{ADMINS}/orphaned_clusters").data == {}


def test_capacity_of_unlimited_admins_stays_a_32_bit_integer():
    world = World()
    fleet_of(Settings(admin_name="admin-two"), world).admins.registry.beat()
    world.sweep("heartbeat")
    assert operator(world).get(f"{ADMINS}/my_admin_cluster").data["total_edge_capacity"] == 2**31 - 1


def test_discovery_of_the_name_needs_no_key(client):
    answer = client.get(f"{ADMINS}/me/discovery", key=None)
    assert (answer.status, answer.data) == (200, {"name": "admin-one"})


@pytest.mark.parametrize("name", OPERATIONS)
def test_admin_routes_without_a_key_are_401(client, name):
    assert client.get(f"{ADMINS}/{name}", key=None).status == 401


@pytest.mark.parametrize(
    ("name", "calls"),
    [("me/discovery", 0), ("me", 1), ("my_admin_cluster", 1), ("admin_clusters", 1), ("orphaned_clusters", 1)],
)
def test_admin_routes_cost_a_fixed_number_of_calls(client, world, name, calls):
    client.get(f"{ADMINS}/{name}")
    assert world.platform.tables.meter.count == calls


def test_edge_clusters_of_a_fleet_above_the_read_limit_are_400(world):
    services = fleet_of(Settings(master_key="k", admin_name="admin-one", list_read_limit=1), world)
    world.platform = services.platform
    answer = operator(world).get(f"{ADMINS}/edge_clusters", key="k")
    assert (answer.status, list(answer.error["details"])) == (400, ["nodes"])


@pytest.mark.skipif(not CONTRACT, reason="EDGE_CONTRACT_DIR names no folder with the contract")
@pytest.mark.parametrize("name", OPERATIONS)
def test_admin_responses_fit_the_contract(client, world, name):
    contract = published(OPENAPI)
    overfull(world)
    answers = contract["paths"][f"{ADMINS}/{name}"]["get"]["responses"]
    schema = {"allOf": [answers["200"]["content"]["application/json"]["schema"]], "components": contract["components"]}
    assert list(OAS30Validator(schema).iter_errors(client.get(f"{ADMINS}/{name}").json)) == []


class TestDegraded:
    def test_guarded_writes_are_refused_in_degraded_mode(self, client, world):
        overfull(world)
        node = world.machines[0].id
        refused = [
            client.post("/api/v1/clusters", json={"name": "west"}),
            client.patch("/api/v1/clusters/north", json={"node_limit": 5}),
            client.delete("/api/v1/clusters/north"),
            client.patch(f"/api/v1/nodes/{node}/change_cluster", json={"cluster_name": "south"}),
            client.delete(f"/api/v1/nodes/{NOTHING}"),
        ]
        for answer in refused:
            assert (answer.status, answer.error) == (503, {"code": "degraded_mode", "message": DEGRADED})

    def test_unguarded_operations_work_in_degraded_mode(self, client, world):
        overfull(world)
        assert client.get("/api/v1/clusters").status == 200
        targeting = {"type": "all"}
        assert client.post("/api/v1/commands", json={"command_text": "true", "targeting": targeting}).status == 201
        assert client.post(f"/api/v1/nodes/{world.machines[0].id}/aliases", json={"name": "web"}).status == 201
        assert a_command(world).id

    def test_degraded_mode_is_checked_after_the_body_and_before_the_resource(self, client, world):
        overfull(world)
        assert client.post("/api/v1/clusters", json={}).status == 400
        assert client.delete("/api/v1/clusters/nowhere").error["code"] == "degraded_mode"

    def test_degraded_mode_ends_with_more_capacity(self, world):
        overfull(world)
        world.platform = fleet_of(
            Settings(master_key="k", admin_name="admin-one", admin_max_wireguard_peers=4), world
        ).platform
        world.sweep("heartbeat")
        assert operator(world).post("/api/v1/clusters", json={"name": "west"}, key="k").status == 201

    def test_installation_without_a_limit_is_never_degraded(self):
        world = World()
        a_cluster(world, "south")
        overfull(world)
        assert operator(world).post("/api/v1/clusters", json={"name": "west"}).status == 201

    def test_unguarded_operations_do_not_read_degraded_mode(self, client, world):
        overfull(world)
        for path in ("/api/v1/clusters", "/api/v1/nodes", "/api/v1/commands"):
            client.get(path)
            asked = {call.table for call in world.platform.tables.meter.calls}
            assert asked
            assert TABLE.name not in asked

    def test_guarded_operations_read_degraded_mode_once_in_ten_seconds(self, client, world):
        costs = []
        for _ in range(2):
            client.patch("/api/v1/clusters/north", json={})
            costs.append(world.platform.tables.meter.count)
        assert costs[0] == costs[1] + 1

    def test_operations_guarded_by_degraded_mode_are_those_of_the_contract(self):
        assert {(one.method, one.route) for one in API.endpoints() if one.guard is NEEDS_CAPACITY} == {
            ("POST", "/api/v1/clusters"),
            ("PATCH", "/api/v1/clusters/{cluster_name}"),
            ("DELETE", "/api/v1/clusters/{cluster_name}"),
            ("POST", "/api/v1/clusters/{cluster_name}/enrollment_keys"),
            ("POST", "/api/v1/clusters/default/enrollment_keys"),
            ("POST", "/api/v1/clusters/default/enrollment_keys/public"),
            ("PATCH", "/api/v1/enrollment_keys/{key_id}"),
            ("DELETE", "/api/v1/enrollment_keys/{key_id}"),
            ("PATCH", "/api/v1/nodes/{node_id}/change_cluster"),
            ("POST", "/api/v1/nodes/{node_id}/change_cluster"),
            ("DELETE", "/api/v1/nodes/{node_id}"),
            ("POST", "/api/v1/self_update_requests"),
            ("POST", "/api/v1/agents/nodes"),
        }
