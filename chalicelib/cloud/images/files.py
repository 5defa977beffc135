"""`ImageFiles`: the files of images, in one bucket of the installation. Their bytes go through a function once, where
they are few, or not at all. A file is never replaced: S3 refuses a second one under its key (`If-None-Match: *`), so
that what was looked at is what EC2 imports.

Raises `EdgeError` (service unavailable) where S3 does not answer.
"""

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from chalicelib.cloud.images.formats import BEGINNING_BYTES, ENDING_BYTES
from chalicelib.cloud.storage.errors import for_request
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.kit.errors import conflict
from chalicelib.kit.objects import MISSING

_TYPE = "application/octet-stream"

NEW = "*"
"""The value of `If-None-Match` with which S3 takes an object that is not there yet, and no other."""

_THERE = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
"""S3's error codes for an object that is there, or is just being written (user guide, "Conditional write behavior")."""


@dataclass(frozen=True)
class Looked:
    """A file as it was looked at: its size, its first and last bytes, and when it came."""

    size_bytes: int
    beginning: bytes
    ending: bytes
    at: datetime


class ImageFiles:
    """``client`` is the SDK's client of S3."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Store a file. Raises `EdgeError` (conflict) if there is one under this key."""
        checksum = b64encode(sha256(content).digest()).decode()
        with for_request():
            try:
                with calling():
                    self._client.put_object(
                        Bucket=bucket,
                        Key=key,
                        Body=content,
                        ContentType=_TYPE,
                        ChecksumSHA256=checksum,
                        IfNoneMatch=NEW,
                    )
            except CallRefusedError as error:
                if error.code not in _THERE:
                    raise
                raise conflict("another file was uploaded meanwhile: try again") from None

    def is_there(self, bucket: str, key: str) -> bool:
        with for_request():
            return self._head(bucket, key) is not None

    def look(self, bucket: str, key: str) -> Looked | None:
        """A file, or None if it is not there: two reads of its bytes."""
        with for_request():
            found = self._head(bucket, key)
            if found is None:
                return None
            size, at = int(found["ContentLength"]), found["LastModified"]
            if not size:
                return Looked(0, b"", b"", at)
            beginning = self._part(bucket, key, f"bytes=0-{BEGINNING_BYTES - 1}")
            ending = self._part(bucket, key, f"bytes=-{ENDING_BYTES}")
        return Looked(size, beginning, ending, at)

    def link(self, bucket: str, key: str, size_bytes: int, checksum: str | None, seconds: int) -> str:
        """A signed URL that takes one file of this size, and of this SHA-256 (hex) if it is given, by PUT. The client
        has to send what is signed."""
        params = {"Bucket": bucket, "Key": key, "ContentLength": size_bytes, "IfNoneMatch": NEW}
        if checksum is not None:
            params["ChecksumSHA256"] = b64encode(bytes.fromhex(checksum)).decode()
        return str(self._client.generate_presigned_url("put_object", Params=params, ExpiresIn=seconds))

    def _head(self, bucket: str, key: str) -> Any:
        """The description of an object, None if it is not there."""
        try:
            with calling():
                return self._client.head_object(Bucket=bucket, Key=key)
        except CallRefusedError as error:
            if error.code not in MISSING:
                raise
            return None

    def _part(self, bucket: str, key: str, wanted: str) -> bytes:
        body = self._client.get_object(Bucket=bucket, Key=key, Range=wanted)["Body"]
        try:
            return bytes(body.read())
        finally:
            body.close()
