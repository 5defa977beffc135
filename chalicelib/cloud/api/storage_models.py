"""Paths, queries and answers of the storage."""

from typing import Annotated, Literal

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import Field, RootModel

from chalicelib.cloud.api.fields import MOST_ON_A_PAGE, TENANT_ID, TIME, USER_ID, PageSize, Sent, Shown
from chalicelib.cloud.storage.links import DEFAULT_SECONDS, MOST_ASKED_SECONDS
from chalicelib.cloud.storage.rules import LONGEST_KEY_BYTES, MOST_PARTS
from chalicelib.kit.fields import about
from chalicelib.web.validation import Boolean, Int32, Path, Query, Timestamp, Uuid

BUCKET_ID = "01a1fd8d-02b1-7b1e-a3d4-0c7d1b2e5f60"
OBJECT_ID = "6d0f6c1e-4f57-8a52-9a57-0d8f3c2b1a90"
UPLOAD_ID = "01a1fd8d-0412-7c55-8e0b-7a6b5c4d3e2f"
RULE_ID = "01a1fd8d-05a3-7d77-9f1c-1b2c3d4e5f60"
VERSION_ID = "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_LONGEST_KEY = 3 * LONGEST_KEY_BYTES

BucketName = Annotated[str, MinLen(1), MaxLen(255), about("Name of a bucket of the tenant.", "photos")]
Key = Annotated[
    str,
    MinLen(1),
    MaxLen(_LONGEST_KEY),
    about("Key of the object: the rest of the path, slashes and all.", "2026/a.jpg"),
]
Version = Annotated[
    str | None, MinLen(1), MaxLen(1024), Field(alias="versionId"), about("One version of the object.", VERSION_ID)
]


class BucketPath(Path):
    bucket: BucketName


class ObjectPath(Path):
    bucket: BucketName
    key: Key


class UploadPath(Path):
    upload_id: Annotated[Uuid, about("UUID of an upload that has begun.", UPLOAD_ID)]


class RulePath(Path):
    bucket: BucketName
    rule_id: Annotated[Uuid, about("UUID of a rule of the bucket.", RULE_ID)]


class ForceQuery(Query):
    """How a bucket is deleted."""

    force: Annotated[Boolean, about("Whether all objects and versions in it are deleted with it.", False)] = False


class VersionQuery(Query):
    """Which version of an object is meant."""

    version: Version = None


class ObjectsQuery(Query):
    """A page of objects."""

    prefix: Annotated[str, MaxLen(_LONGEST_KEY), about("Beginning of the keys that are listed.", "2026/")] = ""
    page_size: PageSize = MOST_ON_A_PAGE
    next_token: Annotated[
        str | None,
        MinLen(1),
        MaxLen(2 * _LONGEST_KEY),
        about("Where the page begins: `meta.next_token` of the page before.", "MjAyNi9hLmpwZw"),
    ] = None


class VersionsQuery(Query):
    """A page of the versions of an object."""

    page_size: PageSize = MOST_ON_A_PAGE
    next_token: Annotated[
        str | None, MinLen(1), MaxLen(2048), about("`meta.next_token` of the page of versions before.", "M3NMNGtx")
    ] = None


class PartQuery(Query):
    """Which part a body is."""

    part: Annotated[Int32, Ge(1), Le(MOST_PARTS), about("Number of the part, which decides about its location.", 1)]


class BucketCreate(Sent):
    """A bucket, as it is asked for."""

    name: Annotated[
        str,
        MinLen(3),
        MaxLen(63),
        about("Name of the new bucket, unique in its tenant: lower-case letters, digits, dots and hyphens.", "photos"),
    ]
    is_public: Annotated[Boolean, about("Always false: objects are shown to others by links.", False)] = False


class VersioningChange(Sent):
    """Whether a bucket keeps versions."""

    enabled: Annotated[Boolean, about("Whether what is overwritten or deleted from now on is kept.", True)]


class RuleCreate(Sent):
    """A rule, as it is asked for."""

    prefix: Annotated[
        str, MaxLen(512), about("Beginning of the keys of the objects that end; empty for all.", "tmp/")
    ] = ""
    expiration_days: Annotated[Int32, Ge(1), Le(36_500), about("Days after which these objects end.", 30)]
    enabled: Annotated[Boolean, about("Whether the rule holds from now on.", True)] = True


class LinkCreate(Sent):
    """A link, as it is asked for."""

    method: Annotated[Literal["GET", "PUT"], about("What the link is for: to read or to write.", "GET")] = "GET"
    expiry_seconds: Annotated[
        Int32, Ge(1), Le(MOST_ASKED_SECONDS), about("How long it is wanted; an hour is the longest.", 900)
    ] = DEFAULT_SECONDS
    version_id: Annotated[
        str | None, MaxLen(1024), about("Version that a link to read leads to, not the newest.", VERSION_ID)
    ] = None
    size_bytes: Annotated[
        int | None, Ge(0), Le(5 * 1024**3), about("Size that what is written must have; without it, any.", 10_485_760)
    ] = None
    checksum: Annotated[
        str | None,
        Field(pattern="^[0-9a-fA-F]{64}$"),
        about("SHA-256 in hex that what is written must have; without it, any. A part needs one.", SHA256),
    ] = None
    upload_id: Annotated[Uuid | None, about("Upload of which one part is written, not the object.", UPLOAD_ID)] = None
    part: Annotated[Int32 | None, Ge(1), Le(MOST_PARTS), about("Number of the part that the link writes.", 1)] = None


class BucketOut(Shown):
    """A bucket of a tenant."""

    id: Annotated[str, about("UUID of the bucket.", BUCKET_ID, format="uuid")]
    name: Annotated[str, about("Name that the bucket was given.", "photos")]
    user_id: Annotated[str | None, about("UUID of the user who made it; null for none.", USER_ID, format="uuid")]
    tenant_id: Annotated[str, about("UUID of the tenant that has the bucket.", TENANT_ID)]
    is_public: Annotated[bool, about("Always false.", False)] = False
    versioning_enabled: Annotated[bool, about("Whether it keeps versions of objects.", False)]
    encryption_enabled: Annotated[bool, about("Always true: S3 encrypts all objects.", True)] = True
    encryption_key_id: Annotated[str | None, about("Always null: the keys are those of S3.", None)] = None
    status: Annotated[Literal["creating", "active", "failed"], about("Whether it can be used.", "active")]
    reason: Annotated[str, about("Why the bucket has failed, and what helps; else empty.", "")]
    size_bytes: Annotated[
        int | None, about("Bytes that S3 counted in it, versions and parts included; null before.", 1_048_576)
    ]
    measured_at: Annotated[
        Timestamp | None,
        about("A day whose count told so, the newest or up to a week before; it is told a day or two later.", TIME),
    ]
    created_at: Annotated[Timestamp, about("Time at which the bucket was asked for.", TIME)]


class BucketSliceOut(Shown):
    """A slice of the buckets of the tenant, by name."""

    data: Annotated[tuple[BucketOut, ...], about("The buckets of the slice.")]
    total_count: Annotated[int, about("Number of all buckets of the tenant.", 3)]
    has_more: Annotated[bool, about("Whether there are buckets behind the slice.", False)]


class ListedBucketsOut(RootModel[tuple[BucketOut, ...] | BucketSliceOut]):
    """The buckets of the tenant, by name, or a slice of them."""


class VersioningOut(Shown):
    """The change has been taken on."""

    status: Annotated[str, about("Always `updated`.", "updated")] = "updated"


class ObjectOut(Shown):
    """An object in a bucket, or a version of it. Lists of S3 do not tell all: those fields are null."""

    id: Annotated[str, about("UUID that follows from bucket and key.", OBJECT_ID, format="uuid")]
    user_id: Annotated[str | None, about("UUID of the user who has just stored it; else null.", USER_ID, format="uuid")]
    tenant_id: Annotated[str, about("UUID of the tenant that has the object.", TENANT_ID)]
    arn: Annotated[
        str, about("Its name in policies.", f"arn:thecloud:storage:local:{TENANT_ID}:object/photos/2026/a.jpg")
    ]
    bucket: Annotated[str, about("Name of the bucket that it is in.", "photos")]
    key: Annotated[str, about("The rest of its path, slashes and all.", "2026/a.jpg")]
    version_id: Annotated[
        str | None, about("Its version; `null` in a bucket that keeps none, null where a list does not tell.", "null")
    ]
    is_latest: Annotated[bool, about("Whether it is what a reader gets.", True)]
    size_bytes: Annotated[int, about("Length of its content in bytes.", 4096)]
    content_type: Annotated[str | None, about("Content type, by its first 512 bytes.", "image/jpeg")]
    checksum: Annotated[str | None, about("SHA-256 in hex; null if it was sent in parts.", SHA256)]
    upload_status: Annotated[str, about("Always `AVAILABLE`.", "AVAILABLE")] = "AVAILABLE"
    created_at: Annotated[Timestamp, about("Time at which it was stored.", TIME)]
    deleted_at: Annotated[
        Timestamp | None, about("Time of the deletion that this version marks; null for any other.", None)
    ]


class LinkOut(Shown):
    """A link that anyone can use."""

    url: Annotated[str, about("Address at S3.", "https://b-n4t.s3.amazonaws.com/2026/a.jpg?X-Amz-Signature=…")]
    method: Annotated[Literal["GET", "PUT"], about("Method to use it with.", "GET")]
    expires_at: Annotated[
        Timestamp,
        about("Time after which it is refused. It ends earlier if the credentials end that signed it.", TIME),
    ]
    headers: Annotated[
        dict[str, str], about("Headers that have to be sent with it, as they are signed.", {"content-length": "4096"})
    ]


class UploadOut(Shown):
    """An upload that has begun."""

    id: Annotated[str, about("UUID of the upload.", UPLOAD_ID, format="uuid")]
    user_id: Annotated[str | None, about("UUID of the user who began it; null for none.", USER_ID, format="uuid")]
    tenant_id: Annotated[str, about("UUID of the tenant of the upload.", TENANT_ID)]
    bucket: Annotated[str, about("Name of the bucket that the object will be in.", "photos")]
    key: Annotated[str, about("Key that the object will have.", "2026/a.jpg")]
    created_at: Annotated[Timestamp, about("Time at which the upload began; after seven days it ends.", TIME)]


class PartOut(Shown):
    """A part that has arrived."""

    upload_id: Annotated[str, about("UUID of its upload.", UPLOAD_ID, format="uuid")]
    part_number: Annotated[int, about("Position among the parts.", 1)]
    size_bytes: Annotated[int, about("Bytes of the part.", 4_194_304)]
    etag: Annotated[str, about("SHA-256 of the part in hex.", SHA256)]


class RuleOut(Shown):
    """A rule for the end of objects."""

    id: Annotated[str, about("UUID of the rule.", RULE_ID, format="uuid")]
    user_id: Annotated[str | None, about("UUID of the user who added it; null for none.", USER_ID, format="uuid")]
    tenant_id: Annotated[str, about("UUID of the tenant of the bucket.", TENANT_ID)]
    bucket_name: Annotated[str, about("Name of the bucket that has the rule.", "photos")]
    prefix: Annotated[str, about("Beginning of the keys that it is about; empty for all.", "tmp/")]
    expiration_days: Annotated[int, about("Days after which objects end.", 30)]
    enabled: Annotated[bool, about("Whether it holds.", True)]
    created_at: Annotated[Timestamp, about("Time at which the rule was added.", TIME)]


class RulesOut(RootModel[tuple[RuleOut, ...]]):
    """The rules of a bucket, the oldest first."""


class NodeOut(Shown):
    """The region that holds the objects."""

    id: Annotated[str, about("UUID that follows from the region.", OBJECT_ID, format="uuid")]
    address: Annotated[str, about("Host of S3.", "s3.eu-central-1.amazonaws.com")]
    data_dir: Annotated[str, about("The region.", "eu-central-1")]
    status: Annotated[str, about("Always `alive`: S3 answers, or requests for objects tell.", "alive")] = "alive"
    last_seen: Annotated[Timestamp, about("Time of this answer.", TIME)]


class ClusterOut(Shown):
    """The service that keeps objects."""

    nodes: Annotated[tuple[NodeOut, ...], about("One for the region.")]
