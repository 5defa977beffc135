import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from chalicelib.fleet.api.envelope import Envelope, pagination
from chalicelib.kit.errors import EdgeError, Kind

NOW = datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC)
META = {"request_id": "r-1", "timestamp": "2026-11-21T10:00:00.123456Z"}


@dataclass(frozen=True)
class Numbers:
    page: int
    page_size: int
    total_count: int
    by_cursor: bool = False
    next_cursor: str | None = None
    indexing: bool = False


class Thing(BaseModel):
    name: str
    note: str | None


@pytest.mark.parametrize(
    ("numbers", "total_pages", "next_page", "prev_page"),
    [
        (Numbers(1, 20, 0), 0, None, None),
        (Numbers(1, 20, 20), 1, None, None),
        (Numbers(1, 20, 21), 2, 2, None),
        (Numbers(2, 20, 21), 2, None, 1),
        (Numbers(2, 10, 25), 3, 3, 1),
        (Numbers(50, 10, 25), 3, None, 49),
        (Numbers(2, 10, 0), 0, None, 1),
    ],
)
def test_pagination_numbers_link_to_existing_pages_only(numbers, total_pages, next_page, prev_page):
    assert pagination(numbers) == {
        "page": numbers.page,
        "page_size": numbers.page_size,
        "total_count": numbers.total_count,
        "total_pages": total_pages,
        "has_next": next_page is not None,
        "has_prev": prev_page is not None,
        "next_page": next_page,
        "prev_page": prev_page,
    }


def test_success_envelope_keeps_nulls_and_non_ascii_text():
    text = Envelope("r-1", NOW).success(Thing(name="größe", note=None))
    assert json.loads(text) == {"data": {"name": "größe", "note": None}, "meta": META}
    assert "größe" in text


def test_list_envelope_has_pagination_in_meta():
    page = Numbers(1, 20, 1)
    body = json.loads(Envelope("r-1", NOW).paginated([Thing(name="a", note=None)], page))
    assert body["data"] == [{"name": "a", "note": None}]
    assert body["meta"] == {**META, "pagination": pagination(page)}


def test_error_envelope_without_details_omits_the_key():
    body = json.loads(Envelope("r-1", NOW).error(EdgeError(Kind.CONFLICT, "taken")))
    assert body == {"error": {"code": "conflict", "message": "taken"}, "meta": META}


def test_error_envelope_shows_details_as_lists_of_texts():
    error = EdgeError(Kind.VALIDATION_FAILED, "refused", {"name": ("is reserved",)})
    assert json.loads(Envelope("r-1", NOW).error(error))["error"]["details"] == {"name": ["is reserved"]}


@pytest.mark.parametrize(("cursor", "has_next"), [("abc", True), (None, False)])
def test_pagination_by_cursor_has_neither_number_nor_total(cursor, has_next):
    page = Numbers(1, 20, 0, by_cursor=True, next_cursor=cursor)
    assert pagination(page) == {"page_size": 20, "has_next": has_next, "next_cursor": cursor}


def test_page_by_cursor_that_is_too_large_is_refused_even_where_it_may_be_fewer():
    things = [Thing(name="x" * 1_000_000, note=None)] * 7
    with pytest.raises(EdgeError) as raised:
        Envelope("r-1", NOW).paginated(things, Numbers(1, 20, 0, by_cursor=True), may_be_fewer=True)
    assert raised.value.kind is Kind.BAD_REQUEST
