"""Rows of enrolment, on the fake and on the emulator alike."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from chalicelib.fleet.enrollment.store import FIELDS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError
from chalicelib.kit.listing import ListRequest, filter_names
from chalicelib.kit.tables import ConditionFailedError
from tests.support.drivers import BOTH, FAKE, emulated
from tests.unit.fleet.enrollment.world import ALL, TOTAL, World

NODE, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


@pytest.fixture(params=BOTH)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with nullcontext() if request.param == FAKE else emulated(request, ALL) as driver:
        world = World(driver=driver)
        world.cluster()
        yield world


def test_enrollment_key_reads_back_as_created(world):
    key, blob = world.key(name="a", uses_remaining=3, expired_at="2027-01-01T00:00:00Z")

    assert world.enrollment.get(key.id, reach=EVERYWHERE) == key
    assert world.another_enrollment().reveal(key).reveal() == blob


def test_enrollment_key_is_used_up_and_deleted(world):
    key, blob = world.key(uses_remaining=2)
    first = world.enrollment.verify(blob, NODE)
    again = world.enrollment.verify(blob, NODE)
    nameless = world.enrollment.verify(blob, None)
    spent = world.enrollment.verify(blob, OTHER)

    assert [first.verified, again.verified, nameless.verified, spent.error] == [True, True, True, "key_spent"]
    for token in (first.registration_token, again.registration_token):
        world.tables.write(world.enrollment.redeem_token(token, NODE).write, "node.registered")
    late = world.enrollment.redeem_token(nameless.registration_token, OTHER)
    world.tables.write(world.enrollment.redeem_token(nameless.registration_token, NODE).write, "node.registered")
    with pytest.raises(ConditionFailedError):
        world.tables.write(late.write, "node.registered")
    changed = world.enrollment.change(key.id, {"uses_remaining": None, "name": "b"}, reach=EVERYWHERE)
    assert (changed.uses_remaining, changed.name) == (None, "b")
    assert world.enrollment.verify(blob, OTHER).verified
    world.clock.advance(1)
    assert world.enrollment.verify(blob, None).verified
    world.enrollment.delete(key.id, reach=EVERYWHERE)
    assert world.enrollment.verify(blob, NODE).error == "invalid_key"


def test_enrollment_keys_of_a_deleted_cluster_are_cleaned_up(world):
    cluster = world.clusters.get("prod", reach=EVERYWHERE)
    for _ in range(3):
        world.key()
    world.clusters.delete("prod", reach=EVERYWHERE)
    with pytest.raises(EdgeError):
        world.key()

    assert world.enrollment.clean_up_chunk(cluster.id, None) is None
    assert world.enrollment.list_page(ListRequest(), reach=EVERYWHERE).items == []


@pytest.fixture
def shelf(world):
    """Keys of every kind, a second apart: their names say what they are."""
    world.cluster("lab")
    blobs = {}
    for name, cluster, wanted in (
        ("single", "prod", {}),
        ("spent", "prod", {}),
        ("five", "lab", {"uses_remaining": 5}),
        ("unlimited", "lab", {"uses_remaining": None}),
        ("expired", "prod", {"expired_at": "2026-11-21T09:00:00Z"}),
        ("expiring", "prod", {"expired_at": "2026-11-22T12:00:00Z"}),
        (None, "lab", {}),
    ):
        _, blobs[name] = world.key(cluster, name=name, **wanted)
        world.clock.advance(1)
    world.enrollment.verify(blobs["spent"], None)
    world.enrollment.verify(blobs["unlimited"], None)
    return blobs


EVERY = [None, "expiring", "expired", "unlimited", "five", "spent", "single"]


CASES = [
    ({}, EVERY),
    ({"cluster_name": "lab"}, [None, "unlimited", "five"]),
    ({"cluster_name": "lab,none"}, [None, "unlimited", "five"]),
    ({"cluster_name": "none"}, []),
    ({"cluster_name__in": "lab,none"}, [None, "unlimited", "five"]),
    ({"cluster_name": "P*"}, ["expiring", "expired", "spent", "single"]),
    ({"name": "five"}, ["five"]),
    ({"name": "EXPIR*"}, ["expiring", "expired"]),
    ({"name": "five,single"}, ["five", "single"]),
    ({"has_name": False}, [None]),
    ({"uses_remaining": 5}, ["five"]),
    ({"uses_remaining__gte": 2}, ["five"]),
    ({"uses_remaining__lte": 1, "cluster_name": "prod"}, ["expiring", "expired", "spent", "single"]),
    ({"is_unlimited": True}, ["unlimited"]),
    ({"is_unlimited": False, "cluster_name": "lab"}, [None, "five"]),
    ({"is_spent": True}, ["spent"]),
    ({"is_spent": False}, [name for name in EVERY if name != "spent"]),
    ({"is_expired": True}, ["expired"]),
    ({"is_expired": False}, [name for name in EVERY if name != "expired"]),
    ({"is_never_used": False}, ["unlimited", "spent"]),
    ({"is_never_used": True, "cluster_name": "lab"}, [None, "five"]),
    ({"has_expiry": True}, ["expiring", "expired"]),
    ({"expired_at__gte": "2026-11-22"}, ["expiring"]),
    ({"expired_at__lte": "2026-11-21"}, ["expired"]),
    ({"last_used_at__gte": "2026-11-21T10:00:07Z"}, ["unlimited", "spent"]),
    ({"last_used_at__lte": "2026-11-20"}, []),
    ({"inserted_at__lte": "2026-11-21T10:00:01Z"}, ["spent", "single"]),
    ({"updated_at__gte": "2026-11-21T10:00:05Z"}, [None, "expiring"]),
    ({"key": "nonsense"}, []),
    ({"inserted_at__gte": "2026-11-21T10:00:05Z"}, [None, "expiring"]),
    ({"updated_at__lte": "2026-11-21T10:00:00Z"}, ["single"]),
]


@pytest.mark.parametrize(("filters", "expected"), CASES)
def test_enrollment_key_list_filters_rows(world, shelf, filters, expected):
    page = world.enrollment.list_page(ListRequest(filters=filters), reach=EVERYWHERE)

    assert [key.name for key in page.items] == expected
    assert page.total_count == len(expected)


def test_every_enrollment_key_filter_has_a_case():
    assert {name for filters, _ in CASES for name in filters} == filter_names(FIELDS)


def test_enrollment_key_is_found_by_its_full_text_in_one_call(world, shelf):
    world.tables.meter.reset()

    page = world.enrollment.list_page(ListRequest(filters={"key": shelf["five"]}), reach=EVERYWHERE)

    assert [key.name for key in page.items] == ["five"]
    assert world.tables.meter.count == 1


def test_enrollment_key_list_sorts_by_uses_and_name(world, shelf):
    page = world.enrollment.list_page(ListRequest(order=(("uses_remaining", True), ("name", False))), reach=EVERYWHERE)

    assert [key.name for key in page.items] == ["unlimited", "five", "expired", "expiring", "single", None, "spent"]


@pytest.mark.parametrize(
    ("filters", "total"),
    [({}, TOTAL), ({"cluster_name": "prod"}, TOTAL), ({"inserted_at__gte": "2026-11-21"}, 25)],
)
def test_first_page_of_enrollment_keys_takes_four_calls_at_most(world, filters, total):
    for _ in range(25):
        world.key()
    world.tables.meter.reset()

    page = world.enrollment.list_page(ListRequest(filters=filters), reach=EVERYWHERE)

    assert (len(page.items), page.total_count) == (20, total)
    assert world.tables.meter.count <= 4


def test_verification_writes_three_rows_and_no_index_entry():
    world = World()
    world.cluster()
    _, blob = world.key(uses_remaining=5)
    world.tables.meter.reset()

    world.enrollment.verify(blob, None)

    assert world.tables.meter.write_units == 2 * 3  # key, token and occurrence; a transaction pays double
