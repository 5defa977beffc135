"""The bills of things that AWS refuses to stop or to remove, or that have failed, on a strict EC2."""

import pytest

from chalicelib.platform.billing.wiring import bills_of
from tests.support.cloud import BOB, CloudScene
from tests.support.fakes.clock import START
from tests.support.instances import InstanceWorld

HOUR = 3600
GB = 20


@pytest.fixture
def scene():
    return CloudScene(InstanceWorld())


@pytest.fixture
def granted(scene, team):
    scene.request("set_quotas", json={"max_instances": 3, "max_vcpus": 4, "max_memory_gb": 5, "max_storage_gb": 50})
    return team


def ask(scene, view, names, **options):
    answer = scene.request(view, variables=names, key=scene.keys[BOB], **options)
    assert answer.status < 300, answer.text
    return answer.json["data"]


def until(scene, view, names, *statuses):
    """The thing once it has one of these statuses."""
    for _ in range(100):
        scene.world.settle()
        shown = ask(scene, view, names)
        if shown["status"] in statuses:
            return shown
        scene.world.pass_time(5)
    raise AssertionError(f"{statuses} is not reached: {shown}")


def volume(scene):
    made = ask(scene, "create_volume", {}, json={"name": "database", "size_gb": GB})
    names = {"volume_id": made["id"]}
    until(scene, "get_volume", names, "AVAILABLE")
    return names


def instance(scene, **values):
    made = ask(scene, "launch_instance", {}, json={"name": "web-1", "image": "ubuntu-24.04", **values})
    names = {"instance_id": made["id"]}
    shown = until(scene, "get_cloud_instance", names, "RUNNING")
    return names, scene.world.ec2.machines[shown["container_id"]]


def billed(scene, tenant, kind):
    """The seconds of units of a type that the tenant has paid for so far."""
    scene.world.settle()
    bill = bills_of(scene.world.platform).summary(tenant, START, scene.world.clock.now())
    return round(float(bill.hours.get(kind, 0)) * HOUR)


def cost_of(scene, tenant, kind, seconds):
    """How much is added to the bill in so many seconds."""
    before = billed(scene, tenant, kind)
    scene.world.pass_time(seconds)
    return billed(scene, tenant, kind) - before


class TestVolume:
    def test_volume_that_ec2_does_not_remove_costs_until_it_does(self, scene, granted):
        names = volume(scene)
        scene.world.ec2.fail("DeleteVolume", "VolumeInUse", times=24)
        ask(scene, "delete_volume", names)
        assert ask(scene, "get_volume", names)["status"] == "DELETING"
        assert cost_of(scene, granted, "volume", 600) == pytest.approx(600 * GB, rel=0.02)
        scene.world.pass_time(5 * HOUR)
        assert scene.world.ec2.volumes_there() == []
        assert cost_of(scene, granted, "volume", HOUR) == 0

    def test_volume_that_may_have_been_removed_costs_nothing(self, scene, granted):
        names = volume(scene)
        scene.world.ec2.lose_answer("DeleteVolume")
        ask(scene, "delete_volume", names)
        scene.world.settle()
        scene.world.ec2.fail("DescribeVolumes", "InternalError", 500, times=20)
        assert ask(scene, "get_volume", names)["status"] == "DELETING"
        assert cost_of(scene, granted, "volume", 600) == 0


class TestInstance:
    def test_instance_that_ec2_does_not_pause_costs_meanwhile(self, scene, granted):
        names, machine = instance(scene, image="ubuntu-22.04")
        scene.world.ec2.fail("StopInstances", "UnsupportedOperation", times=12)
        ask(scene, "pause_instance", names)
        assert cost_of(scene, granted, "instance", 300) == pytest.approx(300, rel=0.1)
        assert machine.states[-1][1] == "running"

    def test_instance_that_ec2_does_not_remove_costs_until_it_does(self, scene, granted):
        names, _ = instance(scene)
        scene.world.ec2.fail("TerminateInstances", "OperationNotPermitted", times=2)
        ask(scene, "terminate_instance", names)
        until(scene, "get_cloud_instance", names, "ERROR")
        assert cost_of(scene, granted, "instance", HOUR // 2) == pytest.approx(HOUR // 2, rel=0.02)
        scene.world.pass_time(2 * HOUR)
        assert scene.world.ec2.alive() == []
        assert cost_of(scene, granted, "instance", HOUR) == 0

    def test_machine_of_another_type_costs_what_it_ran_as_until_it_is_off(self, scene, granted):
        names, machine = instance(scene)
        machine.request["InstanceType"] = "m5.2xlarge"
        scene.world.pass_time(2 * HOUR)
        assert ask(scene, "get_cloud_instance", names)["status"] == "ERROR"
        assert cost_of(scene, granted, "instance", HOUR) == HOUR
        scene.world.ec2.power_off(machine.id)
        scene.world.pass_time(2 * HOUR)
        assert cost_of(scene, granted, "instance", HOUR) == 0
