"""The fake's own promises: bills, lag, stream, crashes. Others build on them."""

import pytest

from chalicelib.kit.errors import EdgeError
from chalicelib.kit.tables import (
    Add,
    BusyError,
    Check,
    ConditionFailedError,
    Delete,
    Exists,
    Put,
    Query,
    Ref,
    RefusedError,
    Remove,
    Set,
    Table,
    Tables,
    Update,
    put_new,
)
from chalicelib.kit.tables.wire import from_wire
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import Crash, FakeDynamo
from tests.support.fakes.dynamo_sizes import item_bytes
from tests.unit.kit.sample_tables import BY_KIND, DUE, LINES, SAMPLE_TABLES, THINGS


def line(number: int, size_bytes: int) -> dict:
    """A row of exactly that size: 15 bytes are names, the book and a small number."""
    item = {"book": "b", "number": number, "t": ""}
    return {**item, "t": "x" * (size_bytes - item_bytes(item))}


def units(fake: FakeDynamo) -> tuple[float, float]:
    spent = fake.meter.read_units, fake.meter.write_units
    fake.meter.reset()
    return spent


def test_item_size_is_counted_as_dynamodb_documents():
    assert item_bytes({"name": "grün"}) == 4 + 5
    assert item_bytes({"n": 0}) == 1 + 1
    assert item_bytes({"n": 27}) == 1 + 2
    assert item_bytes({"n": -27}) == 1 + 3
    assert item_bytes({"n": 1_000_000}) == 1 + 2
    assert item_bytes({"b": True}) == 1 + 1
    assert item_bytes({"l": ["ab", 5]}) == 1 + 3 + (1 + 2) + (1 + 2)
    assert item_bytes({"m": {"a": "b"}}) == 1 + 3 + 1 + 1 + 1
    assert item_bytes({"s": frozenset({"ab", "c"})}) == 1 + 3


@pytest.mark.parametrize(
    ("size_bytes", "consistent", "expected"),
    [(3000, True, 1.0), (4096, True, 1.0), (4097, True, 2.0), (4097, False, 1.0), (100, False, 0.5)],
)
def test_read_costs_one_unit_per_4_kb(fake, size_bytes, consistent, expected):
    fake.write(Put(LINES, line(1, size_bytes)))
    fake.meter.reset()
    fake.get(Ref(LINES, {"book": "b", "number": 1}), consistent=consistent)
    assert units(fake) == (expected, 0)


def test_query_costs_by_the_sum_of_rows_and_a_batch_by_each_row(fake):
    for number in (1, 2, 3):
        fake.write(Put(LINES, line(number, 1500)))
    fake.meter.reset()
    fake.query(Query(LINES, "b", consistent=True))
    assert units(fake) == (2.0, 0)
    fake.query(Query(LINES, "b", count_only=True))
    assert units(fake) == (1.0, 0)
    fake.batch_get([Ref(LINES, {"book": "b", "number": number}) for number in (1, 2, 9)], consistent=True)
    assert units(fake) == (3.0, 0)
    fake.get(Ref(LINES, {"book": "b", "number": 9}), consistent=True)
    assert units(fake) == (1.0, 0)


@pytest.mark.parametrize(("size_bytes", "expected"), [(100, 1.0), (1024, 1.0), (1025, 2.0), (3500, 4.0)])
def test_write_costs_one_unit_per_1_kb_and_double_in_a_transaction(fake, size_bytes, expected):
    fake.write(Put(LINES, line(1, size_bytes)))
    assert units(fake) == (0, expected)
    fake.transact([Put(LINES, line(2, size_bytes)), Check(LINES, {"book": "b", "number": 1}, Exists("book"))], "t")
    assert units(fake) == (0, expected * 4)


def test_write_costs_by_the_larger_image_even_if_its_condition_fails(fake):
    fake.write(Put(LINES, line(1, 3500)))
    fake.meter.reset()
    fake.write(Update(LINES, {"book": "b", "number": 1}, (Set("t", "x"),)))
    assert units(fake) == (0, 4.0)
    fake.write(Put(LINES, line(1, 3500)))
    fake.meter.reset()
    with pytest.raises(ConditionFailedError):
        fake.write(put_new(LINES, line(1, 10 * 1024)))
    assert units(fake) == (0, 4.0)
    fake.write(Delete(LINES, {"book": "b", "number": 1}))
    assert units(fake) == (0, 4.0)


def test_index_writes_are_billed_as_documented(fake):
    key = {"id": "one"}
    fake.write(Put(THINGS, {"id": "one", "kind": "k", "size": 1, "colour": "red"}))
    assert units(fake) == (0, 2.0), "row + new entry"
    fake.write(Update(THINGS, key, (Set("weight", 1),)))
    assert units(fake) == (0, 1.0), "nothing that the index carries"
    fake.write(Update(THINGS, key, (Set("colour", "blue"),)))
    assert units(fake) == (0, 2.0), "row + changed projection"
    fake.write(Update(THINGS, key, (Set("size", 2),)))
    assert units(fake) == (0, 3.0), "row + entry taken out + entry put in"
    fake.transact([Update(THINGS, key, (Remove("kind"),))], "t")
    assert units(fake) == (0, 3.0), "row twice + entry taken out once"


def test_index_lags_by_the_fake_clock_and_the_table_does_not(fake, clock):
    fake.write(Put(THINGS, {"id": "one", "kind": "k", "size": 1}))
    fake.index_lag(2)
    fake.write(Put(THINGS, {"id": "two", "kind": "k", "size": 2}))
    fake.write(Update(THINGS, {"id": "one"}, (Set("size", 9),)))
    by_kind = Query(THINGS, "k", index=BY_KIND)
    assert [(item["id"], item["size"]) for item in fake.query(by_kind).items] == [("one", 1)]
    assert fake.query(Query(THINGS, "two")).count == 1
    clock.advance(1.9)
    assert fake.query(by_kind).count == 1
    clock.advance(0.1)
    assert [(item["id"], item["size"]) for item in fake.query(by_kind).items] == [("two", 2), ("one", 9)]


def test_ending_the_index_lag_brings_the_index_up_to_date(fake):
    fake.index_lag(60)
    fake.write(Put(THINGS, {"id": "one", "kind": "k", "size": 1}))
    fake.index_lag(0)
    assert fake.query(Query(THINGS, "k", index=BY_KIND)).count == 1


@pytest.mark.parametrize(("late", "kinds"), [("k", ["k", "l"]), ("l", [])])
def test_entry_that_moves_is_where_each_partition_of_the_index_still_has_it(fake, clock, late, kinds):
    fake.write(Put(THINGS, {"id": "one", "kind": "k", "size": 1}))
    fake.index_lag(2, lambda name: name[2] == late)
    fake.write(Update(THINGS, {"id": "one"}, (Set("kind", "l"),)))
    shown = lambda: [kind for kind in ("k", "l") if fake.query(Query(THINGS, kind, index=BY_KIND)).items]  # noqa: E731
    assert shown() == kinds
    clock.advance(2)
    assert shown() == ["l"]


def test_partition_that_does_not_lag_any_more_keeps_the_order_of_its_writes(fake, clock):
    fake.index_lag(2)
    fake.write(Put(THINGS, {"id": "one", "kind": "k", "size": 1}))
    fake.index_lag(1, lambda _name: False)
    fake.write(Update(THINGS, {"id": "one"}, (Set("size", 2),)))
    by_kind = Query(THINGS, "k", index=BY_KIND)
    assert fake.query(by_kind).items == []
    clock.advance(2)
    assert [item["size"] for item in fake.query(by_kind).items] == [2]


def test_crash_happens_after_the_nth_write_took_effect(fake, fake_tables):
    fake.crash_after(2)
    fake_tables.write(put_new(THINGS, {"id": "one"}), "thing.created")
    with pytest.raises(Crash):
        fake_tables.commit([put_new(THINGS, {"id": "two"}), put_new(THINGS, {"id": "three"})], "thing.created")
    assert len(fake.rows(THINGS)) == 3
    fake_tables.write(put_new(THINGS, {"id": "four"}), "thing.created")
    assert len(fake.rows(THINGS)) == 4


def test_refused_write_does_not_count_towards_a_crash(fake):
    fake.write(Put(THINGS, {"id": "one"}))
    fake.crash_after(1)
    with pytest.raises(ConditionFailedError):
        fake.write(put_new(THINGS, {"id": "one"}))
    with pytest.raises(Crash):
        fake.write(Put(THINGS, {"id": "two"}))


def test_only_the_hot_partition_is_throttled(fake, clock):
    fake.partition_limit(5)
    for number in range(5):
        fake.write(Put(LINES, {"book": "hot", "number": number}))
    with pytest.raises(BusyError):
        fake.write(Put(LINES, {"book": "hot", "number": 5}))
    fake.write(Put(LINES, {"book": "cool", "number": 5}))
    clock.advance(1)
    fake.write(Put(LINES, {"book": "hot", "number": 5}))
    assert len(fake.rows(LINES)) == 7


def test_hot_index_partition_throttles_writes_to_the_table(fake):
    fake.partition_limit(2)
    for name in ("one", "two"):
        fake.write(Put(THINGS, {"id": name, "due_shard": "0", "due_at": "t"}))
    with pytest.raises(BusyError):
        fake.write(Put(THINGS, {"id": "three", "due_shard": "0", "due_at": "t"}))
    assert fake.query(Query(THINGS, "0", index=DUE)).count == 2


def test_random_conflicts_are_the_same_for_the_same_seed(clock):
    def passes() -> list[bool]:
        fake = FakeDynamo(SAMPLE_TABLES, clock)
        fake.conflicts(0.5, seed=7)
        outcomes = []
        for number in range(20):
            try:
                fake.transact([put_new(LINES, {"book": "b", "number": number})], str(number))
            except BusyError:
                outcomes.append(False)
            else:
                outcomes.append(True)
        assert len(fake.rows(LINES)) == sum(outcomes)
        return outcomes

    first = passes()
    assert first == passes()
    assert 3 < sum(first) < 17


def test_row_is_busy_while_its_transaction_runs(fake, clock):
    fake.transaction_seconds(0.1)
    update = Update(THINGS, {"id": "one"}, (Add("size", 1),))
    fake.transact([update], "t1")
    with pytest.raises(BusyError):
        fake.transact([update], "t2")
    with pytest.raises(BusyError):
        fake.write(update)
    fake.write(Put(THINGS, {"id": "two"}))
    clock.advance(0.1)
    fake.transact([update], "t2")
    assert fake.row(THINGS, {"id": "one"}) == {"id": "one", "size": 2}


def test_injected_write_happens_before_the_next_matching_call(fake, fake_tables):
    fake.before_next(lambda: fake.write(Put(THINGS, {"id": "one"})), operation="PutItem", table=THINGS)
    with pytest.raises(ConditionFailedError):
        fake_tables.write(put_new(THINGS, {"id": "one"}), "thing.created")


def test_injected_fault_hits_only_its_operation_and_table(fake, fake_tables, clock):
    fake.fail_next(1, "throttle", operation="DeleteItem", table=LINES)
    fake_tables.write(put_new(THINGS, {"id": "one"}), "thing.created")
    fake_tables.write(Delete(THINGS, {"id": "one"}), "thing.deleted")
    assert clock.pauses == []
    fake_tables.write(Delete(LINES, {"book": "b", "number": 1}), "line.deleted")
    assert len(clock.pauses) == 1


def test_transaction_token_expires_after_ten_minutes(fake, clock):
    update = [Update(THINGS, {"id": "one"}, (Add("size", 1),))]
    fake.transact(update, "t")
    clock.advance(600)
    fake.transact(update, "t")
    assert fake.row(THINGS, {"id": "one"}) == {"id": "one", "size": 1}
    clock.advance(1)
    fake.transact(update, "t")
    assert fake.row(THINGS, {"id": "one"}) == {"id": "one", "size": 2}


@pytest.mark.parametrize(
    "attempt",
    [
        lambda fake: fake.write(Update(THINGS, {"id": "one"}, (Set("a", 1), Add("a", 1)))),
        lambda fake: fake.get(Ref(THINGS, {}), consistent=True),
        lambda fake: fake.get(Ref(Table("unknown", "id"), {"id": "1"}), consistent=True),
        lambda fake: fake.batch_get([Ref(THINGS, {"id": "1"})] * 2, consistent=True),
        lambda fake: fake.batch_get([], consistent=True),
        lambda fake: fake.transact([], "t"),
        lambda fake: fake.transact([Put(THINGS, {"id": str(n), "t": "x" * 390_000}) for n in range(11)], "t"),
        lambda fake: fake.query(Query(LINES, "b", start={"book": "c", "number": 1})),
    ],
)
def test_request_that_dynamodb_refuses_is_refused_and_changes_no_row(fake, attempt):
    with pytest.raises(RefusedError):
        attempt(fake)
    assert fake.snapshot() == {"things": [], "lines": [], "words": [], "parts": []}


def test_rows_returned_by_the_fake_are_copies(fake):
    shape = {"width": 1}
    fake.write(Put(THINGS, {"id": "one", "shape": shape}))
    shape["width"] = 2
    fake.row(THINGS, {"id": "one"})["shape"]["width"] = 3
    fake.rows(THINGS)[0]["shape"]["width"] = 4
    assert fake.snapshot()["things"] == [{"id": "one", "shape": {"width": 1}}]


def test_stream_records_have_old_and_new_images_in_order(fake):
    fake.write(Put(THINGS, {"id": "one", "raw": b"\x01", "parts": [b"\x02", {"deep": b"\x03"}]}))
    since = fake.stream_position
    fake.write(Update(THINGS, {"id": "one"}, (Set("size", 2), Remove("parts"))))
    fake.write(Update(THINGS, {"id": "one"}, (Set("size", 2),)))
    fake.write(Put(LINES, {"book": "b", "number": 1}))
    fake.write(Delete(THINGS, {"id": "one"}))
    insert = fake.records(THINGS)[0]
    modify, remove = fake.records(THINGS, since)
    assert [record["eventName"] for record in (insert, modify, remove)] == ["INSERT", "MODIFY", "REMOVE"]
    assert insert["dynamodb"]["NewImage"]["raw"] == {"B": "AQ=="}
    assert "OldImage" not in insert["dynamodb"]
    assert from_wire(insert["dynamodb"]["NewImage"]) == {
        "id": "one",
        "raw": b"\x01",
        "parts": [b"\x02", {"deep": b"\x03"}],
    }
    assert from_wire(modify["dynamodb"]["OldImage"]) == from_wire(insert["dynamodb"]["NewImage"])
    assert from_wire(modify["dynamodb"]["NewImage"]) == {"id": "one", "raw": b"\x01", "size": 2}
    assert modify["dynamodb"]["Keys"] == {"id": {"S": "one"}}
    assert "NewImage" not in remove["dynamodb"]
    assert "userIdentity" not in remove
    numbers = [record["dynamodb"]["SequenceNumber"] for record in (insert, modify, remove)]
    assert numbers == sorted(numbers)
    assert len({record["eventID"] for record in (insert, modify, remove)}) == 3
    assert fake.records(LINES) == []


def test_stream_shards_keep_the_order_of_each_row(clock):
    fake = FakeDynamo(SAMPLE_TABLES, clock, stream_shards=3)
    for size in range(3):
        for name in "abcdefgh":
            fake.write(Put(THINGS, {"id": name, "size": size}))
    shards = [
        [from_wire(record["dynamodb"]["NewImage"]) for record in shard] for shard in fake.records_by_shard(THINGS)
    ]
    assert sum(map(bool, shards)) > 1
    for name in "abcdefgh":
        (home,) = [shard for shard in shards if any(image["id"] == name for image in shard)]
        assert [image["size"] for image in home if image["id"] == name] == [0, 1, 2]


def test_expired_row_is_removed_with_the_identity_of_the_service(fake, clock):
    now = int(clock.now().timestamp())
    fake.write(Put(THINGS, {"id": "old", "expires_epoch": now - 1}))
    fake.write(Put(THINGS, {"id": "young", "expires_epoch": now + 1}))
    fake.write(Put(THINGS, {"id": "endless"}))
    assert fake.collect_expired() == 1
    assert [item["id"] for item in fake.rows(THINGS)] == ["endless", "young"]
    record = fake.records(THINGS)[-1]
    assert record["eventName"] == "REMOVE"
    assert record["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def test_latency_interleaves_concurrent_tasks(clock):
    fake = FakeDynamo(SAMPLE_TABLES, clock)
    fake.latency(0.01)
    tables = Tables(fake, clock, FakeIds())

    def read_then_write() -> int:
        row = tables.get(THINGS, {"id": "one"})
        count = 0 if row is None else row["count"]
        tables.write(Put(THINGS, {"id": "one", "count": count + 1}), "thing.counted")
        return count

    assert clock.run_together([read_then_write] * 3) == [0, 0, 0], "all read before any wrote"


def test_concurrent_tasks_return_their_failures_too():
    clock = FakeClock()

    def fail() -> None:
        clock.sleep(1)
        raise ValueError("late")

    def nest() -> str:
        clock.sleep(0.5)
        return clock.now().isoformat()

    late, early = clock.run_together([fail, nest])
    assert isinstance(late, ValueError)
    assert early == "2026-11-21T10:00:00.500000+00:00"
    assert clock.now().isoformat() == "2026-11-21T10:00:01+00:00"


def test_throttled_write_ends_as_an_edge_error(fake, fake_tables):
    fake.partition_limit(0)
    with pytest.raises(EdgeError):
        fake_tables.write(put_new(THINGS, {"id": "one"}), "thing.created")
