"""Parses a record of a change stream: the row before and after the change, and who made it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables import Item, Table
from chalicelib.kit.tables.conditions import value_at
from chalicelib.kit.tables.tenants import Tenant

FromWire = Callable[[Mapping[str, Any]], Item]

NO_TABLES: Mapping[str, Table] = MappingProxyType({})


class UnreadableRecordError(Exception):
    """A record of the stream that does not have the documented form."""


@dataclass(frozen=True)
class Change:
    """A change of a row. ``old`` is None for a new row, ``new`` is None for a removed one.

    For a removal, ``operation`` and ``at`` are those of the row's last writer, since a removal writes nothing;
    ``expired`` means that DynamoDB removed the row by its TTL.
    """

    table: str
    old: Item | None
    new: Item | None
    sequence: str
    expired: bool
    removed_at: str = ""
    """When a row was removed (seconds text), by DynamoDB's clock; empty if it was not."""

    @property
    def at(self) -> str:
        """The time of the change."""
        return self.removed_at or self.stamp("at")

    @property
    def row(self) -> Item:
        """The row after the change, or before its removal."""
        return self.new or self.old or {}

    @property
    def operation(self) -> str:
        return self.stamp("operation")

    @property
    def request_id(self) -> str:
        return self.stamp("request_id")

    @property
    def tenant(self) -> str:
        """The tenant that the row belongs to; empty for a row of a table without tenants."""
        return self.stamp("tenant")

    def stamp(self, name: str) -> str:
        """A field of ``changed_by``; empty when the row carries none."""
        value = value_at(self.row, f"changed_by.{name}")
        return value if isinstance(value, str) else ""


def texts(value: Any) -> list[str]:
    """A set or list of texts of a row, sorted; empty for anything else."""
    return sorted(value) if isinstance(value, frozenset | set | list) else []


def read_record(
    record: Mapping[str, Any], table_prefix: str, from_wire: FromWire, tenanted: Mapping[str, Table] = NO_TABLES
) -> Change:
    """The change in a stream record as Lambda hands it over. ``tenanted`` are the tables of tenants by name: their rows
    are shown as their tenant sees them. Raises `UnreadableRecordError`."""
    try:
        name = str(record["eventSourceARN"]).split(":table/", 1)[1].split("/", 1)[0]
        body = record["dynamodb"]
        old = from_wire(body["OldImage"]) if "OldImage" in body else None
        new = from_wire(body["NewImage"]) if "NewImage" in body else None
        sequence = str(body["SequenceNumber"])
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableRecordError(f"{type(error).__name__} while reading a stream record") from error
    if not name.startswith(table_prefix) or (old is None and new is None):
        raise UnreadableRecordError("a stream record of another table, or without images")
    identity = record.get("userIdentity") or {}
    expired = identity.get("principalId") == "dynamodb.amazonaws.com"
    written_at = body.get("ApproximateCreationDateTime")
    is_timed = new is None and isinstance(written_at, int | float)
    removed_at = to_seconds_text(datetime.fromtimestamp(written_at, UTC)) if is_timed else ""
    change = Change(name.removeprefix(table_prefix), old, new, sequence, expired, removed_at)
    table = tenanted.get(change.table)
    return change if table is None else _as_its_tenant_sees_it(change, table)


def _as_its_tenant_sees_it(change: Change, table: Table) -> Change:
    try:
        tenant = Tenant(change.tenant)
        return replace(change, old=tenant.row(table, change.old), new=tenant.row(table, change.new))
    except ValueError as error:
        raise UnreadableRecordError("a row of a tenant, with keys of another") from error
