"""A table of tenants in a family: its stream, its totals and its lists are each tenant's own."""

import pytest

from chalicelib.kit.counters import latest_of, noted
from chalicelib.kit.listing import IndexSource, Listing, ListRequest, Moment, Text
from chalicelib.kit.listing.sources import LISTED_AT, all_rows, as_given, fixed, rows_with
from chalicelib.kit.queues import Queue
from chalicelib.kit.tables import Delete, Index, Ref, Set, Table, Update, put_new
from chalicelib.kit.tables.tenants import Tenant, whole
from chalicelib.platform.context import Context, Events, Family, Send
from chalicelib.platform.counted import Counted
from chalicelib.platform.families import Families
from tests.support.declared import FAMILIES
from tests.support.world import World

ROOMS = Table(
    "rooms",
    "id",
    indexes=(Index("listed", "list", "listed_at"), Index("by_floor", "floor", "listed_at")),
    stream=True,
    expires_at="expires_epoch",
    tenanted=True,
)
ALL = IndexSource("listed", fixed("all"), insertion=LISTED_AT, totals=all_rows(ROOMS))
OF_FLOOR = IndexSource("by_floor", as_given, by="floor", insertion=LISTED_AT, totals=rows_with(ROOMS, "floor"))
LISTING = Listing(ROOMS, {"floor": Text("floor"), "inserted_at": Moment("inserted_at")}, (OF_FLOOR, ALL))
SEEN = Queue("rooms-seen")
TENANTS = ("a", "ab")


def on_change(change):
    yield Send(SEEN, {"tenant": change.tenant, "id": change.row["id"], "floor": change.row["floor"]})


BESIDE = []
"""Tenant of each change, and what the events saw of the hall."""


def events_of(change, rows):
    hall = rows(Ref(ROOMS, {"id": "hall"}))
    BESIDE.append((change.tenant, hall and hall["floor"]))
    return ()


def recounts(_platform):
    for tenant in TENANTS:
        counted = {**ALL.counted(ROOMS), **OF_FLOOR.counted(ROOMS, "first")}
        yield from Tenant(tenant).stored_totals(counted).items()


CONTEXT = Context(
    name="rooms",
    tables=(ROOMS,),
    counted=(Counted(ROOMS, by={"floor": "floor"}),),
    queues=(SEEN,),
    on_change=on_change,
    events=Events(events_of, lambda _change: [Ref(ROOMS, {"id": "hall"})]),
    ended=lambda change: ("rooms", change.at) if change.new is None else None,
    recounts=recounts,
)


@pytest.fixture
def world():
    BESIDE.clear()
    return World(families=Families((*FAMILIES.each, Family("hotel", contexts=(CONTEXT,)))))


def make(world, tenant, *names, floor="first"):
    for name in names:
        at = "2026-11-21T10:00:00Z"
        room = {"id": name, "floor": floor, "list": "all", "inserted_at": at, "listed_at": f"{at}#{name}"}
        world.platform.tables.scoped(tenant).write(put_new(ROOMS, room), "room.created")


def relayed(world):
    world.relay_only()
    return world.queue_client.take(SEEN)


def page(world, tenant, **filters):
    found = world.platform.lists.scoped(tenant).page(LISTING, ListRequest(filters=filters))
    return [row["id"] for row in found.items], found.total_count


def test_change_shows_its_row_as_the_tenant_sees_it(world):
    for tenant in TENANTS:
        make(world, tenant, "hall")
    view = world.platform.tables.scoped("a")
    view.write(Update(ROOMS, {"id": "hall"}, (Set("floor", "second"),)), "room.moved")
    view.write(Delete(ROOMS, {"id": "hall"}), "room.deleted")
    seen = [(each["tenant"], each["id"], each["floor"]) for each in relayed(world)]
    assert sorted(seen) == [
        ("a", "hall", "first"),
        ("a", "hall", "second"),
        ("a", "hall", "second"),
        ("ab", "hall", "first"),
    ]


def test_expired_row_of_a_tenant_is_seen_as_the_tenants(world):
    make(world, "a", "hall")
    view = world.platform.tables.scoped("a")
    view.write(Update(ROOMS, {"id": "hall"}, (Set("expires_epoch", 1),)), "room.closed")
    relayed(world)
    assert world.driver.collect_expired() == 1
    assert relayed(world) == [{"tenant": "a", "id": "hall", "floor": "first"}]


def test_row_beside_a_change_is_that_of_the_same_tenant(world):
    make(world, "a", "hall", floor="first")
    make(world, "ab", "hall", floor="second")
    world.relay_only()
    assert sorted(BESIDE) == [("a", "first"), ("ab", "second")]


def test_record_of_a_tenant_with_the_key_of_another_is_parked(world):
    make(world, "a", "hall")
    (stored,) = world.driver.rows(ROOMS)
    relayed(world)
    world.platform.tables.write(put_new(whole(ROOMS), {**stored, "id": "ab|hall"}), "room.forged")
    assert relayed(world) == []
    assert len(world.queue_client.take(Queue("relay-failures"))) == 1


def test_lists_and_totals_are_each_tenants_own(world):
    make(world, "a", "one", "two")
    make(world, "a", "three", floor="second")
    make(world, "ab", "one")
    world.settle()
    assert page(world, "a") == (["two", "three", "one"], 3)
    assert page(world, "a", floor="first") == (["two", "one"], 2)
    assert page(world, "ab") == (["one"], 1)
    assert page(world, "b") == ([], 0)
    counters = world.platform.counters
    totals = ("rooms", "a|rooms", "ab|rooms", "a|rooms#floor#first", "ab|rooms#floor#second")
    assert [counters.read(total) for total in totals] == [0, 3, 1, 2, 0]


def test_removed_row_leaves_the_totals_of_its_tenant(world):
    for tenant in TENANTS:
        make(world, tenant, "one")
    world.platform.tables.scoped("ab").write(Delete(ROOMS, {"id": "one"}), "room.deleted")
    world.settle()
    assert [world.platform.counters.read(f"{tenant}|rooms") for tenant in TENANTS] == [1, 0]
    noted_at = [noted(world.driver.row(*latest_of(f"{tenant}|rooms"))) is not None for tenant in TENANTS]
    assert noted_at == [False, True]


def test_recount_mends_the_totals_of_each_tenant(world):
    make(world, "a", "one", "two")
    make(world, "ab", "one")
    world.settle()
    counters = world.platform.counters
    counters.correct("a|rooms", 5)
    counters.correct("ab|rooms#floor#first", -1)
    world.sweep("recount")
    totals = ("a|rooms", "a|rooms#floor#first", "ab|rooms", "ab|rooms#floor#first")
    assert [counters.read(total) for total in totals] == [2, 2, 1, 1]


def test_table_of_tenants_has_no_totals_of_a_fixed_name():
    with pytest.raises(ValueError, match="totals for each tenant"):
        Counted(ROOMS, {"rooms": ()})


def test_view_of_a_tenant_costs_a_list_the_same_calls(world):
    make(world, "a", "one")
    world.settle()
    world.driver.meter.reset()
    page(world, "a")
    assert [call.operation for call in world.driver.meter.calls] == ["Query", "BatchGetItem"]
