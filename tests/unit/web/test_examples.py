"""Examples of the published document are composed from models and fields."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from chalicelib.fleet.api.description import EDGE_ADMIN as DESCRIPTION
from chalicelib.fleet.api.protocol import EDGE_ADMIN
from chalicelib.web.endpoint import PUBLIC, Endpoints, Paginated, PlainText, Request
from chalicelib.web.examples import example_of
from chalicelib.web.openapi import document
from chalicelib.web.openapi_schema import Components
from chalicelib.web.operation import NO_EXAMPLE
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery

Named = Annotated[str, Field(examples=["till-3"])]


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    name: Named


class Whole(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"name": "whole", "size": 2}})

    name: str
    size: int


class Silent(BaseModel):
    size: int


class Mixed(BaseModel):
    name: Named
    parts: list[Part]
    part: Part
    maybe: Part | None
    colour: Colour
    nothing: int | None


class Optionals(Body):
    name: Named | None = None
    size: int | None = None


class ManyParts(RootModel[list[Part]]):
    """Parts."""


def example(model: Any, mode: Any = "serialization") -> Any:
    components = Components()
    return example_of(components.reference(model, mode), components.schemas)


def test_model_example_wins_over_fields():
    assert example(Whole) == {"name": "whole", "size": 2}


def test_object_is_composed_of_examples_enums_and_null():
    assert example(Mixed) == {
        "name": "till-3",
        "parts": [{"name": "till-3"}],
        "part": {"name": "till-3"},
        "maybe": {"name": "till-3"},
        "colour": "red",
        "nothing": None,
    }


def test_optional_field_of_request_is_shown_only_with_an_example():
    assert example(Optionals, "validation") == {"name": "till-3"}


def test_array_has_one_item():
    assert example(ManyParts) == [{"name": "till-3"}]


def test_required_field_without_example_leaves_the_object_without_one():
    assert example(Silent) is NO_EXAMPLE


def test_required_field_without_example_shows_its_default():
    schema = {"properties": {"size": {"type": "integer", "default": 3}}, "required": ["size"]}
    assert example_of(schema, {}) == {"size": 3}


def test_schema_inside_itself_has_no_example():
    tree = {"properties": {"child": {"$ref": "#/components/schemas/Tree"}}, "required": ["child"]}
    assert example_of({"$ref": "#/components/schemas/Tree"}, {"Tree": tree}) is NO_EXAMPLE


def test_operation_shows_examples_of_request_and_answers_in_their_envelopes():
    routes = Endpoints(tag="Things")

    @routes.post("/parts", auth=PUBLIC, repeats="lists", answer=Part, paginated=True, summary="List parts")
    def list_parts(_request: Request[NoPath, NoQuery, Optionals], _services: Any) -> Paginated:
        raise NotImplementedError

    @routes.get("/silent", auth=PUBLIC, answer=Silent, example={"size": 5}, summary="Silent")
    def silent(_request: Request[NoPath, NoQuery, NoBody], _services: Any) -> Silent:
        raise NotImplementedError

    @routes.get("/text", auth=PUBLIC, media_type="text/plain", example="hello\n", summary="Text")
    def text(_request: Request[NoPath, NoQuery, NoBody], _services: Any) -> PlainText:
        raise NotImplementedError

    paths = document(routes.all, EDGE_ADMIN, DESCRIPTION)["paths"]
    listed = paths["/parts"]["post"]
    assert listed["requestBody"]["content"]["application/json"]["example"] == {"name": "till-3"}
    answer = listed["responses"]["200"]["content"]["application/json"]["example"]
    assert answer["data"] == [{"name": "till-3"}]
    assert answer["meta"]["pagination"]["total_count"] == 1
    answer = paths["/silent"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert answer["data"] == {"size": 5}
    assert paths["/text"]["get"]["responses"]["200"]["content"]["text/plain"]["example"] == "hello\n"
