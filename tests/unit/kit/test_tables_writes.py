"""Single conditional writes, on both drivers."""

import pytest

from chalicelib.kit.origin import Origin, working_for
from chalicelib.kit.tables import (
    Absent,
    Add,
    And,
    Attribute,
    ConditionFailedError,
    Delete,
    Equals,
    Exists,
    In,
    Item,
    Less,
    LessOrEqual,
    Not,
    Or,
    Put,
    RefusedError,
    Remove,
    Set,
    SetIfAbsent,
    Tables,
    Update,
    put_new,
)
from tests.unit.kit.sample_tables import LINES, THINGS


def stripped(item: Item | None) -> Item:
    """The row without its stamp."""
    assert item is not None
    return {name: value for name, value in item.items() if name not in {"version", "changed_by"}}


def thing(**more: object) -> Item:
    return {"id": "one", **more}  # type: ignore[dict-item]


def test_row_reads_back_with_every_kind_of_value(tables: Tables):
    item = thing(
        text="grün", empty="", number=-(2**53), zero=0, yes=True, raw=b"\x00\xff", none=None,
        names=frozenset({"a", "b"}), parts=[1, "x", [True], {"deep": b"y"}], shape={"width": 3, "gone": None},
    )  # fmt: skip
    written = tables.write(put_new(THINGS, item), "thing.created")
    expected = {**item, "shape": {"width": 3}}
    del expected["none"]
    assert stripped(tables.get(THINGS, {"id": "one"})) == expected
    assert stripped(written) == expected


def test_missing_row_reads_as_none(tables: Tables):
    assert tables.get(THINGS, {"id": "nobody"}) is None


def test_put_new_of_an_existing_row_is_refused_with_that_row(tables: Tables):
    tables.write(put_new(THINGS, thing(colour="red")), "thing.created")
    with pytest.raises(ConditionFailedError) as failure:
        tables.write(put_new(THINGS, thing(colour="blue")), "thing.created")
    assert stripped(failure.value.current) == {"id": "one", "colour": "red"}
    assert stripped(tables.get(THINGS, {"id": "one"})) == {"id": "one", "colour": "red"}


def test_failed_condition_on_a_missing_row_has_no_current_row(tables: Tables):
    with pytest.raises(ConditionFailedError) as failure:
        tables.write(Update(THINGS, {"id": "one"}, (Set("colour", "red"),), Exists("id")), "thing.painted")
    assert failure.value.current is None
    assert tables.get(THINGS, {"id": "one"}) is None


def test_update_returns_the_whole_new_row(tables: Tables):
    tables.write(put_new(THINGS, thing(colour="red", size=1, old="x", kept="k")), "thing.created")
    changes = (Set("colour", "blue"), Add("size", 4), Add("count", 2), Remove("old"), SetIfAbsent("kept", "new"),
               SetIfAbsent("made", "new"), Set("never", None))  # fmt: skip
    row = tables.write(Update(THINGS, {"id": "one"}, changes), "thing.changed")
    expected = {"id": "one", "colour": "blue", "size": 5, "count": 2, "kept": "k", "made": "new"}
    assert stripped(row) == expected
    assert stripped(tables.get(THINGS, {"id": "one"})) == expected


def test_setting_none_removes_the_attribute(tables: Tables):
    tables.write(put_new(THINGS, thing(colour="red")), "thing.created")
    assert stripped(tables.write(Update(THINGS, {"id": "one"}, (Set("colour", None),)), "thing.faded")) == thing()


def test_update_without_condition_creates_a_missing_row(tables: Tables):
    row = tables.write(Update(LINES, {"book": "b", "number": 3}, (Set("text", "t"),)), "line.written")
    assert stripped(row) == {"book": "b", "number": 3, "text": "t"}


def test_writes_are_stamped_with_version_origin_and_operation(tables: Tables):
    with working_for(Origin("request-1", "API_KEY", "192.0.2.1")):
        created = tables.write(put_new(THINGS, thing()), "thing.created")
    changed = tables.write(Update(THINGS, {"id": "one"}, (Set("colour", "red"),)), "thing.painted")
    assert created is not None
    assert changed is not None
    assert (created["version"], changed["version"]) == (1, 2)
    stamp = created["changed_by"]
    assert isinstance(stamp, dict)
    assert isinstance(changed["changed_by"], dict)
    assert {name: value for name, value in stamp.items() if name != "write_id"} == {
        "operation": "thing.created",
        "request_id": "request-1",
        "actor": "API_KEY",
        "address": "192.0.2.1",
        "at": "2026-11-21T10:00:00.000000Z",
    }
    assert changed["changed_by"]["operation"] == "thing.painted"
    assert changed["changed_by"]["write_id"] != stamp["write_id"]


ROW = thing(colour="red", size=5, limit=5, text="5", yes=True, shape={"width": 3}, names=frozenset({"a"}))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Absent("missing"), True),
        (Absent("colour"), False),
        (Exists("colour"), True),
        (Exists("shape.width"), True),
        (Exists("shape.height"), False),
        (Exists("colour.width"), False),
        (Equals("size", 5), True),
        (Equals("text", 5), False),
        (Equals("yes", 1), False),
        (Equals("missing", 5), False),
        (Equals("missing", None), False),
        (Equals("colour", None), False),
        (Equals("missing", Attribute("missing_too")), False),
        (Equals("size", Attribute("limit")), True),
        (Equals("shape", {"width": 3}), True),
        (Equals("shape", {"width": True}), False),
        (Equals("names", frozenset({"a"})), True),
        (Less("size", 6), True),
        (Less("size", Attribute("limit")), False),
        (Less("missing", 6), False),
        (Not(Less("missing", 6)), True),
        (Less("size", "6"), False),
        (LessOrEqual("size", Attribute("limit")), True),
        (LessOrEqual("colour", "red"), True),
        (Less("yes", 2), False),
        (In("colour", ("blue", "red")), True),
        (In("size", ("5",)), False),
        (In("missing", ("a",)), False),
        (And(Equals("size", 5), Equals("colour", "red")), True),
        (And(Equals("size", 5), Equals("colour", "blue")), False),
        (Or(Equals("size", 6), Equals("colour", "red")), True),
        (Or(Equals("size", 6), And(Exists("id"), Not(Exists("id")))), False),
    ],
)
def test_write_is_refused_unless_its_condition_holds(tables: Tables, condition, holds):
    tables.write(put_new(THINGS, ROW), "thing.created")
    write = Update(THINGS, {"id": "one"}, (Set("touched", True),), condition)
    if holds:
        row = tables.write(write, "thing.touched")
        assert row is not None
        assert row["touched"] is True
    else:
        with pytest.raises(ConditionFailedError) as failure:
            tables.write(write, "thing.touched")
        assert stripped(failure.value.current) == ROW


def test_delete_is_refused_unless_its_condition_holds(tables: Tables):
    tables.write(put_new(THINGS, thing(colour="red")), "thing.created")
    with pytest.raises(ConditionFailedError) as failure:
        tables.write(Delete(THINGS, {"id": "one"}, Equals("colour", "blue")), "thing.deleted")
    assert stripped(failure.value.current) == thing(colour="red")
    assert tables.write(Delete(THINGS, {"id": "one"}, Equals("colour", "red")), "thing.deleted") is None
    assert tables.get(THINGS, {"id": "one"}) is None


def test_delete_of_a_missing_row_succeeds_only_if_it_was_read(tables: Tables):
    condition = Exists("id")
    assert tables.write(Delete(THINGS, {"id": "one"}, condition, was_read=True), "thing.deleted") is None
    with pytest.raises(ConditionFailedError):
        tables.write(Delete(THINGS, {"id": "one"}, condition), "thing.deleted")


def test_read_row_that_no_longer_meets_the_condition_is_not_deleted(tables: Tables):
    tables.write(put_new(THINGS, thing(colour="red")), "thing.created")
    with pytest.raises(ConditionFailedError):
        tables.write(Delete(THINGS, {"id": "one"}, Equals("colour", "blue"), was_read=True), "thing.deleted")
    assert tables.get(THINGS, {"id": "one"}) is not None


@pytest.mark.parametrize(
    "write",
    [
        put_new(THINGS, {"id": ""}),
        put_new(THINGS, {"id": 7}),
        put_new(LINES, {"book": "b", "number": "7"}),
        put_new(LINES, {"book": "b"}),
        Put(THINGS, {"id": "one", "kind": "", "size": 1}),
        Put(THINGS, {"id": "one", "kind": "k", "size": "1"}),
        Put(THINGS, {"id": "one", "names": frozenset()}),
        Put(THINGS, {"id": "one", "big": "x" * 410_000}),
        Update(THINGS, {"id": "one"}, (Set("size", "large"),)),
        Update(THINGS, {"id": "one"}, (SetIfAbsent("colour", None),)),
        Update(THINGS, {"id": "one"}, (Set("id", "two"),)),
        Update(THINGS, {"id": "one"}, (Set("shape.width", 1),)),
        Update(THINGS, {"id": "one", "extra": "x"}, (Set("a", 1),)),
        Update(THINGS, {"id": "x" * 2049}, (Set("a", 1),)),
    ],
    ids=lambda write: repr(write)[-60:],
)
def test_write_that_dynamodb_refuses_is_refused(tables: Tables, write):
    with pytest.raises(RefusedError):
        tables.write(write, "thing.spoilt")
    assert tables.get(THINGS, {"id": "one"}) is None


def test_adding_to_text_is_refused(tables: Tables):
    tables.write(put_new(THINGS, thing(colour="red")), "thing.created")
    with pytest.raises(RefusedError):
        tables.write(Update(THINGS, {"id": "one"}, (Add("colour", 1),)), "thing.counted")


def test_malformed_condition_is_refused_when_made():
    with pytest.raises(ValueError, match="at least one"):
        And()
    with pytest.raises(ValueError, match="at least one"):
        Or()
    with pytest.raises(ValueError, match="1 to 100"):
        In("colour", ())
    with pytest.raises(ValueError, match="1 to 100"):
        In("colour", [str(number) for number in range(101)])
    with pytest.raises(TypeError, match="no order"):
        Less("yes", True)
