from enum import StrEnum
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, Field

from chalicelib.fleet.clusters.model import ClusterName
from chalicelib.web.openapi_schema import Components, NameTakenError, to_openapi
from chalicelib.web.validation import Body, Boolean, DateTime, Int32, Uuid


class Colour(StrEnum):
    RED = "red"


class Inner(Body):
    kind: Literal["one"]


class Sample(Body):
    title: ClusterName
    count: Annotated[Int32, Ge(1), Le(100)] | None = None
    share: Annotated[float, Gt(0), Lt(1)] = 0.5
    flag: Boolean = True
    at: DateTime | None = Field(None, description="When", examples=["2026-01-01T00:00:00Z"])
    id: Uuid
    colour: Colour | None = None
    inner: Inner = Field(description="Within")
    inners: list[Inner] | None = None
    any_of: Annotated[int | str, Field()] = 1
    labels: dict[str, Inner] = Field({})


def test_model_becomes_an_openapi_3_0_schema():
    components = Components()
    assert components.reference(Sample, "validation") == {"$ref": "#/components/schemas/Sample"}
    assert components.schemas["Sample"] == {
        "type": "object",
        "additionalProperties": False,
        "required": ["title", "id", "inner"],
        "properties": {
            "title": {"type": "string", "maxLength": 24, "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"},
            "count": {"type": "integer", "minimum": 1, "maximum": 100, "nullable": True},
            "share": {
                "type": "number",
                "minimum": 0,
                "exclusiveMinimum": True,
                "maximum": 1,
                "exclusiveMaximum": True,
                "default": 0.5,
            },
            "flag": {"type": "boolean", "default": True},
            "at": {
                "type": "string",
                "format": "date-time",
                "nullable": True,
                "description": "When",
                "example": "2026-01-01T00:00:00Z",
            },
            "id": {"type": "string", "format": "uuid"},
            "colour": {"allOf": [{"$ref": "#/components/schemas/Colour"}], "nullable": True},
            "inner": {"allOf": [{"$ref": "#/components/schemas/Inner"}], "description": "Within"},
            "inners": {"type": "array", "items": {"$ref": "#/components/schemas/Inner"}, "nullable": True},
            "any_of": {"anyOf": [{"type": "integer"}, {"type": "string"}], "default": 1},
            "labels": {
                "type": "object",
                "additionalProperties": {"$ref": "#/components/schemas/Inner"},
                "default": {},
            },
        },
    }
    assert components.schemas["Inner"]["properties"] == {"kind": {"type": "string", "enum": ["one"]}}
    assert components.schemas["Colour"] == {"type": "string", "enum": ["red"]}


def test_function_bounds_become_exclusive_bounds_in_the_schema():
    assert to_openapi({"gt": 0, "lt": 5}) == {
        "minimum": 0,
        "exclusiveMinimum": True,
        "maximum": 5,
        "exclusiveMaximum": True,
    }


def test_alternatives_with_null_become_a_nullable_any_of():
    branches = [{"type": "string"}, {"type": "integer"}, {"type": "null"}]
    shown = [{**branch, "nullable": True} for branch in branches[:2]]
    assert to_openapi({"anyOf": branches}) == {"anyOf": shown, "nullable": True}


def test_two_models_of_the_same_name_are_refused():
    def other() -> type[BaseModel]:
        class Inner(BaseModel):
            kind: int

        return Inner

    components = Components()
    components.reference(Inner, "validation")
    components.reference(Inner, "validation")
    with pytest.raises(NameTakenError, match="Inner"):
        components.reference(other(), "validation")


def test_nullable_enum_names_null_among_its_values():
    written = {"anyOf": [{"enum": ["red", "blue"], "type": "string"}, {"type": "null"}]}
    assert to_openapi(written) == {"enum": ["red", "blue", None], "type": "string", "nullable": True}
