"""Transactions, on both drivers."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.kit.errors import EdgeError
from chalicelib.kit.tables import (
    Add,
    Check,
    ConditionFailedError,
    Delete,
    Driver,
    Equals,
    Exists,
    Less,
    Put,
    Ref,
    RefusedError,
    Set,
    Tables,
    TransactionFailedError,
    Update,
    put_new,
)
from tests.support.fakes.clock import FakeIds
from tests.unit.kit.sample_tables import LINES, THINGS


def test_transaction_commits_all_kinds_of_writes_together(tables: Tables):
    for name in ("changed", "deleted", "checked"):
        tables.write(put_new(THINGS, {"id": name, "size": 1}), "thing.created")
    tables.commit(
        [
            put_new(LINES, {"book": "b", "number": 1}),
            Update(THINGS, {"id": "changed"}, (Add("size", 1),), Equals("size", 1)),
            Delete(THINGS, {"id": "deleted"}, Exists("id")),
            Check(THINGS, {"id": "checked"}, Equals("size", 1)),
        ],
        "things.tidied",
    )
    assert tables.get(LINES, {"book": "b", "number": 1}) is not None
    changed = tables.get(THINGS, {"id": "changed"})
    assert changed is not None
    assert (changed["size"], changed["version"]) == (2, 2)
    assert isinstance(changed["changed_by"], dict)
    assert changed["changed_by"]["operation"] == "things.tidied"
    assert tables.get(THINGS, {"id": "deleted"}) is None
    checked = tables.get(THINGS, {"id": "checked"})
    assert checked is not None
    assert checked["version"] == 1


def test_failed_condition_stops_the_transaction_and_names_each_failure(tables: Tables):
    tables.write(put_new(THINGS, {"id": "there", "size": 1}), "thing.created")
    with pytest.raises(TransactionFailedError) as failure:
        tables.commit(
            [
                put_new(LINES, {"book": "b", "number": 1}),
                put_new(THINGS, {"id": "there"}),
                Update(THINGS, {"id": "missing"}, (Set("size", 1),), Exists("id")),
            ],
            "things.tidied",
        )
    assert set(failure.value.failed) == {1, 2}
    there = failure.value.failed[1]
    assert there is not None
    assert there["size"] == 1
    assert failure.value.failed[2] is None
    assert tables.get(LINES, {"book": "b", "number": 1}) is None


def test_failed_check_stops_the_transaction(tables: Tables):
    with pytest.raises(TransactionFailedError):
        tables.commit([put_new(THINGS, {"id": "one"}), Check(THINGS, {"id": "none"}, Exists("id"))], "things.tidied")
    assert tables.get(THINGS, {"id": "one"}) is None


def test_transaction_takes_at_most_a_hundred_writes(tables: Tables):
    writes = [put_new(LINES, {"book": "b", "number": number}) for number in range(101)]
    with pytest.raises(ValueError, match="at most 100"):
        tables.commit(writes, "lines.written")
    tables.commit(writes[:100], "lines.written")
    assert tables.get(LINES, {"book": "b", "number": 99}) is not None


def test_transaction_with_the_same_row_twice_is_refused(tables: Tables):
    with pytest.raises(RefusedError):
        tables.commit([put_new(THINGS, {"id": "one"}), Check(THINGS, {"id": "one"}, Exists("id"))], "things.tidied")
    assert tables.get(THINGS, {"id": "one"}) is None


def test_transaction_with_one_invalid_row_is_refused(tables: Tables):
    with pytest.raises(RefusedError):
        tables.commit([put_new(THINGS, {"id": "one"}), Put(THINGS, {"id": "two", "kind": "", "size": 1})], "x.y")
    assert tables.get(THINGS, {"id": "one"}) is None


def test_transaction_repeated_with_its_token_counts_once(driver: Driver):
    writes = [Update(THINGS, {"id": "one"}, (Add("size", 1),))]
    driver.transact(writes, "token-1")
    driver.transact(writes, "token-1")
    driver.transact(writes, "token-2")
    (found,) = driver.batch_get([Ref(THINGS, {"id": "one"})], consistent=True)[0]
    assert found[1]["size"] == 2


def test_transaction_token_reused_for_other_writes_is_refused(driver: Driver):
    driver.transact([Update(THINGS, {"id": "one"}, (Add("size", 1),))], "token-1")
    with pytest.raises(RefusedError):
        driver.transact([Update(THINGS, {"id": "one"}, (Add("size", 2),))], "token-1")
    row = driver.get(Ref(THINGS, {"id": "one"}), consistent=True)
    assert row is not None
    assert row["size"] == 1


def test_racing_writers_lose_no_update(driver: Driver, clock):
    tables = Tables(driver, clock, FakeIds())
    tables.write(put_new(THINGS, {"id": "one", "size": 0}), "thing.created")

    def take(_: int) -> bool:
        try:
            tables.commit([Update(THINGS, {"id": "one"}, (Add("size", 1),), Less("size", 25))], "thing.taken")
        except (TransactionFailedError, EdgeError):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(40)))
    row = tables.get(THINGS, {"id": "one"})
    assert row is not None
    assert row["size"] == sum(taken) == 25
    assert row["version"] == 26


def test_racing_put_new_has_one_winner(driver: Driver, clock):
    tables = Tables(driver, clock, FakeIds())

    def create(place: int) -> int | None:
        try:
            tables.write(put_new(THINGS, {"id": "one", "place": place}), "thing.created")
        except ConditionFailedError:
            return None
        return place

    with ThreadPoolExecutor(8) as pool:
        winners = [place for place in pool.map(create, range(16)) if place is not None]
    row = tables.get(THINGS, {"id": "one"})
    assert row is not None
    assert winners == [row["place"]]
