"""Policies: statements that allow or deny actions on resources under conditions, and how they are evaluated. Pure.

All statements that concern a principal are evaluated together: a denial wins wherever it stands, then an allowance
counts; without either, the principal's own rights decide.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

Conditions = Mapping[str, Mapping[str, Any]]
"""Operator to key to the value, or values, that it compares with."""


class Effect(StrEnum):
    """The effect of a statement that applies."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True)
class Statement:
    """A statement: it applies where an action, a resource and all conditions match."""

    effect: Effect
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Conditions = field(default_factory=lambda: MappingProxyType({}))


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern names the text: it is equal, or ends with ``*`` and begins like the text. A ``*`` elsewhere is
    a character like any other."""
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else pattern == text


def overlap(pattern: str, other: str) -> bool:
    """Whether there may be a text that both patterns name."""
    return matches(pattern, other.removesuffix("*")) or matches(other, pattern.removesuffix("*"))


def evaluated(
    statements: Iterable[Statement], action: str, resources: Sequence[str], facts: Mapping[str, str]
) -> Effect | None:
    """The effect of the statements on an action, None if none applies. ``resources`` are the texts by which the
    resource can be named, ``facts`` the values of condition keys."""
    effects = {each.effect for each in statements if _applies(each, action, resources, facts)}
    return Effect.DENY if Effect.DENY in effects else next(iter(effects), None)


def denied_resources(statements: Iterable[Statement], action: str, facts: Mapping[str, str]) -> tuple[str, ...]:
    """The patterns of the resources on which statements deny the action."""
    denials = (each for each in statements if each.effect is Effect.DENY and _concerns(each, action, facts))
    return tuple(pattern for each in denials for pattern in each.resources)


def _applies(statement: Statement, action: str, resources: Sequence[str], facts: Mapping[str, str]) -> bool:
    named = any(matches(pattern, text) for pattern in statement.resources for text in resources)
    return named and _concerns(statement, action, facts)


def _concerns(statement: Statement, action: str, facts: Mapping[str, str]) -> bool:
    """Whether the action and all conditions match."""
    return any(matches(pattern, action) for pattern in statement.actions) and all(
        _OPERATORS[operator](facts.get(key), value)
        for operator, compared in statement.conditions.items()
        for key, value in compared.items()
    )


def _in_networks(fact: str | None, value: Any) -> bool:
    networks = [value] if isinstance(value, str) else value
    if not fact:
        return False
    address = ipaddress.ip_address(fact)
    return any(address in ipaddress.ip_network(each, strict=False) for each in networks)


def _dated(compare: Callable[[datetime, datetime], bool]) -> Callable[[str | None, Any], bool]:
    def holds(fact: str | None, value: Any) -> bool:
        return fact is not None and compare(datetime.fromisoformat(fact), datetime.fromisoformat(value))

    return holds


_OPERATORS: Mapping[str, Callable[[str | None, Any], bool]] = {
    "IpAddress": _in_networks,
    "NotIpAddress": lambda fact, value: not _in_networks(fact, value),
    "StringEquals": lambda fact, value: fact is not None and fact == value,
    "StringNotEquals": lambda fact, value: fact != value,
    "StringLike": lambda fact, value: fact is not None and matches(value, fact),
    "StringNotLike": lambda fact, value: fact is None or not matches(value, fact),
    "DateGreaterThan": _dated(lambda fact, value: fact > value),
    "DateLessThan": _dated(lambda fact, value: fact < value),
    "DateEquals": _dated(lambda fact, value: fact == value),
    "Bool": lambda fact, value: fact is not None and (fact == "true") is value,
    "Null": lambda fact, value: (fact is None) is (value in {"true", True}),
}
"""The operators of conditions. One that negates holds where the key has no value."""


def problem_of(conditions: Any) -> str | None:
    """The first problem of conditions as they were sent; None if they can be evaluated. An unknown operator is refused:
    a denial that never applies would be no denial."""
    if not isinstance(conditions, Mapping):
        return "a condition is an object of operators"
    for operator, compared in conditions.items():
        if operator not in _OPERATORS:
            return f"unknown operator {str(operator)[:64]!r}. Allowed: {', '.join(_OPERATORS)}"
        if not isinstance(compared, Mapping) or not compared:
            return f"{operator} is an object of keys and values"
        for key, value in compared.items():
            if key not in KEYS:
                return f"unknown key {str(key)[:64]!r}. Allowed: {', '.join(KEYS)}"
            if not _is_value(operator, value):
                return f"{operator} cannot compare {key} with this value"
    return None


KEYS = ("thecloud:TenantId", "aws:UserId", "aws:SourceIp", "aws:CurrentTime")
"""The keys of conditions that have values."""


def _is_value(operator: str, value: Any) -> bool:
    """Whether the operator can compare with the value."""
    try:
        match operator:
            case "IpAddress" | "NotIpAddress":
                networks = [value] if isinstance(value, str) else value
                return isinstance(networks, list) and bool(
                    [ipaddress.ip_network(each, strict=False) for each in networks]
                )
            case "DateGreaterThan" | "DateLessThan" | "DateEquals":
                return datetime.fromisoformat(value).tzinfo is not None
            case "Bool":
                return isinstance(value, bool)
            case "Null":
                return value in {"true", "false"} if isinstance(value, str) else isinstance(value, bool)
            case _:
                return isinstance(value, str)
    except (ValueError, TypeError):
        return False
