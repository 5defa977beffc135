"""The settings of a bucket as arguments of the SDK's calls to S3. Pure."""

import json
from collections.abc import Sequence
from typing import Any

from chalicelib.cloud.storage.model import LifecycleRule

Json = dict[str, Any]

STAGE_TAG = "edge-admin:stage"
TENANT_TAG = "edge-admin:tenant"
RESOURCE_TAG = "edge-admin:resource"
SETTINGS_TAG = "edge-admin:settings"

UPLOAD_DAYS = 7
"""Days after which S3 ends an upload that was not completed."""

CLOSED: Json = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}

ENCRYPTED: Json = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}


def policy(bucket: str, partition: str) -> str:
    """The bucket's policy: nothing without TLS."""
    arn = f"arn:{partition}:s3:::{bucket}"
    statement = {
        "Sid": "OnlyByTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def lifecycle(rules: Sequence[LifecycleRule]) -> Json:
    """The bucket's rules, the first of which ends abandoned uploads."""
    abandoned: Json = {
        "ID": "abandoned-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UPLOAD_DAYS},
    }
    return {"Rules": [abandoned, *map(_rule, rules)]}


def _rule(rule: LifecycleRule) -> Json:
    return {
        "ID": rule.id,
        "Status": "Enabled" if rule.enabled else "Disabled",
        "Filter": {"Prefix": rule.prefix},
        "Expiration": {"Days": rule.days},
    }


def tags(stage: str, tenant: str, resource_id: str, settings: str) -> Json:
    """The bucket's tags."""
    named = {STAGE_TAG: stage, TENANT_TAG: tenant, RESOURCE_TAG: resource_id, SETTINGS_TAG: settings}
    return {"TagSet": [{"Key": name, "Value": value} for name, value in named.items()]}


def partition_of(region: str) -> str:
    """The partition of AWS that a region is in."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
