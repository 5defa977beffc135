"""Reaches, and list requests narrowed to them."""

import pytest

from chalicelib.fleet.reach import EVERYWHERE, Reach, narrowed, reach_of, reached
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import ListRequest
from chalicelib.platform.access.principal import Principal, PrincipalKind, root

NAMES = ["north", "north-2", "south"]


class Row:
    cluster_id = "a"


def a_key(**restrictions):
    return Principal(kind=PrincipalKind.KEY, restrictions=restrictions)


def test_principal_without_restrictions_reaches_everything():
    assert reach_of(root("MASTER_KEY")) is EVERYWHERE
    assert EVERYWHERE.includes("a")
    assert EVERYWHERE.covers(["a", "b"])
    assert EVERYWHERE.meets([])


def test_principal_restricted_to_clusters_reaches_these():
    reach = reach_of(a_key(clusters=frozenset({"a", "b"})))
    assert (reach.includes("a"), reach.includes("c")) == (True, False)
    assert (reach.covers(["a", "b"]), reach.covers(["a", "c"])) == (True, False)
    assert (reach.meets(["a", "c"]), reach.meets(["c"])) == (True, False)


@pytest.mark.parametrize("restrictions", [{"clusters": frozenset()}, {"projects": frozenset({"a"})}])
def test_principal_restricted_to_no_cluster_reaches_nothing(restrictions):
    reach = reach_of(a_key(**restrictions))
    assert not reach.is_everywhere
    assert not reach.includes("a")
    assert not reach.meets(["a"])


def test_thing_outside_the_reach_is_not_found_as_a_missing_one():
    assert reached(Row(), Reach(frozenset({"a"})))
    errors = []
    for thing in (Row(), None):
        with pytest.raises(EdgeError) as raised:
            reached(thing, Reach(frozenset({"b"})))
        errors.append(repr(raised.value))
        assert raised.value.kind is Kind.NOT_FOUND
    assert errors[0] == errors[1]


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (None, "north,north-2,south"),
        ("north", "north"),
        ("south,north, east", "north,south"),
        ("NORTH*", "north,north-2"),
        ("*", "north,north-2,south"),
        ("east", None),
        ("e*", None),
    ],
)
def test_list_request_is_narrowed_to_the_names_that_its_filter_admits(wanted, left):
    filters = {"status": "healthy", **({} if wanted is None else {"cluster_name": wanted})}
    request = narrowed(ListRequest(page=2, filters=filters), NAMES, "cluster_name")
    if left is None:
        assert request is None
    else:
        assert request == ListRequest(page=2, filters={"status": "healthy", "cluster_name": left})
