from enum import StrEnum
from typing import Annotated

import pytest

from chalicelib.kit.errors import EdgeError
from chalicelib.web.list_query import ListQuery
from chalicelib.web.listed_filters import MOST_VALUES, EachOneOf, TextsFilter, UuidsFilter
from chalicelib.web.validation import Body, read

OWNER = "0198C0DE-0000-7000-8000-00000000ABCD"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class RunQuery(ListQuery):
    name__in: TextsFilter = None
    colour__in: Annotated[str | None, EachOneOf(Colour)] = None
    owner_id__in: UuidsFilter = None


class RunFilters(Body):
    name__in: TextsFilter = None


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("name__in", "web, db,web", "web,db"),
        ("colour__in", " red , blue", "red,blue"),
        ("owner_id__in", OWNER, OWNER.lower()),
    ],
)
def test_listed_values_are_kept_once_and_without_spaces(name, given, kept):
    assert read(RunQuery, {name: given}).to_request(set()).filters == {name: kept}


@pytest.mark.parametrize("given", ["web,db", ["web", "db"]])
def test_listed_values_of_a_body_may_be_an_array(given):
    assert read(RunFilters, {"name__in": given}).name__in == "web,db"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("name__in", ""),
        ("name__in", "web,"),
        ("name__in", ",".join("a" for _ in range(MOST_VALUES + 1))),
        ("colour__in", "red,red"),
        ("colour__in", "green"),
        ("owner_id__in", "web"),
    ],
)
def test_list_of_wrong_values_is_refused(name, given):
    with pytest.raises(EdgeError) as caught:
        read(RunQuery, {name: given})
    assert list(caught.value.details) == [name]


@pytest.mark.parametrize("given", [None, [], ["web", 1], ["a,b"], 7])
def test_wrong_listed_values_of_a_body_are_refused(given):
    with pytest.raises(EdgeError):
        read(RunFilters, {"name__in": given})


@pytest.mark.parametrize(
    ("sort", "order"),
    [("-name,size", (("name", True), ("size", False))), ("name,-name", (("name", False),))],
)
def test_sort_gives_the_order_in_one_parameter(sort, order):
    assert read(RunQuery, {"sort": sort}).to_request({"name", "size"}).order == order


@pytest.mark.parametrize(
    "given", [{"sort": "-colour"}, {"sort": "name", "order_by": "name"}, {"sort": "name", "cursor": ""}]
)
def test_sort_that_cannot_be_is_refused(given):
    with pytest.raises(EdgeError) as caught:
        read(RunQuery, given).to_request({"name"})
    assert list(caught.value.details) == ["sort"]
