"""What a bucket takes of the quota and costs, by what S3 says that it holds."""

import pytest

from chalicelib.cloud.metrics import Point
from chalicelib.cloud.storage.model import BucketSpec
from chalicelib.cloud.storage.rules import VERSIONING, Use, check_usable
from chalicelib.cloud.storage.usage import GB, MB, charge_of, check_room, measured
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.billing.prices import price_of
from chalicelib.platform.provisioning.model import Resource, State

AT = "2026-11-20T00:00:00Z"


def bucket(size=None, **fields):
    spec = BucketSpec(size_bytes=size, measured_at=None if size is None else AT, force=True).model_dump(mode="json")
    return Resource(id="b", tenant="t", kind="bucket", name="b", spec=spec, inserted_at=AT, updated_at=AT, **fields)


@pytest.mark.parametrize(("size", "gb"), [(1, 1), (GB, 1), (GB + 1, 2), (5_000 * GB, 5_000)])
def test_measured_bucket_takes_whole_gb_without_a_limit_and_keeps_its_settings(size, gb):
    changes = measured(bucket(), [Point(size, AT), Point(7, "2026-11-19T00:00:00Z")])
    (share,) = changes.shares
    assert (share.quota, share.amount, share.limit, changes.is_note) == ("storage_gb", gb, None, True)
    assert changes.spec == {**bucket().spec, "size_bytes": size, "measured_at": AT}


@pytest.mark.parametrize(
    ("before", "points"), [(5, [Point(5, "2026-11-21T00:00:00Z")]), (None, []), (0, []), (None, [Point(0, AT)])]
)
def test_bucket_that_holds_what_is_noted_is_not_written(before, points):
    assert measured(bucket(before), points) is None


@pytest.mark.parametrize(("day", "is_noted"), [("2026-11-26", False), ("2026-11-27", True)])
def test_size_that_stays_is_noted_again_once_its_day_is_a_week_old(day, is_noted):
    changes = measured(bucket(5), [Point(5, f"{day}T00:00:00Z")])
    assert (changes is not None) == is_noted
    assert changes is None or changes.spec == {**bucket(5).spec, "measured_at": f"{day}T00:00:00Z"}


def test_bucket_of_which_s3_tells_nothing_any_more_holds_nothing():
    changes = measured(bucket(5), [])
    assert (changes.spec["size_bytes"], changes.spec["measured_at"], changes.shares[0].amount) == (0, None, 0)


@pytest.mark.parametrize(
    ("one", "units"),
    [
        (bucket(), None),
        (bucket(0), None),
        (bucket(1), 1),
        (bucket(10 * MB + 1), 11),
    ],
)
def test_bucket_is_charged_for_the_mb_that_it_holds(one, units):
    charge = charge_of(one.model_copy(update={"state": State.READY, "external": {"id": "b-1"}}))
    assert (charge and charge.units) == units


@pytest.mark.parametrize(
    ("state", "use", "kind"),
    [
        (State.FAILED, Use.REMOVE, Kind.CONFLICT),
        (State.FAILED, Use.WRITE, Kind.CONFLICT),
        (State.CHANGING, Use.REMOVE, Kind.UNAVAILABLE),
    ],
)
def test_change_of_objects_in_a_bucket_with_another_versioning_is_refused(state, use, kind):
    drifted = {"state": state, "external": {"id": "b-1"}, "observed": {VERSIONING: True}, "reason": "Drifted"}
    one = bucket().model_copy(update=drifted)
    check_usable(one, Use.READ)
    with pytest.raises(EdgeError) as raised:
        check_usable(one, use)
    assert (raised.value.kind, "Drifted" in raised.value.message) == (kind, kind is Kind.CONFLICT)


def test_price_of_what_buckets_hold_is_above_that_of_s3():
    price = price_of("bucket", "standard", AT)
    assert price.unit == "mb-hours"
    assert price.nanos * 1024 * 730 / 1e9 > 0.0245  # a GB and month of S3 Standard in eu-central-1


@pytest.mark.parametrize(("used", "limit"), [(0, 0), (50, 50), (5_000, None)])
def test_tenant_within_its_quota_may_store_more(used, limit):
    check_room(used, limit, None)


def test_tenant_beyond_its_quota_is_told_what_is_taken_and_of_when_it_is_known():
    with pytest.raises(EdgeError) as raised:
        check_room(51, 50, BucketSpec(size_bytes=GB + 1, measured_at=AT))
    assert raised.value.code == "quota_exceeded"
    assert raised.value.message == (
        "Volumes and buckets take 51 GB, more than the quota storage_gb of 50. This bucket held 1073741825 bytes at "
        f"{AT}. Buckets are measured once a day: delete what is not needed, or ask for a higher quota"
    )
