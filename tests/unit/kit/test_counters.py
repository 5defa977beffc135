import pytest

from chalicelib.kit.counters import SHARDS, TABLE, Counters, latest_of, noted
from chalicelib.kit.errors import EdgeError
from chalicelib.kit.tables import Tables
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo


@pytest.fixture
def world():
    clock = FakeClock()
    fake = FakeDynamo([TABLE], clock)
    tables = Tables(fake, clock, FakeIds(1))
    return fake, tables, Counters(tables, clock)


def test_adds_and_reads(world):
    _, _, counters = world
    counters.add("b1", {"nodes": 3, "nodes#status#healthy": 3})
    counters.add("b2", {"nodes": -1})
    assert counters.read("nodes") == 2
    assert counters.read("nodes#status#healthy") == 3
    assert counters.read("never") == 0


def test_the_same_batch_counts_once(world):
    _, _, counters = world
    for _ in range(3):
        counters.add("b1", {"nodes": 3})
    assert counters.read("nodes") == 3


def test_a_lost_answer_counts_once(world):
    fake, _, counters = world
    fake.fail_next(1, "lost_answer")
    counters.add("b1", {"nodes": 3})
    assert counters.read("nodes") == 3


def test_reads_in_one_call_and_adds_in_one_transaction(world):
    _, tables, counters = world
    counters.add("b1", {"nodes": 3, "clusters": 1})
    assert [call.operation for call in tables.meter.calls] == ["TransactWriteItems"]
    tables.meter.reset()
    counters.read("nodes")
    assert tables.meter.count == 1


def test_more_totals_than_a_transaction_takes_are_all_added_once(world):
    fake, _, counters = world
    deltas = {f"executions#command_id#{place}": 1 for place in range(250)}
    fake.fail_next(1, "throttle")
    counters.add("b1", deltas)
    counters.add("b1", deltas)
    assert {counters.read(total) for total in deltas} == {1}


def test_zero_deltas_write_nothing(world):
    _, tables, counters = world
    counters.add("b1", {"nodes": 0})
    assert tables.meter.count == 0


def test_batches_spread_over_the_shards(world):
    fake, _, counters = world
    for place in range(200):
        counters.add(f"b{place}", {"nodes": 1})
    shards = {row["shard"] for row in fake.rows(TABLE) if row["total"] == "nodes"}
    assert len(shards) == SHARDS
    assert counters.read("nodes") == 200


def test_a_correction_shifts_the_total_and_a_total_is_never_negative(world):
    _, _, counters = world
    counters.add("b1", {"nodes": 5})
    counters.correct("nodes", -2)
    assert counters.read("nodes") == 3
    counters.correct("nodes", -9)
    assert counters.read("nodes") == 0


def test_a_total_is_forgotten_and_no_other(world):
    fake, _, counters = world
    for place in range(40):
        counters.add(f"b{place}", {"nodes": 1, "clusters": 1})
    counters.correct("nodes", 2)
    for _ in range(2):
        counters.forget("nodes")
        assert {row["total"] for row in fake.rows(TABLE) if row["shard"] != "batch"} == {"clusters"}
    assert (counters.read("nodes"), counters.read("clusters")) == (0, 40)


def test_endless_throttling_is_told(world):
    fake, _, counters = world
    fake.fail_next(10_000, "throttle")
    with pytest.raises(EdgeError):
        counters.add("b1", {"nodes": 1})


def test_the_latest_time_stays_whatever_comes_late_or_again(world):
    _, tables, _ = world
    clock = FakeClock()
    ref = latest_of("rows")
    for container in (Counters(tables, clock), Counters(tables, clock)):
        for at in ("2026-11-21T10:00:05Z", "2026-11-21T10:00:03Z", "2026-11-21T10:00:05Z"):
            container.note_latest("rows", at)
    assert noted(tables.get(ref.table, ref.key)) == "2026-11-21T10:00:05Z"
    assert Counters(tables, clock).read("rows") == 0


def test_a_time_that_a_container_has_noted_is_not_written_again(world):
    _, tables, counters = world
    counters.note_latest("rows", "2026-11-21T10:00:05Z")
    tables.meter.reset()
    counters.note_latest("rows", "2026-11-21T10:00:05Z")
    assert tables.meter.count == 0
