"""An OpenAPI 3.0 document -> the same as OpenAPI 3.1, whose schemas are JSON Schema 2020-12."""

from typing import Any

VERSION = "3.1.1"

_NULL = {"type": "null"}
_BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_VALUES = frozenset({"example", "examples", "value", "default", "enum", "const"})
"""Keys whose values are data."""

Json = dict[str, Any]


def newer(document: Json) -> Json:
    """The document in 3.1. ``nullable`` becomes the type null, exclusive bounds numbers, and a schema's ``example`` the
    list ``examples``."""
    converted: Json = {**_outside(document), "openapi": VERSION}
    return converted


def _outside(part: Any) -> Any:
    """Everything but schemas, with the schemas in it converted."""
    if isinstance(part, list):
        return [_outside(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {key: _part(key, value) for key, value in part.items()}


def _part(key: str, value: Any) -> Any:
    if key in _VALUES:
        return value
    if key == "schema":
        return _schema(value)
    if key == "schemas":
        return {name: _schema(schema) for name, schema in value.items()}
    return _outside(value)


def _schema(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema  # `additionalProperties` may be a boolean
    result: Json = {}
    for key, value in schema.items():
        match key:
            case "nullable":
                continue
            case "example":
                result["examples"] = [value]
            case "properties":
                result[key] = {name: _schema(inner) for name, inner in value.items()}
            case "items" | "additionalProperties" | "not":
                result[key] = _schema(value)
            case "anyOf" | "oneOf" | "allOf":
                result[key] = [_schema(inner) for inner in value]
            case _:
                result[key] = value
    _make_exclusive(result)
    return _nullable(result) if schema.get("nullable") else result


def _make_exclusive(schema: Json) -> None:
    for exclusive, bound in _BOUNDS.items():
        if schema.get(exclusive) is True:
            schema[exclusive] = schema.pop(bound)


def _nullable(schema: Json) -> Json:
    """Null is one of the values; ``enum`` names it already. A schema without a type takes it as it is."""
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], _NULL]}
    if "allOf" in schema:
        rest = {key: value for key, value in schema.items() if key != "allOf"}
        parts = schema["allOf"]
        return {**rest, "anyOf": [parts[0] if len(parts) == 1 else {"allOf": parts}, _NULL]}
    return schema
