"""Images of two tenants, some of them public: uploaded, launched and removed. Nothing of one that is gone stays."""

from chalicelib.cloud.images.ec2_parts import FILE_TAG
from chalicelib.cloud.images.model import IMAGE, ImageStatus, NewImage
from chalicelib.cloud.images.rules import image_status
from chalicelib.kit.outbound import Answer
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG
from tests.simulation.cloud.things import cloud, ec2, some_thing, some_user, things_of, trouble
from tests.simulation.scene import Scene, Simulation
from tests.support.disks import RAW, VMDK
from tests.support.fakes.file_server import URL
from tests.support.provisioning_invariants import every_row_has_come_to_an_end

CALLS = (
    *("ImportSnapshot", "DescribeImportSnapshotTasks", "CancelImportTask", "CreateTags", "RegisterImage"),
    *("DescribeImages", "DeregisterImage"),
)
CODES = ("RequestLimitExceeded", "InternalError", "ResourceCountExceeded", "AMIQuotaExceeded")


def create_image(scene: Scene) -> None:
    wanted = NewImage(scene.some_name(), "ubuntu", "24.04", is_public=scene.rng.random() < 0.5)
    cloud(scene).images.create(some_user(scene), wanted)


def upload_image(scene: Scene) -> None:
    image = some_thing(scene, IMAGE)
    cloud(scene).images.upload(image.tenant, image.id, scene.rng.choice((RAW, VMDK)))


def import_image(scene: Scene) -> None:
    wanted = NewImage(scene.some_name(), "ubuntu", "24.04", is_public=scene.rng.random() < 0.5)
    cloud(scene).images.fetch(some_user(scene), wanted, URL)


def delete_image(scene: Scene) -> None:
    image = some_thing(scene, IMAGE)
    cloud(scene).images.delete(image.tenant, image.id)


def images_and_rows_agree(scene: Scene) -> None:
    rows = things_of(scene, IMAGE)
    every_row_has_come_to_an_end(rows)
    active = {row.external["id"] for row in rows if image_status(row) is ImageStatus.ACTIVE}
    assert active <= ec2(scene).amis.keys(), "an active image is not at EC2"
    there = {row.id for row in rows if not row.is_released}
    snapshots = ((each.snapshot, each.tags) for each in ec2(scene).imports.values())
    parts = [(each.id, each.tags) for each in ec2(scene).amis.values()]
    parts += [(snapshot, tags) for snapshot, tags in snapshots if snapshot in ec2(scene).copies]
    left = [part for part, tags in parts if tags[RESOURCE_TAG] not in there]
    assert not left, f"parts of images that are gone: {left}"


def no_image_has_two_at_ec2(scene: Scene) -> None:
    owners = [(each.tags[RESOURCE_TAG], each.tags[FILE_TAG]) for each in ec2(scene).amis.values()]
    assert len(owners) == len(set(owners)), f"a file was registered twice: {owners}"


def ec2_makes_no_images(scene: Scene) -> None:
    trouble(scene, CALLS, CODES)


def files_are_no_disks(scene: Scene) -> None:
    ec2(scene).bad_files = True
    scene.mends.append(lambda: setattr(ec2(scene), "bad_files", False))


def server_of_files_is_away(scene: Scene) -> None:
    answer = Answer(scene.rng.choice((403, 429, 503)))
    scene.world.file_server.odd = lambda _call: answer
    scene.mends.append(lambda: setattr(scene.world.file_server, "odd", lambda _call: None))


def file_is_replaced(scene: Scene) -> None:
    scene.world.file_server.headers = {"etag": str(scene.rng.random())}


SIMULATION = Simulation(
    operations=(create_image, upload_image, upload_image, import_image, delete_image),
    openings=(create_image,),
    invariants=(images_and_rows_agree, no_image_has_two_at_ec2),
    faults=(ec2_makes_no_images, files_are_no_disks, server_of_files_is_away, file_is_replaced),
)
