"""Reads and writes small objects of one bucket, and creates short-lived signed URLs for large ones."""

from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.kit.errors import unavailable

MISSING = frozenset({"NoSuchKey", "404", "AccessDenied", "403"})
"""S3's error codes for a missing key: AccessDenied if, as here, the caller may not list the bucket."""

READ_BYTES = 64 * 1024
"""The largest object that is read as a whole."""


class ObjectClient(Protocol):
    """The part of the SDK's S3 client that is used."""

    def get_object(self, *, Bucket: str, Key: str) -> Any: ...  # noqa: N803 - the SDK's names

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> Any: ...  # noqa: N803

    def head_object(self, *, Bucket: str, Key: str) -> Any: ...  # noqa: N803

    def delete_object(self, *, Bucket: str, Key: str) -> Any: ...  # noqa: N803

    def generate_presigned_url(self, ClientMethod: str, Params: Mapping[str, Any], ExpiresIn: int) -> str: ...  # noqa: N803


class Objects:
    """The objects of a bucket. ``bucket`` is empty for a stack without one, which then has no objects."""

    def __init__(self, client: ObjectClient, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self, key: str) -> bytes | None:
        """The content of a small object; None if it does not exist. Raises `EdgeError` (service unavailable) if S3 does
        not answer, ValueError for an object above `READ_BYTES`."""
        if not self._bucket:
            return None
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=key)
            content: bytes = found["Body"].read(READ_BYTES + 1)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise unavailable() from error
        except BotoCoreError as error:
            raise unavailable() from error
        if len(content) > READ_BYTES:
            raise ValueError(f"{key} is larger than {READ_BYTES} bytes")
        return content

    def link(self, key: str, seconds: int) -> str:
        """A signed URL with which any client can read the object for this time. Created without a call, so the object
        may not exist."""
        params = {"Bucket": self._bucket, "Key": key}
        return self._client.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)

    def upload_link(self, key: str, seconds: int) -> str:
        """A signed URL with which any client can write this one object for this time, by PUT."""
        params = {"Bucket": self._bucket, "Key": key}
        return self._client.generate_presigned_url("put_object", Params=params, ExpiresIn=seconds)

    def gzip_link(self, key: str, seconds: int) -> str:
        """`link` of a text that is stored compressed: clients are told so, and show the text."""
        shown = {"ResponseContentEncoding": "gzip", "ResponseContentType": "text/plain; charset=utf-8"}
        params = {"Bucket": self._bucket, "Key": key, **shown}
        return self._client.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)

    def bound_upload_link(self, key: str, size_bytes: int, checksum: str, seconds: int) -> str:
        """`upload_link` for this content alone: its length and its SHA-256, in base64, are signed. The client sends the
        checksum as the header `x-amz-checksum-sha256`."""
        params = {"Bucket": self._bucket, "Key": key, "ContentLength": size_bytes, "ChecksumSHA256": checksum}
        return self._client.generate_presigned_url("put_object", Params=params, ExpiresIn=seconds)

    @property
    def exist(self) -> bool:
        """Whether there is a bucket."""
        return bool(self._bucket)

    def holds(self, key: str) -> bool:
        """Whether there is an object of this key. Raises `EdgeError` (service unavailable)."""
        if not self._bucket:
            return False
        try:
            self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return False
            raise unavailable() from error
        except BotoCoreError as error:
            raise unavailable() from error
        return True

    def delete(self, key: str) -> None:
        """Delete an object; a missing one is fine. Raises `EdgeError` (service unavailable)."""
        if not self._bucket:
            return
        try:
            self._client.delete_object(Bucket=self._bucket, Key=key)
        except (ClientError, BotoCoreError) as error:
            raise unavailable() from error

    def write(self, key: str, content: bytes, content_type: str) -> None:
        """Store a small object, or replace it. Raises `EdgeError` (service unavailable) if S3 does not take it."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type)
        except (ClientError, BotoCoreError) as error:
            raise unavailable() from error
