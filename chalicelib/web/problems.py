"""Converts pydantic's errors to the ``details`` of a 400, in the words of the protocol."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

MOST_PROBLEMS = 100
"""The maximum of problems that one answer names; it gives the number of further ones."""

MOST_CHARACTERS = 500
"""The maximum length of a problem's text and of a field's path: either may contain the caller's input."""

_SEVERAL = "edge_problems"


def problems(*texts: str) -> PydanticCustomError:
    """An error for a validator to raise that says exactly `texts` about its field (a list of one or more)."""
    return PydanticCustomError(_SEVERAL, "{texts}", {"texts": json.dumps(texts)})


def type_name(value: object) -> str:
    """The name of a JSON value's type in messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list() | tuple():
            return "array"
        case _:
            return "object"


def wrong_type(expected: str, value: object) -> str:
    """The text for a value of another type than `expected`."""
    if value is None:
        return f"null value where {expected} expected"
    return f"Invalid {expected}. Got: {type_name(value)}"


def details_of(
    error: ValidationError, patterns: Mapping[str, str] = MappingProxyType({})
) -> Mapping[str, Sequence[str]]:
    """The texts by field (slash path, "" for the whole). In each object an unknown field hides all other problems, and
    missing fields hide the rest; otherwise every wrong property is named. Only the first `MOST_PROBLEMS` are listed; ""
    then gives the number of the others. ``patterns`` has regular
    expressions in words.
    """
    details: dict[str, list[str]] = {}
    found = iter(_reported(error.errors(include_url=False), 0))
    for problem in islice(found, MOST_PROBLEMS):
        details.setdefault(_key(problem), []).extend(_texts(problem, patterns))
    _say_more(details, sum(1 for _ in found))
    return details


def bounded(details: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """The first problems of ``details``, none of them longer than an answer should quote."""
    kept: dict[str, list[str]] = {}
    every = [(field, text) for field, texts in details.items() for text in texts]
    # One more: what `details_of` has added.
    shown = every if len(every) <= MOST_PROBLEMS + 1 else every[:MOST_PROBLEMS]
    for field, text in shown:
        kept.setdefault(shortened(field), []).append(shortened(text))
    _say_more(kept, len(every) - len(shown))
    return kept


def shortened(text: str) -> str:
    """At most `MOST_CHARACTERS` of a text."""
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


def _say_more(details: dict[str, list[str]], count: int) -> None:
    if count:
        details.setdefault("", []).append(f"and {count} more problem{'' if count == 1 else 's'}")


def _reported(found: list[ErrorDetails], depth: int) -> Iterable[ErrorDetails]:
    here = [problem for problem in found if len(problem["loc"]) <= depth + 1]
    unknown = [problem for problem in here if problem["type"] == "extra_forbidden"]
    if unknown:
        return unknown[:1]
    missing = [problem for problem in here if problem["type"] == "missing"]
    if missing:
        return missing
    inside: dict[int | str, list[ErrorDetails]] = {}
    for problem in found:
        if len(problem["loc"]) > depth + 1:
            inside.setdefault(problem["loc"][depth], []).append(problem)
    return [*here, *(one for group in inside.values() for one in _reported(group, depth + 1))]


def _key(problem: ErrorDetails) -> str:
    return "/".join(str(part) for part in problem["loc"])


def _texts(problem: ErrorDetails, patterns: Mapping[str, str]) -> list[str]:
    context = problem.get("ctx", {})
    if problem["type"] == "string_pattern_mismatch":
        pattern = context["pattern"]
        return [f"Invalid format. Expected {patterns.get(pattern) or f'a text that matches {pattern}'}"]
    if problem["type"] == _SEVERAL:
        return list(json.loads(context["texts"]))
    text = _TEXTS.get(problem["type"])
    if text is not None:
        return [text(problem, context)]
    expected = _EXPECTED.get(problem["type"])
    return [wrong_type(expected, problem["input"]) if expected else "Invalid value"]


_Text = Callable[[ErrorDetails, Mapping[str, Any]], str]


def _not_one_of(problem: ErrorDetails, context: Mapping[str, Any]) -> str:
    if problem["input"] is None:
        return wrong_type("string", None)
    return f"Invalid value for enum: {_quoted(problem['input'])}. Allowed: {context['expected'].replace(chr(39), '')}"


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _too_many(problem: ErrorDetails, context: Mapping[str, Any]) -> str:
    if isinstance(problem["input"], dict):
        return (
            f"Object property count {context['actual_length']} is greater than maxProperties: {context['max_length']}"
        )
    return f"Array length {len(problem['input'])} is larger than maxItems: {context['max_length']}"


def _too_few(problem: ErrorDetails, context: Mapping[str, Any]) -> str:
    if isinstance(problem["input"], dict):
        return f"Object property count {context['actual_length']} is less than minProperties: {context['min_length']}"
    return f"Array length {context['actual_length']} is smaller than minItems: {context['min_length']}"


_EXPECTED: dict[str, str] = {
    "string_type": "string",
    "list_type": "array",
    "tuple_type": "array",
    "set_type": "array",
    "frozen_set_type": "array",
    "dict_type": "object",
    "mapping_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
    "float_type": "number",
    "float_parsing": "number",
}
"""Pydantic error type -> the JSON type that was expected."""

_TEXTS: dict[str, _Text] = {
    "missing": lambda problem, _: f"Missing field: {problem['loc'][-1]}",
    "extra_forbidden": lambda problem, _: f"Unexpected field: {problem['loc'][-1]}",
    "enum": _not_one_of,
    "literal_error": _not_one_of,
    "greater_than_equal": lambda problem, context: (
        f"{problem['input']} is smaller than inclusive minimum {context['ge']}"
    ),
    "less_than_equal": lambda problem, context: f"{problem['input']} is larger than inclusive maximum {context['le']}",
    "greater_than": lambda problem, context: f"{problem['input']} is smaller than exclusive minimum {context['gt']}",
    "less_than": lambda problem, context: f"{problem['input']} is larger than exclusive maximum {context['lt']}",
    "string_too_long": lambda _, context: f"String length is larger than maxLength: {context['max_length']}",
    "string_too_short": lambda _, context: f"String length is smaller than minLength: {context['min_length']}",
    "too_long": _too_many,
    "too_short": _too_few,
    "value_error": lambda _, context: str(context["error"]),
}
"""Pydantic error type -> text. A type that is in neither table says only "Invalid value"."""
