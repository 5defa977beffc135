"""Images whose worker dies, and whose provider fails or answers nothing: one image or none, and nothing in the end."""

from dataclasses import replace

import pytest

from chalicelib.cloud.images.model import IMAGE
from chalicelib.cloud.images.sources import READ_BYTES
from chalicelib.platform.provisioning.model import State
from tests.support.cloud import CloudScene
from tests.support.disks import RAW
from tests.support.fakes.file_server import URL
from tests.support.instances import InstanceWorld
from tests.support.world import IMAGE_FILES

CALLS = (
    *("ImportSnapshot", "DescribeImportSnapshotTasks", "CreateTags", "RegisterImage", "DescribeImages"),
    *("DescribeSnapshots", "DeregisterImage", "DeleteSnapshot"),
)
S3_CALLS = (
    *("HeadObject", "ListMultipartUploads", "CreateMultipartUpload", "ListParts", "UploadPart"),
    "CompleteMultipartUpload",
)
POINTS = range(1, 9)
"""After so many writes of workers an image is active."""


@pytest.fixture
def scene():
    return CloudScene(InstanceWorld())


def register(scene):
    """An image with a file, of which no worker knows yet."""
    body = {"name": "web-base", "os": "ubuntu", "version": "24.04"}
    made = scene.request("create_image", json=body).json["data"]["id"]
    assert scene.request("upload_image", variables={"image_id": made}, body=RAW).status == 200
    return made


def fetched(scene):
    """An image whose file is to be fetched in two parts."""
    scene.world.file_server.content = RAW + bytes(READ_BYTES)
    body = {"name": "web-base", "os": "ubuntu", "version": "24.04", "url": URL}
    return scene.request("import_image", json=body).json["data"]["id"]


def row(scene, image):
    return next(each for each in scene.world.rows() if each.id == image)


def reach_active(scene, image):
    scene.world.reach(row(scene, image), State.READY)
    scene.world.pass_time(120)
    shown = scene.request("get_image", variables={"image_id": image}).json["data"]
    (ami,) = scene.world.ec2.amis.values()
    assert (shown["status"], shown["backend_path"], len(scene.world.ec2.imports)) == ("ACTIVE", ami.id, 1)


def nothing_is_at_s3(scene):
    bucket = scene.world.object_client.buckets[IMAGE_FILES]
    return (bucket.objects.of_key, bucket.uploads.of_id) == ({}, {})


def reach_the_end(scene, image):
    scene.request("delete_image", variables={"image_id": image})
    scene.world.pass_time(900, step=10)
    ec2 = scene.world.ec2
    assert (row(scene, image).state, ec2.amis, ec2.copies) == (State.GONE, {}, {})
    assert list(scene.world.platform.provisioning.driver_of(IMAGE).tagged()) == []


@pytest.mark.parametrize("point", POINTS)
def test_worker_that_dies_after_a_write_makes_one_image(scene, point):
    image = register(scene)
    scene.world.settle(crash_after=point)
    reach_active(scene, image)
    reach_the_end(scene, image)


@pytest.mark.parametrize("point", POINTS)
def test_worker_that_dies_while_it_fetches_makes_one_image(scene, point):
    image = fetched(scene)
    scene.world.settle(crash_after=point)
    reach_active(scene, image)
    reach_the_end(scene, image)
    assert nothing_is_at_s3(scene)


@pytest.mark.parametrize("call", S3_CALLS)
@pytest.mark.parametrize("trouble", ["lost", "InternalError", "SlowDown"])
def test_call_of_s3_that_fails_or_is_unanswered_makes_one_image(scene, call, trouble):
    image = fetched(scene)
    if trouble == "lost":
        scene.world.object_client.lose_answer(call)
    else:
        scene.world.object_client.fail(call, trouble, status=503)
    reach_active(scene, image)
    reach_the_end(scene, image)
    assert nothing_is_at_s3(scene)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("trouble", ["lost", "InternalError", "RequestLimitExceeded"])
def test_call_that_fails_or_is_unanswered_makes_one_image(scene, call, trouble):
    image = register(scene)
    if trouble == "lost":
        scene.world.ec2.lose_answer(call)
    else:
        scene.world.ec2.fail(call, trouble, status=503)
    reach_active(scene, image)
    reach_the_end(scene, image)


@pytest.mark.parametrize("lag", [2, 40])
def test_deletion_after_an_import_whose_answer_was_lost_leaves_nothing(scene, lag):
    scene.world.ec2.lag_seconds = lag
    image = register(scene)
    scene.world.ec2.lose_answer("ImportSnapshot")
    scene.world.settle()
    assert len(scene.world.ec2.imports) == 1
    reach_the_end(scene, image)
    assert len(scene.world.ec2.imports) == 1


def test_image_that_somebody_removes_is_an_error_that_another_upload_mends(scene):
    image = register(scene)
    reach_active(scene, image)
    scene.world.ec2.amis.clear()
    scene.world.pass_time(2 * 3_600, step=30)
    shown = scene.request("get_image", variables={"image_id": image}).json["data"]
    assert (shown["status"], "upload the file again" in shown["status_reason"]) == ("ERROR", True)
    assert scene.request("upload_image", variables={"image_id": image}, body=RAW).status == 200
    scene.world.pass_time(600, step=10)
    (ami,) = scene.world.ec2.amis.values()
    assert set(scene.world.ec2.copies) == {ami.snapshot}
    assert scene.request("get_image", variables={"image_id": image}).json["data"]["status"] == "ACTIVE"


def test_parts_of_an_image_without_a_row_are_strangers(scene):
    image = register(scene)
    reach_active(scene, image)
    find = scene.world.platform.provisioning.strangers.find
    assert list(find()) == []
    ec2 = scene.world.ec2
    (ami,) = ec2.amis.values()
    tags = {**ami.tags, "edge-admin:resource": "01900000-0000-7000-8000-0000000000fc"}
    ec2.amis["ami-strange"] = replace(ami, id="ami-strange", tags=tags)
    ec2.copies["snap-strange"] = replace(ec2.copies[ami.snapshot], id="snap-strange", tags=tags)
    scene.world.pass_time(10)
    assert {(each.kind, each.thing.external_id) for each in find()} == {(IMAGE, "ami-strange"), (IMAGE, "snap-strange")}


def test_snapshot_that_is_shown_after_its_image_was_deleted_is_removed_too(scene, monkeypatch):
    image, ec2 = register(scene), scene.world.ec2
    with monkeypatch.context() as hidden:
        hidden.setattr(ec2, "describe_snapshots", lambda **_request: {"Snapshots": []})
        scene.world.pass_time(60, step=10)
        scene.request("delete_image", variables={"image_id": image})
        scene.world.pass_time(300, step=10)
        assert row(scene, image).state is State.GONE
    assert len(ec2.copies) == 1
    scene.world.sweep("report_strangers")
    scene.world.pass_time(120, step=10)
    assert ec2.copies == {}
