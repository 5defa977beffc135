"""How large rows are."""

from collections.abc import Sequence

from chalicelib.kit.tables import Item, Value

_CONTAINER_BYTES = 3
_NUMBER_BYTES = 8


def item_bytes(item: Item) -> int:
    """About what DynamoDB counts for the row ("DynamoDB item sizes and formats"): names, values, a few bytes for each
    container. Text counts by characters and a number as 8 bytes, which is near enough for a limit."""
    return sum(len(name) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Value) -> int:
    match value:
        case str() | bytes():
            return len(value)
        case bool() | None:
            return 1
        case int():
            return _NUMBER_BYTES
        case dict():
            return _CONTAINER_BYTES + item_bytes(value) + len(value)
        case _:
            return _CONTAINER_BYTES + _values_bytes(list(value))


def _values_bytes(values: Sequence[Value]) -> int:
    return sum(1 + _value_bytes(value) for value in values)
