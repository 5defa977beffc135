"""What is used in the second in which it is asked for: AWS does not find for a while what it made a moment ago."""

import pytest

from chalicelib.platform.provisioning.model import State
from tests.support.networks import LaunchScene


@pytest.fixture
def scene():
    return LaunchScene()


def there(scene, path, **body):
    """A thing that is at rest, as it was answered."""
    made = scene.ask("POST", path, body or None)
    scene.reach(made, State.READY)
    return made


def test_new_instance_gets_its_address_and_disk(scene):
    address, volume = there(scene, "/elastic-ips"), there(scene, "/volumes", name="data", size_gb=1)
    instance = scene.launch()
    scene.ask("POST", f"/elastic-ips/{address['id']}/associate", {"instance_id": instance["id"]})
    scene.ask("POST", f"/volumes/{volume['id']}/attach", {"instance_id": instance["id"], "mount_path": "/data"})
    assert [scene.reach(each, State.READY).reason for each in (instance, address, volume)] == ["", "", ""]
    machine = scene.at_ec2(instance)
    assert scene.ec2.machine_of(scene.at_ec2(address)) == machine
    assert scene.ec2.disks[scene.at_ec2(volume)].machine == machine


def test_instance_gets_a_group_that_is_made_at_the_same_time(scene):
    vpc, subnet = scene.network()
    instance = scene.running(subnet_id=subnet["id"])
    group = scene.group(vpc)
    scene.change_groups("attach", instance, group)
    assert scene.reach(instance, State.READY).reason == ""
    assert group["id"] in scene.groups_at_ec2(instance)


def test_new_volume_is_copied_and_its_copy_restored(scene):
    volume = there(scene, "/volumes", name="data", size_gb=1)
    scene.ec2.disks[scene.at_ec2(volume)].since = scene.moving.clock.now()
    copy = there(scene, "/snapshots", volume_id=volume["id"])
    scene.ec2.copies[scene.at_ec2(copy)].since = scene.moving.clock.now()
    there(scene, f"/snapshots/{copy['id']}/restore", new_volume_name="other")
