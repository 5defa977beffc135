from datetime import UTC, datetime

import pytest

from chalicelib.kit.listing import Moment, Number, Text, filter_names, matches
from chalicelib.kit.listing.fields import lower_bound, upper_bound
from tests.unit.kit.listing_rows import FIELDS

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
OWNER = "0198c0de-0000-7000-8000-00000000abcd"
ROW = {
    "id": "1",
    "label": "Alpha",
    "status": "done",
    "owner_id": OWNER,
    "is_whole": True,
    "size": 5,
    "ends_at": "2026-11-21T09:59:59Z",
    "inserted_at": "2026-11-20T10:00:00Z",
}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, True),
        ({"name": ""}, True),
        ({"name": "Alpha"}, True),
        ({"name": "al*"}, True),
        ({"name": "beta, Alpha"}, True),
        ({"name": "beta"}, False),
        ({"team_name": "*"}, False),
        ({"status": "done"}, True),
        ({"status": "open"}, False),
        ({"status": "done,open"}, False),
        ({"owner_id": OWNER.upper()}, True),
        ({"is_whole": True}, True),
        ({"is_whole": False}, False),
        ({"size": 5}, True),
        ({"size": 4}, False),
        ({"size__gte": 5, "size__lte": 5}, True),
        ({"size__gte": 6}, False),
        ({"size__lte": 4}, False),
        ({"has_size": True}, True),
        ({"has_size": False}, False),
        ({"is_boundless": False}, True),
        ({"is_boundless": True}, False),
        ({"is_over": True}, True),
        ({"is_over": False}, False),
        ({"inserted_at__gte": "2026-11-20"}, True),
        ({"inserted_at__gte": "2026-11-21"}, False),
        ({"inserted_at__lte": "2026-11-20"}, True),
        ({"inserted_at__lte": "2026-11-19"}, False),
        ({"inserted_at__gte": "2026-11-20T12:00:00+02:00"}, True),
        ({"inserted_at__gte": "2026-11-20T10:00:00.001Z"}, False),
        ({"inserted_at__lte": "2026-11-20T10:00:00.999Z"}, True),
        ({"updated_at__gte": "2026-01-01"}, False),
        ({"name": "al*", "size": 5, "status": "open"}, False),
    ],
)
def test_row_matches_its_filters_by_kind_of_field(filters, expected):
    assert matches(FIELDS, filters, ROW, NOW) is expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"is_whole": False}, True),
        ({"is_whole": True}, False),
        ({"has_size": False}, True),
        ({"is_boundless": True}, True),
        ({"size__gte": 0}, False),
        ({"is_over": False}, True),
        ({"name": "*"}, False),
    ],
)
def test_row_without_the_attribute_matches_only_filters_for_its_absence(filters, expected):
    assert matches(FIELDS, filters, {"id": "1"}, NOW) is expected


def test_computed_field_is_filtered_by_several_attributes():
    fields = {"text": Text("text", read=lambda item: str(item["a"]) + str(item["b"]), reads=("a", "b"))}

    assert matches(fields, {"text": "xy"}, {"a": "x", "b": "y"})
    assert fields["text"].needs == {"a", "b"}


@pytest.mark.parametrize("parameter", ["bogus", "name__gte", "inserted_at", "size__gt"])
def test_unknown_filter_parameter_is_a_key_error(parameter):
    with pytest.raises(KeyError):
        matches(FIELDS, {parameter: "1"}, ROW)


def test_filter_by_the_current_time_without_a_time_is_an_error():
    with pytest.raises(ValueError, match="current time"):
        matches(FIELDS, {"is_over": True}, ROW)


def test_filter_names_of_ordered_fields_include_gte_and_lte():
    fields = {"name": Text("name"), "size": Number("size"), "at": Moment("at")}

    assert filter_names(fields) == {"name", "size", "size__gte", "size__lte", "at__gte", "at__lte"}


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2026-11-21", "2026-11-21T00:00:00Z", "2026-11-21T23:59:59Z"),
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"),
        ("2026-11-21T10:00:00.5Z", "2026-11-21T10:00:01Z", "2026-11-21T10:00:00Z"),
        ("2026-11-21t10:00:00z", "2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"),
        ("2026-11-21T01:00:00+02:00", "2026-11-20T23:00:00Z", "2026-11-20T23:00:00Z"),
        ("0001-01-01", "1000-01-01T00:00:00Z", "1000-01-01T00:00:00Z"),
        ("9999-12-31", "9999-12-31T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("9999-12-31T23:59:59.5Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_date_bounds_span_the_whole_day_or_second(text, low, high):
    assert (lower_bound(text), upper_bound(text)) == (low, high)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-13-01",
        "2026-02-30",
        "20261121",
        "2026-W47-6",
        "2026-11-21T10:00:00",
        "2026-11-21T10:00Z",
        "2026-11-21T25:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        "٢٠٢٦-11-21",
        "2026-11-21 ",
    ],
)
def test_invalid_date_text_has_no_bounds(text):
    with pytest.raises(ValueError, match=r".+"):
        lower_bound(text)
    with pytest.raises(ValueError, match=r".+"):
        upper_bound(text)
