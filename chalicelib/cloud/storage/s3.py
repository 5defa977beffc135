"""Objects at S3, which is the truth about them: no row tells of an object. Buckets are named as S3 knows them.

Raises `EdgeError` (not found, service unavailable) for what S3 refuses or does not answer.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from chalicelib.cloud.storage.errors import NO_BUCKET, NO_UPLOAD, for_request
from chalicelib.cloud.storage.model import Page, Part, Stored
from chalicelib.cloud.storage.rules import object_not_found
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.kit.errors import EdgeError, bad_request

PLAIN = "null"
"""The version of an object in a bucket without versions, as S3 has it."""

_COMPOSITE = "-"
"""Between checksum and number of parts, where the checksum is that of the parts' checksums."""


@dataclass(frozen=True)
class Opened:
    """An object that is being read. ``content`` is None for one that is larger than was asked for."""

    stored: Stored
    content: bytes | None = field(repr=False)


class S3Objects:
    """``client`` is the SDK's client of S3."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, bucket: str, key: str, content: bytes, media_type: str, at: datetime) -> Stored:
        """Store an object; S3 compares its checksum with what arrives."""
        digest = sha256(content).digest()
        with for_request():
            made = self._client.put_object(
                Bucket=bucket,
                Key=key,
                Body=content,
                ContentType=media_type,
                ChecksumSHA256=b64encode(digest).decode(),
            )
        return Stored(
            key=key,
            size=len(content),
            at=at,
            version=made.get("VersionId") or PLAIN,
            media_type=media_type,
            checksum=digest.hex(),
        )

    def open(self, bucket: str, key: str, version: str | None, most_bytes: int) -> Opened:
        """Read an object, its bytes only where there are at most so many. Raises `EdgeError` (not found)."""
        with for_request(invalid=_unknown(version)):
            found = self._client.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED", **_version(version))
            body = found["Body"]
            try:
                content = body.read() if found["ContentLength"] <= most_bytes else None
            finally:
                body.close()
        return Opened(_stored(key, found), content)

    def head(self, bucket: str, key: str, version: str | None = None) -> Stored:
        """An object without its bytes. Raises `EdgeError` (not found)."""
        return _stored(key, self._head(bucket, key, version))

    def delete(self, bucket: str, key: str, version: str | None) -> None:
        """Delete an object, or one version of it for good. Raises `EdgeError` (not found) for one that is not there."""
        self._head_or_marker(bucket, key, version)
        with for_request(invalid=_unknown(version)):
            self._client.delete_object(Bucket=bucket, Key=key, **_version(version))

    def page(self, bucket: str, prefix: str, after: str | None, most: int, *, has_versions: bool) -> Page:
        """The next objects by key. Where there are versions, a list of S3's does not tell which they are."""
        more = {} if after is None else {"StartAfter": after}
        with for_request():
            listed = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=most, **more)
        objects = tuple(
            Stored(
                key=each["Key"],
                size=each["Size"],
                at=each["LastModified"],
                version=None if has_versions else PLAIN,
            )
            for each in listed.get("Contents", ())
        )
        return Page(objects, objects[-1].key if listed.get("IsTruncated") and objects else None)

    def versions(self, bucket: str, key: str, after: str | None, most: int) -> Page:
        """The versions of one object, newest first, and the marks of its deletions."""
        more = {} if after is None else {"KeyMarker": key, "VersionIdMarker": after}
        with for_request(invalid=bad_request({"next_token": ["is none of this list's"]}) if after else None):
            listed = self._client.list_object_versions(Bucket=bucket, Prefix=key, MaxKeys=most, **more)
        every = [
            Stored(
                key=key,
                size=each.get("Size", 0),
                at=each["LastModified"],
                version=each.get("VersionId") or PLAIN,
                is_latest=each["IsLatest"],
                is_marker=is_marker,
            )
            for name, is_marker in (("Versions", False), ("DeleteMarkers", True))
            for each in listed.get(name, ())
            if each["Key"] == key
        ]
        every.sort(key=lambda one: (one.is_latest, one.at), reverse=True)
        is_more = listed.get("IsTruncated", False) and listed.get("NextKeyMarker") == key
        return Page(tuple(every), listed.get("NextVersionIdMarker") if is_more else None)

    def is_empty(self, bucket: str) -> bool:
        """Whether there is no version of any object, or no bucket."""
        with for_request():
            try:
                with calling():
                    listed = self._client.list_object_versions(Bucket=bucket, MaxKeys=1)
            except CallRefusedError as error:
                if error.code != NO_BUCKET:
                    raise
                return True
        return not listed.get("Versions") and not listed.get("DeleteMarkers")

    # -- uploads in parts ------------------------------------------------------------------------------------------

    def begin(self, bucket: str, key: str, media_type: str, upload_id: str) -> str:
        """Begin an upload; returns its id at S3. The object will carry ``upload_id``."""
        with for_request():
            begun = self._client.create_multipart_upload(
                Bucket=bucket,
                Key=key,
                ContentType=media_type,
                ChecksumAlgorithm="SHA256",
                Metadata={"upload": upload_id},
            )
        return str(begun["UploadId"])

    def uploads(self, bucket: str, begins: str) -> list[tuple[str, str]]:
        """The uploads of objects whose keys begin so, a thousand at most, the oldest first: keys, and ids at S3."""
        with for_request():
            listed = self._client.list_multipart_uploads(Bucket=bucket, Prefix=begins).get("Uploads", ())
        every = sorted(listed, key=lambda each: (each["Initiated"], each["UploadId"]))
        return [(str(each["Key"]), str(each["UploadId"])) for each in every]

    def put_part(self, bucket: str, key: str, external: str, number: int, content: bytes) -> Part | None:
        """Store a part of an upload, or replace it; None if there is no such upload any more."""
        digest = sha256(content).digest()
        made = self._of_upload(
            lambda: self._client.upload_part(
                Bucket=bucket,
                Key=key,
                UploadId=external,
                PartNumber=number,
                Body=content,
                ChecksumSHA256=b64encode(digest).decode(),
            )
        )
        return (
            None if made is None else Part(number=number, size=len(content), etag=made["ETag"], checksum=digest.hex())
        )

    def parts(self, bucket: str, key: str, external: str) -> list[Part] | None:
        """All parts of an upload by number, 10,000 at most; None if there is no such upload any more."""
        every: list[Part] = []
        after = 0
        while True:
            listed = self._of_upload(
                lambda at=after: self._client.list_parts(Bucket=bucket, Key=key, UploadId=external, PartNumberMarker=at)
            )
            if listed is None:
                return None
            every += [_part(each) for each in listed.get("Parts", ())]
            if not listed.get("IsTruncated"):
                return every
            after = listed["NextPartNumberMarker"]

    def complete(self, bucket: str, key: str, external: str, parts: Sequence[Part]) -> str | None:
        """Make the object of its parts; returns its version, None if there is no such upload any more."""
        named = [{"PartNumber": each.number, "ETag": each.etag, **_checksum(each)} for each in parts]
        done = self._of_upload(
            lambda: self._client.complete_multipart_upload(
                Bucket=bucket, Key=key, UploadId=external, MultipartUpload={"Parts": named}
            )
        )
        return None if done is None else str(done.get("VersionId") or PLAIN)

    def made_by(self, bucket: str, key: str, upload_id: str) -> Stored | None:
        """The object as it is now if that upload has made it, else None."""
        with for_request():
            try:
                with calling():
                    found = self._client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            except CallRefusedError as error:
                if error.status != 404:  # noqa: PLR2004
                    raise
                return None
        return _stored(key, found) if found.get("Metadata", {}).get("upload") == upload_id else None

    def abort(self, bucket: str, key: str, external: str) -> None:
        """End an upload, with its parts; one that has ended is fine."""
        self._of_upload(lambda: self._client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=external))

    def _of_upload(self, call: Any) -> Any:
        with for_request():
            try:
                with calling():
                    return call()
            except CallRefusedError as error:
                if error.code not in {NO_UPLOAD, NO_BUCKET}:
                    raise
                return None

    # -- links -----------------------------------------------------------------------------------------------------

    def link(self, operation: str, seconds: int, **params: Any) -> str:
        """A signed URL for a call of S3, which anyone can make with it for this time."""
        return str(self._client.generate_presigned_url(operation, Params=params, ExpiresIn=seconds))

    def _head(self, bucket: str, key: str, version: str | None) -> Any:
        with for_request(invalid=_unknown(version)):
            return self._client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED", **_version(version))

    def _head_or_marker(self, bucket: str, key: str, version: str | None) -> None:
        """Raises `EdgeError` (not found) if there is neither the object nor, for a version, its mark of deletion."""
        with for_request(invalid=_unknown(version)):
            try:
                with calling():
                    self._client.head_object(Bucket=bucket, Key=key, **_version(version))
            except CallRefusedError as error:
                if version is None or error.status != 405:  # noqa: PLR2004 - "method not allowed": it is a mark
                    raise


def _version(version: str | None) -> Mapping[str, str]:
    return {} if version is None else {"VersionId": version}


def _unknown(version: str | None) -> EdgeError | None:
    """The error for a version that S3 does not take for one."""
    return None if version is None else object_not_found()


def _stored(key: str, found: Mapping[str, Any]) -> Stored:
    checksum = str(found.get("ChecksumSHA256") or "")
    return Stored(
        key=key,
        size=found["ContentLength"],
        at=found["LastModified"],
        version=found.get("VersionId") or PLAIN,
        media_type=found.get("ContentType"),
        checksum=None if not checksum or _COMPOSITE in checksum else b64decode(checksum).hex(),
    )


def _part(listed: Mapping[str, Any]) -> Part:
    checksum = listed.get("ChecksumSHA256")
    return Part(
        number=listed["PartNumber"],
        size=listed["Size"],
        etag=listed["ETag"],
        checksum=None if checksum is None else b64decode(checksum).hex(),
    )


def _checksum(part: Part) -> Mapping[str, str]:
    return {} if part.checksum is None else {"ChecksumSHA256": b64encode(bytes.fromhex(part.checksum)).decode()}
