"""The permissions of functions on the buckets of tenants, whose names all begin with a prefix of the stage.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
"""

from typing import Any

from chalicelib.cloud.storage.rules import physical_prefix
from chalicelib.platform.context import Grants
from infra.functions import APP_NAME

Json = dict[str, Any]

_PREFIX = physical_prefix(f"{APP_NAME}-${{Stage}}-")
_BUCKETS: Json = {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{_PREFIX}*"}
_OBJECTS: Json = {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{_PREFIX}*/*"}

_MAKES = (
    *("CreateBucket", "DeleteBucket", "PutBucketOwnershipControls", "PutBucketPublicAccessBlock"),
    *("PutEncryptionConfiguration", "PutBucketPolicy", "GetBucketVersioning", "PutBucketVersioning"),
    *("PutLifecycleConfiguration", "GetBucketTagging", "PutBucketTagging"),
    *("ListBucketVersions", "ListBucketMultipartUploads"),
)
_EMPTIES = ("DeleteObject", "DeleteObjectVersion", "AbortMultipartUpload")
_LISTS = ("ListBucket", "ListBucketVersions")
_KEEPS = (
    *("GetObject", "GetObjectVersion", "PutObject", "DeleteObject", "DeleteObjectVersion"),
    *("AbortMultipartUpload", "ListMultipartUploadParts"),
)


def bucket_statements(grants: Grants) -> list[Json]:
    """The statements for the buckets of tenants."""
    statements: list[Json] = []
    if grants.makes_buckets:
        statements += [_allow(_MAKES, _BUCKETS), _allow(_EMPTIES, _OBJECTS)]
    if grants.finds_buckets:
        # IAM has no narrower resource for it: it reveals the names of the account's buckets.
        statements += [_allow(("ListAllMyBuckets",), "*"), _allow(("GetBucketTagging",), _BUCKETS)]
    if grants.keeps_objects:
        statements += [_allow(_LISTS, _BUCKETS), _allow(_KEEPS, _OBJECTS)]
    return statements


def _allow(verbs: tuple[str, ...], resource: Any) -> Json:
    return {"Effect": "Allow", "Action": [f"s3:{verb}" for verb in verbs], "Resource": resource}
