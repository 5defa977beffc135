"""One JSON line to standard error for each request, message or failure.

Written with the standard library: a structured-logging package costs 50 ms of import on every cold start (measured) for
what is one ``json.dumps`` here. Each line is flushed, so that none is lost with a frozen container.

Each has a ``timestamp`` and a ``level`` as Lambda knows them (``warn``, not ``warning``): what lacks a time, or has
another level, it calls INFO (AWS Lambda developer guide, "Log-level filtering").

A line holds no secret: values whose type hides them are masked, and an exception is written as its types and the lines
of code it passed, with its text only where that text cannot quote input.
"""

import json
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any, Protocol

from pydantic import SecretBytes, SecretStr, ValidationError
from pydantic_core import to_json

from chalicelib.kit.clock import Clock, to_microseconds_text

_MAX_TEXT_LENGTH = 1000
_MAX_FRAMES = 30


class Level(StrEnum):
    INFO = "info"
    WARNING = "warn"
    ERROR = "error"


class Sink(Protocol):
    """The destination of log lines: standard error, or a list in tests."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


class Log:
    """Writes lines to `sink`, by default to the current standard error. ``clock`` dates them."""

    def __init__(self, sink: Sink | None, clock: Clock) -> None:
        self._sink = sink
        self._clock = clock

    def line(self, event: str, *, level: Level = Level.INFO, **fields: object) -> None:
        """Write a line. ``event`` is its kind (``request``); fields that are None are left out."""
        present = {name: value for name, value in fields.items() if value is not None}
        timestamp = to_microseconds_text(self._clock.now())
        text = _to_json({"timestamp": timestamp, "level": str(level), "event": event, **present})
        sink = sys.stderr if self._sink is None else self._sink
        sink.write(text + "\n")
        sink.flush()

    def failure(self, event: str, error: BaseException, **fields: object) -> None:
        """Log an unexpected error with its stack."""
        self.line(event, level=Level.ERROR, **fields, **describe(error))


def describe(error: BaseException) -> Mapping[str, Any]:
    """The fields for an error: its type, text and stack, without local values or input."""
    return {"error_type": type(error).__name__, "error": _text(error), "stack": _stack(error)}


class DamagedError(Exception):
    """Replaces pydantic's ValidationError where Lambda would print it: names the locations and kinds of the problems
    and quotes no value."""


@contextmanager
def quoting_nothing() -> Iterator[None]:
    """Replaces validation errors that leave a function: Lambda prints the text of an exception, and pydantic's text
    quotes the row or message."""
    try:
        yield
    except ValidationError as error:
        raise DamagedError(_text(error)) from None


def _text(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        problems = [f"{'.'.join(str(part) for part in problem['loc'])}: {problem['type']}" for problem in _found(error)]
        return f"{error.title}: {'; '.join(problems)}"[:_MAX_TEXT_LENGTH]
    return str(error)[:_MAX_TEXT_LENGTH]


def _found(error: ValidationError) -> list[Any]:
    return list(error.errors(include_input=False, include_url=False, include_context=False))


def _stack(error: BaseException) -> list[str]:
    """Innermost call last; causes first, each under its type."""
    lines: list[str] = []
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        lines += [*_stack(cause), f"then {type(error).__name__}"]
    frames = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    return lines + [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _masked(value: object) -> str:
    if isinstance(value, SecretStr | SecretBytes):
        return "**********"
    return type(value).__name__


_ENCODER = json.JSONEncoder(default=_masked, ensure_ascii=False, separators=(",", ":"))
_PLAIN = frozenset({str, int, float, bool})


def _to_json(fields: Mapping[str, object]) -> str:
    """Pydantic's writer is five times faster, but would write out what `_masked` hides: it gets plain values only."""
    if _PLAIN.issuperset(map(type, fields.values())):
        with suppress(ValueError):  # half a surrogate pair, which only the other writer passes on
            return to_json(fields).decode()
    return _ENCODER.encode(fields)
