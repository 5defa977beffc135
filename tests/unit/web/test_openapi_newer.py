import json

import pytest
from openapi_schema_validator import OAS30Validator, OAS31Validator
from openapi_spec_validator import validate

from chalicelib import families
from chalicelib.web.openapi import document_of
from chalicelib.web.openapi_newer import newer

OLDER = {
    "openapi": "3.0.3",
    "info": {"title": "Things", "version": "1"},
    "paths": {
        "/things": {
            "get": {
                "parameters": [
                    {
                        "name": "share",
                        "in": "query",
                        "schema": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "nullable": True},
                    }
                ],
                "responses": {
                    "200": {
                        "description": "OK",
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Thing"},
                                "example": {"nullable": True, "example": 1},
                            }
                        },
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "type": "object",
                "properties": {
                    "nullable": {"type": "string", "nullable": True, "example": "a"},
                    "colour": {"type": "string", "enum": ["red", None], "nullable": True},
                    "part": {"allOf": [{"$ref": "#/components/schemas/Part"}], "nullable": True, "description": "One"},
                    "either": {"anyOf": [{"type": "string"}, {"type": "integer"}], "nullable": True},
                    "map": {"type": "object", "additionalProperties": {"type": "integer", "nullable": True}},
                    "list": {"type": "array", "items": {"type": "integer", "maximum": 9, "exclusiveMaximum": True}},
                },
            },
            "Part": {"type": "object", "additionalProperties": False},
        }
    },
}

VALUES = [
    {"nullable": None, "colour": None, "map": {"a": None}, "list": [8]},
    {"nullable": "x", "colour": "red", "part": {}, "either": 1, "map": {"a": 1}, "list": []},
    {"nullable": 1},
    {"colour": "blue"},
    {"part": {"x": 1}},
    {"either": []},
    {"map": {"a": "x"}},
    {"list": [9]},
]


def test_document_becomes_a_valid_document_of_3_1():
    converted = newer(OLDER)
    assert converted["openapi"].startswith("3.1")
    validate(converted)
    (parameter,) = converted["paths"]["/things"]["get"]["parameters"]
    assert parameter["schema"] == {"type": ["number", "null"], "exclusiveMinimum": 0}


def test_data_of_examples_is_left_as_it_is():
    content = newer(OLDER)["paths"]["/things"]["get"]["responses"]["200"]["content"]
    assert content["application/json"]["example"] == {"nullable": True, "example": 1}


def test_reference_and_alternatives_that_may_be_null_accept_null():
    schema = {"$ref": "#/components/schemas/Thing"}
    assert OAS31Validator({"allOf": [schema], "components": newer(OLDER)["components"]}).is_valid(
        {"part": None, "either": None}
    )


@pytest.mark.parametrize("value", VALUES, ids=json.dumps)
def test_both_versions_accept_the_same_values(value):
    schema = {"$ref": "#/components/schemas/Thing"}
    older = OAS30Validator({"allOf": [schema], "components": OLDER["components"]})
    later = OAS31Validator({"allOf": [schema], "components": newer(OLDER)["components"]})
    assert older.is_valid(value) is later.is_valid(value)


@pytest.mark.parametrize("api", families.every_api(), ids=lambda api: api.name)
def test_every_published_document_is_valid_openapi(api):
    validate(document_of(api))
