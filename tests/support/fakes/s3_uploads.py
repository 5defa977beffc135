"""The uploads in parts of one bucket, as S3 keeps them."""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.fakes.s3_objects import Version, Versions, checked, refuse

Json = dict[str, Any]

LEAST_PART = 5 * 1024 * 1024
MOST_PARTS = 10_000


@dataclass
class _Part:
    content: bytes
    checksum: str

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.content, usedforsecurity=False).hexdigest()}"'


@dataclass
class _Upload:
    request: Json
    at: Any
    parts: dict[int, _Part] = field(default_factory=dict)


class Uploads:
    """``least_part`` is the least size of a part but the last."""

    def __init__(self, objects: Versions, new_id: Callable[[], str], now: Callable[[], Any]) -> None:
        self._objects = objects
        self._new_id = new_id
        self._now = now
        self.least_part = LEAST_PART
        self.of_id: dict[str, _Upload] = {}

    def begin(self, request: Json) -> Json:
        upload_id = self._new_id()
        self.of_id[upload_id] = _Upload(request, self._now())
        return {"UploadId": upload_id}

    def listed(self, prefix: str) -> Json:
        uploads = [
            {"Key": each.request["Key"], "UploadId": upload_id, "Initiated": each.at}
            for upload_id, each in self.of_id.items()
            if each.request["Key"].startswith(prefix)
        ]
        return {"Uploads": uploads} if uploads else {}

    def put_part(self, request: Json) -> Json:
        upload = self._find(request, "UploadPart")
        if not 1 <= request["PartNumber"] <= MOST_PARTS:
            refuse("InvalidArgument", "UploadPart")
        if upload.request.get("ChecksumAlgorithm") != ("SHA256" if "ChecksumSHA256" in request else None):
            refuse("InvalidRequest", "UploadPart")  # "Checksum Type mismatch occurred, expected checksum Type: …"
        part = _Part(*checked(request, "UploadPart"))
        upload.parts[request["PartNumber"]] = part
        return {"ETag": part.etag}

    def parts(self, request: Json, most: int) -> Json:
        upload = self._find(request, "ListParts")
        numbers = [number for number in sorted(upload.parts) if number > request.get("PartNumberMarker", 0)]
        page = [
            {
                "PartNumber": number,
                "Size": len(upload.parts[number].content),
                "ETag": upload.parts[number].etag,
                "ChecksumSHA256": upload.parts[number].checksum,
            }
            for number in numbers[:most]
        ]
        more = {"NextPartNumberMarker": page[-1]["PartNumber"]} if page else {}
        return {"IsTruncated": len(numbers) > most, **({"Parts": page} if page else {}), **more}

    def complete(self, request: Json) -> Json:
        upload = self._find(request, "CompleteMultipartUpload")
        named = request.get("MultipartUpload", {}).get("Parts", [])
        numbers = [each["PartNumber"] for each in named]
        if not named:
            refuse("MalformedXML", "CompleteMultipartUpload")
        if numbers != sorted(set(numbers)):
            refuse("InvalidPartOrder", "CompleteMultipartUpload")
        for each in named:
            part = upload.parts.get(each["PartNumber"])
            if part is None or part.etag != each["ETag"]:
                refuse("InvalidPart", "CompleteMultipartUpload")
            # If the upload has checksums, S3 wants that of each part again.
            if "ChecksumAlgorithm" in upload.request and each.get("ChecksumSHA256") != part.checksum:
                refuse("InvalidPart", "CompleteMultipartUpload")
        parts = [upload.parts[number] for number in numbers]
        if any(len(part.content) < self.least_part for part in parts[:-1]):
            refuse("EntityTooSmall", "CompleteMultipartUpload")
        del self.of_id[request["UploadId"]]
        whole = hashlib.sha256(b"".join(b64decode(part.checksum) for part in parts)).digest()
        made = Version(
            request["Key"],
            "",
            self._now(),
            b"".join(part.content for part in parts),
            upload.request.get("ContentType", "binary/octet-stream"),
            f"{b64encode(whole).decode()}-{len(parts)}",
            upload.request.get("Metadata", {}),
        )
        return self._objects.put(made)

    def abort(self, request: Json) -> Json:
        self._find(request, "AbortMultipartUpload")
        del self.of_id[request["UploadId"]]
        return {}

    def _find(self, request: Json, operation: str) -> _Upload:
        upload = self.of_id.get(request["UploadId"])
        if upload is None or upload.request["Key"] != request["Key"]:
            refuse("NoSuchUpload", operation, 404)
        return upload
