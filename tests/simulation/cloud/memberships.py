"""Instances in VPCs of two tenants: each has the security groups that its row says."""

from chalicelib.cloud.compute.model import Launch
from chalicelib.cloud.network.group_model import SECURITY_GROUP
from chalicelib.cloud.network.model import VPC
from chalicelib.machines.public import INSTANCE, InstanceSpec
from chalicelib.platform.provisioning.model import State
from tests.simulation.cloud.things import cloud, ec2, some_thing, things_of, user_of
from tests.simulation.scene import Scene

CALLS = ("ModifyInstanceAttribute", "RunInstances")


def launch_in_vpc(scene: Scene) -> None:
    vpc = some_thing(scene, VPC)
    wanted = Launch(name=scene.some_name(), image="ubuntu-24.04", instance_type="basic-2", vpc_id=vpc.id)
    cloud(scene).instances.launch(user_of(vpc), wanted)


def attach_group(scene: Scene) -> None:
    group = some_thing(scene, SECURITY_GROUP)
    instance = some_thing(scene, INSTANCE, group.tenant)
    cloud(scene).memberships.attach(group.tenant, instance.id, group.id)


def detach_group(scene: Scene) -> None:
    group = some_thing(scene, SECURITY_GROUP)
    instance = some_thing(scene, INSTANCE, group.tenant)
    cloud(scene).memberships.detach(group.tenant, instance.id, group.id)


def machines_have_the_groups_of_their_rows(scene: Scene) -> None:
    """But for groups that were lost: their ids lead to nothing."""
    groups = {row.id: row for row in things_of(scene, SECURITY_GROUP)}
    for row in things_of(scene, INSTANCE):
        ids = InstanceSpec.model_validate(row.spec).security_group_ids
        there = [groups[each] for each in ids if each in groups and not groups[each].is_released]
        if row.state is State.READY and there:
            has = set(ec2(scene).machines[row.external["id"]].groups_at(scene.world.clock.now()))
            wanted = {each.external.get("id") for each in there}
            assert has == wanted, f"{row.name} is in {has}, and shall be in {wanted}"


OPERATIONS = (launch_in_vpc, attach_group, attach_group, detach_group)
