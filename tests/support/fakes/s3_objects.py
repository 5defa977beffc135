"""The objects of one bucket as S3 keeps them: versions, marks of deletions, and lists by key."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from botocore.exceptions import ClientError

Json = dict[str, Any]

NULL = "null"
_VERSION_ID = re.compile(r"null|[0-9a-f]{32}")


def refuse(code: str, operation: str, status: int = 400) -> NoReturn:
    """Raises `ClientError`, as the SDK does for an answer with this code."""
    about: Any = {
        "Error": {"Code": code, "Message": "a text that names things of the account"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    raise ClientError(about, operation)


@dataclass
class Version:
    """A version of an object, or the mark of a deletion (``content`` None)."""

    key: str
    id: str
    at: datetime
    content: bytes | None
    media_type: str = "binary/octet-stream"
    checksum: str = ""
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def is_marker(self) -> bool:
        return self.content is None

    def shown(self, *, versioned: bool) -> Json:
        """The answer of GetObject and HeadObject."""
        content = self.content or b""
        told: Json = {
            "ContentLength": len(content),
            "ContentType": self.media_type,
            "LastModified": self.at,
            "ETag": f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"',
            "Metadata": self.metadata,
        }
        if self.checksum:
            told["ChecksumSHA256"] = self.checksum
        return {**told, "VersionId": self.id} if versioned else told


class Versions:
    """All versions of the objects of a bucket, of each key the newest last."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self.status: str | None = None
        self._new_id = new_id
        self.of_key: dict[str, list[Version]] = {}

    @property
    def is_versioned(self) -> bool:
        return self.status is not None

    def put(self, version: Version) -> Json:
        """Add a version; without versions, or while they are suspended, in the place of the one that is null."""
        version.id = self._new_id() if self.status == "Enabled" else NULL
        kept = [each for each in self.of_key.get(version.key, ()) if version.id != NULL or each.id != NULL]
        self.of_key[version.key] = [*kept, version]
        return {"VersionId": version.id} if self.is_versioned else {}

    def find(self, key: str, version_id: str | None, operation: str) -> Version:
        """Raises `ClientError` as S3 does; an answer to HEAD has no code but its status."""
        is_head = operation == "HeadObject"
        versions = self.of_key.get(key, [])
        if version_id is not None and not _VERSION_ID.fullmatch(version_id):
            refuse("400" if is_head else "InvalidArgument", operation)
        if version_id is None:
            newest = versions[-1] if versions else None
            if newest is None or newest.is_marker:
                refuse("404" if is_head else "NoSuchKey", operation, 404)
            return newest
        for each in versions:
            if each.id == version_id:
                if each.is_marker:
                    refuse("405" if is_head else "MethodNotAllowed", operation, 405)
                return each
        refuse("404" if is_head else "NoSuchVersion", operation, 404)

    def delete(self, key: str, version_id: str | None, at: datetime) -> None:
        """Remove a version for good; without one, mark the object as deleted where there are versions."""
        if version_id is not None:
            if not _VERSION_ID.fullmatch(version_id):
                refuse("InvalidArgument", "DeleteObject")
            self._keep(key, [each for each in self.of_key.get(key, ()) if each.id != version_id])
        elif self.is_versioned:
            self.put(Version(key, "", at, None))
        else:
            self.of_key.pop(key, None)

    def _keep(self, key: str, versions: list[Version]) -> None:
        self.of_key[key] = versions
        if not versions:
            del self.of_key[key]

    def latest(self) -> Iterator[Version]:
        """The newest versions of what is there, by key as S3 orders them."""
        for key in sorted(self.of_key, key=str.encode):
            if not self.of_key[key][-1].is_marker:
                yield self.of_key[key][-1]

    def listed(self, request: Json, most: int) -> Json:
        """ListObjectsV2."""
        prefix, after = request.get("Prefix", ""), request.get("StartAfter", "").encode()
        found = [each for each in self.latest() if each.key.startswith(prefix) and each.key.encode() > after]
        page = found[:most]
        contents = [{"Key": each.key, "Size": len(each.content or b""), "LastModified": each.at} for each in page]
        return {"IsTruncated": len(found) > most, **({"Contents": contents} if contents else {})}

    def listed_versions(self, request: Json, most: int) -> Json:
        """ListObjectVersions."""
        prefix = request.get("Prefix", "")
        every = [
            (each, number == 0)
            for key in sorted(self.of_key, key=str.encode)
            if key.startswith(prefix)
            for number, each in enumerate(reversed(self.of_key[key]))
        ]
        start = 0
        if "KeyMarker" in request:
            names = [(each.key, each.id) for each, _ in every]
            marker = (request["KeyMarker"], request.get("VersionIdMarker", ""))
            if marker not in names:
                refuse("InvalidArgument", "ListObjectVersions")
            start = names.index(marker) + 1
        page = every[start : start + most]
        told: Json = {"IsTruncated": start + most < len(every)}
        for name, is_marker in (("Versions", False), ("DeleteMarkers", True)):
            some = [_line(each, is_latest) for each, is_latest in page if each.is_marker is is_marker]
            told |= {name: some} if some else {}
        if told["IsTruncated"]:
            told |= {"NextKeyMarker": page[-1][0].key, "NextVersionIdMarker": page[-1][0].id}
        return told


def _line(version: Version, is_latest: bool) -> Json:
    line = {"Key": version.key, "VersionId": version.id, "IsLatest": is_latest, "LastModified": version.at}
    return line if version.content is None else {**line, "Size": len(version.content)}


def checked(request: Json, operation: str) -> tuple[bytes, str]:
    """The body of a request and its SHA-256. Raises `ClientError` where it is not the one that the request names."""
    content = request["Body"]
    digest = b64encode(hashlib.sha256(content).digest()).decode()
    if request.get("ChecksumSHA256", digest) != digest:
        refuse("BadDigest", operation)
    return content, digest
