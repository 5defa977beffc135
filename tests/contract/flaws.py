"""Values that break a shape, derived from the schemas that the published document shows for the request models."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from chalicelib.api.openapi_schema import Components
from chalicelib.api.validation import INT32_MAX, INT32_MIN

Schema = Mapping[str, Any]

UNKNOWN = "surprise"

_OF_EACH_TYPE: Mapping[str, Any] = {
    "null": None,
    "boolean": True,
    "integer": 5,
    "number": 1.5,
    "string": "some text!",
    "array": [],
    "object": {},
}
_BAD_TEXTS = {
    "uuid": ("1", "0f0e0d0c0b0a49008000000000000001", "{0f0e0d0c-0b0a-4900-8000-000000000001}", "g" * 36),
    "date-time": ("tomorrow", "2027-01-01T00:00:00", "2027-02-30T00:00:00Z", "2027-01-01T25:00:00Z", "1790000000"),
}


@dataclass(frozen=True)
class Flaw:
    """A value with one thing wrong, and the field that a refusal must name."""

    label: str
    value: Any
    field: str


class Shape:
    """A request model's schema with its references resolved."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._components = Components()
        self._whole = self._components.schema(model, "validation")

    def body_flaws(self, good: Mapping[str, Any]) -> Iterator[Flaw]:
        """Variations of a good body: for each field wrong types, null, bounds; missing and unknown fields."""
        yield from self._object_flaws(self._whole, good, "")

    def text_flaws(self, name: str) -> Iterator[str]:
        """Texts that a path variable or query of that name cannot be."""
        schema = self._alternatives(self._whole["properties"][name])
        for one in schema:
            yield from (text for text in _bad_texts(one) if text)
            yield from (str(number) for number in _bad_numbers(one))
            if one.get("type") in ("integer", "boolean"):
                yield from ("some text!", "1.5", "", "yes")

    @property
    def names(self) -> list[str]:
        return list(self._whole.get("properties", {}))

    def _alternatives(self, schema: Schema) -> list[Schema]:
        if "$ref" in schema:
            return self._alternatives(self._components.schemas[schema["$ref"].rsplit("/", 1)[1]])
        branches = schema.get("anyOf", schema.get("allOf"))
        if branches is None:
            return [schema]
        return [one for branch in branches for one in self._alternatives(branch)]

    def _object_flaws(self, schema: Schema, good: Mapping[str, Any], place: str) -> Iterator[Flaw]:
        yield Flaw("an unknown field", {**good, UNKNOWN: 1}, place + UNKNOWN)
        for name in schema.get("required", ()):
            without = {key: value for key, value in good.items() if key != name}
            yield Flaw(f"no {place}{name}", without, place + name)
        for name, field in schema["properties"].items():
            for flaw in self._field_flaws(field, good.get(name), place + name):
                yield Flaw(flaw.label, {**deepcopy(good), name: flaw.value}, flaw.field)

    def _field_flaws(self, field: Schema, good: Any, place: str) -> Iterator[Flaw]:
        branches = self._alternatives(field)
        types = {branch["type"] for branch in branches} | ({"null"} if field.get("nullable") else set())
        for kind, value in _OF_EACH_TYPE.items():
            if kind not in types:
                yield Flaw(f"{place}: {kind}", value, place)
        for branch in branches:
            for value in (*_bad_texts(branch), *_bad_numbers(branch), *map(str, _bad_numbers(branch))):
                yield Flaw(f"{place}: {str(value)[:40]!r}", value, place)
            if branch["type"] == "object":
                yield from self._object_flaws(branch, good or {}, f"{place}/")
            if branch["type"] == "array":
                yield from self._array_flaws(branch, good, place)

    def _array_flaws(self, schema: Schema, good: list[Any], place: str) -> Iterator[Flaw]:
        too_many = schema["maxItems"] + 1
        yield Flaw(f"{place}: {too_many} items", (good * too_many)[:too_many], place)
        for flaw in self._field_flaws(schema["items"], good[0], f"{place}/0"):
            yield Flaw(flaw.label, [flaw.value, *good[1:]], flaw.field)


def _bad_texts(schema: Schema) -> Iterator[str]:
    if schema.get("type") != "string":
        return
    yield from _BAD_TEXTS.get(schema.get("format", ""), ())
    if "enum" in schema:
        yield from ("some text!", schema["enum"][0].upper(), schema["enum"][0] + " ", "")
    if "pattern" in schema:
        yield from ("Some Text!", "-", "a\n", "٣.٣.٣.٣/٣٣٣")
    if schema.get("minLength", 0) > 0:
        yield "a" * (schema["minLength"] - 1)
    if "maxLength" in schema:
        yield "a" * (schema["maxLength"] + 1)


def _bad_numbers(schema: Schema) -> Iterator[int]:
    if schema.get("type") != "integer":
        return
    yield from (schema.get("minimum", INT32_MIN) - 1, schema.get("maximum", INT32_MAX) + 1, 2**31, -(2**31) - 1, 10**30)
