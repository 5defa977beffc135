"""`Storage`: the parts of the context `storage` by name."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.cloud.storage.buckets import Buckets
    from chalicelib.cloud.storage.driver import BucketDriver
    from chalicelib.cloud.storage.links import Links
    from chalicelib.cloud.storage.measuring import Measuring
    from chalicelib.cloud.storage.objects import StoredObjects
    from chalicelib.cloud.storage.room import Room
    from chalicelib.cloud.storage.s3 import S3Objects
    from chalicelib.cloud.storage.uploads import Uploads
    from chalicelib.platform.wiring import Platform


class Storage:
    """The storage on the parts of the platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    @cached_property
    def driver(self) -> BucketDriver:
        from chalicelib.cloud.storage.driver import BucketDriver
        from chalicelib.cloud.storage.model import BUCKET

        platform = self._platform
        return BucketDriver(
            platform.gateways.object_client,
            platform.settings.table_prefix,
            lambda: platform.all_resources.names(BUCKET),
        )

    @cached_property
    def buckets(self) -> Buckets:
        from chalicelib.cloud.storage.buckets import Buckets

        platform = self._platform
        return Buckets(
            platform.resources,
            self._s3,
            self._limit,
            platform.clock,
            platform.ids,
            platform.settings.table_prefix,
        )

    @cached_property
    def objects(self) -> StoredObjects:
        from chalicelib.cloud.storage.objects import StoredObjects

        return StoredObjects(self.buckets, self._s3, self._platform.clock, self._room)

    @cached_property
    def uploads(self) -> Uploads:
        from chalicelib.cloud.storage.uploads import Uploads

        platform = self._platform
        return Uploads(platform.tables, self.buckets, self._s3, platform.clock, platform.ids, self._room)

    @cached_property
    def links(self) -> Links:
        from chalicelib.cloud.storage.links import Links

        return Links(self.buckets, self.uploads, self._s3, self._platform.clock, self._room)

    @cached_property
    def measuring(self) -> Measuring:
        from chalicelib.cloud.metrics import Metrics
        from chalicelib.cloud.storage.measuring import Measuring
        from chalicelib.cloud.storage.model import BUCKET

        platform = self._platform
        return Measuring(
            lambda first: platform.all_resources.every(BUCKET, first),
            platform.resources,
            Metrics(platform.gateways.metric_client),
            platform.clock,
            platform.settings.table_prefix,
        )

    @cached_property
    def _room(self) -> Room:
        from chalicelib.cloud.storage.room import Room

        return Room(self._platform.quotas, self._limit)

    def _limit(self, tenant: str, quota: str) -> int | None:
        from chalicelib.cloud.tenancy.limits import limit_of

        return limit_of(self._platform.tables, tenant, quota)

    @property
    def region(self) -> str:
        """The region of AWS that objects are in."""
        return str(self._platform.gateways.object_client.meta.region_name)

    @cached_property
    def _s3(self) -> S3Objects:
        from chalicelib.cloud.storage.s3 import S3Objects

        return S3Objects(self._platform.gateways.object_client)
