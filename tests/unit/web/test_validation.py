from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BeforeValidator, Field, StringConstraints

from chalicelib.fleet.api import API
from chalicelib.fleet.api.patterns import PATTERNS
from chalicelib.fleet.clusters.model import ClusterName
from chalicelib.kit.errors import EdgeError, Kind, bad_request
from chalicelib.web.problems import details_of, problems
from chalicelib.web.validation import Body, Boolean, DateTime, Int32, NoQuery, Port, Query, Uuid, read

UUID = "01234567-89AB-cdef-0123-456789abcdef"


class Colour(StrEnum):
    RED = "red"


def _three(value: object) -> object:
    raise problems("first", "second", "third")


def _plain(value: object) -> object:
    raise ValueError("own words")


class Inner(Body):
    type: Literal["all", "nodes"]
    ids: list[Uuid] | None = None
    count: Int32 | None = None


class Sample(Body):
    name: ClusterName
    limit: Annotated[Int32, Ge(1), Le(100)] | None = None
    amount: Int32 = 1
    above: Annotated[Int32, Gt(0), Lt(10)] = 1
    port: Port = 1
    flag: Boolean = False
    at: DateTime | None = None
    id: Uuid | None = None
    colour: Colour | None = None
    text: Annotated[str, MinLen(2), MaxLen(3)] = "ab"
    share: float = 0.5
    labels: Annotated[dict[str, str], MinLen(1), MaxLen(2)] = Field({"a": "b"})
    words: Annotated[list[str], MinLen(1), MaxLen(2)] = Field(["a"])
    inner: Inner | None = None
    three: Annotated[str, BeforeValidator(_three)] = ""
    plain: Annotated[str, BeforeValidator(_plain)] = ""


def refused(values, model=Sample):
    with pytest.raises(EdgeError) as raised:
        read(model, values, partial(details_of, patterns=PATTERNS))
    assert raised.value.kind is Kind.BAD_REQUEST
    assert raised.value.message == bad_request({}).message
    return raised.value.details


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", None, "null value where string expected"),
        ("name", 5, "Invalid string. Got: integer"),
        ("name", "Up", "Invalid format. Expected a-z, 0-9 and -, neither first nor last a -"),
        ("name", "a\n", "Invalid format. Expected a-z, 0-9 and -, neither first nor last a -"),
        ("name", "a" * 25, "String length is larger than maxLength: 24"),
        ("limit", 0, "0 is smaller than inclusive minimum 1"),
        ("limit", "101", "101 is larger than inclusive maximum 100"),
        ("limit", "x", "Invalid integer. Got: string"),
        ("limit", " 5", "Invalid integer. Got: string"),
        ("limit", "1_0", "Invalid integer. Got: string"),
        ("limit", "٣", "Invalid integer. Got: string"),
        ("limit", 1.0, "Invalid integer. Got: number"),
        ("limit", True, "Invalid integer. Got: boolean"),
        ("limit", [], "Invalid integer. Got: array"),
        ("limit", {}, "Invalid integer. Got: object"),
        ("amount", None, "null value where integer expected"),
        ("amount", 2**31, "2147483648 is larger than inclusive maximum 2147483647"),
        ("amount", -(2**31) - 1, "-2147483649 is smaller than inclusive minimum -2147483648"),
        ("amount", "9" * 5000, "Invalid integer. Got: string"),
        ("above", 0, "0 is smaller than exclusive minimum 0"),
        ("above", 10, "10 is larger than exclusive maximum 10"),
        ("port", 65536, "65536 is larger than inclusive maximum 65535"),
        ("flag", "yes", "Invalid boolean. Got: string. Allowed: true, false"),
        ("flag", 1, "Invalid boolean. Got: integer. Allowed: true, false"),
        ("flag", None, "null value where boolean expected"),
        (
            "at",
            "2026-01-01",
            "Invalid format. Expected a date-time with offset, 2026-11-21T10:00:00Z",
        ),
        (
            "at",
            "2026-01-01T00:00:00",
            "Invalid format. Expected a date-time with offset, 2026-11-21T10:00:00Z",
        ),
        (
            "at",
            "2026-02-30T00:00:00Z",
            "Invalid format. Expected a date-time with offset, 2026-11-21T10:00:00Z",
        ),
        (
            "at",
            "0001-01-01T00:00:00+14:00",
            "Invalid format. Expected a date-time with offset, 2026-11-21T10:00:00Z",
        ),
        (
            "at",
            "2026-01-01T00:00:00 01:00",
            "Invalid format. Expected a date-time with offset, 2026-11-21T10:00:00Z. In a URL a + is written %2B",
        ),
        ("at", 5, "Invalid string. Got: integer"),
        ("id", "x", "Invalid format. Expected a UUID"),
        (
            "id",
            "0123456789abcdef0123456789abcdef",
            "Invalid format. Expected a UUID",
        ),
        ("id", 5, "Invalid string. Got: integer"),
        ("colour", "green", 'Invalid value for enum: "green". Allowed: red'),
        ("text", "a", "String length is smaller than minLength: 2"),
        ("text", "abcd", "String length is larger than maxLength: 3"),
        ("share", "x", "Invalid number. Got: string"),
        ("labels", {}, "Object property count 0 is less than minProperties: 1"),
        ("labels", {"a": "", "b": "", "c": ""}, "Object property count 3 is greater than maxProperties: 2"),
        ("labels", [], "Invalid object. Got: array"),
        ("words", [], "Array length 0 is smaller than minItems: 1"),
        ("words", ["a", "b", "c"], "Array length 3 is larger than maxItems: 2"),
        ("words", "a", "Invalid array. Got: string"),
        ("inner", [], "Invalid object. Got: array"),
        ("plain", "x", "own words"),
    ],
)
def test_each_kind_of_invalid_value_has_its_error_text(field, value, text):
    assert refused({"name": "a", field: value}) == {field: [text]}


def test_validator_may_report_several_texts():
    assert refused({"name": "a", "three": "x"}) == {"three": ["first", "second", "third"]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "Invalid object. Got: array"),
        ("x", "Invalid object. Got: string"),
        (None, "null value where object expected"),
    ],
)
def test_error_of_a_body_other_than_an_object_has_the_empty_key(value, text):
    assert refused(value) == {"": [text]}


def test_error_in_a_nested_field_has_a_slash_path():
    inner = {"type": "some", "ids": [UUID, "x", None], "count": "?"}
    assert refused({"name": "a", "inner": inner, "labels": {"k": 1}}) == {
        "inner/type": ['Invalid value for enum: "some". Allowed: all or nodes'],
        "inner/ids/1": ["Invalid format. Expected a UUID"],
        "inner/ids/2": ["null value where string expected"],
        "inner/count": ["Invalid integer. Got: string"],
        "labels/k": ["Invalid string. Got: integer"],
    }


def test_unknown_field_hides_all_other_errors():
    assert refused({"foo": 1, "bar": 2, "limit": "x"}) == {"foo": ["Unexpected field: foo"]}


def test_missing_field_hides_wrong_values():
    assert refused({"limit": "x"}) == {"name": ["Missing field: name"]}


def test_error_precedence_applies_within_each_object():
    assert refused({"inner": {"bar": 1}}) == {"name": ["Missing field: name"]}
    assert refused({"name": "a", "limit": 0, "inner": {"bar": 1, "ids": 5}}) == {
        "limit": ["0 is smaller than inclusive minimum 1"],
        "inner/bar": ["Unexpected field: bar"],
    }
    assert refused({"name": "a", "inner": {"ids": 5}}) == {"inner/type": ["Missing field: type"]}


def test_text_is_accepted_for_integer_and_boolean_fields():
    sample = read(Sample, {"name": "a", "limit": "5", "amount": "-3", "flag": "true"})
    assert (sample.limit, sample.amount, sample.flag) == (5, -3, True)


def test_uuid_is_lowercased_and_time_converted_to_utc():
    sample = read(Sample, {"name": "a", "id": UUID, "at": "2026-01-01T01:30:00.5+02:00"})
    assert sample.id == UUID.lower()
    assert sample.at == datetime(2025, 12, 31, 23, 30, 0, 500_000, tzinfo=UTC)
    assert sample.at.tzinfo is UTC


def test_omitted_field_differs_from_a_null_field():
    assert read(Sample, {"name": "a", "limit": None}).model_fields_set == {"name", "limit"}


def test_route_without_query_parameters_refuses_any():
    assert refused({"verbose": "1"}, NoQuery) == {"verbose": ["Unexpected field: verbose"]}


def test_validation_error_does_not_quote_the_input():
    with pytest.raises(EdgeError) as raised:
        read(Sample, {"name": "a", "id": "s3cret-value"})
    assert "s3cret-value" not in f"{raised.value!r} {raised.value} {raised.value.details}"


def _patterns(schema):
    """Every pattern in a JSON schema."""
    if isinstance(schema, dict):
        yield from ([schema["pattern"]] if isinstance(schema.get("pattern"), str) else [])
        schema = list(schema.values())
    if isinstance(schema, list):
        for inner in schema:
            yield from _patterns(inner)


def test_every_pattern_of_a_request_has_words():
    models = {model for one in API.endpoints() for model in (one.path, one.query, one.body)}
    used = {pattern for model in models for pattern in _patterns(model.model_json_schema())}
    assert used == set(PATTERNS)


def test_pattern_without_words_is_shown_in_the_error():
    class Odd(Query):
        code: Annotated[str, StringConstraints(pattern="^x+$")]

    assert refused({"code": "y"}, Odd) == {"code": ["Invalid format. Expected a text that matches ^x+$"]}
