"""Uploads in parts, and links."""

import hashlib

import pytest

from tests.support.storage import StorageScene

LEAST = 5 * 1024 * 1024


@pytest.fixture
def scene():
    scene = StorageScene()
    scene.bucket("photos")
    return scene


def begin(scene, place="photos/film"):
    answer = scene.post(f"/storage/multipart/init/{place}")
    assert answer.status == 201, answer.text
    return answer.json["data"]["id"]


def send(scene, upload, number, content, **options):
    path = f"/storage/multipart/upload/{upload}/parts"
    return scene.ask("PUT", path, query={"part": number}, body=content, **options)


def send_by_link(scene, upload, number, content, place="photos/film", **body):
    digest = hashlib.sha256(content).hexdigest()
    link = scene.link(place, method="PUT", upload_id=upload, part=number, checksum=digest, **body)
    return scene.world.object_client.follow(link["url"], content, link["headers"])


def complete(scene, upload):
    return scene.post(f"/storage/multipart/complete/{upload}")


class TestUploads:
    def test_parts_by_links_and_the_last_by_this_api_make_an_object(self, scene):
        upload = begin(scene)
        assert send_by_link(scene, upload, 1, b"a" * LEAST)[0] == 200
        part = send(scene, upload, 2, b"end").json["data"]
        assert part == {
            "upload_id": upload,
            "part_number": 2,
            "size_bytes": 3,
            "etag": hashlib.sha256(b"end").hexdigest(),
        }
        made = complete(scene, upload).json["data"]
        assert (made["key"], made["size_bytes"]) == ("film", LEAST + 3)
        location = scene.get("/storage/photos/film").headers["location"]
        assert scene.world.object_client.follow(location)[1] == b"a" * LEAST + b"end"

    def test_parts_are_put_together_by_their_numbers(self, scene):
        upload = begin(scene)
        send(scene, upload, 7, b"end")
        send_by_link(scene, upload, 3, b"b" * LEAST)
        complete(scene, upload)
        location = scene.get("/storage/photos/film").headers["location"]
        assert scene.world.object_client.follow(location)[1].endswith(b"bend")

    def test_part_that_is_sent_again_takes_the_place_of_the_first(self, scene):
        upload = begin(scene)
        send(scene, upload, 1, b"old")
        send(scene, upload, 1, b"new")
        complete(scene, upload)
        assert scene.get("/storage/photos/film").content == b"new"

    def test_part_below_the_least_size_is_told_before_anything_is_made(self, scene):
        upload = begin(scene)
        send(scene, upload, 1, b"small")
        send(scene, upload, 2, b"end")
        answer = complete(scene, upload)
        assert answer.status == 400
        assert "1 has 5 bytes" in answer.error["message"]
        assert str(LEAST) in answer.error["message"]
        send_by_link(scene, upload, 1, b"a" * LEAST)
        assert complete(scene, upload).status == 200

    def test_upload_without_parts_is_not_completed(self, scene):
        assert complete(scene, begin(scene)).status == 400

    def test_part_with_another_checksum_is_a_conflict(self, scene):
        upload = begin(scene)
        assert send(scene, upload, 1, b"a", headers={"x-content-sha256": "0" * 64}).status == 409
        assert complete(scene, upload).status == 400

    @pytest.mark.parametrize("number", ["0", "10001", "x"])
    def test_number_that_no_part_has_is_refused(self, scene, number):
        assert send(scene, begin(scene), number, b"a").status == 400

    def test_part_that_no_function_carries_is_refused_with_the_way(self, scene):
        answer = send(scene, begin(scene), 1, b"a" * LEAST)
        assert answer.status == 413
        assert "/storage/presign" in answer.error["message"]

    def test_ended_upload_takes_no_part_and_leaves_nothing(self, scene):
        upload = begin(scene)
        send(scene, upload, 1, b"a")
        assert scene.delete(f"/storage/multipart/abort/{upload}").status == 204
        answers = [
            send(scene, upload, 1, b"a"),
            complete(scene, upload),
            scene.delete(f"/storage/multipart/abort/{upload}"),
        ]
        assert [answer.status for answer in answers] == [404] * 3
        (bucket,) = scene.buckets_at_s3().values()
        assert bucket.uploads.of_id == {}

    def test_upload_of_another_tenant_is_not_found(self, scene):
        upload = begin(scene)
        other = StorageScene(world=scene.world, slug="other")
        answers = [
            send(other, upload, 1, b"a"),
            complete(other, upload),
            other.delete(f"/storage/multipart/abort/{upload}"),
        ]
        assert [answer.status for answer in answers] == [404] * 3

    def test_upload_ends_after_seven_days(self, scene):
        upload = begin(scene)
        scene.world.clock.advance(7 * 86_400)
        assert send(scene, upload, 1, b"a").status == 404

    def test_completion_with_a_lost_answer_is_recognised(self, scene):
        upload = begin(scene)
        send(scene, upload, 1, b"a")
        scene.world.object_client.lose_answer("CompleteMultipartUpload")
        assert complete(scene, upload).status == 503
        made = complete(scene, upload)
        assert (made.status, made.json["data"]["size_bytes"]) == (200, 1)

    def test_object_that_is_replaced_at_once_was_made_all_the_same(self, scene, monkeypatch):
        upload, client = begin(scene), scene.world.object_client
        send(scene, upload, 1, b"abc")
        complete_at_s3 = client.complete_multipart_upload

        def and_replace(**request):
            made = complete_at_s3(**request)
            client.put_object(Bucket=request["Bucket"], Key=request["Key"], Body=b"other")
            return made

        monkeypatch.setattr(client, "complete_multipart_upload", and_replace)
        made = complete(scene, upload)
        assert (made.status, made.json["data"]["size_bytes"]) == (200, 3)

    def test_upload_into_a_bucket_made_again_by_the_same_name_is_not_found(self, scene):
        upload = begin(scene)
        scene.delete("/storage/buckets/photos")
        scene.rest()
        scene.bucket("photos")
        assert send(scene, upload, 1, b"a").status == 404
        assert complete(scene, upload).status == 404


class TestLinks:
    def test_link_reads_the_bytes_until_it_ends(self, scene):
        scene.put("photos/a", b"\x00\xff")
        link = scene.link("photos/a")
        assert link["method"] == "GET"
        assert scene.world.object_client.follow(link["url"]) == (200, b"\x00\xff")
        scene.world.clock.advance(900)
        assert scene.world.object_client.follow(link["url"])[0] == 403

    def test_link_for_longer_than_an_hour_is_made_for_an_hour_and_says_so(self, scene):
        link = scene.link("photos/a", expiry_seconds=604_800)
        assert link["expires_at"] == "2026-11-21T11:01:20Z" or link["expires_at"].startswith("2026-11-21T11:")

    @pytest.mark.parametrize("seconds", [0, 604_801])
    def test_time_that_no_link_has_is_refused(self, scene, seconds):
        assert scene.post("/storage/presign/photos/a", json={"expiry_seconds": seconds}).status == 400

    def test_link_writes_an_object(self, scene):
        link = scene.link("photos/a", method="PUT")
        scene.world.object_client.follow(link["url"], b"by link")
        assert scene.get("/storage/photos/a").content == b"by link"

    def test_link_for_certain_bytes_takes_no_others(self, scene):
        digest = hashlib.sha256(b"right").hexdigest()
        link = scene.link("photos/a", method="PUT", size_bytes=5, checksum=digest)
        client = scene.world.object_client
        assert client.follow(link["url"], b"right!", link["headers"])[0] == 403
        assert client.follow(link["url"], b"right", {})[0] == 403
        assert client.follow(link["url"], b"right", link["headers"])[0] == 200

    def test_link_to_a_version_reads_it(self, scene):
        scene.patch("/storage/buckets/photos/versioning", json={"enabled": True})
        scene.rest()
        first = scene.put("photos/a", b"1").json["data"]["version_id"]
        scene.put("photos/a", b"2")
        link = scene.link("photos/a", version_id=first)
        assert scene.world.object_client.follow(link["url"])[1] == b"1"

    @pytest.mark.parametrize(
        "body",
        [
            {"method": "DELETE"},
            {"method": "GET", "size_bytes": 1},
            {"method": "GET", "checksum": "0" * 64},
            {"method": "PUT", "version_id": "1"},
            {"method": "PUT", "part": 1},
            {"method": "PUT", "checksum": "short"},
            {"method": "PUT", "upload_id": "01900000-0000-7000-8000-0000000000ff"},
            {"method": "PUT", "upload_id": "01900000-0000-7000-8000-0000000000ff", "part": 1},
        ],
    )
    def test_fields_that_do_not_go_together_are_refused(self, scene, body):
        assert scene.post("/storage/presign/photos/a", json=body).status == 400

    def test_part_of_another_objects_upload_has_no_link_here(self, scene):
        body = {"method": "PUT", "upload_id": begin(scene), "part": 1, "checksum": "0" * 64}
        assert scene.post("/storage/presign/photos/other", json=body).status == 400

    def test_link_to_write_needs_the_permission_to_write(self, scene):
        reader = scene.world.key_with(permissions=["storage:read"], tenant=scene.tenant_id)
        assert scene.post("/storage/presign/photos/a", json={"method": "PUT"}, key=reader).status == 403
        assert scene.post("/storage/presign/photos/a", json={"method": "GET"}, key=reader).status == 200
