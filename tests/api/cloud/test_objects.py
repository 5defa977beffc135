"""Objects by the API: bytes, keys, versions, lists."""

import hashlib
from urllib.parse import quote, unquote

import pytest

from chalicelib.cloud.storage.rules import INLINE_BYTES
from chalicelib.platform.audit.store import TABLE as AUDIT
from tests.support.storage import StorageScene

EVERY_BYTE = bytes(range(256))
PNG = b"\x89PNG\r\n\x1a\n" + EVERY_BYTE


@pytest.fixture
def scene():
    scene = StorageScene()
    scene.bucket("photos")
    return scene


@pytest.fixture
def versioned():
    scene = StorageScene()
    scene.bucket("photos", versioning=True)
    return scene


def read(scene, place, **query):
    return scene.get(f"/storage/{place}", query=query)


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "image/png", "multipart/form-data", None])
def test_bytes_come_back_as_they_are_whatever_their_type_says(scene, media_type):
    headers = {} if media_type is None else {"content-type": media_type}
    stored = scene.put("photos/a.png", PNG, headers=headers)
    assert stored.status == 201
    answer = read(scene, "photos/a.png")
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-sha256"] == hashlib.sha256(PNG).hexdigest()


def test_stored_object_is_shown_with_checksum_type_and_version(scene):
    shown = scene.put("photos/2026/a.txt", b"words").json["data"]
    assert shown["key"] == "2026/a.txt"
    assert shown["size_bytes"] == 5
    assert shown["checksum"] == hashlib.sha256(b"words").hexdigest()
    assert shown["content_type"] == "text/plain; charset=utf-8"
    assert shown["version_id"] == "null"
    assert shown["arn"] == f"arn:thecloud:storage:local:{scene.tenant_id}:object/photos/2026/a.txt"


def test_empty_object_is_one(scene):
    assert scene.put("photos/empty", b"").json["data"]["size_bytes"] == 0
    answer = read(scene, "photos/empty")
    assert (answer.status, answer.content) == (200, b"")


def test_object_is_saved_and_never_shown_as_a_page_of_this_host(scene):
    scene.put("photos/x/päge.html", b"<html><script>alert(1)</script>")
    headers = read(scene, "photos/x/p%C3%A4ge.html").headers
    assert headers["content-disposition"] == "attachment; filename=\"p_ge.html\"; filename*=UTF-8''p%C3%A4ge.html"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_keys_with_the_same_last_part_are_different_objects(scene):
    scene.put("photos/a/x", b"1")
    scene.put("photos/b/x", b"2")
    assert [read(scene, f"photos/{key}").content for key in ("a/x", "b/x")] == [b"1", b"2"]


@pytest.mark.parametrize(
    "path", ["a b", "a%20b", "a%2Fb", "%F0%9F%90%9F", "a+b", "a%25b", "/".join("abcdefghijklmnop")]
)
def test_key_is_what_its_path_says_once_decoded(scene, path):
    scene.put(f"photos/{path}", b"1")
    (listed,) = scene.get("/storage/photos").json["data"]
    assert listed["key"] == unquote(path)
    assert read(scene, f"photos/{quote(listed['key'])}").content == b"1"


@pytest.mark.parametrize("path", ["../x", "a/./b", "a/%2e%2e/b", "a//b", "%2Fa", "a/", "a%00b", "%ff", "x" * 1025])
def test_key_that_cannot_be_reached_everywhere_is_refused(scene, path):
    assert scene.put(f"photos/{path}", b"1").status == 400
    assert scene.get("/storage/photos").json["data"] == []


def test_key_as_long_as_s3_takes_is_stored(scene):
    assert scene.put(f"photos/{'%C3%A4' * 512}", b"1").status == 201


def test_wrong_checksum_is_a_conflict_and_stores_nothing(scene):
    wrong = scene.put("photos/a", b"1", headers={"x-content-sha256": "0" * 64})
    assert wrong.status == 409
    assert read(scene, "photos/a").status == 404


@pytest.mark.parametrize("sent", ["abc", "ü" * 64, "g" * 64])
def test_checksum_that_is_none_is_refused(scene, sent):
    assert scene.put("photos/a", b"1", headers={"x-content-sha256": sent}).status == 400


def test_right_checksum_in_any_letter_case_is_taken(scene):
    digest = hashlib.sha256(b"1").hexdigest().upper()
    assert scene.put("photos/a", b"1", headers={"x-content-sha256": digest}).status == 201


def test_largest_body_is_stored_and_returned(scene):
    content = EVERY_BYTE * (INLINE_BYTES // 256)
    assert scene.put("photos/large", content).status == 201
    assert read(scene, "photos/large").content == content


def test_larger_body_is_refused_with_both_ways_to_send_it(scene):
    answer = scene.put("photos/large", b"x" * (INLINE_BYTES + 1))
    assert answer.status == 413
    assert answer.error["type"] == "OBJECT_TOO_LARGE"
    assert "/storage/presign" in answer.error["message"]
    assert "/storage/multipart/init" in answer.error["message"]


def test_large_object_is_read_from_s3_by_a_redirect(scene):
    link = scene.link("photos/large", method="PUT")
    content = b"y" * (INLINE_BYTES + 1)
    scene.world.object_client.follow(link["url"], content)
    answer = read(scene, "photos/large")
    assert answer.status == 307
    assert answer.text == ""
    assert scene.world.object_client.follow(answer.headers["location"]) == (200, content)


def test_redirect_ends_after_five_minutes(scene):
    scene.world.object_client.follow(scene.link("photos/large", method="PUT")["url"], b"y" * (INLINE_BYTES + 1))
    location = read(scene, "photos/large").headers["location"]
    scene.world.clock.advance(300)
    assert scene.world.object_client.follow(location)[0] == 403


def test_unknown_object_is_not_found(scene):
    for answer in (read(scene, "photos/a"), scene.delete("/storage/photos/a")):
        assert (answer.status, answer.error["type"]) == (404, "OBJECT_NOT_FOUND")
    assert scene.get("/storage/versions/photos/a").json["data"] == []


def test_deleted_object_is_gone(scene):
    scene.put("photos/a", b"1")
    assert scene.delete("/storage/photos/a").status == 204
    assert read(scene, "photos/a").status == 404


def test_list_is_by_key_and_goes_on_with_its_token(scene):
    for key in ("c", "a/2", "b", "a/1"):
        scene.put(f"photos/{key}", b"1")
    keys, token = [], {}
    while True:
        page = scene.get("/storage/photos", query={"page_size": 3, **token})
        keys.append([each["key"] for each in page.json["data"]])
        if "next_token" not in page.json["meta"]:
            break
        token = {"next_token": page.json["meta"]["next_token"]}
    assert keys == [["a/1", "a/2", "b"], ["c"]]


def test_list_by_prefix_has_what_begins_so(scene):
    for key in ("a/1", "a/2", "b"):
        scene.put(f"photos/{key}", b"1")
    listed = scene.get("/storage/photos", query={"prefix": "a/"}).json["data"]
    assert [each["key"] for each in listed] == ["a/1", "a/2"]


@pytest.mark.parametrize("path", ["/storage/photos", "/storage/versions/photos/a"])
def test_token_of_no_list_is_refused(scene, path):
    scene.put("photos/a", b"1")
    assert scene.get(path, query={"next_token": "!"}).status == 400


def test_overwritten_and_deleted_versions_stay_and_can_be_read(versioned):
    first = versioned.put("photos/a", b"1").json["data"]["version_id"]
    second = versioned.put("photos/a", b"2").json["data"]["version_id"]
    versioned.delete("/storage/photos/a")
    assert read(versioned, "photos/a").status == 404
    assert read(versioned, "photos/a", versionId=first).content == b"1"
    versions = versioned.get("/storage/versions/photos/a").json["data"]
    assert [each["deleted_at"] is not None for each in versions] == [True, False, False]
    assert [each["version_id"] for each in versions[1:]] == [second, first]
    assert [each["is_latest"] for each in versions] == [True, False, False]


def test_mark_of_a_deletion_that_is_deleted_undoes_it(versioned):
    versioned.put("photos/a", b"1")
    versioned.delete("/storage/photos/a")
    (mark, _) = versioned.get("/storage/versions/photos/a").json["data"]
    assert read(versioned, "photos/a", versionId=mark["version_id"]).status == 404
    assert versioned.delete("/storage/photos/a", query={"versionId": mark["version_id"]}).status == 204
    assert read(versioned, "photos/a").content == b"1"


def test_version_that_is_deleted_is_gone_for_good(versioned):
    first = versioned.put("photos/a", b"1").json["data"]["version_id"]
    versioned.put("photos/a", b"2")
    assert versioned.delete("/storage/photos/a", query={"versionId": first}).status == 204
    assert read(versioned, "photos/a", versionId=first).status == 404
    assert len(versioned.get("/storage/versions/photos/a").json["data"]) == 1


@pytest.mark.parametrize("version", ["nonsense", "0" * 32])
def test_unknown_version_is_not_found(versioned, version):
    versioned.put("photos/a", b"1")
    assert read(versioned, "photos/a", versionId=version).status == 404
    assert versioned.delete("/storage/photos/a", query={"versionId": version}).status == 404


def test_versions_of_a_key_that_others_begin_with_are_its_own(versioned):
    for key in ("a", "ab", "a/b"):
        versioned.put(f"photos/{key}", b"1")
    assert [each["key"] for each in versioned.get("/storage/versions/photos/a").json["data"]] == ["a"]


def test_versions_go_on_with_their_token(versioned):
    made = [versioned.put("photos/a", bytes([number])).json["data"]["version_id"] for number in range(3)]
    first = versioned.get("/storage/versions/photos/a", query={"page_size": 2}).json
    rest = versioned.get("/storage/versions/photos/a", query={"next_token": first["meta"]["next_token"]}).json
    assert [each["version_id"] for each in (*first["data"], *rest["data"])] == made[::-1]
    assert "next_token" not in rest["meta"]


def test_version_id_is_null_again_once_versioning_is_off(versioned):
    versioned.patch("/storage/buckets/photos/versioning", json={"enabled": False})
    versioned.rest()
    assert versioned.put("photos/a", b"1").json["data"]["version_id"] == "null"


def test_write_right_after_versioning_was_set_waits_for_it(scene):
    assert scene.patch("/storage/buckets/photos/versioning", json={"enabled": True}).json["data"] == {
        "status": "updated"
    }
    scene.put("photos/other", b"1")
    answer = scene.put("photos/a", b"1")
    assert (answer.status, answer.error["type"]) == (503, "UNAVAILABLE")
    assert read(scene, "photos/a").status == 404
    scene.rest()
    assert scene.put("photos/a", b"1").json["data"]["version_id"] != "null"


def test_s3_that_does_not_answer_is_told_as_a_failure_for_now(scene):
    scene.world.object_client.fail("PutObject", "SlowDown")
    assert scene.put("photos/a", b"1").status == 503
    scene.world.object_client.fail("GetObject", "InternalError", 500)
    assert read(scene, "photos/a").status == 503


def test_upload_is_in_the_log_of_its_tenant(scene):
    scene.put("photos/2026/a", b"1")
    scene.world.settle()
    (told,) = [row for row in scene.world.driver.rows(AUDIT) if row["operation"] == "object.upload"]
    assert told["thing_name"] == "photos/2026/a"
    assert told["tenant"] == scene.tenant_id


def test_object_costs_few_reads_of_tables(scene):
    scene.world.driver.meter.reset()
    scene.put("photos/a", b"1")
    assert scene.world.driver.meter.count <= 6
    scene.world.driver.meter.reset()
    read(scene, "photos/a")
    assert scene.world.driver.meter.count <= 5
