"""What functions ask of DynamoDB where there is a mesh is granted to them. End-to-end tests run without one."""

import pytest

from infra.grants import GRANTS
from tests.support.callers import Agent, a_key, operator
from tests.support.fakes.netmaker_http import running_netmaker
from tests.support.fakes.netmaker_scene import Scene
from tests.support.fakes.netmaker_world import NetmakerWorld


class Watched(NetmakerWorld):
    """Notes (function, action, table) of every single call; those of transactions have no action of their own."""

    def __init__(self, server):
        self.calls = set()
        super().__init__(server)

    def call(self, handler, event):
        self.driver.meter.reset()
        try:
            return super().call(handler, event)
        finally:
            self.note(handler.split(".")[-2])

    def note(self, function):
        asked = {(call.operation, name) for call in self.driver.meter.calls for name in call.table.split(",")}
        self.calls |= {(function, *each) for each in asked if each[0] != "TransactWriteItems"}

    def not_granted(self):
        return {
            (function, action, table)
            for function, action, table in self.calls
            if action not in GRANTS[function].tables.get(table, ())
        }


@pytest.fixture
def world():
    with running_netmaker() as server:
        yield Watched(server)


def test_mesh_workers_are_granted_every_call_they_make(world):
    scene = Scene(world)
    scene.client.patch(f"/api/v1/nodes/{scene.one.id}/change_cluster", json={"cluster_name": "south"})
    scene.client.delete(f"/api/v1/nodes/{scene.two.id}")
    world.settle()
    scene.client.delete("/api/v1/clusters/north")
    world.settle()
    stranger = world.netmaker.host(f"node-{scene.two.id}")
    world.netmaker.enter(stranger, "cluster-south")
    world.netmaker.names["cluster-south", "node-old.cluster-south"] = "100.64.1.9"
    for _ in range(2):
        world.reconcile()
        world.clock.advance(3601)

    assert stranger not in world.netmaker.hosts_in("cluster-south")
    assert {function for function, _, _ in world.calls} >= {"settle_vpn", "reconcile_vpn"}
    assert world.not_granted() == set()


def test_api_handler_is_granted_calls_of_a_refused_network(world):
    client = operator(world)
    assert client.post("/api/v1/clusters", json={"name": "north"}).status == 201
    blob = a_key(client, "north")
    world.netmaker.networks["theirs"] = "100.64.0.0/16"
    world.driver.meter.reset()

    assert Agent(client, 1).verify(blob).status == 503
    world.note("api_handler")
    assert ("api_handler", "DeleteItem", "vpn_networks") in world.calls
    assert world.not_granted() == set()
