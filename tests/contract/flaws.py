"""Values that fit a shape and values that break it, both derived from the schemas that the published document shows for
the request models."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from chalicelib.fleet.samples import FINGERPRINT
from chalicelib.web.openapi_schema import Components
from chalicelib.web.validation import INT32_MAX, INT32_MIN

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
_GOOD_TEXTS = {
    "uuid": "0f0e0d0c-0b0a-4900-8000-000000000001",
    "date-time": "2027-01-01T00:00:00Z",
    "date": "2027-01-01",
    "uri": "https://receiver.example/path",
}
_GOOD_TEXTS_OF_PATTERNS = (
    "north",
    "8.0.0.0/24",
    "0" * 64,
    "https://receiver.example/path",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    FINGERPRINT,
)
_BAD_TEXTS = {
    "uuid": ("1", "0f0e0d0c0b0a49008000000000000001", "{0f0e0d0c-0b0a-4900-8000-000000000001}", "g" * 36),
    "date-time": ("tomorrow", "2027-01-01T00:00:00", "2027-02-30T00:00:00Z", "2027-01-01T25:00:00Z", "1790000000"),
}
_BAD_TEXTS_OF_PATTERNS = ("Some Text!", "-", "a\n", "٣.٣.٣.٣/٣٣٣", " ")


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

    @property
    def names(self) -> list[str]:
        return list(self._whole.get("properties", {}))

    @property
    def required(self) -> list[str]:
        return list(self._whole.get("required", ()))

    def good(self) -> dict[str, Any]:
        """Something of the right shape, every field given. What it says may make no sense."""
        fitting: dict[str, Any] = self._good(self._whole)
        return fitting

    def body_flaws(self) -> Iterator[Flaw]:
        """Variations of `good`: for each field wrong types, null, bounds; missing and unknown fields."""
        yield from self._object_flaws(self._whole, self.good(), "")

    def text_flaws(self, name: str) -> Iterator[str]:
        """Texts that a path variable or query of that name cannot be."""
        for branch in self._branches(self._whole["properties"][name]):
            yield from (text for text in _bad_texts(branch) if text)
            yield from (str(number) for number in _bad_numbers(branch))
            if branch.get("type") in ("integer", "boolean"):
                yield from ("some text!", "1.5", "", "yes")

    def _branches(self, schema: Schema) -> list[Schema]:
        if "$ref" in schema:
            return self._branches(self._components.schemas[schema["$ref"].rsplit("/", 1)[1]])
        branches = schema.get("anyOf", schema.get("allOf"))
        if branches is None:
            return [schema]
        return [one for branch in branches for one in self._branches(branch)]

    def _good(self, field: Schema) -> Any:
        schema = self._branches(field)[0]
        match schema.get("type"):
            case "object":
                inner = schema.get("additionalProperties")
                some = {"some": self._good(inner)} if isinstance(inner, Mapping) else {}
                return {name: self._good(one) for name, one in schema.get("properties", {}).items()} | some
            case "array":
                return [self._good(schema["items"])]
            case "string":
                return _good_text(schema)
            case "integer":
                return max(5, schema.get("minimum", 0))
            case _:
                return True

    def _object_flaws(self, schema: Schema, good: Mapping[str, Any], place: str) -> Iterator[Flaw]:
        inner = schema.get("additionalProperties")
        if inner is False:
            yield Flaw("an unknown field", {**good, UNKNOWN: 1}, place + UNKNOWN)
        for name in schema.get("required", ()):
            without = {key: value for key, value in good.items() if key != name}
            yield Flaw(f"no {place}{name}", without, place + name)
        some = {"some": inner} if isinstance(inner, Mapping) else {}
        for name, field in {**schema.get("properties", {}), **some}.items():
            for flaw in self._field_flaws(field, good[name], place + name):
                yield Flaw(flaw.label, {**good, name: flaw.value}, flaw.field)
        if "maxProperties" in schema:
            many = {f"some{number}": good["some"] for number in range(schema["maxProperties"] + 1)}
            yield Flaw(f"{place}: {len(many)} members", many, place.rstrip("/"))

    def _field_flaws(self, field: Schema, good: Any, place: str) -> Iterator[Flaw]:
        branches = self._branches(field)
        types = {branch["type"] for branch in branches} | ({"null"} if field.get("nullable") else set())
        for kind, value in _OF_EACH_TYPE.items():
            if kind not in types:
                yield Flaw(f"{place}: {kind}", value, place)
        for branch in branches:
            # A number as a text is one of the texts where texts are allowed too.
            as_texts = () if "string" in types else map(str, _bad_numbers(branch))
            for value in (*_bad_texts(branch), *_bad_numbers(branch), *as_texts):
                yield Flaw(f"{place}: {str(value)[:40]!r}", value, place)
            if branch["type"] == "object":
                yield from self._object_flaws(branch, good, f"{place}/")
            if branch["type"] == "array":
                yield from self._array_flaws(branch, good, place)

    def _array_flaws(self, schema: Schema, good: list[Any], place: str) -> Iterator[Flaw]:
        if "maxItems" in schema:
            yield Flaw(f"{place}: too many", good * (schema["maxItems"] + 1), place)
        if schema.get("minItems"):
            yield Flaw(f"{place}: none", [], place)
        for flaw in self._field_flaws(schema["items"], good[0], f"{place}/0"):
            yield Flaw(flaw.label, [flaw.value, *good[1:]], flaw.field)


def _good_text(schema: Schema) -> str:
    if "enum" in schema:
        return str(schema["enum"][0])
    if "pattern" in schema:
        return next(text for text in _GOOD_TEXTS_OF_PATTERNS if re.search(schema["pattern"], text))
    usual = schema.get("example", "some text!")
    return _GOOD_TEXTS.get(schema.get("format", ""), str(usual)).ljust(schema.get("minLength", 0), "!")


def _bad_texts(schema: Schema) -> Iterator[str]:
    if schema.get("type") != "string":
        return
    yield from _BAD_TEXTS.get(schema.get("format", ""), ())
    if "enum" in schema:
        one = schema["enum"][0]
        yield from (text for text in ("some text!", one.upper(), one + " ", "") if text != one)
    if "pattern" in schema:
        yield from _BAD_TEXTS_OF_PATTERNS
    if schema.get("minLength", 0) > 0:
        yield "a" * (schema["minLength"] - 1)
    if "maxLength" in schema:
        yield "a" * (schema["maxLength"] + 1)


def _bad_numbers(schema: Schema) -> Iterator[int]:
    if schema.get("type") != "integer":
        return
    yield from (schema.get("minimum", INT32_MIN) - 1, schema.get("maximum", INT32_MAX) + 1, 2**31, -(2**31) - 1, 10**30)
