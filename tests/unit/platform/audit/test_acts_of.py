"""Which changes of things are events of the audit log, for every thing of every family."""

import pytest

from chalicelib.kit.changes import Change
from chalicelib.platform.audit.changes import EVENT, acts_of
from chalicelib.platform.background.queues import CLEAN_UP
from tests.support.declared import TABLES
from tests.support.fakes.clock import FakeClock, FakeIds

REQUEST = FakeIds().uuid7(FakeClock().now())
OF_THINGS = [table for table in TABLES if table.thing and table.stream]

each_table = pytest.mark.parametrize("table", OF_THINGS, ids=lambda table: table.name)


def image(table, action="change", kind=None, **stamp):
    """A row that an operator's request has written."""
    own = kind_of(table)
    verb = f"{kind or own}.{action}"
    written = {"request_id": REQUEST, "actor": "key:k", "address": "203.0.113.7", "name": "Kim", "verb": verb, **stamp}
    row = {table.thing.id: "the-id", table.thing.name or "-": "the name", "secret": "hidden", "changed_by": written}
    return row | ({table.thing.kind_in: own} if table.thing.kind_in else {})


def kind_of(table):
    """The kind of a table's thing; a kind of the test, where each row names its own."""
    return table.thing.kind or "box"


def rows_of(table, old, new, *, expired=False):
    sends = list(acts_of(Change(table.name, old, new, "1", expired), table.thing))
    assert all(send.queue is CLEAN_UP and send.message["kind"] == EVENT for send in sends)
    return [send.message["row"] for send in sends]


@each_table
def test_change_by_an_operator_is_an_event_of_its_thing(table):
    (row,) = rows_of(table, image(table), image(table))
    assert (row["thing_kind"], row["thing_id"]) == (kind_of(table), "the-id")
    assert row.get("thing_name") == ("the name" if table.thing.name else None)
    assert (row["operation"], row["outcome"]) == (f"{kind_of(table)}.change", "done")
    assert (row["principal_kind"], row["principal_id"], row["principal_name"]) == ("key", "k", "Kim")
    assert (row["address"], row["request_id"]) == ("203.0.113.7", REQUEST)
    assert "hidden" not in str(row)


@each_table
def test_new_row_is_an_event_unless_another_row_tells_it(table):
    assert len(rows_of(table, None, image(table))) == (0 if table.thing.made_with else 1)


@each_table
def test_change_by_a_verb_of_another_kind_is_no_event(table):
    assert rows_of(table, image(table), image(table, kind="enrolment")) == []


@each_table
def test_change_by_a_worker_or_an_agent_is_no_event(table):
    assert (
        rows_of(table, image(table), image(table) | {"changed_by": {"request_id": REQUEST, "actor": "clean_up"}}) == []
    )


@each_table
@pytest.mark.parametrize("expired", [False, True])
def test_removal_is_no_event_of_the_writer_before(table, expired):
    assert rows_of(table, image(table), None, expired=expired) == []


@each_table
def test_event_is_the_same_for_each_row_of_its_request_and_thing(table):
    first, again = rows_of(table, image(table), image(table)), rows_of(table, image(table), image(table, at="later"))
    assert first == again
    others = [
        image(table, request_id=FakeIds().uuid7(FakeClock().now())[:-2] + "00"),
        image(table) | {table.thing.id: "x"},
    ]
    assert {rows_of(table, image(table), other)[0]["id"] for other in others}.isdisjoint({first[0]["id"]})


@each_table
def test_change_whose_effects_come_later_is_accepted(table):
    (row,) = rows_of(table, image(table), image(table, deferred=True))
    assert row["outcome"] == "accepted"


def test_root_is_named_by_its_key_of_the_settings():
    table = OF_THINGS[0]
    (row,) = rows_of(table, image(table), image(table, actor="API_KEY", name=""))
    assert (row["principal_kind"], row["principal_id"], row["principal_name"]) == ("root", "API_KEY", "API_KEY")


def test_principal_without_authentication_has_no_id():
    table = OF_THINGS[0]
    (row,) = rows_of(table, image(table), image(table, actor="", name=""))
    assert row["principal_kind"] == "root"
    assert "principal_id" not in row
