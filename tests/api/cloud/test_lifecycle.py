"""Rules for the end of objects."""

import pytest

from tests.support.storage import StorageScene

RULES = "/storage/buckets/photos/lifecycle"


@pytest.fixture
def scene():
    scene = StorageScene()
    scene.bucket("photos")
    return scene


def rules_at_s3(scene):
    (bucket,) = scene.buckets_at_s3().values()
    return {rule["ID"]: rule for rule in bucket.lifecycle["Rules"]}


def test_rule_holds_by_default_and_is_told_to_s3(scene):
    rule = scene.post(RULES, json={"prefix": "tmp/", "expiration_days": 7}).json["data"]
    assert rule["enabled"]
    assert rule["bucket_name"] == "photos"
    assert scene.get(RULES).json["data"] == [rule]
    scene.rest()
    told = rules_at_s3(scene)[rule["id"]]
    assert (told["Status"], told["Filter"], told["Expiration"]) == ("Enabled", {"Prefix": "tmp/"}, {"Days": 7})


def test_rule_that_is_off_is_told_so(scene):
    rule = scene.post(RULES, json={"expiration_days": 7, "enabled": False}).json["data"]
    scene.rest()
    assert rules_at_s3(scene)[rule["id"]]["Status"] == "Disabled"


def test_abandoned_uploads_end_by_a_rule_of_every_bucket(scene):
    (rule,) = rules_at_s3(scene).values()
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_prefix_that_has_a_rule_is_a_conflict(scene):
    scene.post(RULES, json={"prefix": "tmp/", "expiration_days": 7})
    assert scene.post(RULES, json={"prefix": "tmp/", "expiration_days": 8}).status == 409
    assert scene.post(RULES, json={"prefix": "tmp", "expiration_days": 8}).status == 201


def test_removed_rule_is_gone_here_and_at_s3(scene):
    rule = scene.post(RULES, json={"expiration_days": 7}).json["data"]
    assert scene.delete(f"{RULES}/{rule['id']}").status == 204
    assert scene.delete(f"{RULES}/{rule['id']}").status == 404
    assert scene.get(RULES).json["data"] == []
    scene.rest()
    assert list(rules_at_s3(scene)) == ["abandoned-uploads"]


@pytest.mark.parametrize("days", [0, -1, 36_501, "x"])
def test_days_that_no_rule_has_are_refused(scene, days):
    assert scene.post(RULES, json={"expiration_days": days}).status == 400


@pytest.mark.parametrize(
    "prefix", ["/a", "a//b", "../a", "a/./b", "a\nb", "a\ufffe", "\uffff", "\ufffd", "é" * 511 + "ab\0"]
)
def test_prefix_that_no_key_begins_with_is_refused_and_changes_nothing(scene, prefix):
    assert scene.post(RULES, json={"prefix": prefix, "expiration_days": 7}).status == 400
    assert scene.get(RULES).json["data"] == []


@pytest.mark.parametrize("prefix", ["", "a", "a/", "a/.", "é b/c"])
def test_prefix_with_which_a_key_may_begin_is_taken(scene, prefix):
    assert scene.post(RULES, json={"prefix": prefix, "expiration_days": 7}).status == 201


def test_objects_of_a_bucket_whose_setting_is_refused_are_read_and_removed(scene):
    scene.put("photos/a", b"1")
    scene.world.object_client.fail("PutBucketLifecycleConfiguration", "MalformedXML", 400)
    scene.post(RULES, json={"expiration_days": 7})
    scene.rest()
    (bucket,) = scene.get("/storage/buckets").json["data"]
    answers = [scene.get("/storage/photos/a"), scene.put("photos/b", b"1"), scene.delete("/storage/photos/a")]
    assert (bucket["status"], [each.status for each in answers]) == ("failed", [200, 409, 204])


def test_more_than_fifty_rules_are_a_conflict(scene):
    for number in range(50):
        assert scene.post(RULES, json={"prefix": f"{number}/", "expiration_days": 1}).status == 201
    assert scene.post(RULES, json={"prefix": "more/", "expiration_days": 1}).status == 409


def test_rule_of_a_bucket_of_another_tenant_is_not_found(scene):
    rule = scene.post(RULES, json={"expiration_days": 7}).json["data"]
    other = StorageScene(world=scene.world, slug="other")
    answers = [other.get(RULES), other.post(RULES, json={"expiration_days": 1}), other.delete(f"{RULES}/{rule['id']}")]
    assert [answer.status for answer in answers] == [404] * 3


def test_objects_can_be_stored_while_a_rule_is_being_told(scene):
    scene.post(RULES, json={"expiration_days": 7})
    assert scene.put("photos/a", b"1").status == 201


def test_versioning_set_beside_a_rule_keeps_both(scene):
    scene.post(RULES, json={"expiration_days": 7})
    scene.patch("/storage/buckets/photos/versioning", json={"enabled": True})
    scene.rest()
    (bucket,) = scene.get("/storage/buckets").json["data"]
    assert bucket["versioning_enabled"]
    assert len(rules_at_s3(scene)) == 2
