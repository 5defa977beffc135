"""`Links`: addresses at S3 with which anyone reads or writes one object, or one part of an upload, for a time."""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.cloud.storage import rules
from chalicelib.cloud.storage.buckets import Buckets
from chalicelib.cloud.storage.room import Room
from chalicelib.cloud.storage.rules import Use
from chalicelib.cloud.storage.s3 import S3Objects
from chalicelib.cloud.storage.uploads import Uploads
from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import bad_request

DEFAULT_SECONDS = 900
MOST_ASKED_SECONDS = 604_800
MOST_SECONDS = 3_600
"""The longest time for which a link is made. It is signed with the function's own credentials, which are renewed every
few hours; a link ends with them (S3 user guide, "Sharing objects with presigned URLs")."""


@dataclass(frozen=True, kw_only=True)
class LinkRequest:
    """A link, as it is asked for. ``size_bytes`` and ``checksum`` (SHA-256 in hex) bind a link to write to these very
    bytes; ``part`` of the upload ``upload_id`` is written instead of the object."""

    method: str
    seconds: int
    version: str | None = None
    size_bytes: int | None = None
    checksum: str | None = None
    upload_id: str | None = None
    part: int | None = None


@dataclass(frozen=True)
class Link:
    """An address, the method to use it with, the bucket that it leads to, its latest end, and the headers that have to
    be sent."""

    url: str = field(repr=False)
    method: str
    bucket_id: str
    expires_at: datetime
    headers: dict[str, str]


class Links:
    """Links to objects of tenants."""

    def __init__(self, buckets: Buckets, uploads: Uploads, s3: S3Objects, clock: Clock, room: Room) -> None:
        self._buckets = buckets
        self._uploads = uploads
        self._s3 = s3
        self._clock = clock
        self._room = room

    def make(self, tenant: str, bucket: str, key: str, wanted: LinkRequest) -> Link:
        """A link. The object need not exist. Raises `EdgeError` (bad request, not found, conflict, service
        unavailable), and (forbidden) for one to write beyond the tenant's quota."""
        rules.check_key(key)
        reads = wanted.method == "GET"
        location = self._buckets.usable(tenant, bucket, Use.READ if reads else Use.WRITE)
        if not reads:
            self._room.check(tenant, location.bucket)
        seconds = min(wanted.seconds, MOST_SECONDS)
        params: dict[str, Any] = {"Bucket": location.name, "Key": key}
        headers: dict[str, str] = {}
        operation = "get_object" if reads else "put_object"
        if reads:
            params["ResponseContentDisposition"] = rules.disposition(key)
            params |= {"VersionId": wanted.version} if wanted.version else {}
        elif wanted.upload_id is not None:
            operation = "upload_part"
            upload = self._uploads.get(tenant, wanted.upload_id)
            if (upload.bucket_id, upload.key) != (location.bucket.id, key):
                raise bad_request({"upload_id": ["is an upload of another object"]})
            params |= {"UploadId": upload.external, "PartNumber": wanted.part}
        if not reads:
            bound, headers = _bound(wanted)
            params |= bound
        url = self._s3.link(operation, seconds, **params)
        return Link(url, wanted.method, location.bucket.id, self._clock.now() + timedelta(seconds=seconds), headers)


def _bound(wanted: LinkRequest) -> tuple[dict[str, Any], dict[str, str]]:
    """The parameters that bind the bytes to come, and the headers with which they have to be sent."""
    params: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if wanted.size_bytes is not None:
        params["ContentLength"] = wanted.size_bytes
        headers["content-length"] = str(wanted.size_bytes)
    if wanted.checksum is not None:
        encoded = b64encode(bytes.fromhex(wanted.checksum)).decode()
        params["ChecksumSHA256"] = encoded
        headers["x-amz-checksum-sha256"] = encoded
    return params, headers
