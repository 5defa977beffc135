"""Converts rows to and from DynamoDB's wire format (typed attribute values). boto3's serialiser is not used: here
numbers are integers, never Decimal, and a change stream contains bytes as base64 text, which it cannot read.
"""

import base64
from collections.abc import Mapping
from typing import Any

from chalicelib.kit.tables.schema import Item, Value

WireValue = dict[str, Any]
WireItem = dict[str, WireValue]


def to_wire(item: Mapping[str, Value]) -> WireItem:
    """The row in wire format. None, at the top or in a map, is left out. Raises TypeError for a value that cannot be
    stored: a float, an empty set, None in a list.
    """
    return {name: to_wire_value(value) for name, value in item.items() if value is not None}


def to_wire_value(value: Value) -> WireValue:
    """One attribute value. Raises TypeError as `to_wire`."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case list():
            return {"L": [to_wire_value(part) for part in value]}
        case dict():
            return {"M": to_wire(value)}
        case frozenset() if value:
            return {"SS": sorted(value)}
        case _:
            raise TypeError(f"DynamoDB cannot hold {value!r} here")


def from_wire(image: Mapping[str, WireValue]) -> Item:
    """The row from DynamoDB's answer or from its stream (in which bytes are base64 text). Raises ValueError for a type
    that this application never writes.
    """
    return {name: from_wire_value(value) for name, value in image.items()}


def from_wire_value(wire: WireValue) -> Value:
    """One attribute value. Raises ValueError as `from_wire`."""
    ((kind, value),) = wire.items()
    match kind:
        case "S" | "BOOL":
            plain: str | bool = value
            return plain
        case "N":
            return int(value)
        case "B":
            return base64.b64decode(value, validate=True) if isinstance(value, str) else bytes(value)
        case "L":
            return [from_wire_value(part) for part in value]
        case "M":
            return from_wire(value)
        case "SS":
            return frozenset(value)
        case _:
            raise ValueError(f"an attribute of type {kind} is none of ours")
