"""Buckets by the API: made, listed, deleted."""

import pytest

from tests.support.cloud import ADA
from tests.support.storage import StorageScene


@pytest.fixture
def scene():
    return StorageScene()


def test_new_bucket_is_shown_and_listed_before_and_after_it_is_made(scene):
    made = scene.make("photos")
    assert made.status == 201
    assert made.json["data"]["status"] == "creating"
    assert [each["name"] for each in scene.get("/storage/buckets").json["data"]] == ["photos"]
    scene.rest()
    (shown,) = scene.get("/storage/buckets").json["data"]
    assert shown["status"] == "active"
    assert shown["encryption_enabled"]
    assert not shown["is_public"]


def test_buckets_by_limit_and_offset_are_a_slice_with_their_number(scene):
    for name in ("aaa", "bbb", "ccc"):
        scene.make(name)
    sliced = scene.get("/storage/buckets", query={"limit": 2, "offset": 1}).json["data"]
    assert [each["name"] for each in sliced["data"]] == ["bbb", "ccc"]
    assert (sliced["total_count"], sliced["has_more"]) == (3, False)


@pytest.mark.parametrize("name", ["ab", "Photos", "a..b", "-abc", "abc.", "versions", "a" * 64, "a_b"])
def test_name_that_no_bucket_can_have_is_refused(scene, name):
    answer = scene.make(name)
    assert answer.status == 400
    assert scene.get("/storage/buckets").json["data"] == []


def test_name_that_is_taken_is_a_conflict_and_free_in_another_tenant(scene):
    scene.make("photos")
    assert scene.make("photos").status == 409
    assert StorageScene(world=scene.world, slug="other").make("photos").status == 201


def test_public_bucket_is_refused_with_the_remedy(scene):
    answer = scene.post("/storage/buckets", json={"name": "photos", "is_public": True})
    assert answer.status == 400
    assert "presign" in answer.error["message"]


def test_bucket_beyond_the_quota_is_refused(scene):
    scene.grant(buckets=1)
    assert scene.make("one").status == 201
    assert scene.make("two").status in {403, 429}


def test_tenant_without_a_grant_makes_no_bucket(scene):
    scene.grant(buckets=0)
    assert scene.make("one").error["type"] == "QUOTA_EXCEEDED"


def test_deleted_bucket_is_gone_at_once_and_its_name_free_once_it_is_removed(scene):
    scene.bucket("photos")
    assert scene.delete("/storage/buckets/photos").status == 204
    assert scene.get("/storage/photos").status == 404
    assert scene.get("/storage/buckets").json["data"] == []
    assert scene.make("photos").status == 409
    scene.rest()
    assert scene.buckets_at_s3() == {}
    assert scene.make("photos").status == 201


def test_bucket_with_an_object_is_deleted_by_force_alone(scene):
    scene.bucket("photos")
    scene.put("photos/a", b"1")
    refused = scene.delete("/storage/buckets/photos")
    assert refused.status == 409
    assert "force=true" in refused.error["message"]
    assert scene.delete("/storage/buckets/photos", query={"force": "true"}).status == 204
    scene.rest()
    assert scene.buckets_at_s3() == {}


def test_deleted_object_with_versions_keeps_its_bucket(scene):
    scene.bucket("photos", versioning=True)
    scene.put("photos/a", b"1")
    scene.delete("/storage/photos/a")
    assert scene.delete("/storage/buckets/photos").status == 409


def test_object_that_comes_while_its_bucket_is_deleted_is_not_lost(scene):
    scene.bucket("photos")
    link = scene.link("photos/late", method="PUT")
    scene.delete("/storage/buckets/photos")
    scene.world.object_client.follow(link["url"], b"late")
    scene.rest()
    (shown,) = scene.get("/storage/buckets").json["data"]
    assert shown["status"] == "failed"
    assert "force=true" in shown["reason"]
    assert scene.get("/storage/photos/late").content == b"late"
    assert scene.put("photos/more", b"1").status == 409
    assert scene.delete("/storage/buckets/photos", query={"force": "true"}).status == 204
    scene.rest()
    assert scene.buckets_at_s3() == {}


def test_bucket_that_is_unknown_or_another_tenants_is_not_found(scene):
    other = StorageScene(world=scene.world, slug="other")
    other.bucket("theirs")
    for name in ("theirs", "none"):
        answers = [
            scene.delete(f"/storage/buckets/{name}"),
            scene.get(f"/storage/{name}"),
            scene.put(f"{name}/a", b"1"),
            scene.patch(f"/storage/buckets/{name}/versioning", json={"enabled": True}),
        ]
        assert [answer.status for answer in answers] == [404] * 4
        assert answers[0].error["type"] == "BUCKET_NOT_FOUND"


def test_object_of_a_bucket_that_is_being_made_waits_then_is_refused(scene):
    scene.make("photos")
    answer = scene.put("photos/a", b"1")
    assert answer.status == 503
    assert answer.headers["retry-after"] == "2"
    assert scene.world.clock.pauses


def test_bucket_lost_at_s3_is_shown_as_failed_and_can_be_deleted(scene):
    scene.bucket("photos")
    for name in scene.buckets_at_s3():
        del scene.world.object_client.buckets[name]
    scene.world.clock.advance(3700)
    for _ in range(5):  # it is looked for some minutes
        scene.rest()
    (shown,) = scene.get("/storage/buckets").json["data"]
    assert shown["status"] == "failed"
    assert scene.delete("/storage/buckets/photos").status == 204
    assert scene.get("/storage/buckets").json["data"] == []


def test_status_of_the_storage_names_the_region(scene):
    (node,) = scene.get("/storage/cluster/status").json["data"]["nodes"]
    assert node["address"] == "s3.eu-central-1.amazonaws.com"


def test_viewer_reads_no_storage(scene):
    scene.join(scene.tenant_id, ADA, "viewer")
    assert scene.get("/storage/buckets", key=scene.keys[ADA]).status == 403
