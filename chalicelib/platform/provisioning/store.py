"""Rows of resources: table, indexes, attribute names, and how a resource is stored.

The specification and the observed facts are stored as JSON text, which keeps numbers and nulls as they are.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.kit.listing import Choice, Custom, Field, IndexSource, Listing, Moment, Text, fixed
from chalicelib.kit.tables import Index, Item, Key, Query, Table, Thing
from chalicelib.kit.tables.tenants import Tenant, owner_of, whole
from chalicelib.platform.provisioning.model import Desired, Resource, State
from chalicelib.platform.quotas.rules import SHARES

SHARDS = 16
"""Partitions of the indexes over the rows of all tenants."""

RESOURCES = Table(
    "resources",
    partition="id",
    indexes=(
        Index("by_kind", "kind", "id"),
        Index("holding", "held_quota", "id"),
        Index("sharing", "held_shares", "id", (SHARES,)),
        Index("due", "due_shard", "due_at", ("resource_kind",), shared=True),
        Index("every", "kind_shard", "resource_id", ("tenant", "owner", "name"), shared=True),
        Index("by_id", "resource_id", shared=True),
        Index("by_external", "external_key", shared=True),
        Index("published", "published_kind", "resource_id", shared=True),
    ),
    stream=True,
    unparked=frozenset({"spec", "hidden", "observed"}),
    expires_at="expires_epoch",
    tenanted=True,
    thing=Thing(kind_in="resource_kind", name="name"),
)

ALL_RESOURCES = whole(RESOURCES)

EXTERNAL_ID = "id"
"""The name in ``external`` of the provider's id of the thing itself."""

_AS_JSON = ("spec", "observed")

_SHARING = "shares"
"""The single partition of a tenant's resources that take shares of quotas."""

Fits = Callable[[Resource], bool]
"""A test of resources that a filter asks for."""

FITS = "fits"
"""The filter by such a test."""

_WHOLE = tuple(name for name in Resource.model_fields if name != "version")

_FIELDS: Mapping[str, Field] = {
    "name": Text("name"),
    "owner": Text("owner"),
    "state": Choice("state"),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}


def listing_of_all(kind: str, fits: Fits | None = None) -> Listing:
    """The resources of a kind of all tenants, with the filter `FITS` if there is such a test."""
    partitions = fixed(*(f"{kind}#{shard}" for shard in range(SHARDS)))
    fields: dict[str, Field] = {**_FIELDS, "tenant": Text("tenant")}
    if fits is not None:
        fields[FITS] = Custom(_WHOLE, lambda row, _value, _now: fits(from_whole(row)))
    return Listing(ALL_RESOURCES, fields=fields, sources=(IndexSource(index="every", partitions=partitions),))


def key_of(resource_id: str) -> Key:
    return {"id": resource_id}


def whole_key_of(tenant: str, resource_id: str) -> Key:
    """The key of a row in the table of all tenants."""
    return {"id": Tenant(tenant).name(resource_id)}


def external_key_of(kind: str, external_id: str) -> str:
    return f"{kind}#{external_id}"


def due_shards() -> list[str]:
    return [str(shard) for shard in range(SHARDS)]


def is_shown_to_all(resource: Resource) -> bool:
    """Whether other tenants may see it: its thing is there, and shall stay."""
    is_there = resource.state is State.READY and EXTERNAL_ID in resource.external
    return resource.is_public and resource.desired is Desired.PRESENT and is_there


def to_item(resource: Resource) -> Item:
    """The row of a resource, without its stamp."""
    item: dict[str, Any] = resource.model_dump(mode="json", exclude={"version", *_AS_JSON})
    item |= {name: json.dumps(getattr(resource, name), separators=(",", ":"), sort_keys=True) for name in _AS_JSON}
    shard = zlib.crc32(resource.id.encode()) % SHARDS
    external_id = resource.external.get(EXTERNAL_ID)
    return item | {
        "resource_id": resource.id,
        "resource_kind": resource.kind,
        "kind_shard": f"{resource.kind}#{shard}",
        "due_shard": None if resource.due_at is None else str(shard),
        "published_kind": resource.kind if is_shown_to_all(resource) else None,
        "external_key": external_key_of(resource.kind, external_id) if external_id else None,
        "held_quota": resource.quota if resource.quota and not resource.is_released else None,
        SHARES: resource.shares or None,
        "held_shares": _SHARING if resource.shares and not resource.is_released else None,
    }


def from_item(row: Item) -> Resource:
    """A resource from its row as its tenant sees it."""
    read = {name: json.loads(str(row[name])) for name in _AS_JSON if name in row}
    return Resource.model_validate({**row, **read})


def from_whole(row: Item) -> Resource:
    """A resource from its row in the table of all tenants. Raises ValueError for a row without a tenant."""
    tenant, _ = owner_of(str(row["id"]))
    return from_item(tenant.row(RESOURCES, row) or {})


def holding(tenant: str, quota: str) -> list[Query]:
    """The queries of the resources that take a quota of a tenant: of those that take one, and of those with shares."""
    own = Tenant(tenant)
    return [
        Query(ALL_RESOURCES, own.name(quota), RESOURCES.index("holding"), count_only=True),
        Query(ALL_RESOURCES, own.name(_SHARING), RESOURCES.index("sharing")),
    ]
