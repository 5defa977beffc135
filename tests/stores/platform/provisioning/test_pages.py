"""Pages of resources, and searches among them, on both drivers: what they show, and what they cost."""

from collections.abc import Iterator

import pytest

from chalicelib.kit.errors import EdgeError
from chalicelib.kit.tables import Driver, Tables
from chalicelib.platform.provisioning import service
from chalicelib.platform.provisioning.claim_store import CLAIMS
from chalicelib.platform.provisioning.model import NewResource, State
from chalicelib.platform.provisioning.resource_store import ResourceStore
from chalicelib.platform.provisioning.service import Resources
from chalicelib.platform.provisioning.store import RESOURCES
from chalicelib.platform.quotas.service import Quotas
from chalicelib.platform.quotas.store import TABLE as QUOTAS
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo


def resources_on(driver: Driver, clock: FakeClock, ids: FakeIds, tenant: str = "one") -> Resources:
    tables = Tables(driver, clock, ids)
    return Resources(tenant, ResourceStore(tables, Quotas(tables, clock)), clock, ids)


@pytest.fixture(params=BOTH)
def driver(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Driver]:
    with driver_for(request, [RESOURCES, CLAIMS, QUOTAS], clock) as made:
        yield made


@pytest.fixture
def own(driver, clock, ids):
    return resources_on(driver, clock, ids)


def make(own, clock, number, **spec):
    """So many boxes, named by their numbers; the newest first."""
    made = []
    for each in range(number):
        made.append(own.create(NewResource(kind="box", name=f"b{each}", owner="u", spec=spec)))
        clock.advance(1)
    return [each.id for each in made][::-1]


def walked(own, size, **options):
    """The ids of each page, from the first to the last."""
    pages, after = [], ""
    while True:
        page = own.page("box", size, after, **options)
        pages.append([each.id for each in page.items])
        if page.next_cursor is None:
            return pages
        after = page.next_cursor


class TestPage:
    def test_pages_show_each_resource_once_newest_first(self, own, driver, clock, ids):
        made = make(own, clock, 5)
        make(resources_on(driver, clock, ids, "two"), clock, 3)
        assert walked(own, 2) == [made[:2], made[2:4], made[4:]]
        assert walked(own, 5) == [made]

    def test_page_behind_an_id_of_another_tenant_shows_only_the_callers_own(self, own, driver, clock, ids):
        made = make(own, clock, 2)
        (later,) = make(resources_on(driver, clock, ids, "two"), clock, 1)
        assert [each.id for each in own.page("box", 10, later).items] == made

    def test_filter_leaves_out_what_does_not_fit_and_pages_stay_full(self, own, clock):
        made = make(own, clock, 6)
        kept = {"b0", "b2", "b3"}
        assert walked(own, 2, fits=lambda each: each.name in kept) == [[made[2], made[3]], [made[5]]]

    def test_page_ends_where_it_has_read_its_most_and_the_next_goes_on(self, own, clock, monkeypatch):
        monkeypatch.setattr(service, "MOST_EXAMINED", 3)
        made = make(own, clock, 7)
        assert walked(own, 2, fits=lambda each: each.name == "b0") == [[], [], [made[6]], []]

    def test_page_of_large_resources_ends_early_and_goes_on(self, own, clock, monkeypatch):
        monkeypatch.setattr(service, "MOST_CHARACTERS", 150)
        made = make(own, clock, 3, text="x" * 100)
        assert walked(own, 10) == [made[:2], made[2:]]


class TestSearch:
    def test_beginning_finds_those_whose_ids_begin_so(self, own, clock):
        made = make(own, clock, 2)
        assert [each.id for each in own.search("box", lambda _: True, made[1][:-1])] == [made[1]]
        assert len(own.search("box", lambda _: True, made[1][:4])) == 2

    def test_search_through_more_rows_than_it_may_read_is_refused(self, own, clock, monkeypatch):
        monkeypatch.setattr(service, "_AT_ONCE", 1)
        monkeypatch.setattr(service, "MOST_EXAMINED", 2)
        make(own, clock, 3)
        with pytest.raises(EdgeError) as raised:
            own.search("box", lambda each: each.name == "b0")
        assert raised.value.details == {"id": ["there are more than 2 to look through: give the whole id"]}


@pytest.mark.parametrize(("rows", "calls", "units"), [(10, 2, 10.5), (250, 2, 21.5)])
def test_page_of_twenty_costs_the_same_of_many_rows(clock, ids, rows, calls, units):
    driver = FakeDynamo([RESOURCES, CLAIMS, QUOTAS], clock)
    own = resources_on(driver, clock, ids)
    make(own, clock, rows)
    driver.meter.reset()
    own.page("box", 20)
    assert len(driver.meter.calls) == calls
    assert sum(call.read_units for call in driver.meter.calls) == units


def test_thousand_of_many_resources_are_read_by_a_dozen_calls(clock, ids):
    driver = FakeDynamo([RESOURCES, CLAIMS, QUOTAS], clock)
    own = resources_on(driver, clock, ids)
    make(own, clock, 1_100)
    driver.meter.reset()
    page = own.page("box", 1_000)
    assert len(page.items) == 1_000
    assert page.next_cursor == page.items[-1].id
    assert len(driver.meter.calls) == 12
    assert sum(call.read_units for call in driver.meter.calls) <= 1_020


def test_gone_resource_is_left_out_once_its_time_is_over(own, driver, clock, ids):
    (made,) = make(own, clock, 1)
    store = ResourceStore(Tables(driver, clock, ids), Quotas(Tables(driver, clock, ids), clock))
    until = int(clock.now().timestamp()) + 60
    gone = own.get("box", made)
    store.follow(gone, gone.model_copy(update={"state": State.GONE, "expires_epoch": until}), clock.now())
    assert len(own.page("box", 10).items) == 1
    clock.advance(60)
    assert (own.page("box", 10).items, own.search("box", lambda _: True, made)) == ([], [])
