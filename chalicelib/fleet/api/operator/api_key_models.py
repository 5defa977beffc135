"""Requests and answers about named keys."""

from typing import Annotated

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, Field

from chalicelib.fleet import fields, samples
from chalicelib.fleet.clusters.model import ClusterName
from chalicelib.kit.errors import invalid
from chalicelib.kit.fields import about
from chalicelib.platform.access.model import SORTABLE, KeyChanges
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.web.list_query import (
    BoolFilter,
    DateFilter,
    EnumFilter,
    ListQuery,
    OrderBy,
    TextFilter,
    matching,
    ordering,
    since,
    until,
    whether,
)
from chalicelib.web.validation import (
    Body,
    Boolean,
    CountedFirst,
    DateTime,
    Int32,
    OneOf,
    Path,
    Timestamp,
    Uuid,
)

OVERLAP_SECONDS = 86_400
LONGEST_OVERLAP_SECONDS = 604_800

KeyName = Annotated[str, MinLen(1), MaxLen(255)]
PermissionName = Annotated[str, MaxLen(100)]

_NAME = about("The person, script or assistant that the key is for.", samples.API_KEY_NAME)
_ROLE = about(
    "`viewer` reads everything but secrets, `operator` also runs commands and updates and manages aliases and SSH "
    "access, `admin` does everything. Null: the key has a list of `permissions`.",
    "operator",
)
_OUTPUTS = about("Whether the key reads texts and outputs of commands; if not, they are null for it.", True)
_LIMIT = about("Requests a minute that the key may make; null: the default limit.", None)
_EXPIRY = about("From when on the key is refused; null: never.", samples.WEEK_LATER)


class ApiKeyPath(Path):
    api_key_id: Annotated[Uuid, about("UUID of the key.", samples.API_KEY_ID)]


class ApiKeyListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    name: Annotated[TextFilter, matching("the name of the key")] = None
    role: Annotated[EnumFilter[KeyRole], about("Only keys with this role.")] = None
    has_role: Annotated[BoolFilter, whether("keys with a role", "keys with a list of permissions")] = None
    is_revoked: Annotated[BoolFilter, whether("revoked keys", "keys that are not revoked")] = None
    is_expired: Annotated[BoolFilter, whether("keys past their expiry", "keys that have not expired")] = None
    has_expiry: Annotated[BoolFilter, whether("keys that expire", "keys that never expire")] = None
    is_never_used: Annotated[BoolFilter, whether("keys that were never used", "keys that were used")] = None
    expires_at__gte: Annotated[DateFilter, since("End of the key")] = None
    expires_at__lte: Annotated[DateFilter, until("End of the key")] = None
    last_used_at__gte: Annotated[DateFilter, since("Last use of the key")] = None
    last_used_at__lte: Annotated[DateFilter, until("Last use of the key")] = None
    revoked_at__gte: Annotated[DateFilter, since("Revoked")] = None
    revoked_at__lte: Annotated[DateFilter, until("Revoked")] = None


class ApiKeyCreate(Body):
    """A new key: who it is for and what it may do. Either `role` or `permissions` must be given."""

    name: Annotated[KeyName, _NAME]
    role: Annotated[OneOf[KeyRole] | None, _ROLE] = None
    permissions: Annotated[
        list[PermissionName],
        MaxLen(100),
        CountedFirst(),
        about("Names of permissions, in place of a role, such as `nodes:read`.", []),
    ] = Field(default_factory=list)
    clusters: Annotated[
        Annotated[list[ClusterName], MinLen(1), MaxLen(100), CountedFirst()] | None,
        about(
            "Names of the clusters that the key is restricted to: all others, and what belongs to no cluster, are out "
            "of its reach. Null: no restriction.",
            [samples.CLUSTER],
        ),
    ] = None
    outputs: Annotated[Boolean, _OUTPUTS] = True
    requests_per_minute: Annotated[Annotated[Int32, Ge(1)] | None, _LIMIT] = None
    expires_at: Annotated[DateTime | None, _EXPIRY] = None


class ApiKeyUpdate(Body):
    """The changes of a key. A field that is left out stays as it is."""

    name: Annotated[KeyName | None, _NAME] = None
    expires_at: Annotated[DateTime | None, _EXPIRY] = None

    def given(self) -> KeyChanges:
        """Only what the request holds. Raises `EdgeError` (validation failed) for a name of null."""
        changes: KeyChanges = {}
        if "name" in self.model_fields_set:
            if self.name is None:
                raise invalid("name", "can't be null")
            changes["name"] = self.name
        if "expires_at" in self.model_fields_set:
            changes["expires_at"] = self.expires_at
        return changes


class ApiKeyRotation(Body):
    """The change of a key's secret."""

    overlap_seconds: Annotated[
        Int32,
        Ge(0),
        Le(LONGEST_OVERLAP_SECONDS),
        about("Seconds for which the old secret is accepted as well; 0 ends all old ones at once.", 3600),
    ] = OVERLAP_SECONDS


class ApiKeyClusterOut(BaseModel):
    """A cluster that a key may reach."""

    id: Annotated[str, about("UUID of the cluster.", samples.CLUSTER_ID, format="uuid")]
    name: Annotated[
        str,
        about(
            "Name of the cluster. A later cluster of the same name is another, out of the key's reach.", samples.CLUSTER
        ),
    ]


class ApiKeyOut(BaseModel):
    """A named key, without its secret."""

    id: Annotated[str, about("UUID of the key.", samples.API_KEY_ID, format="uuid")]
    name: Annotated[str, _NAME]
    role: Annotated[OneOf[KeyRole] | None, _ROLE]
    permissions: Annotated[list[str], about("The permissions of a key without a role.", [])]
    clusters: Annotated[
        list[ApiKeyClusterOut] | None, about("The clusters that the key is restricted to; null: no restriction.")
    ]
    outputs: Annotated[bool, _OUTPUTS]
    requests_per_minute: Annotated[int | None, _LIMIT]
    expires_at: Annotated[Timestamp | None, _EXPIRY]
    last_used_at: Annotated[
        Timestamp | None, about("When the key was last used, to about a minute; null: never.", samples.MOMENT)
    ]
    revoked_at: Annotated[Timestamp | None, about("When the key was revoked; null if it is not.", None)]
    previous_secret_until: Annotated[
        Timestamp | None, about("Until when an old secret is accepted as well; null if none is.", None)
    ]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


class ApiKeyShownOut(ApiKeyOut):
    """A named key with its text, which is shown this once."""

    key: Annotated[str, about("The key itself, to send as `Authorization: Bearer …`.", samples.API_KEY)] = Field(
        repr=False
    )
