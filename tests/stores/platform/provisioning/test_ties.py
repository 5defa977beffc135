"""Claims, versions of parents, and references that change: on both drivers."""

from collections.abc import Iterator
from threading import Barrier, Thread

import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import Driver, Tables
from chalicelib.platform.provisioning.claim_store import CLAIMS, ClaimTakenError
from chalicelib.platform.provisioning.model import Beside, Changes, NewResource, State
from chalicelib.platform.provisioning.resource_store import ResourceStore
from chalicelib.platform.provisioning.service import Resources
from chalicelib.platform.provisioning.store import RESOURCES
from chalicelib.platform.provisioning.tie_store import ParentMovedError
from chalicelib.platform.quotas.service import Quotas
from chalicelib.platform.quotas.store import TABLE as QUOTAS
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import FakeClock, FakeIds


@pytest.fixture(params=BOTH)
def driver(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Driver]:
    with driver_for(request, [RESOURCES, CLAIMS, QUOTAS], clock) as made:
        yield made


@pytest.fixture
def store(driver, clock, ids: FakeIds):
    tables = Tables(driver, clock, ids)
    return ResourceStore(tables, Quotas(tables, clock))


@pytest.fixture
def of(store, clock, ids):
    return lambda tenant: Resources(tenant, store, clock, ids)


@pytest.fixture
def own(of):
    return of("one")


def new(name="a", **values):
    return NewResource(kind="box", name=name, owner="user-1", spec={}, **values)


def change(own, row, **changes):
    return own.change("box", row.id, lambda _row: Changes(**changes), "box.changed")


def refused(call, kind=Kind.CONFLICT):
    with pytest.raises(EdgeError) as error:
        call()
    assert error.value.kind is kind
    return error.value


def release(store, row, clock):
    return store.follow(row, row.model_copy(update={"state": State.GONE, "is_released": True}), clock.now())


class TestClaims:
    def test_claim_is_taken_in_the_transaction_of_its_resource(self, own, driver):
        made = own.create(new(claims=("name/a", "place/1", "name/a")))
        assert [call.operation for call in driver.meter.calls] == ["TransactWriteItems"]
        assert own.get("box", made.id).claims == ("name/a", "place/1")
        assert (own.holder_of("name/a"), own.holder_of("name/b")) == (made.id, None)

    def test_claim_of_another_refuses_and_makes_nothing(self, own, of):
        first = own.create(new(claims=("name/a",)))
        error = refused(lambda: own.create(new(claims=("place/1", "name/a"), quota="boxes", limit=3)))
        assert isinstance(error, ClaimTakenError)
        assert (error.claim, error.holder) == ("name/a", first.id)
        assert (own.every("box"), own.holder_of("place/1")) == ([first], None)
        assert of("two").create(new(claims=("name/a",))).claims == ("name/a",)

    def test_same_id_again_is_answered_though_its_claims_are_taken(self, own, ids, clock):
        first = own.create(new(id=ids.uuid7(clock.now()), claims=("name/a",)))
        assert own.create(new(id=first.id, claims=("name/a",))) == first

    def test_claims_of_a_scope_are_read_at_once(self, own, of):
        made = {name: own.create(new(claims=(f"name/{name}",))).id for name in ("b", "a")}
        own.create(new(claims=("names/c",)))
        of("two").create(new(claims=("name/d",)))
        assert dict(own.holders_in("name")) == made

    def test_end_of_a_resource_gives_its_claims_back(self, own, store, clock):
        row = own.create(new(claims=("name/a",)))
        release(store, row, clock)
        second = own.create(new(claims=("name/a",)))
        assert own.holder_of("name/a") == second.id

    def test_end_of_a_resource_leaves_a_claim_that_another_has(self, own, store, clock):
        row = own.create(new(claims=("name/a",)))
        other = own.create(new(claims=("name/b",)))
        # As after a restoration of single tables.
        theirs = row.model_copy(update={"claims": ("name/a", "name/b", "name/lost")})
        assert store.follow(theirs, theirs.model_copy(update={"is_released": True}), clock.now()).is_released
        assert (own.holder_of("name/a"), own.holder_of("name/b")) == (None, other.id)

    def test_changed_claims_are_exchanged_in_one_transaction(self, own, driver):
        made = own.create(new(claims=("name/a", "place/1")))
        driver.meter.reset()
        changed = change(own, made, name="b", claims=("name/b", "place/1"))
        assert [call.operation for call in driver.meter.calls] == ["GetItem", "TransactWriteItems"]
        assert (changed.name, changed.claims, own.get("box", made.id)) == ("b", ("name/b", "place/1"), changed)
        assert [own.holder_of(f"name/{name}") for name in "ab"] == [None, made.id]

    def test_change_to_a_claim_of_another_changes_nothing(self, own):
        own.create(new(claims=("name/a",)))
        made = own.create(new(claims=("name/b",)))
        assert refused(lambda: change(own, made, claims=("name/a",))).claim == "name/a"
        assert (own.get("box", made.id), own.holder_of("name/b")) == (made, made.id)

    @pytest.mark.parametrize("text", ["name", "/a", "name/", ""])
    def test_claim_without_a_scope_or_name_is_an_error(self, own, text):
        with pytest.raises(ValueError, match="scope/name"):
            own.create(new(claims=(text,)))


class TestVersionsOfParents:
    def test_parent_that_has_changed_since_refuses_the_child(self, own):
        parent = own.create(new())
        change(own, parent, spec={"size": 2})
        with pytest.raises(ParentMovedError):
            own.create(new(parents=(parent.id,), at={parent.id: parent.version}))
        assert own.get("box", parent.id).references == 0

    def test_parent_that_is_going_refuses_whatever_its_version(self, own):
        parent = own.create(new())
        going = own.delete("box", parent.id, "box.deleted")
        refused(lambda: own.create(new(parents=(parent.id,), at={parent.id: going.version})))

    def test_rule_over_siblings_is_decided_anew_for_the_second(self, own):
        """Whatever is read in ``decide`` holds when the resource is made: here, that no two have the same number."""
        parent = own.create(new())
        barrier, made = Barrier(2), []

        def decide():
            row = own.get("box", parent.id)
            taken = own.holders_in(f"number:{parent.id}")
            if row.references == 0 and not barrier.broken:
                barrier.wait(5)
            return new(parents=(parent.id,), at={parent.id: row.version}, claims=(f"number:{parent.id}/{len(taken)}",))

        threads = [Thread(target=lambda: made.append(own.make(decide, "box.created"))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {each.claims for each in made} == {(f"number:{parent.id}/0",), (f"number:{parent.id}/1",)}

    def test_rule_of_a_parent_that_never_rests_is_given_up(self, own):
        parent = own.create(new())

        def decide():
            version = own.get("box", parent.id).version
            change(own, parent, spec={"size": 2})
            return new(parents=(parent.id,), at={parent.id: version})

        refused(lambda: own.make(decide, "box.created"), Kind.UNAVAILABLE)


class TestChangedParents:
    def test_references_are_taken_and_returned_with_the_change(self, own, driver):
        first, second, child = (own.create(new(name)) for name in "abc")
        change(own, child, parents=(first.id,))
        driver.meter.reset()
        changed = change(own, child, parents=(second.id, second.id))
        assert [call.operation for call in driver.meter.calls] == ["GetItem", "TransactWriteItems"]
        assert changed.parents == (second.id,)
        assert [own.get("box", each.id).references for each in (first, second)] == [0, 1]

    def test_parent_that_is_going_or_unknown_changes_nothing(self, own, of):
        parent, child = own.create(new()), own.create(new())
        foreign = of("two").create(new())
        own.delete("box", parent.id, "box.deleted")
        refused(lambda: change(own, child, parents=(parent.id,)))
        for unknown in (foreign.id, "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee"):
            refused(lambda unknown=unknown: change(own, child, parents=(unknown,)), Kind.NOT_FOUND)
        assert own.get("box", child.id) == child

    def test_change_is_decided_anew_if_a_new_parent_has_changed_since(self, own):
        parent, child = own.create(new()), own.create(new())
        asked = []

        def decide(_row):
            asked.append(own.get("box", parent.id).version)
            if len(asked) == 1:
                change(own, parent, spec={"size": 2})
            return Changes(parents=(parent.id,), at={parent.id: asked[-1]})

        assert own.change("box", child.id, decide, "box.changed").parents == (parent.id,)
        assert asked == [parent.version, parent.version + 1]
        assert own.get("box", parent.id).references == 1

    def test_version_of_a_parent_that_it_has_already_does_not_matter(self, own):
        parent, child = own.create(new()), own.create(new())
        change(own, child, parents=(parent.id,))
        changed = change(own, child, parents=(parent.id,), spec={"size": 2}, at={parent.id: parent.version})
        assert changed.spec == {"size": 2}

    def test_parent_whose_row_is_lost_is_left_all_the_same(self, own, store):
        parent, child = own.create(new()), own.create(new())
        tied = change(own, child, parents=(parent.id,))
        store.remove(own.get("box", parent.id), "box.lost")
        assert change(own, tied, parents=()).parents == ()

    def test_end_of_a_child_returns_the_references_that_it_has_then(self, own, store, clock):
        first, second, child = (own.create(new(name)) for name in "abc")
        change(own, child, parents=(first.id,))
        release(store, change(own, child, parents=(second.id,)), clock)
        assert [own.get("box", each.id).references for each in (first, second)] == [0, 0]


class TestBeside:
    """Changes of other resources in the transaction that makes one."""

    def beside(self, row, **changes):
        return Beside(row, Changes(**changes))

    def test_resource_beside_a_new_one_changes_in_its_transaction(self, own, driver):
        other = own.create(new(claims=("name/a",)))
        driver.meter.reset()
        changes = self.beside(other, spec={"at": "b"}, claims=("name/a", "place/1"))
        own.make(lambda: new("b", beside=(changes,)), "box.created")
        assert [call.operation for call in driver.meter.calls] == ["TransactWriteItems"]
        changed = own.get("box", other.id)
        assert (changed.spec, changed.state, changed.generation) == ({"at": "b"}, State.PENDING, 2)
        assert own.holder_of("place/1") == other.id

    def test_resource_that_has_changed_since_has_it_decided_anew(self, own):
        other, asked = own.create(new()), []

        def decide():
            row = own.get("box", other.id)
            asked.append(row.version)
            if len(asked) == 1:
                change(own, other, spec={"size": 2})
            return new("b", beside=(self.beside(row, spec={**row.spec, "at": "b"}),))

        own.make(decide, "box.created")
        assert (asked, own.get("box", other.id).spec) == ([1, 2], {"size": 2, "at": "b"})

    def test_claim_of_another_or_a_row_that_is_gone_makes_and_changes_nothing(self, own, store):
        own.create(new(claims=("place/1",)))
        other, lost = own.create(new()), own.create(new())
        taken = new("b", beside=(self.beside(other, claims=("place/1",)),))
        assert refused(lambda: own.create(taken)).claim == "place/1"
        store.remove(lost, "box.lost")
        gone = new("b", beside=(self.beside(other, spec={"at": "b"}), self.beside(lost, spec={})))
        refused(lambda: own.create(gone), Kind.NOT_FOUND)
        assert own.get("box", other.id) == other


def test_resources_of_ids_are_those_of_the_tenant(own, of):
    made, foreign = own.create(new()), of("two").create(new())
    assert own.of_ids([made.id, foreign.id, "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee"]) == [made]


class TestSources:
    def test_source_cannot_go_until_its_thing_is_made(self, own, store, clock):
        source = own.create(new())
        made = own.create(new(sources=(source.id,)))
        refused(lambda: own.delete("box", source.id, "box.deleted"))
        shown = made.model_copy(update={"external": {"id": "box-1"}})
        made = store.follow(made, shown, clock.now())
        assert (made.sources, own.get("box", source.id).references) == ((), 0)

    def test_source_that_is_also_a_parent_is_referred_to_once_and_longer(self, own, store, clock):
        parent = own.create(new())
        child = own.create(new(parents=(parent.id,), sources=(parent.id,)))
        store.follow(child, child.model_copy(update={"external": {"id": "box-1"}}), clock.now())
        assert own.get("box", parent.id).references == 1

    def test_end_of_one_that_was_never_made_returns_its_sources_once(self, own, store, clock):
        source = own.create(new())
        ended = release(store, own.create(new(sources=(source.id,))), clock)
        store.follow(ended, ended.model_copy(update={"external": {"id": "box-1"}}), clock.now())
        assert own.get("box", source.id).references == 0
