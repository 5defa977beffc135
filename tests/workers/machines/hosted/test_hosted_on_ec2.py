"""A hosted node on the real engine, the real fleet and a strict EC2: nothing between them is a stand-in."""

import json

from chalicelib.machines.hosted.model import Action, BuildStatus, HostedNode, NewNode, Status
from chalicelib.machines.wiring import Machines
from chalicelib.platform.provisioning.model import Resource, State
from tests.support.builders import a_cluster
from tests.support.fakes.aws import FIRST_KEY
from tests.support.instances import CLUSTER, TENANT, InstanceWorld

HOST = "hooks.example"


def test_hosted_node_lives_on_a_machine_of_ec2_and_leaves_nothing() -> None:
    world = InstanceWorld(hosted_template="ubuntu-small", hosted_networks=(CLUSTER,), signing_key_id=FIRST_KEY)
    a_cluster(world, CLUSTER)
    hosted = world.platform.container(Machines).hosted
    wanted = NewNode(name="a node", network=CLUSTER, webhook_url=f"https://{HOST}/")
    node_id = hosted.nodes.create(TENANT, "owner", wanted).id

    def node() -> HostedNode:
        return hosted.nodes.get(TENANT, node_id)

    def machine() -> Resource:
        return world.platform.resources(TENANT).get("instance", node_id)

    world.settle()
    world.pass_time(30)
    assert world.enrol(machine())
    world.reach(machine(), State.READY)
    world.pass_time(5)
    assert (node().status, node().program) == (Status.RUNNING, "1.0.0")

    for action, status in ((Action.STOP, Status.PAUSED), (Action.START, Status.RUNNING)):
        hosted.nodes.begin(TENANT, node_id, action)
        world.pass_time(90)
        assert node().status is status, node().build

    hosted.nodes.begin(TENANT, node_id, Action.DESTROY)
    world.pass_time(90)

    assert node().status is Status.DESTROYED
    assert {build.status for build in node().builds} == {BuildStatus.SUCCESS}
    assert world.ec2.alive() == []
    assert world.used() == 0
    assert hosted.fleet.find_nodes([node_id]) == {}
    statuses = [json.loads(each.body)["details"]["status"] for each in world.exchange.of(HOST)]
    assert statuses[-1] == "DESTROYED"
    assert {"IN_PROGRESS", "RUNNING", "PAUSED", "STARTING"} <= set(statuses)
