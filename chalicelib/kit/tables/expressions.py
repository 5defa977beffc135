"""Conditions, changes and key ranges as DynamoDB expressions. Names and values are always passed as placeholders."""

from collections.abc import Sequence
from typing import Any, assert_never

from chalicelib.kit.tables.conditions import (
    Absent,
    Add,
    And,
    Attribute,
    BeginsWith,
    Between,
    Change,
    Condition,
    Equals,
    Exactly,
    Exists,
    In,
    KeyRange,
    Less,
    LessOrEqual,
    Not,
    Operand,
    Or,
    Ordered,
    Remove,
    Set,
    SetIfAbsent,
)
from chalicelib.kit.tables.schema import Value
from chalicelib.kit.tables.wire import WireValue, to_wire_value

_NULL: WireValue = {"NULL": True}
"""The value for a comparison with None. It never equals a stored value."""


class Expressions:
    """The expressions of one request, with the placeholders that they share."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, WireValue] = {}

    def arguments(self) -> dict[str, Any]:
        """Names and values of the placeholders of the request. DynamoDB refuses empty maps, so they are omitted."""
        arguments: dict[str, Any] = {}
        if self._names:
            arguments["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in self._names.items()}
        if self._values:
            arguments["ExpressionAttributeValues"] = dict(self._values)
        return arguments

    def condition(self, condition: Condition) -> str:
        """The text of a ConditionExpression or FilterExpression."""
        match condition:
            case Absent(name):
                return f"attribute_not_exists({self._path(name)})"
            case Exists(name):
                return f"attribute_exists({self._path(name)})"
            case Equals(name, value):
                return self._equals(self._path(name), value)
            case Less(name, value):
                return f"{self._path(name)} < {self._operand(value)}"
            case LessOrEqual(name, value):
                return f"{self._path(name)} <= {self._operand(value)}"
            case In(name, values):
                return f"{self._path(name)} IN ({', '.join(map(self._value, values))})"
            case And(conditions):
                return self._joined(" AND ", conditions)
            case Or(conditions):
                return self._joined(" OR ", conditions)
            case Not(part):
                return f"(NOT {self.condition(part)})"
            case _ as never:
                assert_never(never)

    def update(self, changes: Sequence[Change]) -> str:
        """An UpdateExpression. Raises ValueError for a change inside a map, TypeError for a SetIfAbsent of None."""
        clauses: dict[str, list[str]] = {}
        for change in changes:
            if "." in change.name:
                raise ValueError(f"only whole attributes change, not {change.name}")
            match change:
                case Set(name, None) | Remove(name):
                    clauses.setdefault("REMOVE", []).append(self._name(name))
                case Set(name, value):
                    clauses.setdefault("SET", []).append(f"{self._name(name)} = {self._stored(value)}")
                case SetIfAbsent(name, value):
                    own = self._name(name)
                    clauses.setdefault("SET", []).append(f"{own} = if_not_exists({own}, {self._stored(value)})")
                case Add(name, amount):
                    clauses.setdefault("ADD", []).append(f"{self._name(name)} {self._stored(amount)}")
                case _ as never:
                    assert_never(never)
        return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items())

    def key_condition(self, partition: str, value: str | int, sort: str | None, chosen: KeyRange | None) -> str:
        """A KeyConditionExpression. Raises ValueError for a range over a table without a sort key."""
        equal = f"{self._name(partition)} = {self._stored(value)}"
        if chosen is None:
            return equal
        if sort is None:
            raise ValueError("a key range needs a sort key")
        return f"{equal} AND {self._range(self._name(sort), chosen)}"

    def _joined(self, word: str, conditions: Sequence[Condition]) -> str:
        """Join the parts. A single part gets no parentheses: DynamoDB refuses redundant ones."""
        joined = word.join(map(self.condition, conditions))
        return joined if len(conditions) == 1 else f"({joined})"

    def _equals(self, path: str, value: Operand) -> str:
        if not isinstance(value, Attribute):
            return f"{path} = {self._value(value)}"
        # Two missing attributes are not equal. This is stated explicitly, since emulators differ.
        return f"(attribute_exists({path}) AND {path} = {self._path(value.name)})"

    def _range(self, name: str, chosen: KeyRange) -> str:
        match chosen:
            case Exactly(value):
                return f"{name} = {self._stored(value)}"
            case Between(low, high):
                return f"{name} BETWEEN {self._stored(low)} AND {self._stored(high)}"
            case BeginsWith(prefix):
                return f"begins_with({name}, {self._stored(prefix)})"
            case _ as never:
                assert_never(never)

    def _path(self, name: str) -> str:
        return ".".join(map(self._name, name.split(".")))

    def _name(self, name: str) -> str:
        return self._names.setdefault(name, f"#n{len(self._names)}")

    def _operand(self, operand: Ordered) -> str:
        return self._path(operand.name) if isinstance(operand, Attribute) else self._value(operand)

    def _value(self, value: Value) -> str:
        return self._placeholder(_NULL if value is None else to_wire_value(value))

    def _stored(self, value: Value) -> str:
        return self._placeholder(to_wire_value(value))

    def _placeholder(self, wire: WireValue) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = wire
        return placeholder
