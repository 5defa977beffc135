"""Resources and quotas in rows, on both drivers: transactions, conditions, calls and units."""

from collections.abc import Iterator

import pytest

from chalicelib.kit.errors import EdgeError, Kind, conflict
from chalicelib.kit.listing import Lists
from chalicelib.kit.tables import Attachment, Driver, Equals, Set, Table, Tables, Update, attaching, put_new
from chalicelib.platform.provisioning.claim_store import CLAIMS
from chalicelib.platform.provisioning.model import Changes, Desired, NewResource, Power, Share, State
from chalicelib.platform.provisioning.overall import AllResources
from chalicelib.platform.provisioning.resource_store import ChangedMeanwhileError, ResourceStore
from chalicelib.platform.provisioning.service import Resources
from chalicelib.platform.provisioning.store import RESOURCES, holding
from chalicelib.platform.quotas.service import Quotas
from chalicelib.platform.quotas.store import TABLE as QUOTAS
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import FakeClock, FakeIds

KEPT = Table("kept", partition="id")


@pytest.fixture(params=BOTH)
def driver(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Driver]:
    with driver_for(request, [RESOURCES, CLAIMS, QUOTAS, KEPT], clock) as made:
        yield made


@pytest.fixture
def tables(driver: Driver, clock: FakeClock, ids: FakeIds) -> Tables:
    return Tables(driver, clock, ids)


@pytest.fixture
def quotas(tables, clock):
    return Quotas(tables, clock)


@pytest.fixture
def store(tables, quotas):
    return ResourceStore(tables, quotas)


@pytest.fixture
def lists(tables, clock):
    return Lists(tables, clock, 1000)


@pytest.fixture
def own(store, clock, ids):
    return Resources("one", store, clock, ids)


@pytest.fixture
def other(store, clock, ids):
    return Resources("two", store, clock, ids)


@pytest.fixture
def overall(store, lists, clock):
    return AllResources(store, lists, clock)


def new(name="a", **values):
    given = {"owner": "user-1", "spec": {"size": 1.5, "tags": [None, "x"]}, "quota": "boxes", "limit": 2, **values}
    return NewResource(kind="box", name=name, **given)


def used(quotas, tenant="one"):
    return quotas.used(tenant, ["boxes"])["boxes"]


def refused(call):
    with pytest.raises(EdgeError) as error:
        call()
    return error.value.kind, error.value.code


class TestCreate:
    def test_new_resource_is_one_transaction_with_its_quota(self, own, driver, quotas):
        made = own.create(new())
        assert [call.operation for call in driver.meter.calls] == ["TransactWriteItems"]
        assert (made.state, made.version, made.tenant, made.due_at) == (State.PENDING, 1, "one", made.inserted_at)
        assert own.find("box", made.id) == made
        assert used(quotas) == 1

    def test_same_id_again_is_the_one_that_is_there(self, own, quotas, ids, clock):
        first = own.create(new(id=ids.uuid7(clock.now())))
        for name in ("a", "b"):
            assert own.create(new(name, id=first.id)) == first
        assert used(quotas) == 1

    def test_same_id_again_is_answered_even_if_the_quota_is_used_up(self, own, ids, clock):
        first = own.create(new(id=ids.uuid7(clock.now()), limit=1))
        assert own.create(new(id=first.id, limit=1)) == first

    def test_used_up_quota_refuses_and_makes_nothing(self, own, other, quotas):
        own.create(new()), own.create(new())
        assert refused(lambda: own.create(new())) == (Kind.FORBIDDEN, "quota_exceeded")
        assert (len(own.every("box")), used(quotas)) == (2, 2)
        other.create(new())
        assert used(quotas, "two") == 1

    def test_limit_of_zero_refuses_the_first(self, own, quotas):
        assert refused(lambda: own.create(new(limit=0))) == (Kind.FORBIDDEN, "quota_exceeded")
        assert used(quotas) == 0

    def test_quota_without_a_limit_is_counted(self, own, quotas):
        for _ in range(3):
            own.create(new(limit=None))
        assert used(quotas) == 3

    def test_kept_answer_is_written_in_the_same_transaction(self, own, driver, tables):
        attachment = Attachment(lambda made: put_new(KEPT, {"id": "key", "made": made.id}))
        with attaching(attachment):
            made = own.create(new())
        assert tables.get(KEPT, {"id": "key"})["made"] == made.id
        assert sum(call.operation == "TransactWriteItems" for call in driver.meter.calls) == 1


class TestShares:
    """Amounts of several quotas, beside the quota of which a resource takes one."""

    def wanting(self, gb, limit=10, **values):
        return new(shares=(Share("gb", gb, limit), Share("vcpus", 2, 4)), **values)

    def taken(self, quotas):
        return quotas.used("one", ["boxes", "gb", "vcpus"])

    def test_all_quotas_are_taken_in_one_transaction(self, own, driver, quotas):
        made = own.create(self.wanting(7))
        assert [call.operation for call in driver.meter.calls] == ["TransactWriteItems"]
        assert (made.shares, own.get("box", made.id)) == ({"gb": 7, "vcpus": 2}, made)
        assert self.taken(quotas) == {"boxes": 1, "gb": 7, "vcpus": 2}

    @pytest.mark.parametrize("wanted", [4, 11])
    def test_quota_that_is_too_small_is_named_and_nothing_is_taken(self, own, quotas, wanted):
        own.create(self.wanting(7))
        with pytest.raises(EdgeError, match="The quota gb of 10 is used up"):
            own.create(self.wanting(wanted))
        assert self.taken(quotas) == {"boxes": 1, "gb": 7, "vcpus": 2}

    def test_first_that_is_larger_than_the_limit_is_refused(self, own, quotas):
        assert refused(lambda: own.create(self.wanting(11))) == (Kind.FORBIDDEN, "quota_exceeded")
        assert self.taken(quotas) == {"boxes": 0, "gb": 0, "vcpus": 0}

    def test_last_that_fits_is_made(self, own, quotas):
        own.create(self.wanting(7)), own.create(self.wanting(3))
        assert self.taken(quotas) == {"boxes": 2, "gb": 10, "vcpus": 4}

    def test_end_returns_all_of_it_once(self, own, store, quotas, clock):
        made = own.create(self.wanting(7))
        gone = made.model_copy(update={"state": State.GONE, "is_released": True})
        store.follow(made, gone, clock.now())
        with pytest.raises(ChangedMeanwhileError):
            store.follow(made, gone, clock.now())
        assert self.taken(quotas) == {"boxes": 0, "gb": 0, "vcpus": 0}

    def test_change_takes_more_and_gives_back_in_its_transaction(self, own, driver, quotas):
        made = own.create(self.wanting(7))
        for gb in (9, 3):
            driver.meter.reset()
            wanted = Changes(shares=(Share("gb", gb, 10),))
            own.change("box", made.id, lambda _row, wanted=wanted: wanted, "box.resized")
            assert [call.operation for call in driver.meter.calls] == ["GetItem", "TransactWriteItems"]
            assert self.taken(quotas) == {"boxes": 1, "gb": gb, "vcpus": 0}

    def test_change_beyond_a_quota_changes_nothing(self, own, quotas):
        made = own.create(self.wanting(7))
        wanted = Changes(shares=(Share("gb", 11, 10), Share("vcpus", 2, 4)))
        change = lambda: own.change("box", made.id, lambda _row: wanted, "box.resized")  # noqa: E731
        assert refused(change) == (Kind.FORBIDDEN, "quota_exceeded")
        assert (own.get("box", made.id), self.taken(quotas)["gb"]) == (made, 7)


class TestParents:
    def test_parent_counts_those_that_refer_to_it(self, own):
        parent = own.create(new())
        own.create(new(parents=(parent.id, parent.id)))
        assert own.get("box", parent.id).references == 1
        assert refused(lambda: own.delete("box", parent.id, "box.deleted"))[0] is Kind.CONFLICT

    def test_parent_that_is_not_there_refuses_and_takes_no_quota(self, own, other, quotas):
        foreign = other.create(new())
        for missing in ("01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee", foreign.id):
            assert refused(lambda missing=missing: own.create(new(parents=(missing,))))[0] is Kind.NOT_FOUND
        assert (used(quotas), own.every("box")) == (0, [])

    def test_parent_that_is_being_removed_refuses(self, own):
        parent = own.create(new())
        own.delete("box", parent.id, "box.deleted")
        assert refused(lambda: own.create(new(parents=(parent.id,))))[0] is Kind.CONFLICT

    def test_end_of_a_child_returns_its_reference_and_its_quota_once(self, own, store, quotas, clock):
        parent = own.create(new())
        child = own.create(new(parents=(parent.id,)))
        gone = child.model_copy(update={"state": State.GONE, "is_released": True, "due_at": None})
        ended = store.follow(child, gone, clock.now())
        assert (own.get("box", parent.id).references, used(quotas)) == (0, 1)
        with pytest.raises(ChangedMeanwhileError):
            store.follow(child, gone, clock.now())
        store.follow(ended, ended.model_copy(update={"due_at": ended.inserted_at}), clock.now())
        assert (own.get("box", parent.id).references, used(quotas)) == (0, 1)

    def test_end_of_a_child_whose_parent_has_no_row_still_returns_its_quota(self, own, store, quotas, clock):
        parent = own.create(new())
        child = own.create(new(parents=(parent.id,)))
        store.remove(own.get("box", parent.id), "box.lost")
        gone = child.model_copy(update={"state": State.GONE, "is_released": True})
        assert store.follow(child, gone, clock.now()).is_released
        assert (own.find("box", parent.id), used(quotas)) == (None, 1)


class TestChange:
    def test_change_is_one_read_and_one_write(self, own, driver):
        made = own.create(new(power=Power.ON))
        driver.meter.reset()
        changed = own.change("box", made.id, lambda _row: Changes(power=Power.OFF), "box.stopped")
        assert [call.operation for call in driver.meter.calls] == ["GetItem", "UpdateItem"]
        assert (changed.generation, changed.power, changed.state) == (2, Power.OFF, State.PENDING)
        assert own.get("box", made.id) == changed

    def test_change_of_nothing_writes_nothing(self, own, driver):
        made = own.create(new())
        driver.meter.reset()
        assert own.change("box", made.id, lambda _row: None, "box.stopped") == made
        assert driver.meter.write_units == 0

    def test_change_is_decided_anew_if_another_was_faster(self, own, store, clock):
        made = own.create(new(power=Power.ON))
        seen = []

        def decide(row):
            seen.append(row.version)
            if len(seen) == 1:
                store.follow(row, row.model_copy(update={"attempts": 7}), clock.now())
            return Changes(power=Power.OFF)

        changed = own.change("box", made.id, decide, "box.stopped")
        assert (seen, changed.attempts, changed.power) == ([1, 2], 7, Power.OFF)

    def test_deleted_one_cannot_be_changed(self, own):
        made = own.create(new())
        own.delete("box", made.id, "box.deleted")
        change = lambda: own.change("box", made.id, lambda _row: Changes(act="restart"), "box.restarted")  # noqa: E731
        assert refused(change)[0] is Kind.CONFLICT

    def test_delete_again_has_no_second_effect(self, own, driver):
        made = own.create(new())
        deleted = own.delete("box", made.id, "box.deleted")
        driver.meter.reset()
        assert own.delete("box", made.id, "box.deleted") == deleted
        assert driver.meter.write_units == 0

    def test_delete_is_checked_on_the_row_that_is_written(self, own, store, clock):
        made, seen = own.create(new()), []

        def check(row):
            seen.append(row.attempts)
            if len(seen) == 1:
                store.follow(row, row.model_copy(update={"attempts": 7}), clock.now())
            else:
                raise conflict("it is in use")

        assert refused(lambda: own.delete("box", made.id, "box.deleted", check=check))[0] is Kind.CONFLICT
        assert (seen, own.get("box", made.id).desired) == ([0, 7], Desired.PRESENT)


class TestFinding:
    def test_resource_of_another_tenant_or_kind_is_not_found(self, own, other):
        made = own.create(new())
        assert other.find("box", made.id) is None
        assert own.find("tin", made.id) is None
        for call in (other.get, lambda kind, row_id: other.delete(kind, row_id, "box.deleted")):
            assert refused(lambda call=call: call("box", made.id))[0] is Kind.NOT_FOUND

    def test_every_resource_of_a_tenant_is_listed_newest_first(self, own, other, clock):
        made = []
        for name in ("a", "b"):
            made.append(own.create(new(name)))
            other.create(new(name))
            clock.advance(1)
        assert own.every("box") == made[::-1]

    def test_gone_one_is_found_as_long_as_it_is_kept(self, own, store, clock):
        made = own.create(new())
        until = int(clock.now().timestamp()) + 60
        store.follow(made, made.model_copy(update={"state": State.GONE, "expires_epoch": until}), clock.now())
        assert own.find("box", made.id).state is State.GONE
        clock.advance(60)
        assert (own.find("box", made.id), own.every("box")) == (None, [])


class TestOfAllTenants:
    def test_operator_lists_the_resources_of_all_tenants(self, own, other, overall, clock):
        first = own.create(new("a"))
        clock.advance(1)
        second = other.create(new("b"))
        assert overall.page("box", {}, 1, 10) == ([second, first], 2)
        assert overall.page("box", {}, 2, 1) == ([first], 2)
        assert overall.page("box", {"tenant": "two"}, 1, 10) == ([second], 1)
        assert overall.page("tin", {}, 1, 10) == ([], 0)

    def test_operator_finds_a_resource_by_its_id_alone(self, own, other, overall):
        made = [own.create(new()), other.create(new())]
        assert [overall.find("box", each.id) for each in made] == made
        assert overall.find("tin", made[0].id) is None
        assert {each.id for each in overall.resources_of([each.id for each in made])} == {each.id for each in made}

    def test_resource_is_found_by_its_id_at_the_provider(self, own, store, overall, clock):
        made = own.create(new())
        known = store.follow(made, made.model_copy(update={"external": {"id": "b-1"}}), clock.now())
        assert overall.of_external("box", ["b-1", "b-2"]) == [known]
        assert overall.of_external("tin", ["b-1"]) == []

    def test_woken_one_is_due_now(self, own, store, overall, clock):
        made = own.create(new())
        store.follow(made, made.model_copy(update={"due_at": "2026-11-22T00:00:00Z"}), clock.now())
        clock.advance(5)
        assert overall.wake("box", made.id)
        assert own.get("box", made.id).due_at == "2026-11-21T10:00:05Z"
        assert not overall.wake("tin", made.id)

    def test_resource_that_needs_no_look_is_not_woken(self, own, store, overall, clock):
        made = own.create(new())
        store.follow(made, made.model_copy(update={"due_at": None}), clock.now())
        assert not overall.wake("box", made.id)
        assert own.get("box", made.id).due_at is None

    def test_due_ones_are_found_most_overdue_first(self, own, other, store, clock):
        made = [own.create(new(limit=None)) for _ in range(3)] + [other.create(new())]
        store.follow(made[0], made[0].model_copy(update={"due_at": "2026-11-22T00:00:00Z"}), clock.now())
        due = [one for page in store.due(clock.now()) for one in page]
        assert sorted(due) == sorted(("box", (each.tenant, each.id)) for each in made[1:])


class TestRecount:
    def test_recount_mends_a_counter_that_is_wrong(self, own, other, quotas, tables):
        own.create(new()), other.create(new())
        wrong = Update(QUOTAS, {"quota": "boxes"}, (Set("used", 40),), Equals("used", 1))
        tables.scoped("one").write(wrong, "quota.broken")
        assert [(counter.tenant, by) for counter, by in quotas.recount(holding)] == [("one", -39)]
        assert (used(quotas), used(quotas, "two")) == (1, 1)
        assert list(quotas.recount(holding)) == []

    def test_released_ones_do_not_count(self, own, quotas, store, clock):
        made = own.create(new())
        store.follow(made, made.model_copy(update={"state": State.FAILED, "is_released": True}), clock.now())
        assert (list(quotas.recount(holding)), used(quotas)) == ([], 0)


def test_values_of_a_specification_come_back_as_they_were(own):
    made = own.create(new())
    assert own.get("box", made.id).spec == {"size": 1.5, "tags": [None, "x"]}
