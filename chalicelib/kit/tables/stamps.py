"""The stamp of a write: ``version``, and ``changed_by`` with its writer, by which a repeat recognises it."""

from dataclasses import replace
from datetime import datetime
from typing import overload

from chalicelib.kit.clock import to_microseconds_text
from chalicelib.kit.origin import Origin, current_origin
from chalicelib.kit.tables.conditions import Add, And, Condition, Equals, Not, Set
from chalicelib.kit.tables.schema import Item, Value
from chalicelib.kit.tables.writes import Check, Delete, Put, Update, Write


@overload
def stamped(
    write: Put | Update | Delete, write_id: str, operation: str, now: datetime, tenant: str
) -> Put | Update | Delete: ...


@overload
def stamped(write: Write, write_id: str, operation: str, now: datetime, tenant: str) -> Write: ...


def stamped(write: Write, write_id: str, operation: str, now: datetime, tenant: str) -> Write:
    """The write with its stamp, from the origin of the current work; what is put into a derived table has none.
    ``tenant`` owns the rows of tenanted tables."""
    if write.table.derived and not isinstance(write, Update):
        return write
    origin = current_origin()
    changed_by: dict[str, Value] = {
        "write_id": write_id,
        "operation": (write.operation if isinstance(write, Put) else "") or operation,
        "request_id": origin.request_id,
        "actor": origin.actor,
        "address": origin.address,
        "at": to_microseconds_text(now),
        **({"tenant": tenant} if write.table.tenanted else {}),
        **_act_of(origin),
    }
    match write:
        case Put():
            item = {name: value for name, value in write.item.items() if value is not None}
            return replace(write, item={**item, "version": 1, "changed_by": changed_by})
        case Update():
            changes = (*write.changes, Add("version", 1), Set("changed_by", changed_by))
            # Otherwise an unconditional change that the SDK repeats would be applied twice.
            fresh = Not(Equals("changed_by.write_id", write_id))
            condition: Condition = fresh if write.condition is None else And(write.condition, fresh)
            return replace(write, changes=changes, condition=condition)
        case Delete() | Check():
            return write


def is_written_by(row: Item | None, write_id: str) -> bool:
    """Whether that write was the last of the row."""
    stamp = (row or {}).get("changed_by")
    return isinstance(stamp, dict) and stamp.get("write_id") == write_id


def _act_of(origin: Origin) -> dict[str, Value]:
    """An operator's act, for the audit log (`kit.tables.acts`)."""
    if not origin.verb:
        return {}
    name: dict[str, Value] = {"name": origin.name} if origin.name else {}
    deferred: dict[str, Value] = {"deferred": True} if origin.is_deferred else {}
    # Not "tenant": that is the owner of the row.
    acting = {"in_tenant": origin.tenant, "user": origin.user}
    return {"verb": origin.verb, **name, **deferred, **{key: value for key, value in acting.items() if value}}
