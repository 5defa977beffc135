"""Base models and field types of requests. What they promise is the protocol's leniency and no more: unknown names are
refused, integers and booleans may come as strings, UUIDs in any case, times need an offset."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Le, MaxLen
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)

from chalicelib.api.problems import details_of, problems, wrong_type
from chalicelib.kit.errors import bad_request

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1
CLUSTER_NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
CLUSTER_NAME_MAX_LENGTH = 24

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
            raise problems(wrong_type("boolean", value))


def read_uuid(value: str) -> str:
    """The lower-case form of a hyphenated UUID of any version. Raises the 400 text for anything else."""
    if not _UUID.fullmatch(value):
        raise problems("Invalid format. Expected :uuid")
    return value.lower()


DATE_TIME_PROBLEM = 'Invalid format. Expected :"date-time"'


def read_date_time(value: object) -> datetime:
    """A time with an offset (RFC 3339) as aware UTC. Raises the 400 text for anything else."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if not isinstance(value, str):
        raise problems(wrong_type("string", value))
    if _DATE_TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError) as error:  # no such day, or outside the calendar in UTC
            raise problems(DATE_TIME_PROBLEM) from error
    raise problems(DATE_TIME_PROBLEM)


Int32 = Annotated[int, BeforeValidator(_read_integer), Ge(INT32_MIN), Le(INT32_MAX)]
"""An integer of 32 bits, also as a decimal string. Every integer of a request has this type, narrowed by
``Annotated[Int32, Ge(1)]``."""

Port = Annotated[Int32, Ge(1), Le(65535)]
"""A TCP port."""

Boolean = Annotated[bool, BeforeValidator(_read_boolean)]
"""``true`` or ``false``, also as these strings; not ``yes``, ``on``, 1 or 0."""

Uuid = Annotated[str, AfterValidator(read_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]
"""A UUID of any version, lower-case text."""

DateTime = Annotated[
    datetime, BeforeValidator(read_date_time), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A time with a mandatory offset, as an aware ``datetime`` in UTC."""

ClusterName = Annotated[str, MaxLen(CLUSTER_NAME_MAX_LENGTH), StringConstraints(pattern=CLUSTER_NAME_PATTERN)]
"""The name of a cluster: a DNS label of at most 24 characters."""

M = TypeVar("M", bound=BaseModel)


def read(model: type[M], values: Any) -> M:
    """`values` as a `model`. Raises EdgeError bad_request with all that is wrong with them, by field."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise bad_request(details_of(error)) from None
