"""The driver of buckets, on the strict fake and on the emulator."""

import pytest
from botocore.exceptions import ClientError

from chalicelib.cloud.storage.driver import BucketDriver
from chalicelib.cloud.storage.model import BucketSpec
from chalicelib.cloud.storage.rules import drifted
from chalicelib.platform.provisioning.model import Seen
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from tests.stores.cloud.storage.places import BOTH, PREFIX, STRICT, place_for
from tests.support.buckets import OTHER_ID, bucket, rule

KNOWN = bucket()
"""The bucket that has a row."""


@pytest.fixture(params=BOTH)
def place(request):
    return place_for(request)


@pytest.fixture
def driver(place):
    return BucketDriver(place.client, PREFIX, lambda: [[(KNOWN.tenant, KNOWN.id)]])


@pytest.fixture
def strict(place):
    if place.name != STRICT:
        pytest.skip("the emulator does not do this")
    return place.client


def look(driver, row):
    return driver.observe([row])[row.id]


def made(driver, **spec):
    """The row of a bucket that is there, and its name at S3."""
    row = bucket(spec=BucketSpec(**spec))
    return row, driver.create(row)["id"]


def test_bucket_that_was_never_made_is_missing(driver):
    assert look(driver, bucket()).seen is Seen.MISSING


def test_made_bucket_is_ready_as_its_row_wants_it(driver):
    row, _ = made(driver, versioning=True, rules=(rule(),))
    seen = look(driver, row)
    assert seen.seen is Seen.READY
    assert drifted(row, seen) == ""


def test_name_at_s3_says_nothing_of_tenant_or_name(driver):
    row, name = made(driver)
    assert name.startswith(f"{PREFIX}b-")
    assert row.tenant not in name
    assert row.name not in name


def test_bucket_is_closed_to_the_public(driver, place):
    _, name = made(driver)
    closed = (
        place.client.buckets[name].closed
        if place.name == STRICT
        else (place.client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"])
    )
    assert set(closed.values()) == {True}


def test_bucket_is_for_tls_alone_where_s3_has_it(driver, place):
    _, name = made(driver)
    if place.name == STRICT:
        policy = place.client.buckets[name].policy
        assert policy["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    else:
        with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
            place.client.get_bucket_policy(Bucket=name)


def test_creation_that_is_repeated_makes_one_bucket(driver):
    row, _ = made(driver)
    driver.create(row)
    assert len(list(driver.tagged())) == 1


def test_bucket_without_its_settings_is_seen_to_need_them(driver, place):
    row, name = made(driver)
    place.client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert drifted(row, look(driver, row)) != ""
    driver.change(row, look(driver, row))
    assert drifted(row, look(driver, row)) == ""


def test_change_of_versioning_and_rules_is_carried_out(driver, place):
    row, name = made(driver)
    wanted = row.model_copy(update={"spec": BucketSpec(versioning=True, rules=(rule(),)).model_dump(mode="json")})
    assert drifted(wanted, look(driver, row)) != ""
    driver.change(wanted, look(driver, row))
    assert drifted(wanted, look(driver, wanted)) == ""
    assert place.client.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"


def test_versioning_that_is_taken_back_is_suspended(driver, place):
    row, name = made(driver, versioning=True)
    wanted = row.model_copy(update={"spec": BucketSpec().model_dump(mode="json")})
    driver.change(wanted, look(driver, row))
    assert place.client.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    assert drifted(wanted, look(driver, wanted)) == ""


def test_versioning_changed_elsewhere_is_a_drift(driver, place):
    row, name = made(driver, versioning=True)
    place.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    assert drifted(row, look(driver, row)) != ""


def test_empty_bucket_is_deleted_and_again_nothing_happens(driver):
    row, _ = made(driver)
    driver.delete(row)
    driver.delete(row)
    assert look(driver, row).seen is Seen.MISSING


def test_bucket_with_objects_is_not_deleted(driver, place):
    row, name = made(driver)
    place.client.put_object(Bucket=name, Key="a", Body=b"1")
    with pytest.raises(RefusedError, match="force=true"):
        driver.delete(row)
    assert look(driver, row).seen is Seen.READY


def test_bucket_is_deleted_with_all_versions_where_its_row_says_so(driver, place):
    row, name = made(driver, versioning=True, force=True)
    for _ in range(3):
        place.client.put_object(Bucket=name, Key="a", Body=b"1")
    place.client.delete_object(Bucket=name, Key="a")
    place.client.create_multipart_upload(Bucket=name, Key="b")
    driver.delete(row)
    assert look(driver, row).seen is Seen.MISSING


def test_many_objects_are_deleted_in_turns(driver, strict):
    row, name = made(driver, force=True)
    strict.page_size = 2
    for number in range(25):
        strict.put_object(Bucket=name, Key=f"{number}", Body=b"1")
    with pytest.raises(AgainLaterError):
        driver.delete(row)
    assert len(strict.buckets[name].objects.of_key) == 5
    driver.delete(row)
    assert strict.buckets == {}


def test_tagged_buckets_are_found_with_tenant_and_id(driver, place):
    row, name = made(driver)
    other = bucket(OTHER_ID)
    driver.create(other)
    found = {each.external_id: (each.tenant, each.resource_id) for each in driver.tagged()}
    assert found[name] == (row.tenant, row.id)
    assert set(found.values()) == {(row.tenant, each.id) for each in (row, other)}


def test_tags_are_asked_for_of_buckets_without_a_row_alone(driver, strict):
    made(driver)
    driver.create(bucket(OTHER_ID))
    strict.calls.clear()
    list(driver.tagged())
    assert [call for call, _ in strict.calls] == ["ListBuckets", "GetBucketTagging"]


def test_bucket_that_cannot_be_looked_at_leaves_the_others_seen(driver, strict):
    rows = [bucket(OTHER_ID), made(driver)[0]]
    strict.fail("GetBucketTagging", "AccessDenied", 403)
    seen = driver.observe(rows)
    assert isinstance(seen[OTHER_ID], RefusedError)
    assert seen[KNOWN.id].seen is Seen.READY


def test_buckets_are_not_asked_for_while_s3_is_in_trouble(driver, strict):
    rows = [bucket(f"{OTHER_ID[:-1]}{number}") for number in range(9)]
    strict.fail("GetBucketTagging", "SlowDown", times=9)
    seen = [*driver.observe(rows).values()]
    assert {type(each) for each in seen} == {AgainLaterError}
    assert ["not asked for" in each.reason for each in seen] == [False] * 3 + [True] * 6
    assert len(strict.calls) == 3


def test_buckets_that_are_refused_hide_no_other_and_lend_it_no_reason(driver, strict):
    rows = [*(bucket(f"{OTHER_ID[:-1]}{number}") for number in range(3, 6)), made(driver)[0]]
    strict.fail("GetBucketTagging", "AccessDenied", 403, times=3)
    seen = driver.observe(rows)
    assert [type(seen[each.id]) for each in rows[:3]] == [RefusedError] * 3
    assert seen[KNOWN.id].seen is Seen.READY


def test_bucket_that_goes_between_two_calls_of_a_look_is_missing(driver, strict):
    row, _ = made(driver)
    strict.fail("GetBucketVersioning", "NoSuchBucket", 404)
    assert look(driver, row).seen is Seen.MISSING


def test_bucket_whose_tags_are_seen_late_is_not_made_again(driver, strict, place):
    strict.lag_seconds = 10
    row, _ = made(driver)
    assert look(driver, row).seen is Seen.READY
    place.advance(11)
    assert drifted(row, look(driver, row)) == ""


@pytest.mark.parametrize(
    "call",
    ["CreateBucket", "PutPublicAccessBlock", "PutBucketPolicy", "PutBucketTagging", "PutBucketLifecycleConfiguration"],
)
def test_creation_with_a_lost_answer_is_finished_by_a_repeat(driver, strict, call):
    strict.lose_answer(call)
    row = bucket()
    with pytest.raises(AgainLaterError):
        driver.create(row)
    driver.create(row)
    assert drifted(row, look(driver, row)) == ""
    assert len(strict.buckets) == 1


def test_creation_beyond_the_accounts_quota_is_refused_with_the_remedy(driver, strict):
    strict.most_buckets = 0
    with pytest.raises(RefusedError, match="Service Quotas"):
        driver.create(bucket())


def test_name_that_another_account_has_is_refused(driver, strict):
    _, name = made(driver)
    del strict.buckets[name]
    strict.foreign.add(name)
    with pytest.raises(RefusedError, match="another account"):
        driver.create(bucket())


def test_throttled_call_is_tried_later(driver, strict):
    strict.fail("CreateBucket", "SlowDown")
    with pytest.raises(AgainLaterError, match="slowly"):
        driver.create(bucket())


def test_missing_right_is_refused_and_told(driver, strict):
    strict.fail("CreateBucket", "AccessDenied", 403)
    with pytest.raises(RefusedError, match="permissions"):
        driver.create(bucket())


def test_refusal_after_the_bucket_was_made_does_not_say_that_nothing_was(driver, strict):
    strict.fail("PutBucketPolicy", "AccessDenied", 403)
    with pytest.raises(AgainLaterError, match="permissions") as raised:
        driver.create(bucket())
    assert not raised.value.nothing_done
    assert len(strict.buckets) == 1
