"""`StoredObjects`: the objects of tenants' buckets. S3 is the truth: no row tells of one."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.cloud.storage import rules
from chalicelib.cloud.storage.buckets import Buckets, Location
from chalicelib.cloud.storage.model import Page, Stored
from chalicelib.cloud.storage.room import Room
from chalicelib.cloud.storage.rules import Use
from chalicelib.cloud.storage.s3 import Opened, S3Objects
from chalicelib.cloud.storage.sniffing import media_type_of
from chalicelib.kit.clock import Clock

LINK_SECONDS = 300
"""How long the address of a large object can be used, to which its reader is sent."""

Noted = Callable[[Location], None]
"""Notes in the audit log what is about to be done in a bucket."""


@dataclass(frozen=True)
class Found:
    """An object that was asked for: its bytes, or for a large one the address where S3 has them."""

    location: Location
    opened: Opened
    link: str | None = None


class StoredObjects:
    """Each method raises `EdgeError` (not found, conflict, service unavailable) as `Buckets.usable` does."""

    def __init__(self, buckets: Buckets, s3: S3Objects, clock: Clock, room: Room) -> None:
        self._buckets = buckets
        self._s3 = s3
        self._clock = clock
        self._room = room

    def put(
        self, tenant: str, bucket: str, key: str, content: bytes, checksum: str | None, note: Noted
    ) -> tuple[Location, Stored]:
        """Store an object. ``checksum`` is the SHA-256 in hex that its sender has of it. Raises `EdgeError` (bad
        request) for a wrong key, (conflict) where the checksum is another, (forbidden) beyond the tenant's quota."""
        rules.check_key(key)
        rules.check_sum(content, checksum)
        location = self._buckets.usable(tenant, bucket, Use.WRITE)
        self._room.check(tenant, location.bucket)
        note(location)
        return location, self._s3.put(location.name, key, content, media_type_of(content), self._clock.now())

    def open(self, tenant: str, bucket: str, key: str, version: str | None) -> Found:
        """An object with its bytes; of a large one the address. Raises `EdgeError` (not found)."""
        rules.check_key(key)
        location = self._buckets.usable(tenant, bucket, Use.READ)
        opened = self._s3.open(location.name, key, version, rules.INLINE_BYTES)
        if opened.content is not None:
            return Found(location, opened)
        link = self._s3.link(
            "get_object",
            LINK_SECONDS,
            Bucket=location.name,
            Key=key,
            ResponseContentDisposition=rules.disposition(key),
            # Without it a version that comes meanwhile would be read.
            **({"VersionId": opened.stored.version} if location.has_versions or version else {}),
        )
        return Found(location, opened, link)

    def delete(self, tenant: str, bucket: str, key: str, version: str | None, note: Noted) -> None:
        """Delete an object, or one version of it for good. Raises `EdgeError` (not found)."""
        rules.check_key(key)
        location = self._buckets.usable(tenant, bucket, Use.REMOVE)
        note(location)
        self._s3.delete(location.name, key, version)

    def page(self, tenant: str, bucket: str, prefix: str, after: str | None, most: int) -> tuple[Location, Page]:
        """The next objects by key."""
        location = self._buckets.usable(tenant, bucket, Use.READ)
        return location, self._s3.page(location.name, prefix, after, most, has_versions=location.has_versions)

    def versions(self, tenant: str, bucket: str, key: str, after: str | None, most: int) -> tuple[Location, Page]:
        """The versions of an object, newest first."""
        rules.check_key(key)
        location = self._buckets.usable(tenant, bucket, Use.READ)
        return location, self._s3.versions(location.name, key, after, most)
