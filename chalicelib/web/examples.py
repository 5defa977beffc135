"""Examples in the published document, composed from those that models and their fields have."""

from collections.abc import Mapping
from typing import Any

from chalicelib.web.openapi_schema import Schema
from chalicelib.web.operation import NO_EXAMPLE

REQUEST_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee"
TIME = "2026-11-21T10:00:02.250000Z"


def example_of(schema: Schema, schemas: Mapping[str, Schema], within: tuple[str, ...] = ()) -> Any:
    """An example of the schema, or `NO_EXAMPLE`. ``schemas`` are the document's components.

    The schema's own ``example`` wins. An object has all of its required fields, and those of the others that have an
    example; an array one item. A required field without an example gets its default or its first enum value, else null
    if it may be null.
    """
    said = _said(schema, schemas, within)
    if said is not NO_EXAMPLE:
        return said
    _, found = _resolved(schema, schemas)
    if "default" in found:
        return found["default"]
    if found.get("enum"):
        return found["enum"][0]
    return None if found.get("nullable") or schema.get("nullable") else NO_EXAMPLE


def _said(schema: Schema, schemas: Mapping[str, Schema], within: tuple[str, ...]) -> Any:
    if "example" in schema:
        return schema["example"]
    name, found = _resolved(schema, schemas)
    if "example" in found:
        return found["example"]
    if name in within:
        return NO_EXAMPLE
    inside = (*within, name) if name else within
    for branch in found.get("anyOf", ()):
        if (said := _said(branch, schemas, inside)) is not NO_EXAMPLE:
            return said
    if "properties" in found:
        return _object(found, schemas, inside)
    if found.get("type") == "array":
        item = _said(found.get("items", {}), schemas, inside)
        return item if item is NO_EXAMPLE else [item]
    return NO_EXAMPLE


def _object(schema: Schema, schemas: Mapping[str, Schema], within: tuple[str, ...]) -> Any:
    composed = {}
    for name, inner in schema["properties"].items():
        is_required = name in schema.get("required", ())
        value = (example_of if is_required else _said)(inner, schemas, within)
        if value is not NO_EXAMPLE:
            composed[name] = value
        elif is_required:
            return NO_EXAMPLE
    return composed or NO_EXAMPLE


def _resolved(schema: Schema, schemas: Mapping[str, Schema]) -> tuple[str, Schema]:
    """The name of a referenced schema, empty for any other, and what it holds."""
    reference = schema["allOf"][0] if len(schema.get("allOf", ())) == 1 else schema
    if "$ref" not in reference:
        return "", reference
    name = reference["$ref"].rpartition("/")[2]
    return name, schemas[name]


def with_override(composed: Any, given: Any) -> Any:
    """The fields of an object that an operation gives replace those of the composed example."""
    if isinstance(composed, dict) and isinstance(given, dict):
        return composed | given
    return composed if given is NO_EXAMPLE else given
