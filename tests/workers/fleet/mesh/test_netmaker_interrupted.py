"""Functions that die, answers that are lost, a mesh that is away, and others who come in between."""

import pytest

from chalicelib.fleet.mesh import netmaker_api
from chalicelib.fleet.mesh.queues import VPN
from chalicelib.fleet.mesh.store import TABLE as MADE
from chalicelib.fleet.workers.settle_vpn import PAUSES_SECONDS
from chalicelib.kit.outbound import unguarded
from tests.support.callers import operator
from tests.support.declared import WORKERS
from tests.support.fakes.dynamo import Crash
from tests.support.fakes.netmaker_scene import Scene
from tests.support.fakes.netmaker_world import netmaker_world
from tests.support.world import sqs_record

NORTH, SOUTH = "cluster-north", "cluster-south"


@pytest.fixture
def scene():
    with netmaker_world() as world:
        yield Scene(world)


class Dying:
    """A connection on which the function dies, once `arm` was called: at so many of its writes from then on."""

    def __init__(self, client):
        self._client = client
        self._left, self._is_done = None, False
        self.has_died = False

    def arm(self, after, *, is_done):
        """``is_done``: the last write is sent before the function dies."""
        self._left, self._is_done = after, is_done

    def send(self, method, *request):
        if method == "GET" or self._left is None:
            return self._client.send(method, *request)
        self._left -= 1
        if self._left == 0:
            self.has_died = True
            if self._is_done:
                self._client.send(method, *request)
            raise Crash
        return self._client.send(method, *request)


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not begun"])
@pytest.mark.parametrize("after", range(1, 9))
def test_mesh_work_killed_at_any_netmaker_request_completes(after, is_done, monkeypatch):
    made = []

    def dying(**limits):
        made.append(Dying(unguarded(**limits)))
        return made[-1]

    monkeypatch.setattr(netmaker_api, "unguarded", dying)
    with netmaker_world() as world:
        scene = Scene(world)
        client = operator(world)
        world.clock.advance(61)
        world.server.stub.requests.clear()
        (connection,) = made
        connection.arm(after, is_done=is_done)

        client.post("/api/v1/clusters", json={"name": "east", "ipv4_range": "100.99.0.0/24"})
        client.patch(f"/api/v1/nodes/{scene.one.id}/change_cluster", json={"cluster_name": "south"})
        client.post(f"/api/v1/nodes/{scene.one.id}/aliases", json={"name": "later"})  # 409 until it is there
        client.delete(f"/api/v1/nodes/{scene.two.id}")
        world.settle()
        scene.alias("api")
        client.delete("/api/v1/clusters/north")
        world.settle()

        assert connection.has_died
        assert world.netmaker.networks == {SOUTH: scene.whole[0][SOUTH], "cluster-east": "100.99.0.0/24"}
        assert world.netmaker.members == {(SOUTH, scene.hosts[scene.one.id]): "100.64.1.1"}
        assert world.names_in("south") == {"api": "100.64.1.1"}
        assert {row["name"] for row in world.driver.rows(MADE)} == {"south", "east"}


@pytest.mark.parametrize("crash_after", range(1, 8))
def test_mesh_work_with_a_crash_after_any_write_completes(crash_after):
    with netmaker_world() as world:
        client = operator(world)
        client.post("/api/v1/clusters", json={"name": "north"})
        world.settle(crash_after=crash_after)
        client.delete("/api/v1/clusters/north")
        client.post("/api/v1/clusters", json={"name": "north", "ipv4_range": "100.99.0.0/24"})
        world.settle(crash_after=crash_after, twice=True)

        assert world.netmaker.networks == {NORTH: "100.99.0.0/24"}
        assert len(world.driver.rows(MADE)) == 1


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_mesh_work_with_lost_netmaker_answers_completes(scene, method):
    scene.world.server.trouble(method=method, late=True, times=2)
    scene.client.delete(f"/api/v1/nodes/{scene.two.id}")
    scene.client.post("/api/v1/clusters", json={"name": "east"})
    scene.world.settle()
    scene.world.queue_client.release_delayed()
    scene.world.settle()

    assert (set(scene.netmaker.networks), len(scene.netmaker.members)) == ({NORTH, SOUTH, "cluster-east"}, 1)


def test_mesh_outage_is_retried_with_backoff_and_then_reported(scene):
    scene.client.post("/api/v1/clusters", json={"name": "east"})
    scene.world.server.trouble(status=503)
    queue, waits = scene.world.queue_client, []
    for _ in PAUSES_SECONDS:
        scene.world.settle()
        (entry,) = queue.delayed[VPN]
        waits.append(entry["DelaySeconds"])
        queue.release_delayed()
    (message,) = queue.take(VPN)
    answer = scene.world.call(WORKERS[VPN], {"Records": [sqs_record(message)]})

    assert (tuple(waits), message["tries"]) == (PAUSES_SECONDS, len(PAUSES_SECONDS))
    assert answer["batchItemFailures"] == [{"itemIdentifier": "m-1"}]
    scene.world.server.recover()
    scene.world.call(WORKERS[VPN], {"Records": [sqs_record(message)]})
    assert "cluster-east" in scene.netmaker.networks


def test_reconciliation_during_an_outage_queues_one_message(scene):
    scene.world.server.trouble(drop=True)
    scene.world.call(WORKERS[VPN], {"Records": [sqs_record({"kind": "networks", "id": "all"})]})
    scene.world.queue_client.release_delayed()

    assert scene.world.queue_client.take(VPN) == [{"kind": "networks", "id": "all", "tries": 1}]


def test_alias_reassigned_while_settled_points_to_its_new_node(scene):
    (alias,) = scene.client.get("/api/v1/aliases", query={"name": "web"}).data
    scene.client.delete(f"/api/v1/aliases/{alias['id']}")

    def take_it(method, path):
        if method == "DELETE":
            scene.netmaker.before = None
            answer = scene.client.post(f"/api/v1/nodes/{scene.two.id}/aliases", json={"name": "web"})
            assert answer.status == 201

    scene.netmaker.before = take_it
    for batch in scene.world.relay_batches():
        scene.world.call("chalicelib.platform.workers.relay_changes.handler", {"Records": batch})
    (message,) = scene.world.queue_client.take(VPN)
    scene.world.call(WORKERS[VPN], {"Records": [sqs_record(message)]})

    assert scene.world.names_in("north")["web"] == "100.64.0.2"


def test_cluster_recreated_during_network_removal_has_a_network(scene):
    scene.client.delete("/api/v1/clusters/south")

    def make_it(method, path):
        if method == "DELETE":
            scene.netmaker.before = None
            answer = scene.client.post("/api/v1/clusters", json={"name": "south"})
            assert answer.status == 201

    scene.netmaker.before = make_it
    for batch in scene.world.relay_batches():
        scene.world.call("chalicelib.platform.workers.relay_changes.handler", {"Records": batch})
    (message,) = scene.world.queue_client.take(VPN)
    scene.world.call(WORKERS[VPN], {"Records": [sqs_record(message)]})

    assert SOUTH in scene.netmaker.networks
    assert scene.world.fleet.mesh.networks.find("south") is not None


def test_node_moved_back_while_its_host_moves_ends_in_its_network(scene):
    def move(name):
        answer = scene.client.patch(f"/api/v1/nodes/{scene.one.id}/change_cluster", json={"cluster_name": name})
        assert answer.status == 200
        for batch in scene.world.relay_batches():
            scene.world.call("chalicelib.platform.workers.relay_changes.handler", {"Records": batch})
        return [each for each in scene.world.queue_client.take(VPN) if each["kind"] == "node"]

    def move_back(method, path):
        """Another copy of the function does it whole, before this one goes on."""
        if method == "POST" and path.endswith(SOUTH):
            scene.netmaker.before = None
            for message in move("north"):
                scene.world.call(WORKERS[VPN], {"Records": [sqs_record(message)]})

    (message,) = move("south")
    scene.netmaker.before = move_back
    scene.world.call(WORKERS[VPN], {"Records": [sqs_record(message)]})

    assert scene.netmaker.before is None
    host = scene.hosts[scene.one.id]
    assert [network for network, each in scene.netmaker.members if each == host] == [NORTH]
