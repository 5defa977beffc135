"""The change stream of the fake, in the form in which Lambda receives it."""

import base64
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from chalicelib.kit.tables import Item, Key, Table
from chalicelib.kit.tables.conditions import value_at
from chalicelib.kit.tables.wire import WireItem, to_wire, to_wire_value
from tests.support.fakes.dynamo_sizes import Stored, item_bytes

TTL_IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
"""The identity that deletes an expired row (DynamoDB developer guide, "DynamoDB Streams and Time to Live")."""

StreamRecord = dict[str, Any]


@dataclass(frozen=True)
class _Entry:
    position: int
    table: str
    shard: int
    record: StreamRecord


class ChangeStream:
    """Records of all tables in the order of the writes; rows of one partition key share a shard."""

    def __init__(self, shards: int) -> None:
        self.shards = shards
        self._entries: list[_Entry] = []

    def __deepcopy__(self, _memo: Any) -> "ChangeStream":
        """Another with the same records, which nothing changes."""
        twin = copy(self)
        twin.__dict__.update(_entries=[*self._entries])
        return twin

    @property
    def position(self) -> int:
        """The position of the next record."""
        return len(self._entries)

    def append(self, table: Table, old: Item | None, new: Item | None, now: datetime, *, by_ttl: bool) -> None:
        """Add what one write changed; a write that changed nothing leaves no record, as in DynamoDB."""
        if not table.stream or old == new or not _is_relayed(table, new):
            return
        keys = table.key_of(new if new is not None else old or {})
        record = _record(table, keys, old, new, self.position, now)
        if by_ttl:
            record["userIdentity"] = TTL_IDENTITY
        digest = sha256(f"{table.name}/{keys[table.partition]!r}".encode()).digest()
        self._entries.append(_Entry(self.position, table.name, digest[0] % self.shards, record))

    def by_shard(self, tables: Sequence[Table], since: int) -> list[list[StreamRecord]]:
        """The records from `since` on, a list per shard."""
        names = {table.name for table in tables}
        found: list[list[StreamRecord]] = [[] for _ in range(self.shards)]
        for entry in self._entries[since:]:
            if entry.table in names:
                found[entry.shard].append(entry.record)
        return found


def _is_relayed(table: Table, new: Item | None) -> bool:
    """Whether Lambda's filter lets the record through (AWS Lambda developer guide, "Event filtering")."""
    operation = value_at(new or {}, "changed_by.operation")
    return not table.relayed or operation in table.relayed


def _record(table: Table, keys: Key, old: Item | None, new: Item | None, position: int, now: datetime) -> StreamRecord:
    change: dict[str, Any] = {
        "ApproximateCreationDateTime": now.replace(microsecond=0).timestamp(),
        "Keys": as_lambda(to_wire(dict(keys))),
        "SequenceNumber": f"{position + 100000000000000000000:d}",
        "SizeBytes": item_bytes(dict(keys)) + item_bytes(old) + item_bytes(new),
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    if new is not None:
        change["NewImage"] = _kept_image(new)
    if old is not None:
        change["OldImage"] = _kept_image(old)
    name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    return {
        "eventID": sha256(f"record {position}".encode()).hexdigest()[:32],
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": change,
        "eventSourceARN": f"arn:aws:dynamodb:us-east-1:000000000000:table/{table.name}/stream/2026-11-21T00:00:00.000",
    }


def image_of(item: Item, before: Stored | None = None) -> WireItem:
    """A row as records show it. ``before`` is the row that it comes from. Raises TypeError as `to_wire`."""
    if before is None or before.image is None:
        return as_lambda(to_wire(item))
    return {
        name: before.image[name] if value is before.get(name) else _json_value(to_wire_value(value))
        for name, value in item.items()
    }


def _kept_image(item: Item) -> WireItem:
    """The new image of one record is the old image of the next."""
    if not isinstance(item, Stored):
        return image_of(item)
    if item.image is None:
        item.image = image_of(item)
    return item.image


def as_lambda(image: WireItem) -> WireItem:
    """Bytes become base64 text: an event is JSON."""
    return {name: _json_value(value) for name, value in image.items()}


def _json_value(wire: dict[str, Any]) -> dict[str, Any]:
    ((kind, value),) = wire.items()
    match kind:
        case "B":
            return {"B": base64.b64encode(value).decode("ascii")}
        case "L":
            return {"L": [_json_value(part) for part in value]}
        case "M":
            return {"M": as_lambda(value)}
        case _:
            return wire
