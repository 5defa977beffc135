"""The fields of questions and answers."""

from datetime import datetime
from typing import Annotated

from annotated_types import Ge, Le
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from chalicelib.kit.fields import about
from chalicelib.web.problems import problems
from chalicelib.web.validation import Int32, read_uuid

LARGEST_LIMIT = 10_000
DEFAULT_LIMIT = 50
LARGEST_OFFSET = 1_000_000

NOT_A_UUID = "Invalid uuid"

EXAMPLE_INSTANCE = "019a5f3e-7b1c-7d2e-9a4f-3c5d6e7f8a9b"


def _uuid(value: str) -> str:
    try:
        return read_uuid(value)
    except ValueError:
        raise problems(NOT_A_UUID) from None


InstanceId = Annotated[str, AfterValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]

INSTANCE = about("Id of the instance, or of a node that is not one.", EXAMPLE_INSTANCE)

Limit = Annotated[Int32, Ge(1), Le(LARGEST_LIMIT), about("Elements to answer at most.", DEFAULT_LIMIT)]
Offset = Annotated[Int32, Ge(0), Le(LARGEST_OFFSET), about("Elements to pass over.", 0)]


class Shown(BaseModel):
    """A model of an answer: `run_seconds` is ``runSeconds`` on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Pagination(Shown):
    """The place of the elements in all of them."""

    total: Annotated[int, about("All elements.", 1, minimum=0)]
    limit: Annotated[int, about("Elements that were asked for.", DEFAULT_LIMIT, minimum=1)]
    offset: Annotated[int, about("Elements before these.", 0, minimum=0)]


class Period(Shown):
    """A time, which an element is about."""

    start: Annotated[datetime, Field(alias="from"), about("Beginning.", "2026-11-28T00:00:00Z")]
    end: Annotated[datetime, Field(alias="to"), about("End, which does not belong to it.", "2026-11-29T00:00:00Z")]
