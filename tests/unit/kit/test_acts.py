"""Acts of operators that the change stream cannot tell are noted with the write."""

import pytest

from chalicelib.kit.origin import Origin, working_for
from chalicelib.kit.tables import (
    ActedOn,
    Check,
    ConditionFailedError,
    Delete,
    Equals,
    Exists,
    Put,
    Set,
    Table,
    Tables,
    Thing,
    TransactionFailedError,
    Update,
    put_new,
)
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

BOXES = Table("boxes", partition="id", stream=True, thing=Thing("box", name="name"))
NAMED = Table("named_boxes", partition="name", stream=True, thing=Thing("box", name="name"))
LIDS = Table("lids", partition="id", stream=True, thing=Thing("lid"))
QUIET = Table("quiet", partition="id", thing=Thing("box"))
SOME = Table("some", partition="id", stream=True, relayed=frozenset({"box.shut"}), thing=Thing("box"))
PARTS = Table("parts", partition="id", stream=True, thing=Thing("box", id="box_id", made_with=True))
MIXED = Table("mixed", partition="id", stream=True, thing=Thing(kind_in="kind", name="name"))
MIXED_QUIET = Table("mixed_quiet", partition="id", thing=Thing(kind_in="kind", name="name"))
NOTES = Table("notes", partition="id")

DELETING = Origin("request", "key:k", "203.0.113.7", verb="box.delete")


def note(origin: Origin, thing: ActedOn) -> Put:
    return Put(NOTES, {"id": f"{origin.request_id}/{thing.id}", "name": thing.name})


@pytest.fixture
def driver():
    clock = FakeClock()
    return FakeDynamo([BOXES, NAMED, LIDS, QUIET, SOME, PARTS, MIXED, MIXED_QUIET, NOTES], clock)


@pytest.fixture
def tables(driver):
    made = Tables(driver, FakeClock(), FakeIds(), note=note)
    for table in (BOXES, LIDS, QUIET, SOME):
        made.write(put_new(table, {"id": "a", "name": "Ann"}), "box.made")
    made.write(put_new(NAMED, {"name": "Ann", "id": "a"}), "box.made")
    driver.meter.reset()
    return made


def noted(driver):
    return [row["id"] for row in driver.rows(NOTES)]


def test_removed_row_of_a_thing_is_noted_in_its_transaction(tables, driver):
    with working_for(DELETING):
        assert tables.write(Delete(BOXES, {"id": "a"}, row={"name": "Ann"}), "box.deleted") is None
    assert [call.operation for call in driver.meter.calls] == ["TransactWriteItems"]
    (row,) = driver.rows(NOTES)
    assert (row["id"], row["name"]) == ("request/a", "Ann")


@pytest.mark.parametrize(
    "origin",
    [Origin("request", "clean_up"), Origin("request", "key:k", verb="lid.delete"), Origin("")],
    ids=["worker", "other kind", "none"],
)
def test_removal_that_is_no_act_on_the_thing_costs_one_single_write(tables, driver, origin):
    with working_for(origin):
        tables.write(Delete(BOXES, {"id": "a"}), "box.deleted")
    assert [call.operation for call in driver.meter.calls] == ["DeleteItem"]
    assert noted(driver) == []


@pytest.mark.parametrize(
    "write",
    [
        Put(BOXES, {"id": "b"}),
        Update(BOXES, {"id": "a"}, (Set("name", "Bob"),)),
        Put(PARTS, {"id": "p", "box_id": "a"}),
        Put(LIDS, {"id": "b"}),
    ],
    ids=["new row", "changed row", "part of a new thing", "row of another kind"],
)
def test_write_that_the_stream_tells_is_not_noted(tables, driver, write):
    with working_for(DELETING._replace(verb="box.shut")):
        tables.write(write, "box.shut")
    assert driver.meter.count == 1
    assert noted(driver) == []


@pytest.mark.parametrize("table", [QUIET, SOME], ids=["no stream", "operation not relayed"])
def test_write_that_the_stream_does_not_have_is_noted(tables, driver, table):
    with working_for(DELETING._replace(verb="box.open")):
        row = tables.write(Update(table, {"id": "a"}, (Set("name", "Bob"),)), "box.opened")
    assert row["name"] == "Bob"
    assert noted(driver) == ["request/a"]


def test_thing_with_a_told_and_an_untold_row_is_not_noted(tables, driver):
    with working_for(DELETING._replace(verb="box.open")):
        writes = [Delete(QUIET, {"id": "a"}), Update(BOXES, {"id": "a"}, (Set("name", "Bob"),))]
        tables.commit(writes, "box.opened")
    assert noted(driver) == []


def test_thing_with_several_removed_rows_is_noted_once(tables, driver):
    with working_for(DELETING):
        tables.commit(
            [Delete(BOXES, {"id": "a"}), Delete(QUIET, {"id": "a"}), Delete(LIDS, {"id": "a"})], "box.deleted"
        )
    assert noted(driver) == ["request/a"]


def test_condition_of_a_transaction_is_no_act(tables, driver):
    with working_for(DELETING):
        tables.commit([Check(BOXES, {"id": "a"}, Exists("id")), Delete(LIDS, {"id": "a"})], "lid.deleted")
    assert noted(driver) == []


def test_removal_without_the_id_of_its_thing_is_refused(tables):
    with working_for(DELETING), pytest.raises(LookupError, match="id"):
        tables.write(Delete(NAMED, {"name": "Ann"}), "box.deleted")


def test_removal_whose_condition_fails_is_not_noted(tables, driver):
    with working_for(DELETING), pytest.raises(ConditionFailedError) as failed:
        tables.write(Delete(BOXES, {"id": "a"}, Equals("name", "Bob")), "box.deleted")
    assert failed.value.current["name"] == "Ann"
    assert noted(driver) == []


def test_second_of_two_removals_is_not_noted(tables, driver):
    removal = Delete(BOXES, {"id": "a"}, Exists("id"), was_read=True)
    for request in ("first", "second"):
        with working_for(DELETING._replace(request_id=request)):
            assert tables.write(removal, "box.deleted") is None
    assert noted(driver) == ["first/a"]


def test_transaction_that_fails_notes_nothing(tables, driver):
    with working_for(DELETING), pytest.raises(TransactionFailedError):
        tables.commit([Delete(BOXES, {"id": "a"}), Check(LIDS, {"id": "b"}, Exists("id"))], "box.deleted")
    assert noted(driver) == []


def test_thing_without_a_row_among_the_writes_is_noted_if_it_is_named(tables, driver):
    named = [ActedOn("box", "z"), ActedOn("lid", "y")]
    with working_for(DELETING):
        tables.commit([Put(LIDS, {"id": "c"})], "lid.made", acts_on=named)
    assert noted(driver) == ["request/z"]


def test_stamp_has_the_act_of_an_operator_alone(tables):
    plain = tables.write(Put(LIDS, {"id": "c"}), "lid.made")["changed_by"]
    with working_for(Origin("r", "key:k", name="Kim", verb="lid.make", is_deferred=True)):
        acted = tables.write(Put(LIDS, {"id": "d"}), "lid.made")["changed_by"]
    assert set(acted) - set(plain) == {"verb", "name", "deferred"}
    assert (acted["verb"], acted["name"], acted["deferred"]) == ("lid.make", "Kim", True)


@pytest.mark.parametrize(
    ("table", "kind", "expected"),
    [(MIXED, "box", []), (MIXED_QUIET, "box", ["request/m"]), (MIXED_QUIET, "lid", [])],
)
def test_row_that_names_its_own_kind_is_noted_if_the_stream_does_not_tell_it(tables, driver, table, kind, expected):
    making = Origin("request", "key:k", "203.0.113.7", verb="box.make")
    with working_for(making):
        tables.write(put_new(table, {"id": "m", "kind": kind, "name": "Max"}), "box.made")
    assert noted(driver) == expected
