"""The mesh and our rows come apart in every way, and are brought together again."""

import json

import pytest

from chalicelib.fleet.mesh.queues import VPN
from chalicelib.fleet.mesh.reconciling import Reconciling
from chalicelib.fleet.mesh.store import TABLE as MADE
from chalicelib.fleet.nodes.store import NODES
from tests.support.callers import Agent
from tests.support.declared import WORKERS
from tests.support.fakes.netmaker_scene import Scene
from tests.support.fakes.netmaker_world import enrol, join, netmaker_world
from tests.support.world import World, sqs_record

NORTH, SOUTH = "cluster-north", "cluster-south"
HOUR = 3600


@pytest.fixture
def scene():
    with netmaker_world() as world:
        yield Scene(world)


def run_once(world):
    """The schedule and its messages, each delivered once; returns those that are to be tried again later."""
    world.sweep("reconcile_vpn")
    world.settle()
    return [json.loads(entry["MessageBody"]) for entry in world.queue_client.delayed.pop(VPN, [])]


class TestMade:
    def test_reconciliation_of_a_consistent_mesh_writes_nothing(self, scene):
        scene.netmaker.requests.clear()
        scene.world.driver.meter.reset()
        scene.world.reconcile(twice=True)

        assert scene.netmaker.writes() == []
        assert scene.state() == scene.whole
        assert scene.repaired() == []

    def test_missing_network_is_created_with_its_hosts_and_names(self, scene):
        del scene.netmaker.networks[NORTH]
        scene.netmaker.members.clear()
        scene.netmaker.names.clear()
        scene.world.reconcile(twice=True)  # the network and its hosts, which then have addresses
        scene.world.reconcile(twice=True)

        assert scene.state() == scene.whole
        assert scene.repaired()[0] == {"made": 1, "admitted": 2}

    def test_cluster_creation_lost_by_the_stream_gets_its_network(self, scene):
        scene.client.post("/api/v1/clusters", json={"name": "east"})
        scene.lose_stream()
        scene.world.reconcile()

        assert "cluster-east" in scene.netmaker.networks

    def test_host_missing_from_its_network_is_admitted(self, scene):
        address = scene.netmaker.members.pop((NORTH, scene.hosts[scene.two.id]))
        scene.world.reconcile(twice=True)

        assert scene.netmaker.members[NORTH, scene.hosts[scene.two.id]] == address

    def test_node_move_lost_by_the_stream_is_carried_out(self, scene):
        scene.client.patch(f"/api/v1/nodes/{scene.two.id}/change_cluster", json={"cluster_name": "south"})
        scene.lose_stream()
        scene.world.reconcile()
        assert scene.hosts[scene.two.id] in scene.netmaker.hosts_in(SOUTH)

        scene.world.clock.advance(HOUR)
        scene.world.reconcile()
        assert scene.netmaker.hosts_in(NORTH) == [scene.hosts[scene.one.id]]

    def test_missing_and_wrong_mesh_names_are_corrected(self, scene):
        del scene.netmaker.names[NORTH, "node-web.cluster-north"]
        scene.netmaker.names[NORTH, "node-db.cluster-north"] = "100.64.0.77"
        scene.world.reconcile(twice=True)

        assert scene.state() == scene.whole

    def test_host_lost_by_netmaker_is_reported_and_its_node_kept(self, scene):
        scene.netmaker.members.pop((NORTH, scene.hosts[scene.two.id]))
        del scene.netmaker.hosts[scene.hosts[scene.two.id]]
        scene.world.reconcile()

        assert scene.client.get(f"/api/v1/nodes/{scene.two.id}").status == 200
        assert scene.repaired() == [{"lost": 1}]


class TestRemoved:
    def test_network_of_a_deleted_cluster_is_removed(self, scene):
        assert scene.client.delete("/api/v1/clusters/south").status == 204
        scene.lose_stream()
        scene.world.reconcile(twice=True)

        assert list(scene.netmaker.networks) == [NORTH]
        assert [row["name"] for row in scene.world.driver.rows(MADE)] == ["north"]

    def test_host_of_a_deleted_node_is_removed_after_an_hour(self, scene):
        scene.client.delete(f"/api/v1/nodes/{scene.two.id}")
        scene.lose_stream()
        scene.world.reconcile(twice=True)
        assert scene.hosts[scene.two.id] in scene.netmaker.hosts_in(NORTH)

        scene.world.clock.advance(HOUR)
        scene.world.reconcile(twice=True)
        assert scene.netmaker.hosts_in(NORTH) == [scene.hosts[scene.one.id]]

    def test_mesh_names_without_an_alias_are_removed(self, scene):
        (web, _) = scene.client.get("/api/v1/aliases", query={"order_by": "name", "order_directions": "desc"}).data
        scene.client.delete(f"/api/v1/aliases/{web['id']}")
        scene.lose_stream()
        scene.netmaker.names[NORTH, "node-nobody.cluster-north"] = "100.64.0.1"
        scene.world.reconcile(twice=True)

        assert scene.world.names_in("north") == {"db": "100.64.0.1"}

    def test_host_about_to_register_is_kept(self, scene):
        late = Agent(scene.client, 9)
        host = join(scene.world, late, scene.netmaker.keys[0]["token"])
        for _ in range(3):
            scene.world.reconcile()
            scene.world.clock.advance(HOUR / 3)
        assert late.register("", "north").status == 201
        for _ in range(3):
            scene.world.reconcile()
            scene.world.clock.advance(HOUR)

        assert host in scene.netmaker.hosts_in(NORTH)
        assert [row.get("strays") for row in scene.world.driver.rows(MADE)] == [None, None]

    def test_host_that_never_registers_is_removed_if_eviction_is_enabled(self):
        for evicts, left in ((True, 2), (False, 3)):
            with netmaker_world(evict_rogue_hosts=evicts) as world:
                scene = Scene(world)
                join(world, Agent(scene.client, 9), scene.netmaker.keys[0]["token"])
                for _ in range(3):
                    world.reconcile()
                    world.clock.advance(HOUR)
                assert len(scene.netmaker.hosts_in(NORTH)) == left


class TestKept:
    def test_networks_hosts_and_names_of_others_are_kept(self, scene):
        netmaker = scene.netmaker
        netmaker.networks |= {"theirs": "10.9.0.0/24", "cluster-other": "10.8.0.0/24"}
        printer, admin = netmaker.host("printer"), netmaker.host("admin-1")
        named_like_ours = netmaker.host(f"node-{scene.one.id[:-1]}0")
        for host in (printer, admin):
            netmaker.enter(host, NORTH)
        netmaker.enter(named_like_ours, "cluster-other")
        netmaker.names |= {
            (NORTH, "printer.cluster-north"): "100.64.0.9",
            (NORTH, f"node-{scene.one.id}.cluster-north"): "100.64.0.1",
            ("cluster-other", "node-web.cluster-other"): "10.8.0.1",
        }
        before = scene.state()
        for _ in range(4):
            scene.world.reconcile(twice=True)
            scene.world.clock.advance(HOUR)

        assert scene.state() == before

    def test_network_older_than_its_cluster_is_used_and_kept(self, scene):
        scene.client.post("/api/v1/clusters", json={"name": "east", "ipv4_range": "100.99.0.0/24"})
        scene.netmaker.networks["cluster-east"] = "100.99.0.0/24"
        scene.netmaker.names["cluster-east", "node-printer.cluster-east"] = "100.99.0.9"
        scene.world.settle()
        scene.world.reconcile()
        scene.client.delete("/api/v1/clusters/east")
        scene.world.settle()
        scene.world.reconcile()

        assert "cluster-east" in scene.netmaker.networks
        assert scene.world.names_in("east") == {"printer": "100.99.0.9"}

    def test_network_of_others_with_another_range_is_kept(self, scene):
        scene.client.post("/api/v1/clusters", json={"name": "east", "ipv4_range": "100.99.0.0/24"})
        scene.netmaker.networks["cluster-east"] = "100.98.0.0/24"
        scene.world.settle()
        scene.world.reconcile()

        assert scene.netmaker.networks["cluster-east"] == "100.98.0.0/24"
        assert {line["error"] for line in scene.world.said("refused")} == {"conflict"}


LISTS = ["/api/networks/", "/api/nodes/", "/api/dns/adm/[^/]+/nodes", "/api/dns/adm/[^/]+/custom"]
FAILURES = [{"status": 500}, {"cut": True}, {"raw": b"[]"}, {"raw": b"null"}, {"raw": b"{}"}]


class TestLists:
    @pytest.mark.parametrize("path", LISTS)
    @pytest.mark.parametrize("failure", FAILURES, ids=str)
    def test_failed_or_empty_list_removes_nothing(self, scene, path, failure):
        scene.world.server.trouble(method="GET", path=path, **failure)
        for _ in range(3):
            run_once(scene.world)
            scene.world.clock.advance(HOUR)

        networks, members, names, hosts = scene.state()
        assert (networks, members, hosts) == (scene.whole[0], scene.whole[1], scene.whole[3])
        assert names == scene.whole[2]
        assert scene.netmaker.asked("DELETE") == []

        scene.world.server.recover()
        scene.world.reconcile()
        assert scene.state() == scene.whole

    def test_partial_list_removes_nothing(self, scene):
        stub = scene.netmaker
        whole = stub.nodes_of, stub.host_names_of
        for place in (0, 1):
            stub.__dict__["nodes_of"] = lambda network, place=place: whole[0](network)[place : place + 1]
            stub.__dict__["host_names_of"] = lambda network, place=place: whole[1](network)[: 1 - place]
            scene.world.reconcile()
            scene.world.clock.advance(2 * HOUR)

        assert scene.state() == scene.whole
        assert stub.asked("DELETE") == []

    def test_failing_network_does_not_delay_others(self, scene):
        del scene.netmaker.names[NORTH, "node-web.cluster-north"]
        scene.netmaker.networks.pop(SOUTH)
        scene.world.server.trouble(path=NORTH, status=500)
        failed = run_once(scene.world)

        assert failed == [{"kind": "network", "id": "north", "tries": 1}]
        assert SOUTH in scene.netmaker.networks


def test_reconciliation_of_many_nodes_and_networks_continues_in_chunks(scene):
    services = scene.world.fleet
    services.mesh.reconciling = Reconciling(
        services.every_cluster,
        services.nodes.reading,
        services.aliases,
        services.mesh.netmaker,
        services.mesh.networks,
        services.mesh.settling,
        scene.world.clock,
        evicts_strangers=True,
        networks_per_chunk=1,
        nodes_per_chunk=1,
    )
    for number in range(3):
        assert enrol(scene.world, Agent(scene.client, 10 + number), scene.blob, "north").status == 201
    scene.client.post("/api/v1/clusters", json={"name": "east"})
    scene.client.delete("/api/v1/clusters/south")
    scene.lose_stream()
    members = dict(scene.netmaker.members)
    scene.netmaker.members.clear()
    scene.netmaker.names.clear()
    for _ in range(2):
        scene.world.reconcile()

    assert set(scene.netmaker.networks) == {NORTH, "cluster-east"}
    assert set(scene.netmaker.members) == set(members)
    assert set(scene.world.names_in("north")) == {"web", "db"}


class TestOff:
    def test_reconciliation_without_a_mesh_does_nothing(self):
        world = World()
        world.sweep("reconcile_vpn")
        assert world.queue_client.take(VPN) == []
        answer = world.call(WORKERS[VPN], {"Records": [sqs_record({"kind": "network", "id": "north"})]})
        assert answer == {"batchItemFailures": []}

    def test_reconciliation_switched_off_queues_nothing(self):
        with netmaker_world(cluster_reconciliation_enabled=False) as world:
            world.sweep("reconcile_vpn")
            assert world.queue_client.take(VPN) == []

    def test_reconciliation_in_degraded_mode_queues_nothing(self):
        with netmaker_world(admin_max_wireguard_peers=1) as world:
            Scene(world)
            world.sweep("reconcile_vpn")
            assert world.queue_client.take(VPN) == [{"kind": "networks", "id": "all"}]
            world.sweep("heartbeat")
            world.clock.advance(11)
            world.sweep("reconcile_vpn")
            assert world.queue_client.take(VPN) == []

    def test_unknown_mesh_message_is_reported_as_failed(self, scene):
        answer = scene.world.call(WORKERS[VPN], {"Records": [sqs_record({"kind": "nonsense"})]})
        assert answer["batchItemFailures"] == [{"itemIdentifier": "m-1"}]
        assert scene.world.driver.rows(NODES)
