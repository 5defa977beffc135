"""Regular expressions that operators write, for the values of parameters.

They are those of Rust's crate `regex`, which pydantic brings: without look-around and back-references, so that a match
takes time in proportion to the text. Python's own could hold up a function for hours.
"""

from functools import lru_cache
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError


def wrong_pattern(pattern: str) -> str | None:
    """The error of a pattern; None if it is right."""
    try:
        _compiled(pattern)
        _whole(pattern)
    except SchemaError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return f"{pattern!r} is no regular expression: {lines[-1].removeprefix('error: ')}"
    return None


def matches(pattern: str | None, text: str) -> bool:
    """Whether the whole text fits the pattern; None fits all."""
    if pattern is None:
        return True
    try:
        _whole(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


def _whole(pattern: str) -> TypeAdapter[str]:
    """The pattern for a whole text. By itself it must be a pattern as well, unlike `a)|(b`."""
    return _compiled(rf"\A(?:{pattern})\z")


@lru_cache(maxsize=128)
def _compiled(pattern: str) -> TypeAdapter[str]:
    return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])
