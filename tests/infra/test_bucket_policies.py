"""Functions reach the buckets of their own stage's tenants, and no others."""

import fnmatch

import pytest

from chalicelib.cloud.storage.rules import physical_name
from chalicelib.platform.context import Grants
from infra.bucket_policies import bucket_statements

BUCKET_ID = "019ac1e5-7d00-7000-8000-00000000b001"


def arns(statements):
    """The resources, of the stage ``dev``."""
    texts = [each["Resource"] if each["Resource"] == "*" else each["Resource"]["Fn::Sub"] for each in statements]
    return [text.replace("${AWS::Partition}", "aws").replace("${Stage}", "dev") for text in texts]


def actions(statements):
    return {action for each in statements for action in each["Action"]}


def statements_of(grant):
    return bucket_statements(Grants(**{grant: True}))


@pytest.mark.parametrize("grant", ["makes_buckets", "keeps_objects"])
def test_rights_reach_buckets_of_the_stage_and_what_is_in_them(grant):
    buckets, objects = arns(statements_of(grant))
    own = physical_name("edge-admin-dev-", "tenant-1", BUCKET_ID)
    other = physical_name("edge-admin-prod-", "tenant-1", BUCKET_ID)
    assert fnmatch.fnmatch(f"arn:aws:s3:::{own}", buckets)
    assert fnmatch.fnmatch(f"arn:aws:s3:::{own}/a/b", objects)
    assert not fnmatch.fnmatch(f"arn:aws:s3:::{other}", buckets)
    assert not fnmatch.fnmatch("arn:aws:s3:::edge-admin-dev-artifacts", buckets)


def test_function_that_makes_buckets_reads_no_object():
    assert not {"s3:GetObject", "s3:PutObject"} & actions(statements_of("makes_buckets"))


def test_function_that_keeps_objects_changes_no_setting_of_a_bucket():
    assert not {action for action in actions(statements_of("keeps_objects")) if "Bucket" in action[8:]} - {
        "s3:ListBucket",
        "s3:ListBucketVersions",
    }


def test_function_that_finds_buckets_sees_names_and_tags_alone():
    assert actions(statements_of("finds_buckets")) == {"s3:ListAllMyBuckets", "s3:GetBucketTagging"}


def test_function_without_a_grant_has_no_right():
    assert bucket_statements(Grants()) == []


def test_longest_stage_leaves_room_for_the_name_of_a_bucket():
    assert len(physical_name(f"edge-admin-{'s' * 16}-", "tenant-1", BUCKET_ID)) <= 63
