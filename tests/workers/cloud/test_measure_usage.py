"""What buckets hold, measured once a day: their rows, the quota and the bill follow."""

from datetime import timedelta

import pytest

from chalicelib.cloud.metrics import Metric, Metrics, UntoldError
from chalicelib.cloud.storage.model import BUCKET
from chalicelib.cloud.storage.usage import GB, MB
from chalicelib.platform.provisioning.model import State
from chalicelib.platform.provisioning.store import SHARDS
from chalicelib.platform.quotas.rules import STORAGE_GB
from tests.support.fakes.cloudwatch import MOST_QUERIES
from tests.support.storage import StorageScene


@pytest.fixture
def scene():
    return StorageScene()


def tell(scene, bucket_id, size, **when):
    """S3 tells CloudWatch how much a bucket holds."""
    name = scene.world.platform.resources(scene.tenant_id).get(BUCKET, bucket_id).external["id"]
    of = {"BucketName": name, "StorageType": "StandardStorage"}
    scene.world.metric_client.tell("AWS/S3", "BucketSizeBytes", size, **of, **when)


def row(scene):
    (bucket,) = scene.world.platform.resources(scene.tenant_id).every(BUCKET)
    return bucket


def measure(scene):
    scene.world.sweep("measure_usage")
    scene.world.settle()


def used(scene):
    return scene.world.platform.quotas.used(scene.tenant_id, [STORAGE_GB])[STORAGE_GB]


def shown(scene, name="photos"):
    (found,) = [each for each in scene.get("/storage/buckets").json["data"] if each["name"] == name]
    return found["size_bytes"], found["measured_at"]


def test_new_bucket_shows_no_size_and_then_that_of_the_newest_day(scene):
    bucket_id = scene.bucket("photos")
    measure(scene)
    assert shown(scene) == (None, None)
    tell(scene, bucket_id, 3 * MB, days_ago=2)
    tell(scene, bucket_id, 5 * MB, days_ago=1)
    measure(scene)
    assert shown(scene) == (5 * MB, "2026-11-20T00:00:00Z")
    assert used(scene) == 1


def test_bucket_that_holds_the_same_is_not_written_again(scene):
    tell(scene, scene.bucket("photos"), 5 * MB)
    measure(scene)
    before = row(scene)
    measure(scene)
    assert row(scene) == before


def test_bill_follows_what_the_bucket_holds_and_ends_with_it(scene):
    bucket_id = scene.bucket("photos")
    tell(scene, bucket_id, 100 * MB)
    measure(scene)
    scene.world.clock.advance(10 * 3600)
    tell(scene, bucket_id, 50 * MB, days_ago=0)
    measure(scene)
    scene.world.clock.advance(10 * 3600)
    scene.delete("/storage/buckets/photos?force=true")
    scene.rest()
    bill = scene.get("/billing/summary").json["data"]
    assert bill["usage_quantities"]["BUCKET"] == pytest.approx(1_500, rel=0.01)
    assert bill["usage_by_type"]["bucket"] == pytest.approx(1_500 * 4e-8, rel=0.02)


class TestQuota:
    def test_bytes_beyond_the_quota_refuse_new_ones_until_it_is_raised(self, scene):
        scene.grant(storage_gb=2)
        bucket_id = scene.bucket("photos")
        assert scene.put("photos/a", b"a").status == 201
        upload = scene.post("/storage/multipart/init/photos/large").json["data"]["id"]
        tell(scene, bucket_id, 2 * GB + 1)
        measure(scene)
        assert used(scene) == 3
        asked = {
            "put": lambda: scene.put("photos/b", b"b"),
            "link": lambda: scene.post("/storage/presign/photos/b", json={"method": "PUT"}),
            "upload": lambda: scene.post("/storage/multipart/init/photos/b"),
            "part": lambda: scene.ask("PUT", f"/storage/multipart/upload/{upload}/parts?part=1", body=b"b"),
        }
        for name, ask in asked.items():
            refused = ask()
            assert (name, refused.status, refused.json["error"]["type"]) == (name, 429, "QUOTA_EXCEEDED")
        assert "3 GB, more than the quota storage_gb of 2" in refused.json["error"]["message"]
        assert scene.get("/storage/photos/a").status == 200
        assert scene.post("/storage/presign/photos/a", json={"method": "GET"}).status == 200
        assert scene.delete("/storage/photos/a").status == 204
        scene.grant(storage_gb=3)
        assert [ask().status for ask in asked.values()] == [201, 200, 201, 200]

    def test_volume_has_what_buckets_leave_of_the_quota(self, scene):
        scene.grant(storage_gb=4)
        tell(scene, scene.bucket("photos"), 2 * GB + 1)
        measure(scene)
        assert scene.post("/volumes", json={"name": "too-large", "size_gb": 2}).status == 429
        assert scene.post("/volumes", json={"name": "small", "size_gb": 1}).status == 201
        assert used(scene) == 4

    def test_bucket_that_is_emptied_or_gone_returns_its_share(self, scene):
        first, second = scene.bucket("photos"), scene.bucket("films")
        tell(scene, first, 2 * GB, days_ago=3)
        tell(scene, second, 3 * GB)
        measure(scene)
        assert used(scene) == 5
        scene.world.clock.advance(24 * 3600)  # S3 tells of the second alone
        measure(scene)
        assert used(scene) == 3
        assert shown(scene) == (0, None)
        scene.delete("/storage/buckets/films?force=true")
        scene.rest()
        assert used(scene) == 0
        platform = scene.world.platform
        assert list(platform.quotas.recount(platform.families.holding)) == []


@pytest.mark.parametrize("status", ["InternalError", "PartialData", "Forbidden"])
def test_bucket_of_which_not_all_is_told_keeps_what_is_noted_and_fails_the_run(scene, status):
    first, second = scene.bucket("photos"), scene.bucket("films")
    for each in (first, second):
        tell(scene, each, 2 * GB)
    measure(scene)
    tell(scene, second, 3 * GB, days_ago=0)
    client = scene.world.metric_client
    client.untold[scene.world.platform.resources(scene.tenant_id).get(BUCKET, first).external["id"]] = status
    with pytest.raises(UntoldError):
        scene.world.sweep("measure_usage")
    assert (shown(scene)[0], used(scene)) == (2 * GB, 5)


def test_buckets_keep_what_is_noted_while_cloudwatch_tells_of_none(scene):
    tell(scene, scene.bucket("photos"), 2 * GB, days_ago=3)
    measure(scene)
    scene.world.clock.advance(24 * 3600)
    measure(scene)
    assert shown(scene)[0] == 2 * GB


def test_last_bucket_of_which_nothing_is_told_for_weeks_holds_nothing(scene):
    tell(scene, scene.bucket("photos"), 2 * GB)
    sizes = []
    for _ in range(20):
        measure(scene)
        sizes.append(shown(scene)[0])
        scene.world.clock.advance(24 * 3600)
    assert sizes == [2 * GB] * 13 + [0] * 7


def test_bucket_that_stays_as_it_is_for_weeks_is_kept_over_silent_days(scene):
    bucket_id = scene.bucket("photos")
    for _ in range(20):
        tell(scene, bucket_id, 2 * GB)
        measure(scene)
        scene.world.clock.advance(24 * 3600)
    scene.world.clock.advance(4 * 24 * 3600)  # longer ago than `LOOKS_BACK`
    measure(scene)
    assert shown(scene)[0] == 2 * GB
    assert used(scene) == 2


def test_run_begins_elsewhere_each_day_and_reaches_all_beginnings(scene):
    measuring, clock = scene.cloud.storage.measuring, scene.world.clock
    begun = set()
    for _ in range(SHARDS):
        begun.add(measuring.first() % SHARDS)
        clock.advance(24 * 3600)
    assert len(begun) == SHARDS


def test_bucket_that_is_being_removed_is_left_alone(scene):
    tell(scene, scene.bucket("photos"), 2 * GB)
    scene.delete("/storage/buckets/photos?force=true")
    scene.world.sweep("measure_usage")
    scene.rest()
    assert used(scene) == 0


def test_bucket_that_could_not_be_removed_is_measured_and_billed(scene):
    scene.grant(storage_gb=1)
    bucket_id = scene.bucket("photos")
    tell(scene, bucket_id, 100 * MB)
    measure(scene)
    link = scene.link("photos/late", method="PUT")
    scene.delete("/storage/buckets/photos")
    scene.world.object_client.follow(link["url"], b"late")
    scene.rest()
    tell(scene, bucket_id, 200 * MB, days_ago=0)
    measure(scene)
    scene.world.clock.advance(10 * 3600)
    assert (row(scene).state, shown(scene)[0]) == (State.FAILED, 200 * MB)
    assert scene.get("/billing/summary").json["data"]["usage_quantities"]["BUCKET"] == pytest.approx(2_000, rel=0.1)


class KilledError(Exception):
    """A function that ends between two writes."""


def test_crash_of_the_sweep_leaves_what_a_repeat_mends(scene):
    for number in range(3):
        tell(scene, scene.bucket(f"bucket-{number}"), (number + 1) * GB)
    every = scene.world.driver.on_write
    seen = []

    def fail(operation, plan):
        seen.append(operation)
        if len(seen) == 2:
            raise KilledError
        if every is not None:
            every(operation, plan)

    scene.world.driver.on_write = fail
    with pytest.raises(KilledError):
        scene.world.sweep("measure_usage")
    scene.world.driver.on_write = every
    measure(scene)
    assert used(scene) == 6


def test_buckets_are_asked_for_five_hundred_at_a_time_over_pages(scene):
    of = [{"BucketName": f"b{each}", "StorageType": "s"} for each in range(1_001)]
    metrics = [Metric("AWS/S3", "BucketSizeBytes", each, "Average", timedelta(days=1)) for each in of]
    client, now = scene.world.metric_client, scene.world.clock.now()
    client.tell("AWS/S3", "BucketSizeBytes", 7.4, BucketName="b777", StorageType="s")
    found = Metrics(client).points(metrics, now.replace(day=18), now)
    assert {number: points[0].value for number, points in enumerate(found) if points} == {777: 7}
    assert (max(client.asked), len(client.asked)) == (MOST_QUERIES, 11)
