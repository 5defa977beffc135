"""Buckets for tests of their driver and their rules."""

from typing import Any

from chalicelib.cloud.storage.model import BUCKET, BucketSpec, LifecycleRule
from chalicelib.platform.provisioning.model import Resource

BUCKET_ID = "019ac1e5-7d00-7000-8000-00000000b001"
OTHER_ID = "019ac1e5-7d00-7000-8000-00000000b002"
MADE = "2026-11-21T10:00:00Z"


def rule(prefix: str = "tmp/", days: int = 7, *, enabled: bool = True, rule_id: str = "rule-1") -> LifecycleRule:
    return LifecycleRule(id=rule_id, prefix=prefix, days=days, enabled=enabled, inserted_at=MADE)


def bucket(bucket_id: str = BUCKET_ID, *, spec: BucketSpec | None = None, **more: Any) -> Resource:
    """The row of a bucket."""
    row: dict[str, Any] = {
        "id": bucket_id,
        "tenant": "tenant-1",
        "kind": BUCKET,
        "name": "photos",
        "spec": (spec or BucketSpec()).model_dump(mode="json"),
        "inserted_at": MADE,
        "updated_at": MADE,
        **more,
    }
    return Resource.model_validate(row)
