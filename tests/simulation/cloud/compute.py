"""Instances in the cloud's words, volumes and snapshots of two tenants: a volume is at one instance at most."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from chalicelib.cloud.compute import dialect
from chalicelib.cloud.compute.disk_model import SNAPSHOT, VOLUME
from chalicelib.cloud.compute.disk_rules import volume_spec
from chalicelib.cloud.compute.model import Launch, MountedVolume
from chalicelib.cloud.images.ec2_parts import FILE_TAG
from chalicelib.cloud.images.model import IMAGE
from chalicelib.machines.public import INSTANCE
from chalicelib.platform.provisioning.model import State
from chalicelib.platform.provisioning.store import RESOURCES, whole_key_of
from tests.simulation.cloud import paid_times
from tests.simulation.cloud.things import (
    check_kinds,
    cloud,
    ec2,
    some_thing,
    some_user,
    tagged,
    things_of,
    trouble,
    user_of,
)
from tests.simulation.machines.instances import instances_and_rows_agree
from tests.simulation.scene import NothingThereError, Scene, Simulation

DISK_CALLS = (
    *("CreateVolume", "AttachVolume", "DetachVolume", "DeleteVolume", "DescribeVolumes"),
    *("CreateSnapshot", "DeleteSnapshot", "DescribeSnapshots"),
)
MOST_LOOKS = 100
CODES = ("RequestLimitExceeded", "InternalError", "Unavailable", "VolumeLimitExceeded")


def launch_instance(scene: Scene) -> None:
    user = some_user(scene)
    own = [row.id for row in things_of(scene, IMAGE) if row.tenant == user.tenant or row.is_public]
    image = scene.rng.choice(("ubuntu-24.04", "ubuntu-22.04", *own))
    volumes = [row.id for row in things_of(scene, VOLUME) if row.tenant == user.tenant and scene.rng.random() < 0.3]
    mounted = tuple(MountedVolume(each, "/mnt/data") for each in volumes)
    wanted = Launch(name=scene.some_name(), image=image, instance_type="basic-2", volumes=mounted)
    cloud(scene).instances.launch(user, wanted)


def change_instance_of_tenant(scene: Scene) -> None:
    instance = some_thing(scene, INSTANCE)
    decide = scene.rng.choice((dialect.started, dialect.stopped, dialect.paused, dialect.resumed))
    cloud(scene).instances.change(instance.tenant, instance.id, decide, "change")


def resize_instance(scene: Scene) -> None:
    instance = some_thing(scene, INSTANCE)
    cloud(scene).instances.resize(instance.tenant, instance.id, scene.rng.choice(("basic-2", "standard-1")))


class _Labels:
    """The labels that were accepted, by instance: each of a name of its own."""

    def __init__(self) -> None:
        self.of: dict[str, set[str]] = {}


def label_instance(scene: Scene) -> None:
    instance, label = some_thing(scene, INSTANCE), f"l{scene.rng.getrandbits(32)}"

    def more(notes: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"labels": {**notes.get("labels", {}), label: "x"}}

    cloud(scene).instances.note(instance.tenant, instance.id, more)
    scene.recall(_Labels).of.setdefault(instance.id, set()).add(label)


def no_label_of_an_instance_is_lost(scene: Scene) -> None:
    for row in things_of(scene, INSTANCE):
        there = {*row.spec.get("notes", {}).get("labels", {})}
        lost = scene.recall(_Labels).of.get(row.id, set()) - there
        assert not lost, f"{row.name} was given the labels {sorted(lost)}, and has not got them"


def terminate_instance(scene: Scene) -> None:
    instance = some_thing(scene, INSTANCE)
    cloud(scene).instances.delete(instance.tenant, instance.id)


def create_volume(scene: Scene) -> None:
    cloud(scene).volumes.create(some_user(scene), scene.some_name(), scene.rng.choice((1, 8)))


def use_volume_for_a_moment(scene: Scene) -> None:
    """It is deleted as soon as it is there: clocks of those who write its row may be further apart than that."""
    user = some_user(scene)
    volume = cloud(scene).volumes.create(user, "brief", 1)
    for _ in range(MOST_LOOKS):
        scene.wait(0.4)
        row = scene.world.driver.row(RESOURCES, whole_key_of(user.tenant, volume.id))
        if row is not None and row["state"] == "ready":
            break
    cloud(scene).volumes.delete(user.tenant, volume.id)


def attach_volume(scene: Scene) -> None:
    volume = some_thing(scene, VOLUME)
    instance = some_thing(scene, INSTANCE, volume.tenant)
    cloud(scene).volumes.attach(volume.tenant, volume.id, instance.id, "/mnt/data")


def detach_volume(scene: Scene) -> None:
    volume = some_thing(scene, VOLUME)
    cloud(scene).volumes.detach(volume.tenant, volume.id)


def delete_volume(scene: Scene) -> None:
    volume = some_thing(scene, VOLUME)
    cloud(scene).volumes.delete(volume.tenant, volume.id)


def create_snapshot(scene: Scene) -> None:
    volume = some_thing(scene, VOLUME)
    cloud(scene).snapshots.create(user_of(volume), volume.id, "")


def restore_snapshot(scene: Scene) -> None:
    snapshot = some_thing(scene, SNAPSHOT)
    cloud(scene).snapshots.restore(user_of(snapshot), snapshot.id, scene.some_name(), "")


def delete_snapshot(scene: Scene) -> None:
    snapshot = some_thing(scene, SNAPSHOT)
    cloud(scene).snapshots.delete(snapshot.tenant, snapshot.id)


def somebody_detaches_a_volume(scene: Scene) -> None:
    attached = [disk for disk in ec2(scene).volumes_there() if disk.machine]
    if not attached:
        raise NothingThereError("attached volumes")
    ec2(scene).detach(scene.rng.choice(attached))


def disks_and_rows_agree(scene: Scene) -> None:
    volumes = tagged((disk.id, disk.tags) for disk in ec2(scene).volumes_there())
    known = {row.external.get("id") for row in things_of(scene, SNAPSHOT)}
    copies = tagged(
        (copy.id, copy.tags)
        for copy in ec2(scene).copies.values()
        if copy.tags and FILE_TAG not in copy.tags
        if copy.id in known or copy.id not in ec2(scene).came_late
    )
    check_kinds(scene, volumes, VOLUME)
    check_kinds(scene, copies, SNAPSHOT)


def an_instance_that_is_gone_has_no_volume(scene: Scene) -> None:
    gone = {row.id for row in things_of(scene, INSTANCE) if row.is_released}
    known = {row.id for row in things_of(scene, INSTANCE)}
    for row in things_of(scene, VOLUME):
        attachment = None if row.is_released else volume_spec(row).attachment
        is_gone = attachment is not None and (attachment.instance_id in gone or attachment.instance_id not in known)
        assert not is_gone, f"{row.name} is attached to an instance that is gone"


def no_device_has_two_volumes(scene: Scene) -> None:
    attachments = [volume_spec(row).attachment for row in things_of(scene, VOLUME) if not row.is_released]
    devices = Counter((each.instance_id, each.device) for each in attachments if each is not None)
    assert not devices or max(devices.values()) == 1, f"two volumes at a device: {devices}"


def volumes_are_at_the_instances_of_their_rows(scene: Scene) -> None:
    """At the device that their rows say; and nowhere, where they say nothing."""
    machines = {row.id: row.external.get("id", "") for row in things_of(scene, INSTANCE)}
    for row in things_of(scene, VOLUME):
        if row.state is State.READY:
            attachment = volume_spec(row).attachment
            wanted = (machines.get(attachment.instance_id, ""), attachment.device) if attachment else ("", "")
            there = ec2(scene).location_of(ec2(scene).disks[row.external["id"]])
            assert there == wanted, f"{row.name} is at {there} at EC2, and shall be at {wanted}"


def ec2_keeps_no_disks(scene: Scene) -> None:
    trouble(scene, DISK_CALLS, CODES)


SIMULATION = Simulation(
    operations=(
        launch_instance,
        change_instance_of_tenant,
        resize_instance,
        label_instance,
        label_instance,
        terminate_instance,
        create_volume,
        use_volume_for_a_moment,
        attach_volume,
        attach_volume,
        detach_volume,
        delete_volume,
        create_snapshot,
        restore_snapshot,
        delete_snapshot,
        somebody_detaches_a_volume,
    ),
    openings=(launch_instance, create_volume),
    invariants=(
        instances_and_rows_agree,
        disks_and_rows_agree,
        an_instance_that_is_gone_has_no_volume,
        no_device_has_two_volumes,
        no_label_of_an_instance_is_lost,
        volumes_are_at_the_instances_of_their_rows,
        *paid_times.INVARIANTS,
    ),
    faults=(ec2_keeps_no_disks,),
)
