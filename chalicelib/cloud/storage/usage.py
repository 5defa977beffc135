"""The sizes of buckets, against the quota of a tenant and on its bill. Pure."""

from collections.abc import Sequence
from datetime import timedelta

from chalicelib.cloud.metrics import Point
from chalicelib.cloud.storage.model import BUCKET, BucketSpec
from chalicelib.cloud.storage.rules import spec_of
from chalicelib.kit.clock import parse_time
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.provisioning.charging import is_there
from chalicelib.platform.provisioning.model import Changes, Charge, Resource, Share
from chalicelib.platform.quotas.rules import QUOTA_EXCEEDED, STORAGE_GB

MB, GB = 1024**2, 1024**3

NOTED_AGAIN = timedelta(days=7)
"""A size that stays is noted again when its day is so much older than the newest: the age of what is noted says for how
long nothing has been told (`measuring.SILENT_AT_MOST`), and no bucket is written each day."""


def measured(bucket: Resource, points: Sequence[Point]) -> Changes | None:
    """The change that notes what a bucket holds by the newest of these points; None if it has that noted, of a day
    within `NOTED_AGAIN`. Without points it holds nothing. It takes whole GB of the quota, also beyond the limit: the
    bytes are there."""
    spec = spec_of(bucket)
    size = points[0].value if points else 0
    if size == (spec.size_bytes or 0) and not (points and _is_old(spec, points[0])):
        return None
    noted = spec.model_copy(update={"size_bytes": size, "measured_at": points[0].at if points else None})
    return Changes(spec=noted.model_dump(mode="json"), shares=(Share(STORAGE_GB, _whole(size, GB)),), is_note=True)


def charge_of(bucket: Resource) -> Charge | None:
    """A bucket costs by the MB that it holds, from when that is noted, while it is there (`charging.is_there`)."""
    size = spec_of(bucket).size_bytes
    return Charge(BUCKET, "standard", _whole(size, MB)) if size and is_there(bucket) else None


def check_room(used_gb: int, limit_gb: int | None, spec: BucketSpec | None) -> None:
    """Raises `EdgeError` (forbidden) for a write into a bucket of a tenant that has more than its quota; ``used_gb`` is
    what volumes and buckets take, ``limit_gb`` None for no limit."""
    if limit_gb is None or used_gb <= limit_gb:
        return
    held = f" This bucket held {spec.size_bytes} bytes at {spec.measured_at}." if spec and spec.size_bytes else ""
    text = (
        f"Volumes and buckets take {used_gb} GB, more than the quota storage_gb of {limit_gb}.{held} Buckets are "
        "measured once a day: delete what is not needed, or ask for a higher quota"
    )
    raise EdgeError(Kind.FORBIDDEN, text, code=QUOTA_EXCEEDED)


def _is_old(spec: BucketSpec, newest: Point) -> bool:
    return spec.measured_at is not None and parse_time(newest.at) - parse_time(spec.measured_at) >= NOTED_AGAIN


def _whole(size: int, unit: int) -> int:
    return -(-size // unit)
