"""`Uploads`: objects that are sent in parts. A row says what an upload is for; its parts are at S3 alone."""

from datetime import timedelta

from chalicelib.cloud.storage import rules
from chalicelib.cloud.storage.buckets import Buckets, Location
from chalicelib.cloud.storage.configuration import UPLOAD_DAYS
from chalicelib.cloud.storage.model import Part, Stored, Upload
from chalicelib.cloud.storage.room import Room
from chalicelib.cloud.storage.rules import Use
from chalicelib.cloud.storage.s3 import S3Objects
from chalicelib.cloud.storage.upload_store import UploadStore, delete_upload, put_upload
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import bad_request, found
from chalicelib.kit.finding import check_found
from chalicelib.kit.ids import Ids
from chalicelib.kit.origin import current_origin
from chalicelib.kit.tables import ActedOn, Delete, Put, Tables
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.audit.service import noting

MEDIA_TYPE = "application/octet-stream"
"""The content type of an object that is sent in parts: it is told before the first bytes arrive."""


class Uploads:
    """Another tenant's uploads, and those that are over, are not found."""

    def __init__(self, tables: Tables, buckets: Buckets, s3: S3Objects, clock: Clock, ids: Ids, room: Room) -> None:
        self._tables = tables
        self._buckets = buckets
        self._s3 = s3
        self._clock = clock
        self._ids = ids
        self._room = room

    def begin(self, by: Principal, bucket: str, key: str) -> Upload:
        """Begin an upload. One whose row was not written S3 ends in some days. Raises
        `EdgeError` (bad request, not found, conflict, service unavailable), (forbidden) beyond the tenant's quota."""
        rules.check_key(key)
        location = self._buckets.usable(by.tenant, bucket, Use.WRITE)
        self._room.check(by.tenant, location.bucket)
        now = self._clock.now()
        upload_id = self._ids.uuid7(now)
        upload = Upload(
            id=upload_id,
            bucket=bucket,
            bucket_id=location.bucket.id,
            key=key,
            external=self._s3.begin(location.name, key, MEDIA_TYPE, upload_id),
            user=by.user or None,
            inserted_at=to_seconds_text(now),
            expires_epoch=int((now + timedelta(days=UPLOAD_DAYS)).timestamp()),
        )
        self._write(by.tenant, put_upload(upload), "upload.begun", upload, result=upload)
        return upload

    def get(self, tenant: str, upload_id: str) -> Upload:
        """Raises `EdgeError` (not found)."""
        upload = found(UploadStore(self._tables.scoped(tenant)).find(upload_id))
        found(upload if upload.expires_epoch > self._clock.now().timestamp() else None)
        check_found(upload.id, upload.bucket_id, upload.bucket)
        return upload

    def put_part(self, tenant: str, upload_id: str, number: int, content: bytes, checksum: str | None) -> Part:
        """Store a part, or replace it. Raises `EdgeError` (not found), (conflict) where its SHA-256 is another than
        ``checksum``, (forbidden) beyond the tenant's quota."""
        rules.check_sum(content, checksum)
        upload = self.get(tenant, upload_id)
        self._room.check(tenant)
        name = self._buckets.name_at(tenant, upload.bucket_id)
        return found(self._s3.put_part(name, upload.key, upload.external, number, content))

    def complete(self, by: Principal, upload_id: str) -> tuple[Location, Stored]:
        """Make the object of all parts that are there, by their numbers. If S3 has made it, and the answer was lost,
        it is recognised. Raises `EdgeError` (not found), (bad request) without parts, or where one is too small."""
        upload = self.get(by.tenant, upload_id)
        location = self._buckets.usable(by.tenant, upload.bucket, Use.WRITE)
        found(location if location.bucket.id == upload.bucket_id else None)
        stored = self._completed(location, upload) or self._s3.made_by(location.name, upload.key, upload.id)
        made = found(stored)
        self._write(by.tenant, delete_upload(upload), "upload.completed", upload, result=(location, made))
        return location, made

    def abort(self, tenant: str, upload_id: str) -> None:
        """End an upload; its parts go. Raises `EdgeError` (not found)."""
        upload = self.get(tenant, upload_id)
        self._s3.abort(self._buckets.name_at(tenant, upload.bucket_id), upload.key, upload.external)
        self._write(tenant, delete_upload(upload), "upload.aborted", upload)

    def _completed(self, location: Location, upload: Upload) -> Stored | None:
        """The object, or None if the upload is over at S3."""
        parts = self._s3.parts(location.name, upload.key, upload.external)
        if parts is None:
            return None
        check_parts(parts)
        version = self._s3.complete(location.name, upload.key, upload.external, parts)
        if version is None:
            return None
        size, at = sum(part.size for part in parts), self._clock.now()
        return Stored(key=upload.key, size=size, at=at, version=version, media_type=MEDIA_TYPE)

    def _write(
        self, tenant: str, write: Put | Delete, operation: str, upload: Upload, *, result: object = None
    ) -> None:
        thing = ActedOn("upload", upload.id, f"{upload.bucket}/{upload.key}")
        note = noting(current_origin(), thing)
        self._tables.scoped(tenant).commit([write], operation, beside=[note], result=result)


def check_parts(parts: list[Part]) -> None:
    """Raises `EdgeError` (bad request) for parts that S3 makes no object of."""
    if not parts:
        raise bad_request({"parts": ["none has arrived: send at least one"]})
    for part in parts[:-1]:
        if part.size < rules.LEAST_PART_BYTES:
            size = f"{part.number} has {part.size} bytes; each but the last has {rules.LEAST_PART_BYTES} at least"
            raise bad_request({"parts": [f"{size}: send it again, by a link of POST /storage/presign"]})
