import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import OLDEST_FIRST, parse_order
from chalicelib.kit.listing.filters import arrange
from tests.unit.kit.listing_rows import FIELDS

SORTABLE = ("name", "size", "inserted_at")
DEFAULT = (("inserted_at", True),)


@pytest.mark.parametrize(
    ("order_by", "directions", "order"),
    [
        (None, None, DEFAULT),
        ("", "", DEFAULT),
        (None, "asc", DEFAULT),
        ("name", None, (("name", False),)),
        ("name", "desc", (("name", True),)),
        ("name,size", "desc", (("name", True), ("size", False))),
        (" name , size ", " asc , desc ", (("name", False), ("size", True))),
        (" ,name,", "asc,desc", (("name", True),)),
        ("name,name", "desc,asc", (("name", True),)),
        ("name", "desc,asc,asc", (("name", True),)),
    ],
)
def test_order_text_is_parsed_into_fields_and_directions(order_by, directions, order):
    assert parse_order(order_by, directions, SORTABLE) == order


@pytest.mark.parametrize(
    ("order_by", "directions", "details"),
    [
        ("bogus", None, {"order_by": ["Invalid value: bogus. Allowed: inserted_at, name, size"]}),
        ("name,id", "asc,desc", {"order_by": ["Invalid value: id. Allowed: inserted_at, name, size"]}),
        ("name", "sideways", {"order_directions": ["Invalid value: sideways. Allowed: asc, desc"]}),
        (None, "DESC", {"order_directions": ["Invalid value: DESC. Allowed: asc, desc"]}),
    ],
)
def test_invalid_order_is_400_with_details(order_by, directions, details):
    with pytest.raises(EdgeError) as caught:
        parse_order(order_by, directions, SORTABLE)
    assert (caught.value.kind, caught.value.details) == (Kind.BAD_REQUEST, details)


def test_empty_order_is_the_given_default():
    assert parse_order("", "desc", SORTABLE, OLDEST_FIRST) == OLDEST_FIRST


def arranged(order):
    items = [
        {"id": "1", "label": "b", "size": 2},
        {"id": "2", "label": "a"},
        {"id": "3", "label": "b", "size": 1},
        {"id": "4", "label": "a", "size": 2},
    ]
    arrange(items, order, FIELDS)
    return "".join(str(item["id"]) for item in items)


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        ((("name", False),), "2413"),
        ((("name", True),), "3142"),
        ((("size", False),), "3142"),
        ((("size", True),), "2413"),
        ((("name", False), ("size", False)), "4231"),
        ((("name", False), ("size", True)), "2413"),
        ((("size", True), ("name", False)), "2413"),
    ],
)
def test_rows_without_a_value_sort_last_and_ids_break_ties(order, ids):
    assert arranged(order) == ids


def test_order_by_a_field_without_a_sort_value_is_an_error():
    with pytest.raises(KeyError):
        arranged((("has_size", False),))
