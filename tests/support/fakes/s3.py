"""A strict S3: what the emulator lets pass, this one refuses; what is seen late there, is seen late here.

It stands for one account and region, and for the buckets of one stage, whose names begin with a prefix; others belong
to `FakeObjects`. Settings of buckets are seen late, pages can be small, calls are throttled, answers get lost,
checksums are compared, versions and uploads in parts follow S3's rules. Sources: S3 API reference, S3 user guide ("How
S3 Versioning works", "Multipart upload limits", "Bucket naming rules", "Amazon S3 data consistency model").
"""

import io
import itertools
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.session import get_session
from botocore.validate import ParamValidator

from tests.support.fakes.clock import FakeClock
from tests.support.fakes.objects import FakeObjects
from tests.support.fakes.s3_objects import Version, Versions, checked, refuse
from tests.support.fakes.s3_uploads import Uploads

Json = dict[str, Any]

REGION = "eu-central-1"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Setting:
    """A value that is seen some time after it was written."""

    def __init__(self, now: Callable[[], datetime], lag: Callable[[], float]) -> None:
        self._now, self._lag = now, lag
        self._values: list[tuple[datetime, Any]] = []

    def write(self, value: Any) -> None:
        self._values.append((self._now(), value))

    @property
    def newest(self) -> Any:
        return self._values[-1][1] if self._values else None

    def seen(self) -> Any:
        """The value as it is told now; None before the first one is."""
        until = self._now() - timedelta(seconds=self._lag())
        return next((value for at, value in reversed(self._values) if at <= until), None)


@dataclass
class StrictBucket:
    """A bucket with its settings and objects."""

    created_at: datetime
    tags: Setting
    versioning: Setting
    objects: Versions
    uploads: Uploads
    closed: Json | None = None
    encryption: Json | None = None
    policy: Json | None = None
    lifecycle: Json | None = None


class FakeS3(FakeObjects):
    """The SDK's client. A test sets its attributes: how late things are seen, and how much a page holds."""

    def __init__(self, clock: FakeClock, prefix: str = "b-") -> None:
        super().__init__()
        self.clock = clock
        self.prefix = prefix
        self.lag_seconds = 0.0
        self.page_size = 1000
        self.most_buckets = 10_000
        self.buckets: dict[str, StrictBucket] = {}
        self.named: set[str] = set()
        """Buckets of the installation's own, whatever their names."""
        self.foreign: set[str] = set()
        """Names of buckets in other accounts."""
        self.calls: list[tuple[str, Json]] = []
        self.meta = SimpleNamespace(region_name=REGION, endpoint_url=f"https://s3.{REGION}.amazonaws.com")
        self._links: dict[str, tuple[str, Json, datetime]] = {}
        self._ids = itertools.count(1)
        self._troubles: dict[str, deque[Callable[[Callable[[], Any]], Any]]] = {}

    # -- what tests do ---------------------------------------------------------------------------------------------

    def fail(self, operation: str, code: str, status: int = 503, times: int = 1) -> None:
        """The next calls of an operation are refused with this code, and do nothing."""

        def refused(_call: Callable[[], Any]) -> Any:
            refuse(code, operation, status)

        self._troubles.setdefault(operation, deque()).extend([refused] * times)

    def lose_answer(self, operation: str) -> None:
        """The next call of an operation does its work, and the answer is lost."""

        def lost(call: Callable[[], Any]) -> Any:
            call()
            raise ReadTimeoutError(endpoint_url="https://s3.test")

        self._troubles.setdefault(operation, deque()).append(lost)

    def follow(self, url: str, content: bytes = b"", headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """The answer to a client that uses a signed link: status and body. It has to send all that was signed."""
        operation, params, until = self._links[url]
        if self.clock.now() >= until:
            return 403, b"Request has expired"
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        if "ChecksumSHA256" in params and sent.get("x-amz-checksum-sha256") != params["ChecksumSHA256"]:
            return 403, b"SignatureDoesNotMatch"
        if sent.get("if-none-match") != params.get("IfNoneMatch"):
            return 403, b"SignatureDoesNotMatch"
        if params.get("ContentLength", len(content)) != len(content):
            return 403, b"SignatureDoesNotMatch"
        named = {name: value for name, value in params.items() if not name.startswith("Response")}
        if operation == "get_object":
            return 200, self.get_object(**named)["Body"].read()
        named.pop("ContentLength", None)
        try:
            getattr(self, operation)(**named, Body=content)
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"].encode()
        return 200, b""

    def keep(self, name: str) -> None:
        """A bucket that the stacks have made."""
        self.named.add(name)
        self.buckets[name] = self._new()

    def has(self, bucket: str, key: str) -> bool:
        """Whether there is an object of that key in a bucket."""
        try:
            self.buckets[bucket].objects.find(key, None, "HeadObject")
        except ClientError:
            return False
        return True

    # -- buckets ---------------------------------------------------------------------------------------------------

    def create_bucket(self, **request: Any) -> Json:
        def create() -> Json:
            name = request["Bucket"]
            constraint = request.get("CreateBucketConfiguration", {}).get("LocationConstraint")
            if not _NAME.fullmatch(name) or ".." in name:
                refuse("InvalidBucketName", "CreateBucket")
            if constraint != self.meta.region_name:
                refuse("IllegalLocationConstraintException", "CreateBucket")
            if request.get("ObjectOwnership") != "BucketOwnerEnforced":
                refuse("AccessDenied", "CreateBucket", 403)
            if name in self.foreign:
                refuse("BucketAlreadyExists", "CreateBucket", 409)
            if name in self.buckets:
                refuse("BucketAlreadyOwnedByYou", "CreateBucket", 409)
            if len(self.buckets) >= self.most_buckets:
                refuse("TooManyBuckets", "CreateBucket")
            self.buckets[name] = self._new()
            return {}

        return self._do("CreateBucket", request, create)

    def delete_bucket(self, **request: Any) -> Json:
        def delete() -> Json:
            if self._bucket(request, "DeleteBucket").objects.of_key:
                refuse("BucketNotEmpty", "DeleteBucket", 409)
            del self.buckets[request["Bucket"]]
            return {}

        return self._do("DeleteBucket", request, delete)

    def list_buckets(self, **request: Any) -> Json:
        def show() -> Json:
            names = sorted(name for name in self.buckets if name.startswith(request.get("Prefix", "")))
            start = int(request.get("ContinuationToken", "0"))
            end = start + min(request.get("MaxBuckets", 10_000), self.page_size)
            page = [{"Name": name, "CreationDate": self.buckets[name].created_at} for name in names[start:end]]
            return {"Buckets": page, **({"ContinuationToken": str(end)} if end < len(names) else {})}

        return self._do("ListBuckets", request, show)

    def put_public_access_block(self, **request: Any) -> Json:
        def put() -> Json:
            self._bucket(request, "PutPublicAccessBlock").closed = request["PublicAccessBlockConfiguration"]
            return {}

        return self._do("PutPublicAccessBlock", request, put)

    def put_bucket_encryption(self, **request: Any) -> Json:
        def put() -> Json:
            bucket = self._bucket(request, "PutBucketEncryption")
            bucket.encryption = request["ServerSideEncryptionConfiguration"]
            return {}

        return self._do("PutBucketEncryption", request, put)

    def put_bucket_policy(self, **request: Any) -> Json:
        def put() -> Json:
            bucket, policy = self._bucket(request, "PutBucketPolicy"), json.loads(request["Policy"])
            for statement in policy["Statement"]:
                if any(not each.startswith(f"arn:aws:s3:::{request['Bucket']}") for each in statement["Resource"]):
                    refuse("MalformedPolicy", "PutBucketPolicy")
                if statement["Effect"] == "Allow":
                    refuse("AccessDenied", "PutBucketPolicy", 403)
            bucket.policy = policy
            return {}

        return self._do("PutBucketPolicy", request, put)

    def put_bucket_versioning(self, **request: Any) -> Json:
        def put() -> Json:
            bucket, status = self._bucket(request, "PutBucketVersioning"), request["VersioningConfiguration"]["Status"]
            bucket.versioning.write(status)
            bucket.objects.status = status
            return {}

        return self._do("PutBucketVersioning", request, put)

    def get_bucket_versioning(self, **request: Any) -> Json:
        def show() -> Json:
            status = self._bucket(request, "GetBucketVersioning").versioning.seen()
            return {"Status": status} if status else {}

        return self._do("GetBucketVersioning", request, show)

    def put_bucket_lifecycle_configuration(self, **request: Any) -> Json:
        def put() -> Json:
            bucket, rules = (
                self._bucket(request, "PutBucketLifecycleConfiguration"),
                request["LifecycleConfiguration"]["Rules"],
            )
            ids = [rule["ID"] for rule in rules]
            if not 1 <= len(rules) <= 1000 or len(set(ids)) < len(ids) or any(len(each) > 255 for each in ids):
                refuse("InvalidArgument", "PutBucketLifecycleConfiguration")
            if any(rule.get("Expiration", {}).get("Days", 1) < 1 for rule in rules):
                refuse("InvalidArgument", "PutBucketLifecycleConfiguration")
            bucket.lifecycle = request["LifecycleConfiguration"]
            return {}

        return self._do("PutBucketLifecycleConfiguration", request, put)

    def put_bucket_tagging(self, **request: Any) -> Json:
        def put() -> Json:
            tags = request["Tagging"]["TagSet"]
            if len(tags) > 50 or any(len(tag["Key"]) > 128 or len(tag["Value"]) > 256 for tag in tags):
                refuse("InvalidTag", "PutBucketTagging")
            self._bucket(request, "PutBucketTagging").tags.write(tags)
            return {}

        return self._do("PutBucketTagging", request, put)

    def get_bucket_tagging(self, **request: Any) -> Json:
        def show() -> Json:
            tags = self._bucket(request, "GetBucketTagging").tags.seen()
            if tags is None:
                refuse("NoSuchTagSet", "GetBucketTagging", 404)
            return {"TagSet": tags}

        return self._do("GetBucketTagging", request, show)

    # -- objects ---------------------------------------------------------------------------------------------------

    def put_object(self, **request: Any) -> Any:
        if not self._is_mine(request):
            return super().put_object(**request)

        def put() -> Json:
            bucket = self._bucket(request, "PutObject")
            if "IfNoneMatch" in request and request["IfNoneMatch"] != "*":
                refuse("NotImplemented", "PutObject", 501)
            if "IfNoneMatch" in request and self.has(request["Bucket"], request["Key"]):
                refuse("PreconditionFailed", "PutObject", 412)
            content, digest = checked(request, "PutObject")
            self._check_key(request["Key"], "PutObject")
            kept = digest if "ChecksumSHA256" in request else ""
            kind = request.get("ContentType", "binary/octet-stream")
            made = Version(request["Key"], "", self.clock.now(), content, kind, kept, request.get("Metadata", {}))
            return bucket.objects.put(made)

        return self._do("PutObject", request, put)

    def get_object(self, **request: Any) -> Any:
        if not self._is_mine(request):
            return super().get_object(**request)

        def show() -> Json:
            told = self._found(request, "GetObject")
            content = told[0].content or b""
            first, _, last = request.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
            part = content[int(first) : int(last) + 1 if last else None] if first else content[-int(last) :]
            return {**told[1], "ContentLength": len(part), "Body": io.BytesIO(part)}

        return self._do("GetObject", request, show)

    def head_object(self, **request: Any) -> Any:
        if not self._is_mine(request):
            return super().head_object(**request)
        return self._do("HeadObject", request, lambda: self._found(request, "HeadObject")[1])

    def delete_object(self, **request: Any) -> Any:
        if not self._is_mine(request):
            return super().delete_object(**request)

        def delete() -> Json:
            objects = self._bucket(request, "DeleteObject").objects
            objects.delete(request["Key"], request.get("VersionId"), self.clock.now())
            return {}

        return self._do("DeleteObject", request, delete)

    def delete_objects(self, **request: Any) -> Json:
        def delete() -> Json:
            objects, named = self._bucket(request, "DeleteObjects").objects, request["Delete"]["Objects"]
            if not 1 <= len(named) <= 1000:
                refuse("MalformedXML", "DeleteObjects")
            for each in named:
                objects.delete(each["Key"], each.get("VersionId"), self.clock.now())
            return {}

        return self._do("DeleteObjects", request, delete)

    def list_objects_v2(self, **request: Any) -> Json:
        def show() -> Json:
            return self._bucket(request, "ListObjectsV2").objects.listed(request, self._most(request, "MaxKeys"))

        return self._do("ListObjectsV2", request, show)

    def list_object_versions(self, **request: Any) -> Json:
        def show() -> Json:
            objects = self._bucket(request, "ListObjectVersions").objects
            return objects.listed_versions(request, self._most(request, "MaxKeys"))

        return self._do("ListObjectVersions", request, show)

    # -- uploads in parts ------------------------------------------------------------------------------------------

    def create_multipart_upload(self, **request: Any) -> Json:
        self._check_key(request["Key"], "CreateMultipartUpload")
        return self._upload("CreateMultipartUpload", request, lambda uploads: uploads.begin(request))

    def list_multipart_uploads(self, **request: Any) -> Json:
        return self._upload("ListMultipartUploads", request, lambda uploads: uploads.listed(request.get("Prefix", "")))

    def upload_part(self, **request: Any) -> Json:
        return self._upload("UploadPart", request, lambda uploads: uploads.put_part(request))

    def list_parts(self, **request: Any) -> Json:
        most = self._most(request, "MaxParts")
        return self._upload("ListParts", request, lambda uploads: uploads.parts(request, most))

    def complete_multipart_upload(self, **request: Any) -> Json:
        return self._upload("CompleteMultipartUpload", request, lambda uploads: uploads.complete(request))

    def abort_multipart_upload(self, **request: Any) -> Json:
        return self._upload("AbortMultipartUpload", request, lambda uploads: uploads.abort(request))

    # -- links -----------------------------------------------------------------------------------------------------

    def generate_presigned_url(self, ClientMethod: str, Params: dict[str, Any], ExpiresIn: int) -> str:
        if not self._is_mine(Params):
            return super().generate_presigned_url(ClientMethod, Params, ExpiresIn)
        self.signed.append(Params)
        url = f"https://{Params['Bucket']}.s3.test/{quote(Params['Key'])}?X-Amz-Signature={next(self._ids):064x}"
        self._links[url] = (ClientMethod, Params, self.clock.now() + timedelta(seconds=ExpiresIn))
        return url

    # -- inside ----------------------------------------------------------------------------------------------------

    def _new(self) -> StrictBucket:
        def lag() -> float:
            return self.lag_seconds

        objects = Versions(self._new_id)
        return StrictBucket(
            self.clock.now(),
            Setting(self.clock.now, lag),
            Setting(self.clock.now, lag),
            objects,
            Uploads(objects, self._new_id, self.clock.now),
        )

    def _new_id(self) -> str:
        return f"{next(self._ids):032x}"

    def _do(self, operation: str, request: Json, call: Callable[[], Json]) -> Json:
        _validate(operation, request)
        self.calls.append((operation, request))
        name = request.get("Bucket", request.get("Prefix", ""))
        if not name.startswith(self.prefix) and name not in self.named:  # the functions' rights are bound to it
            refuse("AccessDenied", operation, 403)
        waiting = self._troubles.get(operation)
        return waiting.popleft()(call) if waiting else call()

    def _bucket(self, request: Json, operation: str) -> StrictBucket:
        if request["Bucket"] in self.foreign:
            refuse("AccessDenied", operation, 403)
        if request["Bucket"] not in self.buckets:
            refuse("NoSuchBucket", operation, 404)
        return self.buckets[request["Bucket"]]

    def _found(self, request: Json, operation: str) -> tuple[Version, Json]:
        objects = self._bucket(request, operation).objects
        version = objects.find(request["Key"], request.get("VersionId"), operation)
        told = version.shown(versioned=objects.is_versioned)
        if request.get("ChecksumMode") != "ENABLED":
            told.pop("ChecksumSHA256", None)
        return version, told

    def _upload(self, operation: str, request: Json, act: Callable[[Uploads], Json]) -> Json:
        return self._do(operation, request, lambda: act(self._bucket(request, operation).uploads))

    def _most(self, request: Json, name: str) -> int:
        most: int = min(request.get(name, 1000), 1000, self.page_size)
        return most

    def _is_mine(self, request: Mapping[str, Any]) -> bool:
        return str(request["Bucket"]).startswith(self.prefix) or request["Bucket"] in self.named

    @staticmethod
    def _check_key(key: str, operation: str) -> None:
        if len(key.encode()) > 1024:
            refuse("KeyTooLongError", operation)


@cache
def _model() -> Any:
    return get_session().get_service_model("s3")


def _validate(operation: str, request: Json) -> None:
    """Raises AssertionError for arguments that the SDK would not send."""
    shape = _model().operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape) if shape else None
    assert report is None or not report.has_errors(), report.generate_report()
