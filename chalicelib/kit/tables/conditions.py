"""Conditions, changes and key ranges as data.

A comparison with a missing attribute is false, as in DynamoDB; so is one between values of different types. `evaluate`
implements this in Python: the fake uses it, and a property test compares it with the emulator.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.kit.tables.schema import Item, Value


@dataclass(frozen=True)
class Attribute:
    """The value of another attribute of the same row. A dot reaches into a map: ``changed_by.write_id``."""

    name: str


Operand = Value | Attribute
Ordered = str | int | bytes | Attribute
"""Values that can be ordered. DynamoDB refuses to order any other type, also booleans."""

IN_LIMIT = 100
"""Values of one IN (DynamoDB API reference)."""


@dataclass(frozen=True)
class Absent:
    name: str


@dataclass(frozen=True)
class Exists:
    name: str


@dataclass(frozen=True)
class Equals:
    name: str
    value: Operand


@dataclass(frozen=True)
class Less:
    name: str
    value: Ordered

    def __post_init__(self) -> None:
        _require_order(self.value)


@dataclass(frozen=True)
class LessOrEqual:
    name: str
    value: Ordered

    def __post_init__(self) -> None:
        _require_order(self.value)


@dataclass(frozen=True)
class In:
    """One of 1 to 100 values."""

    name: str
    values: Sequence[Value]

    def __post_init__(self) -> None:
        if not 1 <= len(self.values) <= IN_LIMIT:
            raise ValueError(f"In takes 1 to {IN_LIMIT} values, not {len(self.values)}")


@dataclass(frozen=True, init=False)
class And:
    """All of at least one hold."""

    conditions: tuple["Condition", ...]

    def __init__(self, *conditions: "Condition") -> None:
        _require_some(conditions)
        object.__setattr__(self, "conditions", conditions)


@dataclass(frozen=True, init=False)
class Or:
    """At least one holds."""

    conditions: tuple["Condition", ...]

    def __init__(self, *conditions: "Condition") -> None:
        _require_some(conditions)
        object.__setattr__(self, "conditions", conditions)


@dataclass(frozen=True)
class Not:
    condition: "Condition"


Condition = Absent | Exists | Equals | Less | LessOrEqual | In | And | Or | Not


@dataclass(frozen=True)
class Set:
    """Replace the attribute; a value of None removes it."""

    name: str
    value: Value


@dataclass(frozen=True)
class SetIfAbsent:
    name: str
    value: Value


@dataclass(frozen=True)
class Add:
    """Add to a number; a missing one counts as 0."""

    name: str
    amount: int


@dataclass(frozen=True)
class Remove:
    name: str


Change = Set | SetIfAbsent | Add | Remove


@dataclass(frozen=True)
class Exactly:
    """The sort key equals this."""

    value: str | int


@dataclass(frozen=True)
class Between:
    """Both ends included. DynamoDB refuses a low end above the high one; `Tables.query` answers it with no rows."""

    low: str | int
    high: str | int


@dataclass(frozen=True)
class BeginsWith:
    prefix: str


KeyRange = Exactly | Between | BeginsWith


def _require_some(conditions: tuple[Condition, ...]) -> None:
    if not conditions:
        raise ValueError("a combination needs at least one condition")


def _require_order(value: Ordered) -> None:
    if isinstance(value, bool) or not isinstance(value, str | int | bytes | Attribute):
        raise TypeError(f"{value!r} has no order")


def value_at(item: Item, name: str) -> Value:
    """The attribute's value, through maps by dots; None when missing."""
    value: Value = item
    for part in name.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def evaluate(condition: Condition, item: Item | None) -> bool:
    """Whether the condition holds for the row; None stands for no row."""
    row: Item = item or {}
    match condition:
        case Absent(name):
            return value_at(row, name) is None
        case Exists(name):
            return value_at(row, name) is not None
        case Equals(name, value):
            return _same(value_at(row, name), _resolve(value, row))
        case Less(name, value):
            return _ordered(value_at(row, name), _resolve(value, row), or_equal=False)
        case LessOrEqual(name, value):
            return _ordered(value_at(row, name), _resolve(value, row), or_equal=True)
        case In(name, values):
            return any(_same(value_at(row, name), value) for value in values)
        case And():
            return all(evaluate(part, item) for part in condition.conditions)
        case Or():
            return any(evaluate(part, item) for part in condition.conditions)
        case Not(part):
            return not evaluate(part, item)


def _resolve(operand: Operand, row: Item) -> Value:
    return value_at(row, operand.name) if isinstance(operand, Attribute) else operand


def _same(left: Value, right: Value) -> bool:
    """Equal and of one type, all the way down (Python holds 1 and True equal, DynamoDB does not)."""
    if left is None or type(left) is not type(right):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)
    return left == right


def _ordered(left: Value, right: Value, *, or_equal: bool) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    if isinstance(left, str) and isinstance(right, str):
        low, high = left.encode(), right.encode()
        return low <= high if or_equal else low < high
    if isinstance(left, bytes) and isinstance(right, bytes):
        return left <= right if or_equal else left < right
    if isinstance(left, int) and isinstance(right, int):
        return left <= right if or_equal else left < right
    return False
