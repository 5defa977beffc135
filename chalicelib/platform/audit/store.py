"""Rows of the audit log: keys, indexes and attribute names.

An event of a tenant names it; one that an earlier version wrote names none, and stands in the log of the installation
alone. An event's id follows from its request and thing, so that the same act makes one row however often it is written.
Its time bits are those of the request: ids sort by time.
"""

import hashlib
from datetime import timedelta
from typing import NamedTuple

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.ids import compose_uuid7, milliseconds_of, moment_of, to_milliseconds
from chalicelib.kit.listing import (
    ALSO_IN,
    Choice,
    Custom,
    IndexSource,
    Listing,
    Moment,
    Text,
    Uuid,
    as_given,
    fixed,
    sharded,
)
from chalicelib.kit.origin import Origin
from chalicelib.kit.tables import ActedOn, Index, Item, Put, Table, put_new
from chalicelib.platform.access.principal import DEFAULT_TENANT, known_by
from chalicelib.platform.audit.model import AuditEvent, Outcome

SHARDS = 4
"""Partitions of the listing, and of each principal's events: one takes 1,000 rows a second."""

KEPT = timedelta(days=400)

LONGEST_ID = 200
"""Characters of a thing's id that are kept. An id of a refused request is what the caller sent."""

_FILTERED = (
    "operation",
    "outcome",
    "principal_kind",
    "principal_id",
    "address",
    "thing_kind",
    "thing_id",
    "thing_name",
)

TABLE = Table(
    "audit_events",
    partition="id",
    indexes=(
        Index("listing", "shard", "id", _FILTERED),
        Index("by_principal", "principal_shard", "id", _FILTERED),
        Index("by_thing", "thing_id", "id", ("operation", "outcome", "principal_id", "thing_kind")),
        Index("by_request", "request_id", "id"),
        Index("by_tenant", "tenant", "id", (*_FILTERED, "user_id")),
    ),
    expires_at="expires_epoch",
)

FIELDS = {
    "operation": Text("operation"),
    "outcome": Choice("outcome"),
    "principal_kind": Choice("principal_kind"),
    "principal_id": Text("principal_id"),
    "address": Text("address"),
    "thing_kind": Text("thing_kind"),
    "thing_id": Text("thing_id"),
    "thing_name": Text("thing_name"),
    "request_id": Uuid("request_id"),
    "tenant": Text("tenant"),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("inserted_at"),
}
"""The filters and orders of events, which never change."""

AUDIT_LIST = Listing(
    TABLE,
    fields=FIELDS,
    sources=(
        IndexSource(index="by_request", by="request_id", partitions=as_given),
        IndexSource(index="by_thing", by="thing_id", partitions=as_given),
        IndexSource(index="by_principal", by="principal_id", partitions=sharded(SHARDS)),
        IndexSource(index="by_tenant", by="tenant", partitions=as_given),
        IndexSource(index="listing", partitions=fixed(*map(str, range(SHARDS)))),
    ),
)

TENANT = "tenant"
"""The kind of the things that are tenants: what is done to one stands in its own log."""


FIELDS_OF_TENANT = {
    **FIELDS,
    "outcome": Choice("outcome", offers=ALSO_IN),
    "actor": Custom(
        ("user_id", "principal_id"), lambda row, wanted, _: wanted in {row.get("user_id"), row.get("principal_id")}
    ),
}
"""Those of the log of one tenant, where a user is looked for, with whatever key it acted."""


def list_of_tenant(tenant: str) -> Listing:
    """The list of one tenant's events, which reads no other partition, whatever is asked for. The operator's tenant has
    the log of the installation."""
    one = (IndexSource(index="by_tenant", partitions=fixed(tenant)),)
    return Listing(TABLE, FIELDS_OF_TENANT, AUDIT_LIST.sources if tenant == DEFAULT_TENANT else one)


class Act(NamedTuple):
    """An act on a thing, or one that was refused, and the request that it was asked by."""

    origin: Origin
    operation: str
    thing: ActedOn
    outcome: Outcome


def act_of(origin: Origin, operation: str, thing: ActedOn) -> Act:
    """The act of a request on a thing."""
    return Act(origin, operation, thing, Outcome.ACCEPTED if origin.is_deferred else Outcome.DONE)


def act_item(act: Act) -> Item:
    """The row of an act: with the same id for the same request and thing."""
    request_id = act.origin.request_id
    return _item(act, _id(milliseconds_of(request_id), request_id, act.thing.kind, act.thing.id))


def note(act: Act) -> Put:
    """Store an act."""
    return Put(TABLE, act_item(act))


def note_once(row: Item) -> Put:
    """Store the row of an act; fails if it is there."""
    return put_new(TABLE, row)


def refusal_id(origin: Origin) -> str:
    """The id of all refusals of an actor within a second."""
    return _id(_second_of(origin), origin.actor, Outcome.REFUSED)


def _second_of(origin: Origin) -> int:
    return to_milliseconds(moment_of(origin.request_id).replace(microsecond=0))


def note_refusal(origin: Origin, operation: str, aimed_at: ActedOn) -> Put:
    """Store a refusal; fails if the actor had another within this second."""
    act = Act(origin, operation, aimed_at, Outcome.REFUSED)
    return put_new(TABLE, _item(act, refusal_id(origin)))


def note_failure(origin: Origin, thing: ActedOn) -> Put:
    """Store that the act of the origin's verb was refused, each time."""
    return note(Act(origin, origin.verb, thing, Outcome.REFUSED))


def note_failure_once(origin: Origin, thing: ActedOn) -> Put:
    """The same; fails if the act on this thing was refused before within this second."""
    act = Act(origin, origin.verb, thing, Outcome.REFUSED)
    return put_new(TABLE, _item(act, _id(_second_of(origin), origin.actor, thing.kind, thing.id, Outcome.REFUSED)))


def _id(milliseconds: int, *parts: str) -> str:
    return compose_uuid7(milliseconds, int.from_bytes(hashlib.sha256("/".join(parts).encode()).digest()[:10]))


def _item(act: Act, row_id: str) -> Item:
    origin, thing = act.origin, act.thing
    kind, principal_id = known_by(origin.actor)
    shard = str(int(row_id[-1], 16) % SHARDS)
    moment = moment_of(row_id)
    row: Item = {
        "id": row_id,
        "inserted_at": to_seconds_text(moment),
        "principal_kind": kind.value,
        "principal_id": principal_id or None,
        "principal_name": origin.name or principal_id or None,
        "address": origin.address or None,
        "operation": act.operation,
        "thing_kind": thing.kind or None,
        "thing_id": thing.id[:LONGEST_ID] or None,
        "thing_name": thing.name or None,
        "outcome": act.outcome.value,
        "request_id": origin.request_id,
        "tenant": _tenant_of(act),
        "user_id": origin.user or None,
        "shard": shard,
        "principal_shard": f"{principal_id}#{shard}",
        "expires_epoch": int((moment + KEPT).timestamp()),
    }
    return {attribute: value for attribute, value in row.items() if value is not None}


def _tenant_of(act: Act) -> str | None:
    """The tenant in whose log an act stands, None for that of the installation alone. Where one was refused, the tenant
    that it was aimed at does not have the stranger in its log."""
    is_own = act.thing.kind == TENANT and act.outcome is not Outcome.REFUSED
    tenant = act.thing.id if is_own else act.origin.tenant
    return None if tenant in {"", DEFAULT_TENANT} else tenant


def from_item(item: Item) -> AuditEvent:
    return AuditEvent.model_validate(item)
