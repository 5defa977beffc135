import pytest

from chalicelib.kit.listing import OLDEST_FIRST, parse_order
from chalicelib.kit.listing.order import arrange
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
        ("bogus,name", "desc,asc", (("name", False),)),
        ("id,name", "asc,desc", (("name", True),)),
        ("name,bogus,size", "desc,desc,desc", (("name", True), ("size", True))),
        ("name,size", "sideways,desc", (("name", False), ("size", True))),
        ("name", "DESC", (("name", False),)),
        ("bogus", "desc", DEFAULT),
        ("name,name", "desc,asc", (("name", True),)),
        ("name", "desc,asc,asc", (("name", True),)),
    ],
)
def test_parse_order(order_by, directions, order):
    assert parse_order(order_by, directions, SORTABLE) == order


def test_the_default_can_be_another():
    assert parse_order("bogus", "desc", SORTABLE, OLDEST_FIRST) == OLDEST_FIRST


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
def test_rows_without_a_value_are_last_ascending_and_ids_break_ties(order, ids):
    assert arranged(order) == ids


def test_a_name_without_a_value_cannot_be_sorted_by():
    with pytest.raises(KeyError):
        arranged((("has_size", False),))
