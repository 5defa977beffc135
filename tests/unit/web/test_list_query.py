from enum import StrEnum
from typing import Literal

import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import NEWEST_FIRST, OLDEST_FIRST, ListRequest
from chalicelib.web.list_query import (
    BoolFilter,
    CountFilter,
    DateFilter,
    EnumFilter,
    ListQuery,
    PageQuery,
    PositiveFilter,
    TextFilter,
    UuidFilter,
)
from chalicelib.web.validation import NOT_A_UUID, Body, read

OWNER = "0198C0DE-0000-7000-8000-00000000ABCD"


class Colour(StrEnum):
    RED = "red"


class RunQuery(ListQuery):
    name: TextFilter = None
    status: EnumFilter[Literal["open", "done"]] = None
    colour: EnumFilter[Colour] = None
    owner_id: UuidFilter = None
    is_whole: BoolFilter = None
    size: PositiveFilter = None
    exit_code: CountFilter = None
    seen_at__gte: DateFilter = None


class RunFilters(Body):
    name: TextFilter = None
    status: EnumFilter[Literal["open", "done"]] = None
    is_whole: BoolFilter = None
    size: PositiveFilter = None
    seen_at__gte: DateFilter = None


def asked(**parameters):
    return read(RunQuery, parameters).to_request({"name", "size"})


def refused(model, **parameters):
    with pytest.raises(EdgeError) as caught:
        read(model, parameters)
    assert caught.value.kind is Kind.BAD_REQUEST
    return caught.value.details


def test_empty_list_query_is_the_first_page_newest_first():
    assert asked() == ListRequest(page=1, page_size=20, order=NEWEST_FIRST, filters={})


def test_list_query_is_parsed_from_text_values():
    request = asked(
        page="3",
        page_size="100",
        order_by="name,size",
        order_directions="desc,desc",
        name="pro*",
        status="open",
        colour="red",
        owner_id=OWNER,
        is_whole="false",
        size="5",
        exit_code="0",
        seen_at__gte="2026-11-21",
        inserted_at__lte="2026-11-21T10:00:00+01:00",
    )

    assert request == ListRequest(
        page=3,
        page_size=100,
        order=(("name", True), ("size", True)),
        filters={
            "name": "pro*",
            "status": "open",
            "colour": "red",
            "owner_id": OWNER.lower(),
            "is_whole": False,
            "size": 5,
            "exit_code": 0,
            "seen_at__gte": "2026-11-21",
            "inserted_at__lte": "2026-11-21T10:00:00+01:00",
        },
    )
    assert request.offset == 200


def test_empty_text_parameter_is_no_filter():
    assert asked(name="", order_by="").filters == {}


def test_list_query_may_have_another_default_order_and_page_size():
    class Inbox(PageQuery):
        page_size: CountFilter = 100  # type: ignore[assignment]
        status: EnumFilter[Literal["pending"]]

    request = read(Inbox, {"status": "pending"}).to_request({"inserted_at"}, OLDEST_FIRST)

    assert request == ListRequest(page_size=100, order=OLDEST_FIRST, filters={"status": "pending"})


@pytest.mark.parametrize(
    ("parameter", "value", "texts"),
    [
        ("page", "0", ["0 is smaller than inclusive minimum 1"]),
        ("page", "one", ["Invalid integer. Got: string"]),
        ("page", str(2**31), [f"{2**31} is larger than inclusive maximum {2**31 - 1}"]),
        ("page_size", "101", ["101 is larger than inclusive maximum 100"]),
        ("page_size", "0", ["0 is smaller than inclusive minimum 1"]),
        ("size", "0", ["0 is smaller than inclusive minimum 1"]),
        ("size", "", ["Invalid integer. Got: string"]),
        ("exit_code", "-1", ["-1 is smaller than inclusive minimum 0"]),
        ("status", "lost", ['Invalid value for enum: "lost". Allowed: open or done']),
        ("colour", "lost", ['Invalid value for enum: "lost". Allowed: red']),
        ("owner_id", "lost", [NOT_A_UUID]),
        ("is_whole", "yes", ["Invalid boolean. Got: string. Allowed: true, false"]),
        ("bogus", "1", ["Unexpected field: bogus"]),
        ("seen_at__lte", "2026-11-21", ["Unexpected field: seen_at__lte"]),
    ],
)
def test_invalid_list_parameter_is_refused_by_name(parameter, value, texts):
    assert refused(RunQuery, **{parameter: value}) == {parameter: texts}


@pytest.mark.parametrize("value", ["yesterday", "", "2026-11-21T10:00:00", "2026-02-30", "2026-11-21T10:00:00 02:00"])
def test_bad_date_filter_is_refused_with_the_accepted_formats(value):
    hint = ". In a URL a + is written %2B" if value == "2026-11-21T10:00:00 02:00" else ""
    expected = "a date, 2026-11-21, or a date-time with offset, 2026-11-21T10:00:00Z"
    assert refused(RunQuery, inserted_at__gte=value) == {
        "inserted_at__gte": [f"Invalid format. Expected {expected}{hint}"]
    }


def test_several_wrong_list_parameters_are_all_reported():
    assert set(refused(RunQuery, page="0", size="x", updated_at__lte="x")) == {"page", "size", "updated_at__lte"}


@pytest.mark.parametrize(
    ("name", "value", "texts"),
    [
        ("name", None, ["null value where string expected"]),
        ("status", None, ["null value where string expected"]),
        ("is_whole", None, ["null value where boolean expected"]),
        ("size", None, ["null value where integer expected"]),
        ("name", 5, ["Invalid string. Got: integer"]),
    ],
)
def test_null_filter_in_a_body_is_refused(name, value, texts):
    assert refused(RunFilters, **{name: value}) == {name: texts}


@pytest.mark.parametrize(
    ("value", "text"), [(None, "null value where string expected"), (5, "Invalid string. Got: integer")]
)
def test_date_filter_in_a_body_must_be_text(value, text):
    assert refused(RunFilters, seen_at__gte=value)["seen_at__gte"] == [text]


def test_list_query_schema_has_the_types_of_the_contract():
    properties = RunQuery.model_json_schema()["properties"]

    assert properties["inserted_at__gte"]["anyOf"] == [
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date"},
    ]
    assert {name: properties["size"][name] for name in ("type", "minimum")} == {"type": "integer", "minimum": 1}
    assert properties["owner_id"]["format"] == "uuid"
