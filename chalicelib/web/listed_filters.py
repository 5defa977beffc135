"""Filters of lists that take several values: ``status__in=healthy,unhealthy``, any of which may hold.

The values stay one text, as they are kept and compared (`kit.listing`), with each value once and without spaces around
it. A JSON body may give an array instead. No value at all is refused, and never means "any".
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

from chalicelib.kit.fields import about
from chalicelib.web.problems import problems, wrong_type
from chalicelib.web.validation import read_uuid

MOST_VALUES = 100
"""Values of one filter."""

_TEXT = {"type": "string"}


def _parts(value: object) -> list[str]:
    """The values as they were given. Raises ValueError with the 400 text for none, too many and other types."""
    if not isinstance(value, str | list):
        raise problems(wrong_type("string", value))
    given = value.split(",") if isinstance(value, str) else value
    for one in given:
        if not isinstance(one, str):
            raise problems(wrong_type("string", one))
        if isinstance(value, list) and "," in one:
            raise problems(f"Invalid value: {one}. A value holds no comma")
    found = [one.strip() for one in given]
    if not found or not all(found):
        raise problems("Expected one or more values, separated by commas, none of them empty")
    if len(found) > MOST_VALUES:
        raise problems(f"Too many values: {len(found)}. At most {MOST_VALUES} are allowed")
    return found


def _joined(read: Callable[[str], str]) -> Callable[[object], str]:
    return lambda value: ",".join(dict.fromkeys(read(one) for one in _parts(value)))


TextsFilter = Annotated[str | None, BeforeValidator(_joined(str)), WithJsonSchema(_TEXT)]
"""Exact texts; none of them is a pattern."""

UuidsFilter = Annotated[str | None, BeforeValidator(_joined(read_uuid)), WithJsonSchema(_TEXT)]
"""UUIDs in any case."""


class EachOneOf:
    """Beside ``str | None``: values of a ``StrEnum``, each once; a repeated one is refused."""

    def __init__(self, choices: type[StrEnum]) -> None:
        self._choices = tuple(choice.value for choice in choices)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**_TEXT, "examples": [self._choices[0]]}

    def _read(self, value: object) -> str:
        found = _parts(value)
        for one in found:
            if one not in self._choices:
                raise problems(f"Invalid value: {one}. Allowed: {', '.join(self._choices)}")
            if found.count(one) > 1:
                raise problems(f"Invalid value: {one} is given twice")
        return ",".join(found)


def any_of(what: str) -> Any:
    """Describes a filter for several values of ``what``."""
    return about(f"Any of these values of {what}, separated by commas: at most {MOST_VALUES}.")
