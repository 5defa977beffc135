"""JSON Schema as pydantic writes it (2020-12) -> the Schema Object of OpenAPI 3.0."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel

_REF = "#/components/schemas/{model}"
_DROPPED = frozenset({"title", "propertyNames", "$defs"})
_RENAMED = {"ge": "minimum", "le": "maximum", "const": "enum", "examples": "example"}
_EXCLUSIVE = {
    "exclusiveMinimum": "minimum",
    "exclusiveMaximum": "maximum",
    "gt": "minimum",
    "lt": "maximum",
}
_NULL = {"type": "null"}

Schema = dict[str, Any]


class NameTakenError(Exception):
    """Two different models share a name: the document could show only one of them."""


class Components:
    """Collects the schemas of models under their names."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}

    def reference(self, model: type[BaseModel], mode: Literal["validation", "serialization"]) -> Schema:
        """Keep `model` and all it contains; returns the reference to it. Raises `NameTakenError`."""
        self._keep(model.__name__, self.schema(model, mode))
        return {"$ref": _REF.format(model=model.__name__)}

    def schema(self, model: type[BaseModel], mode: Literal["validation", "serialization"]) -> Schema:
        """The schema of `model` itself; its parts are kept. Raises `NameTakenError`."""
        written = _written(model, mode)
        for name, inner in written.get("$defs", {}).items():
            self._keep(name, to_openapi(inner))
        return to_openapi(written)

    def _keep(self, name: str, schema: Schema) -> None:
        if self.schemas.setdefault(name, schema) != schema:
            raise NameTakenError(f"two different models are called {name}")


@cache
def _written(model: type[BaseModel], mode: Literal["validation", "serialization"]) -> Schema:
    """Pydantic's schema of a model. It is read, never changed."""
    return model.model_json_schema(ref_template=_REF, mode=mode)


def to_openapi(schema: Mapping[str, Any]) -> Schema:
    """One schema and all within it. ``null`` among alternatives becomes ``nullable``, as 3.0 has no null type."""
    result: Schema = {}
    for name, value in schema.items():
        if name in _DROPPED or (name == "default" and value is None):
            continue
        if name in _EXCLUSIVE:
            bound = _EXCLUSIVE[name]
            result |= {bound: value, f"exclusive{bound.capitalize()}": True}
        else:
            result[_RENAMED.get(name, name)] = _converted(name, value)
    return _with_lone_reference(_without_null(result))


def _converted(name: str, value: Any) -> Any:
    match name:
        case "properties":
            return {field: to_openapi(inner) for field, inner in value.items()}
        case "items" | "additionalProperties":
            return to_openapi(value) if isinstance(value, Mapping) else value
        case "anyOf" | "oneOf" | "allOf":
            return [inner if inner == _NULL else to_openapi(inner) for inner in value]
        case "const":
            return [value]
        case "examples":
            return value[0]
        case "description":
            return to_markdown(value)
        case _:
            return value


def to_markdown(docstring: str) -> str:
    """A docstring as one paragraph of the Markdown that readers of OpenAPI show."""
    return " ".join(docstring.split()).replace("``", "`")


def _without_null(schema: Schema) -> Schema:
    branches = schema.get("anyOf", [])
    others = [branch for branch in branches if branch != _NULL]
    if len(others) == len(branches):
        return schema
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    if len(others) == 1 and "anyOf" in others[0]:
        others = others[0]["anyOf"]
    if len(others) != 1:
        # Null is allowed by a schema that names a type (OpenAPI 3.0.3, proposal "Clarify nullable"): so by a branch.
        branches = [branch if "$ref" in branch else {**branch, "nullable": True} for branch in others]
        return {**rest, "anyOf": branches, "nullable": True}
    if "$ref" in others[0]:
        return {**rest, "allOf": others, "nullable": True}
    # Null must be named among the values of an enum (OpenAPI 3.0.3, proposal "Clarify nullable").
    values = {"enum": [*others[0]["enum"], None]} if "enum" in others[0] else {}
    return {**others[0], **values, **rest, "nullable": True}


def _with_lone_reference(schema: Schema) -> Schema:
    """In 3.0 whatever stands beside a ``$ref`` is ignored."""
    if "$ref" not in schema or len(schema) == 1:
        return schema
    rest = {name: value for name, value in schema.items() if name != "$ref"}
    return {**rest, "allOf": [{"$ref": schema["$ref"]}]}
