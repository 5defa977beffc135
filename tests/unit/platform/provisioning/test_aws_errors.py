"""Errors of AWS services, as the engine knows them."""

import pytest

from chalicelib.platform.provisioning.aws_errors import AwsErrors
from chalicelib.platform.provisioning.ports import AgainLaterError, GoneError, RefusedError

ERRORS = AwsErrors(
    service="S3",
    gone={"NoSuchBucket": "S3 does not know the bucket any more"},
    again={"OperationAborted": "the bucket is still changing"},
    unsure={"BucketAlreadyExists": "there is such a bucket"},
    refused={"TooManyBuckets": "there are too many buckets: delete some"},
    unknown="S3 does not take it ({}): look at it",
)


@pytest.mark.parametrize(
    ("code", "status", "kind", "reason", "nothing_done"),
    [
        ("NoSuchBucket", 404, GoneError, "S3 does not know the bucket any more", None),
        ("OperationAborted", 409, AgainLaterError, "the bucket is still changing", True),
        ("BucketAlreadyExists", 409, AgainLaterError, "there is such a bucket", False),
        ("TooManyBuckets", 400, RefusedError, "there are too many buckets: delete some", None),
        ("SlowDown", 503, AgainLaterError, "S3 is answering slowly (too many requests in the AWS account)", True),
        ("InternalError", 500, AgainLaterError, "S3 did not answer", False),
        ("NeverHeardOf", 502, AgainLaterError, "S3 did not answer", False),
        ("NeverHeardOf", 400, RefusedError, "S3 does not take it (NeverHeardOf): look at it", None),
    ],
)
def test_code_is_sorted(code, status, kind, reason, nothing_done):
    error = ERRORS.of_answer(code, status)
    assert (type(error), error.reason) == (kind, reason)
    assert getattr(error, "nothing_done", None) is nothing_done


@pytest.mark.parametrize("code", ["AccessDenied", "UnauthorizedOperation", "AuthFailure"])
def test_missing_right_is_for_the_operator(code):
    error = ERRORS.of_answer(code, 403)
    assert isinstance(error, RefusedError)
    assert error.reason == (
        f"the installation may not do this in its AWS account ({code}): the operator has to look at its permissions"
    )


def test_unknown_code_has_a_reason_without_one_of_the_service():
    reason = AwsErrors(service="S3").of_answer("NeverHeardOf", 400).reason
    assert reason == "S3 does not take it (NeverHeardOf): the operator has to look at the request"


def test_code_of_the_service_goes_before_the_general_one():
    own = AwsErrors(service="S3", refused={"SlowDown": "never"})
    assert isinstance(own.of_answer("SlowDown", 503), RefusedError)
