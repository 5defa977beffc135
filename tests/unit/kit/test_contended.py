"""A write to a row that others change meanwhile is decided anew."""

import pytest

from chalicelib.kit.contended import write_current
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import Delete, Equals, Set, Update, put_new
from tests.unit.kit.sample_tables import THINGS

KEY = {"id": "one"}


@pytest.fixture(autouse=True)
def row(tables):
    tables.write(put_new(THINGS, {**KEY, "size": 1}), "test.made")


def add_one(row):
    changes = (Set("size", row["size"] + 1),)
    return Update(THINGS, KEY, changes, Equals("size", row["size"]))


def stored(tables):
    return tables.get(THINGS, KEY)


def test_row_that_was_changed_meanwhile_is_written_as_it_is_now(tables):
    write_current(tables, {"size": 7}, add_one, dict, "test.added")

    assert stored(tables)["size"] == 2


def test_row_that_is_gone_needs_no_write(tables):
    tables.write(Delete(THINGS, KEY), "test.deleted")
    write_current(tables, {"size": 1}, add_one, dict, "test.added")

    assert stored(tables) is None


def test_row_that_is_as_it_should_be_is_not_written(tables):
    write_current(tables, {"size": 7}, lambda row: add_one(row) if row["size"] > 1 else None, dict, "test.added")

    assert stored(tables)["size"] == 1


def test_row_that_others_change_again_and_again_is_given_up(tables):
    def too_late(row):
        tables.write(add_one(stored(tables)), "test.added")
        return add_one(row)

    with pytest.raises(EdgeError) as error:
        write_current(tables, dict(stored(tables)), too_late, dict, "test.added")
    assert error.value.kind is Kind.UNAVAILABLE
