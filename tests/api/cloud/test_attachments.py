"""Disks that are attached, detached and deleted at once, and instances that stop meanwhile: on a strict EC2."""

import pytest

from chalicelib.platform.provisioning.model import State
from tests.support.networks import LaunchScene


@pytest.fixture
def scene():
    return LaunchScene()


@pytest.fixture
def instance(scene):
    return scene.running()


def volume(scene, name):
    made = scene.ask("POST", "/volumes", {"name": name, "size_gb": 1})
    scene.reach(made, State.READY)
    return made


def attach(scene, disk, instance):
    body = {"instance_id": instance["id"], "mount_path": "/data"}
    scene.ask("POST", f"/volumes/{disk['id']}/attach", body)


def attached(scene, name, instance):
    """A volume that the instance has."""
    disk = volume(scene, name)
    attach(scene, disk, instance)
    scene.reach(disk, State.READY)
    return disk


def meanwhile(scene, instance, call, act):
    """Make a call, during which something is done to the instance: after it was read, and before the call's effect is
    checked."""
    scene.moving.driver.latency(0.01)
    clock = scene.moving.clock
    outcomes = clock.run_together([call, lambda: clock.sleep(0.01) or act()])
    scene.moving.driver.latency(0)
    assert not [each for each in outcomes if isinstance(each, BaseException)]


def test_instance_that_stops_while_a_disk_is_attached_keeps_all(scene, instance):
    disks = [attached(scene, "first", instance), volume(scene, "second")]
    stop = lambda: scene.ask("POST", f"/instances/{instance['id']}/stop")  # noqa: E731
    meanwhile(scene, instance, lambda: attach(scene, disks[1], instance), stop)
    assert scene.shown(instance)["status"] == "STOPPING"
    assert {scene.row(each).spec["attachment"]["instance_id"] for each in disks} == {instance["id"]}


def test_instance_that_goes_while_a_disk_is_attached_releases_it(scene, instance):
    disk = volume(scene, "data")
    go = lambda: scene.ask("DELETE", f"/instances/{instance['id']}")  # noqa: E731
    meanwhile(scene, instance, lambda: attach(scene, disk, instance), go)
    assert scene.row(disk).spec["attachment"] is None


def test_instance_that_goes_while_it_gets_an_address_releases_it(scene, instance):
    address = scene.ask("POST", "/elastic-ips")
    scene.reach(address, State.READY)
    path, body = f"/elastic-ips/{address['id']}/associate", {"instance_id": instance["id"]}
    go = lambda: scene.ask("DELETE", f"/instances/{instance['id']}")  # noqa: E731
    meanwhile(scene, instance, lambda: scene.ask("POST", path, body), go)
    assert scene.row(address).spec["instance_id"] == ""


def test_volume_that_is_deleted_right_after_its_detachment_goes(scene, instance):
    disk = attached(scene, "data", instance)
    scene.ask("POST", f"/volumes/{disk['id']}/detach")
    scene.ask("DELETE", f"/volumes/{disk['id']}")
    scene.reach(disk, State.GONE)
    assert scene.ec2.volumes_there() == []


def test_disk_gets_the_device_of_one_that_is_still_being_detached(scene, instance):
    old, new = attached(scene, "old", instance), volume(scene, "new")
    scene.ask("POST", f"/volumes/{old['id']}/detach")
    attach(scene, new, instance)
    assert scene.reach(new, State.READY).reason == ""
    there = {disk.tags["Name"]: disk.device for disk in scene.ec2.volumes_there() if disk.leaves_at is None}
    assert there == {new["id"]: "/dev/sdf"}
