"""A schema as rows of a table: one for each field, those within it after it. For OpenAPI 3.0 and for JSON Schema."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.web.docs.markup import Row, code, prose

Schema = Mapping[str, Any]

HEADS = ("Field", "Type", "Meaning")

_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} character(s)",
    "maxLength": "at most {} character(s)",
    "minItems": "at least {} item(s)",
    "maxItems": "at most {} item(s)",
    "pattern": "matches `{}`",
    "default": "default `{}`",
}


def _as_json(value: Any) -> str:
    """A bound as the API writes it; a text without quotes."""
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True)
class Fields:
    """``schemas`` are the document's components."""

    schemas: Mapping[str, Schema]

    def rows(self, schema: Schema, prefix: str = "", within: tuple[str, ...] = ()) -> Iterator[Row]:
        """The fields of an object, or of what an array holds. A schema inside itself is named and not opened again."""
        name, found = self._resolved(schema)
        if name in within:
            return
        inside = (*within, name) if name else within
        if found.get("type") == "array":
            yield from self.rows(found.get("items", {}), f"{prefix}[]", inside)
        required = found.get("required", [])
        for field, inner in found.get("properties", {}).items():
            path = f"{prefix}.{field}" if prefix else field
            yield code(path), prose(self.type_of(inner)), prose(self._said(inner, required=field in required))
            yield from self.rows(inner, path, inside)
        for branch in found.get("anyOf", []):
            yield from self.rows(branch, prefix, inside)

    def type_of(self, schema: Schema) -> str:
        """In a few words, as Markdown."""
        _, found = self._resolved(schema)
        if alternatives := found.get("anyOf"):
            return " or ".join(dict.fromkeys(self.type_of(each) for each in alternatives))
        kinds = found.get("type", "any")
        text = str(kinds) if isinstance(kinds, str) else " or ".join(kinds)
        if text == "array":
            text = f"array of {self.type_of(found.get('items', {}))}"
        if "format" in found:
            text = f"{text} ({found['format']})"
        return f"{text} or null" if found.get("nullable") else text

    def _said(self, schema: Schema, *, required: bool) -> str:
        _, found = self._resolved(schema)
        parts = ["required"] if required else []
        if values := found.get("enum") or ([found["const"]] if "const" in found else []):
            parts.append(" ".join(f"`{value}`" for value in values))
        parts += [text.format(_as_json(found[bound])) for bound, text in _BOUNDS.items() if bound in found]
        described = str(schema.get("description") or found.get("description", ""))
        return "; ".join(parts) + (". " if parts and described else "") + described

    def _resolved(self, schema: Schema) -> tuple[str, Schema]:
        """The name of a schema, empty for one without, and what it stands for."""
        if len(schema.get("allOf", [])) == 1:
            name, found = self._resolved(schema["allOf"][0])
            return name, {**found, **{key: value for key, value in schema.items() if key != "allOf"}}
        if "$ref" not in schema:
            return "", schema
        name = schema["$ref"].rpartition("/")[2]
        return name, self.schemas[name]
