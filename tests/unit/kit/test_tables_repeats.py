"""What `Tables` does about conflicts, throttling and lost answers. Only the fake can show them."""

import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import (
    TRIES,
    Add,
    BusyError,
    ConditionFailedError,
    Delete,
    Equals,
    Exists,
    Put,
    Query,
    Ref,
    Set,
    Tables,
    TransactionFailedError,
    Update,
    put_new,
)
from tests.unit.kit.sample_tables import LINES, THINGS

ONE = {"id": "one"}


def size_of(fake) -> object:
    return fake.row(THINGS, ONE)["size"]


@pytest.fixture
def one(fake_tables):
    fake_tables.write(put_new(THINGS, {"id": "one", "size": 1}), "thing.created")


@pytest.mark.parametrize("kind", ["throttle", "conflict"])
def test_busy_write_is_retried_with_jitter_until_it_succeeds(fake, fake_tables, clock, one, kind):
    fake.fail_next(4, kind)
    row = fake_tables.write(Update(THINGS, ONE, (Add("size", 1),)), "thing.grown")
    assert row["size"] == 2
    assert len(clock.pauses) == 4
    assert all(0 <= pause < 0.025 * 2**place for place, pause in enumerate(clock.pauses))
    assert len(set(clock.pauses)) == 4


@pytest.mark.parametrize(
    "attempt",
    [
        lambda tables: tables.get(THINGS, ONE),
        lambda tables: tables.get_many([Ref(THINGS, ONE)]),
        lambda tables: tables.query(Query(THINGS, "one")),
        lambda tables: tables.query_many([Query(THINGS, "one")]),
        lambda tables: tables.write(Update(THINGS, ONE, (Add("size", 1),)), "thing.grown"),
        lambda tables: tables.commit([Update(THINGS, ONE, (Add("size", 1),))], "thing.grown"),
    ],
    ids=["get", "get_many", "query", "query_many", "write", "commit"],
)
def test_endless_throttling_ends_as_unavailable_within_five_seconds(fake, fake_tables, clock, one, attempt):
    start = clock.now()
    fake.fail_next(10_000, "throttle")
    with pytest.raises(EdgeError) as failure:
        attempt(fake_tables)
    assert failure.value.kind is Kind.UNAVAILABLE
    assert isinstance(failure.value.__cause__, BusyError)
    assert 3 < (clock.now() - start).total_seconds() <= 5
    assert size_of(fake) == 1


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (put_new(THINGS, {"id": "two", "size": 1}), {"size": 1, "version": 1}),
        (Put(THINGS, {"id": "one", "size": 9}), {"size": 9, "version": 1}),
        (Update(THINGS, ONE, (Add("size", 1),)), {"size": 2, "version": 2}),
        (Update(THINGS, ONE, (Add("size", 1),), Equals("size", 1)), {"size": 2, "version": 2}),
    ],
)
def test_write_whose_answer_was_lost_counts_once_and_succeeds(fake, fake_tables, one, write, expected):
    fake.fail_next(1, "lost_answer")
    row = fake_tables.write(write, "thing.written")
    assert {name: row[name] for name in expected} == expected
    stored = fake.row(THINGS, {"id": row["id"]})
    assert {name: stored[name] for name in expected} == expected


def test_lost_answer_does_not_hide_a_real_refusal(fake, fake_tables, one):
    fake.fail_next(1, "lost_answer")
    with pytest.raises(ConditionFailedError) as failure:
        fake_tables.write(put_new(THINGS, {"id": "one", "size": 5}), "thing.created")
    assert failure.value.current["size"] == 1
    fake.fail_next(1, "lost_answer")
    with pytest.raises(TransactionFailedError):
        fake_tables.commit([put_new(THINGS, {"id": "one"})], "thing.created")
    assert size_of(fake) == 1


@pytest.mark.parametrize("was_read", [True, False])
def test_delete_whose_answer_was_lost_succeeds_only_for_a_read_row(fake, fake_tables, one, was_read):
    fake.fail_next(1, "lost_answer")
    delete = Delete(THINGS, ONE, Exists("id"), was_read=was_read)
    if was_read:
        assert fake_tables.write(delete, "thing.deleted") is None
    else:
        with pytest.raises(ConditionFailedError):
            fake_tables.write(delete, "thing.deleted")
    assert fake.row(THINGS, ONE) is None


@pytest.mark.parametrize("tokens_honoured", [True, False])
def test_transaction_whose_answer_was_lost_counts_once(fake, fake_tables, one, tokens_honoured):
    fake.tokens_honoured = tokens_honoured
    fake.fail_next(1, "lost_answer")
    writes = [Update(THINGS, ONE, (Add("size", 1),)), put_new(LINES, {"book": "b", "number": 1})]
    fake_tables.commit(writes, "thing.grown")
    assert size_of(fake) == 2
    assert len(fake.rows(LINES)) == 1


def test_retry_after_a_lost_answer_keeps_a_write_made_in_between(fake, fake_tables, one):
    def meanwhile():
        fake_tables.write(Update(THINGS, ONE, (Set("colour", "red"),)), "thing.painted")

    fake.fail_next(1, "lost_answer", meanwhile=meanwhile)
    fake_tables.commit([Update(THINGS, ONE, (Add("size", 1),))], "thing.grown")
    assert size_of(fake) == 2
    assert fake.row(THINGS, ONE)["colour"] == "red"


def test_new_row_that_was_changed_after_a_lost_answer_is_no_refusal(fake, fake_tables):
    def meanwhile():
        fake_tables.write(Update(THINGS, {"id": "two"}, (Set("colour", "red"),)), "thing.painted")

    fake.fail_next(1, "lost_answer", meanwhile=meanwhile)
    fake_tables.add(put_new(THINGS, {"id": "two", "size": 1}), "thing.created", result=None)
    row = fake.row(THINGS, {"id": "two"})
    assert (row["size"], row["colour"]) == (1, "red")


def test_keys_left_unread_by_a_batch_are_read_again(fake, fake_tables, clock):
    for number in range(60):
        fake_tables.write(put_new(LINES, {"book": "b", "number": number, "text": "x" * 390_000}), "line.written")
    fake_tables.meter.reset()
    rows = fake_tables.get_many([Ref(LINES, {"book": "b", "number": number}) for number in range(60)])
    assert [row["number"] for row in rows] == list(range(60))
    assert fake_tables.meter.count == 2
    assert len(clock.pauses) == 1


@pytest.mark.parametrize(("held_seconds", "repeat_seconds"), [(0.01, 5), (0.05, 25)])
def test_two_hundred_concurrent_writes_to_a_row_all_succeed(fake, clock, ids, one, held_seconds, repeat_seconds):
    tables = Tables(fake, clock, ids, repeat_seconds=repeat_seconds)
    fake.latency(0.005)
    fake.transaction_seconds(held_seconds)
    start = clock.now()

    def grow() -> None:
        tables.commit([Update(THINGS, ONE, (Add("size", 1),))], "thing.grown")

    assert clock.run_together([grow] * 200) == [None] * 200
    assert size_of(fake) == 201
    assert fake.meter.count > 400, "conflicts are calls too"
    assert 200 * held_seconds <= (clock.now() - start).total_seconds() < 30


def test_writes_to_an_overloaded_row_end_as_unavailable(fake, fake_tables, clock, one):
    fake.transaction_seconds(1)
    fake.latency(0.005)

    def grow() -> None:
        fake_tables.commit([Update(THINGS, ONE, (Add("size", 1),))], "thing.grown")

    outcomes = clock.run_together([grow] * 20)
    assert size_of(fake) == 1 + outcomes.count(None)
    assert {getattr(outcome, "kind", None) for outcome in outcomes} == {None, Kind.UNAVAILABLE}


def test_repeated_losses_of_a_race_pause_between_tries_and_end(fake_tables, clock):
    turns = [clock.now() for _ in fake_tables.tries()]
    assert len(turns) == TRIES
    assert len(clock.pauses) == TRIES - 1
    assert max(clock.pauses) <= 0.5
    assert 1 < (turns[-1] - turns[0]).total_seconds() < 10


def test_first_try_that_succeeds_takes_no_pause(fake_tables, clock):
    for _ in fake_tables.tries():
        break
    assert clock.pauses == []


def test_try_write_returns_whether_its_condition_held(fake, fake_tables, one):
    grown = Update(THINGS, ONE, (Set("size", 2),), Equals("size", 1))
    assert fake_tables.try_write(grown, "thing.grown")
    assert not fake_tables.try_write(grown, "thing.grown")
    assert size_of(fake) == 2
