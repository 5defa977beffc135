"""The JSON Schema of a tool's arguments, from the model of a part of the request."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Json = dict[str, Any]

LIST_END = "__in"
"""The end of the names of query parameters that take several values, separated by commas."""

_DROPPED = frozenset({"title", "examples", "example"})
_RENAMED = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}


def arguments_of(model: type[BaseModel], arguments: Mapping[str, str]) -> tuple[dict[str, Json], list[str]]:
    """The schemas of the arguments, by their names, for the fields of the model, and the required ones. ``arguments``
    are the fields by the names of the arguments."""
    schema = model.model_json_schema(mode="validation")
    properties, definitions = schema.get("properties", {}), schema.get("$defs", {})
    needed = schema.get("required", [])
    schemas = {name: _as_argument(field, _plain(properties[field], definitions)) for name, field in arguments.items()}
    return schemas, [name for name, field in arguments.items() if field in needed]


def _as_argument(field: str, schema: Json) -> Json:
    if not field.endswith(LIST_END):
        return schema
    described = {"description": schema.pop("description")} if "description" in schema else {}
    return {"type": "array", "items": schema, "minItems": 1, **described}


def _plain(schema: Any, definitions: Mapping[str, Json]) -> Any:
    """The schema without references, which not every client follows, and without what only documents show."""
    if isinstance(schema, list):
        return [_plain(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        named = definitions[schema["$ref"].rpartition("/")[2]]
        return _plain({**named, **{name: each for name, each in schema.items() if name != "$ref"}}, definitions)
    plain = {
        _RENAMED.get(name, name): _value(name, value, definitions)
        for name, value in schema.items()
        if name not in _DROPPED and not (name == "default" and value is None)
    }
    if all(branch.get("type") == "string" and "enum" not in branch for branch in plain.get("anyOf", [{}])):
        # Forms of one text, such as a time or a date: the description tells them, and few clients look at the formats.
        return {**{name: each for name, each in plain.items() if name != "anyOf"}, "type": "string"}
    return plain


def _value(name: str, value: Any, definitions: Mapping[str, Json]) -> Any:
    match name:
        case "properties":
            return {field: _plain(each, definitions) for field, each in value.items()}
        case "description":
            return _text(value)
        case _:
            return _plain(value, definitions)


def _text(docstring: str) -> str:
    return " ".join(docstring.split()).replace("``", "`")
