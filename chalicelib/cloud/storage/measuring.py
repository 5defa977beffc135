"""`Measuring`: how much buckets hold, as S3 tells CloudWatch once a day.

S3 user guide, "Metrics and dimensions": the metric counts current and earlier versions and the parts of uploads that
were not completed; its statistic is the average; a day is told a day or two later.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Protocol

from chalicelib.cloud.metrics import Metric, Metrics, Point, UntoldError
from chalicelib.cloud.storage import usage
from chalicelib.cloud.storage.model import BUCKET
from chalicelib.cloud.storage.rules import physical_name, spec_of
from chalicelib.kit.clock import Clock, parse_time
from chalicelib.kit.errors import EdgeError
from chalicelib.platform.provisioning.model import Changes, Resource

LOOKS_BACK = timedelta(days=4)
"""The newest day that S3 has told of is within these. It tells nothing of a bucket that is empty."""

SILENT_AT_MOST = timedelta(days=14)
"""A bucket of which nothing is told for longer holds nothing, also where nothing is told of any other: it may be the
last one that held something."""

_STRIDE = 7
"""Shards between the beginnings of two days: it has no factor in common with their number."""

_OVER = frozenset({"conflict", "not_found"})


class Resources(Protocol):
    """The resources of a tenant, as far as they are used here (`platform.provisioning`)."""

    def change(
        self, kind: str, resource_id: str, decide: Callable[[Resource], Changes | None], operation: str
    ) -> Resource: ...


class Measuring:
    """``every`` walks over the buckets of all tenants, some hundreds at a time, from a shard that it is given;
    ``resources`` are those of one."""

    def __init__(
        self,
        every: Callable[[int], Iterable[Sequence[Resource]]],
        resources: Callable[[str], Resources],
        metrics: Metrics,
        clock: Clock,
        table_prefix: str,
    ) -> None:
        self._every = every
        self._resources = resources
        self._metrics = metrics
        self._clock = clock
        self._prefix = table_prefix

    def measure(self) -> None:
        """Note in each bucket's row what it holds, if that has changed or was noted a week ago: its bill and the quota
        follow. May be repeated, and ends anywhere without harm. A call of CloudWatch for five hundred buckets, and a
        write for each that is noted. One of which nothing is told holds nothing if something is told of another, or
        after `SILENT_AT_MOST`. Raises `UntoldError` after the others, for buckets of which CloudWatch did not tell
        all."""
        silent: list[Resource] = []
        is_told, untold = False, 0
        for buckets in self._every(self.first()):
            for bucket, points in zip(buckets, self._points(buckets), strict=True):
                if points is None:
                    untold += 1
                elif points:
                    is_told = True
                    self._note(bucket, points)
                else:
                    silent.append(bucket)
        for bucket in silent:
            if is_told or self._is_long_silent(bucket):
                self._note(bucket, ())
        if untold:
            raise UntoldError(untold)

    def first(self) -> int:
        """The shard at which a run begins: each day another, spread over all, so that a run which is ended leaves other
        buckets out than that of the day before."""
        return self._clock.now().toordinal() * _STRIDE

    def _is_long_silent(self, bucket: Resource) -> bool:
        at = spec_of(bucket).measured_at
        return at is not None and self._clock.now() - parse_time(at) > SILENT_AT_MOST

    def _points(self, buckets: Sequence[Resource]) -> list[list[Point] | None]:
        metrics = [self._metric(each) for each in buckets]
        now = self._clock.now()
        return self._metrics.points(metrics, now - LOOKS_BACK, now) if metrics else []

    def _metric(self, bucket: Resource) -> Metric:
        """Objects have the class STANDARD: neither this API nor a link of it, whose headers are signed, asks for
        another."""
        name = physical_name(self._prefix, bucket.tenant, bucket.id)
        return Metric(
            "AWS/S3",
            "BucketSizeBytes",
            {"BucketName": name, "StorageType": "StandardStorage"},
            "Average",
            timedelta(days=1),
        )

    def _note(self, bucket: Resource, points: Sequence[Point]) -> None:
        if usage.measured(bucket, points) is None:
            return

        def decide(now: Resource) -> Changes | None:
            return usage.measured(now, points)

        try:
            self._resources(bucket.tenant).change(BUCKET, bucket.id, decide, "bucket.measured")
        except EdgeError as error:
            if error.code not in _OVER:  # else it is going
                raise
