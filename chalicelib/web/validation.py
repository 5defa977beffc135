"""Base models and field types of requests, and the types of fields that answers share. Requests get the protocol's
leniency and no more: unknown names are refused, integers and booleans may come as strings, UUIDs in any case, times
need an offset."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Le
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticKnownError
from pydantic_core.core_schema import no_info_before_validator_function

from chalicelib.kit.errors import Details, bad_request
from chalicelib.web.problems import details_of, problems, type_name, wrong_type

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Path(_Shape):
    """Base of path variables."""


class Query(_Shape):
    """Base of query strings. Every value arrives as text; of a repeated name the last value counts."""


class Body(_Shape):
    """Base of JSON bodies and of the objects in them. ``model_fields_set`` tells an omitted field from a null one."""


class NoPath(Path):
    """No path variables."""


class NoQuery(Query):
    """No query names: any is refused."""


class AnyPath(Path):
    """Path variables that are not looked at."""

    model_config = ConfigDict(extra="ignore")


class AnyQuery(Query):
    """A query that is not looked at."""

    model_config = ConfigDict(extra="ignore")


class NoBody(Body):
    """The operation takes no body; what is sent is not looked at."""


class RawBody(Body):
    """The operation takes the bytes as they are, regardless of the content type: `Incoming.body_bytes`."""


def _read_integer(value: object) -> object:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise problems(wrong_type("integer", value))


def _read_boolean(value: object) -> object:
    match value:
        case bool():
            return value
        case "true":
            return True
        case "false":
            return False
        case _:
            allowed = "" if value is None else ". Allowed: true, false"
            raise problems(f"{wrong_type('boolean', value)}{allowed}")


NOT_A_UUID = "Invalid format. Expected a UUID"


def read_uuid(value: str) -> str:
    """The lower-case form of a hyphenated UUID of any version. Raises ValueError with the 400 text for anything
    else."""
    if not _UUID.fullmatch(value):
        raise problems(NOT_A_UUID)
    return value.lower()


A_DATE_TIME = "a date-time with offset, 2026-11-21T10:00:00Z"
NOT_A_DATE_TIME = f"Invalid format. Expected {A_DATE_TIME}"


def read_date_time(value: object) -> datetime:
    """A time with an offset (RFC 3339) as aware UTC. Raises ValueError with the 400 text for anything else."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if not isinstance(value, str):
        raise problems(wrong_type("string", value))
    if _DATE_TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError) as error:  # no such day, or outside the calendar in UTC
            raise problems(NOT_A_DATE_TIME) from error
    raise problems(f"{NOT_A_DATE_TIME}{lost_plus(value)}")


def lost_plus(value: str) -> str:
    """A hint for a time whose ``+`` was read as the blank that it stands for in a URL; nothing for others."""
    return ". In a URL a + is written %2B" if _DATE_TIME.fullmatch(value.replace(" ", "+")) else ""


Int32 = Annotated[int, BeforeValidator(_read_integer), Ge(INT32_MIN), Le(INT32_MAX)]
"""An integer of 32 bits, also as a decimal string. Every integer of a request has this type, narrowed by
``Annotated[Int32, Ge(1)]``."""

Port = Annotated[Int32, Ge(1), Le(65535)]
"""A TCP port."""

Boolean = Annotated[bool, BeforeValidator(_read_boolean)]
"""``true`` or ``false``, also as these strings; not ``yes``, ``on``, 1 or 0."""

Uuid = Annotated[str, AfterValidator(read_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]
"""A UUID of any version, lower-case text."""

_DATE_TIME_SCHEMA = WithJsonSchema({"type": "string", "format": "date-time"})

DateTime = Annotated[datetime, BeforeValidator(read_date_time), _DATE_TIME_SCHEMA]
"""A time with a mandatory offset, as an aware ``datetime`` in UTC."""

Timestamp = Annotated[str, _DATE_TIME_SCHEMA]
"""A stored time (`kit.clock.to_seconds_text`) in an answer, as it is."""


class CountedFirst:
    """Beside a ``MaxLen``: a list or object of more is refused for its length alone, before anything in it is read.
    A body of a megabyte holds 200,000 wrong items, and to find and to tell each takes seconds."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        most: int = schema["max_length"]

        def check(value: object) -> object:
            if isinstance(value, list | dict) and len(value) > most:
                found = {"field_type": type_name(value), "max_length": most, "actual_length": len(value)}
                raise PydanticKnownError("too_long", found)
            return value

        return no_info_before_validator_function(check, schema)


class NotNull:
    """Marks a field of type ``X | None`` that may be missing, and is None then, but may not be null. It is for filters
    in a body: ignoring a null filter would widen the targets of a command. ``expected`` is the JSON type that the
    refusal names.
    """

    def __init__(self, expected: str) -> None:
        self._expected = expected

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        written = handler(schema)
        branches: list[JsonSchemaValue] = [one for one in written["anyOf"] if one != {"type": "null"}]
        return branches[0]

    def _check(self, value: object) -> object:
        if value is None:
            raise problems(wrong_type(self._expected, None))
        return value


def nullable(model: type[BaseModel]) -> WithJsonSchema:
    """The schema of an answer's field that is a flat ``model`` or null. In OpenAPI 3.0 a reference cannot be nullable,
    so the object stands where it is used."""
    return WithJsonSchema({**model.model_json_schema(), "nullable": True})


class _InPlace:
    """Has the values of an enum stand where it is used: several contexts have a ``Status``, and a reference would need
    one name for each."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        written = handler.resolve_ref_schema(handler(schema))
        return {"enum": written["enum"], "type": "string"}


E = TypeVar("E", bound=StrEnum)

OneOf = Annotated[E, _InPlace()]
"""One of the values of a ``StrEnum``."""

M = TypeVar("M", bound=BaseModel)

_EMPTY: Mapping[type[BaseModel], BaseModel] = {model: model() for model in (NoPath, NoQuery)}
"""A shared empty value, since most requests have none."""


def read(
    model: type[M],
    values: Any,
    details: Callable[[ValidationError], Details] = details_of,
    shown_names: Mapping[str, str] = MappingProxyType({}),
) -> M:
    """`values` as a `model`. Raises `EdgeError` (bad request) with all problems, as ``details`` gives them, under the
    public names."""
    if not values and (empty := _EMPTY.get(model)) is not None:
        return empty  # type: ignore[return-value]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise bad_request({shown_names.get(name, name): texts for name, texts in details(error).items()}) from None
