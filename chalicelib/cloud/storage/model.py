"""Buckets and what is in them."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel

BUCKET = "bucket"
"""The kind of the engine's resources that buckets are."""

BUCKETS = "buckets"
"""The quota that a bucket takes one of, which the operator grants."""


class LifecycleRule(BaseModel, frozen=True):
    """Objects whose keys begin so end after these days, while the rule is enabled."""

    id: str
    prefix: str
    days: int
    enabled: bool
    user: str | None = None
    inserted_at: str


class BucketSpec(BaseModel, frozen=True):
    """The specification of a bucket. ``force``: its objects go with it when it is deleted. ``size_bytes`` is what S3
    said last that it holds; ``measured_at`` (seconds text) is a day of which it said so, at most a week before the
    last. Both are None before it has said anything."""

    versioning: bool = False
    rules: tuple[LifecycleRule, ...] = ()
    force: bool = False
    size_bytes: int | None = None
    measured_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An object, or a version of one, as S3 tells it. ``version`` is None where a list does not say; ``media_type`` and
    ``checksum`` (SHA-256 in hex) are None where they are not known. ``is_marker``: it marks a deletion."""

    key: str
    size: int
    at: datetime
    version: str | None = None
    is_latest: bool = True
    is_marker: bool = False
    media_type: str | None = None
    checksum: str | None = None


@dataclass(frozen=True)
class Page:
    """Some objects, and the text with which the next ones are asked for; None at the end."""

    objects: tuple[Stored, ...]
    next_token: str | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of an upload, as S3 tells it."""

    number: int
    size: int
    etag: str
    checksum: str | None = None


class Upload(BaseModel, frozen=True):
    """An upload in parts that has begun. ``external`` is its id at S3; ``version`` that of the row."""

    id: str
    bucket: str
    bucket_id: str
    key: str
    external: str
    user: str | None = None
    inserted_at: str
    expires_epoch: int
    version: int = 0
