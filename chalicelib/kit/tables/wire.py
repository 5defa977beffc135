"""Rows in DynamoDB's wire format (typed attribute values), both ways.

Our own and not boto3's serialiser: numbers are integers here, never Decimal, and a change stream hands bytes over as
base64 text, which boto3's does not know.
"""

import base64
from collections.abc import Mapping
from typing import Any

from chalicelib.kit.tables.schema import Item, Value

WireValue = dict[str, Any]
WireItem = dict[str, WireValue]


def to_wire(item: Mapping[str, Value]) -> WireItem:
    """The row as DynamoDB takes it. None, at the top or in a map, is left out.

    Raises TypeError for what DynamoDB cannot hold here: a float, an empty set, None in a list.
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
    """A row as DynamoDB answers it or as its stream carries it (there bytes are base64 text).

    Raises ValueError for a type that this application never writes.
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
