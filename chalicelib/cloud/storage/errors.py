"""Sorts the errors of S3: into those of the engine for its driver, and into those of requests.

Codes: Amazon S3 API reference, "Error responses". No message of S3 is passed on: it may name things of the account.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.cloud.storage.rules import not_yet, object_not_found, too_small
from chalicelib.kit.aws_calls import CallRefusedError, CallUnansweredError, calling
from chalicelib.kit.errors import EdgeError, conflict, unavailable
from chalicelib.platform.provisioning.aws_errors import LIMIT, AwsErrors
from chalicelib.platform.provisioning.ports import AgainLaterError

NO_BUCKET = "NoSuchBucket"
NOT_EMPTY = "BucketNotEmpty"
NO_UPLOAD = "NoSuchUpload"

ERRORS = AwsErrors(
    service="S3",
    gone={NO_BUCKET: "S3 does not know the bucket any more"},
    again={"OperationAborted": "S3 is still carrying out another change of the bucket"},
    refused={
        "TooManyBuckets": LIMIT.format("buckets", "buckets"),
        "BucketAlreadyExists": "its name at S3 belongs to another account: delete the bucket, and create another",
        NOT_EMPTY: "objects came into the bucket meanwhile: delete them, or the bucket with force=true",
    },
)

_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound", "MethodNotAllowed", "405"})
"""The object is not there, or its deletion is what is there (S3 refuses to read a delete marker with 405)."""

_INVALID = frozenset({"InvalidArgument", "400"})
"""An argument that S3 does not take; an answer to HEAD has no code but its status."""


@contextmanager
def for_request(*, invalid: EdgeError | None = None) -> Iterator[None]:
    """Turns errors of S3 into those of requests. ``invalid`` is the error for an argument that S3 does not take, if a
    caller has given one. Raises `EdgeError` (not found, conflict, bad request, service unavailable) in their place; any
    other refusal is a mistake of this installation and stays as it is."""
    try:
        with calling():
            yield
    except CallRefusedError as error:
        if error.code in _INVALID and invalid is not None:
            raise invalid from None
        raised = _edge_error(error)
        if raised is None:
            raise
        raise raised from None
    except CallUnansweredError:
        raise unavailable() from None


def _edge_error(error: CallRefusedError) -> EdgeError | None:
    if error.code in _MISSING:
        return object_not_found()
    if error.code == "EntityTooSmall":
        return too_small()
    if error.code == "InvalidPart":
        return conflict("a part was replaced meanwhile: try again")
    if error.code == NO_BUCKET:  # its row says otherwise: it is being made or removed
        return not_yet("The bucket is not there")
    is_for_now = isinstance(ERRORS.of_answer(error.code, error.status), AgainLaterError)
    return unavailable() if is_for_now else None
