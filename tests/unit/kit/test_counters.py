import pytest

from chalicelib.kit.counters import SHARDS, TABLE, Counters, Move, latest_of, noted
from chalicelib.kit.errors import EdgeError
from chalicelib.kit.tables import Tables
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import Crash, FakeDynamo


@pytest.fixture
def world():
    clock = FakeClock()
    fake = FakeDynamo([TABLE], clock)
    tables = Tables(fake, clock, FakeIds(1))
    return fake, tables, Counters(tables, clock)


def test_total_is_the_sum_of_the_batches_added(world):
    _, _, counters = world
    counters.add([Move("b1", {"nodes": 3, "nodes#status#healthy": 3})])
    counters.add([Move("b2", {"nodes": -1})])
    assert counters.read("nodes") == 2
    assert counters.read("nodes#status#healthy") == 3
    assert counters.read("never") == 0


def test_batch_added_again_counts_once(world):
    _, _, counters = world
    for _ in range(3):
        counters.add([Move("b1", {"nodes": 3})])
    assert counters.read("nodes") == 3


def test_batch_whose_answer_was_lost_counts_once(world):
    fake, _, counters = world
    fake.fail_next(1, "lost_answer")
    counters.add([Move("b1", {"nodes": 3})])
    assert counters.read("nodes") == 3


def test_counter_is_read_in_one_call_and_added_to_in_one_transaction(world):
    _, tables, counters = world
    counters.add([Move("b1", {"nodes": 3, "clusters": 1})])
    assert [call.operation for call in tables.meter.calls] == ["TransactWriteItems"]
    tables.meter.reset()
    counters.read("nodes")
    assert tables.meter.count == 1


def test_batch_with_more_totals_than_a_transaction_is_added_once(world):
    fake, _, counters = world
    deltas = {f"executions#command_id#{place}": 1 for place in range(250)}
    fake.fail_next(1, "throttle")
    counters.add([Move("b1", deltas)])
    counters.add([Move("b1", deltas)])
    assert {counters.read(total) for total in deltas} == {1}


def test_batch_that_has_grown_counts_the_rest_alone(world):
    _, _, counters = world
    changes = [Move(f"c{place}", {"nodes": 1, f"nodes#number#{place}": 1}) for place in range(120)]
    for size in (2, 2, 70, 120, 120):
        counters.add(changes[:size])
    assert counters.read("nodes") == 120
    assert {counters.read(f"nodes#number#{place}") for place in range(120)} == {1}


def test_batch_that_has_grown_after_a_crash_between_its_parts_counts_once(world):
    fake, _, counters = world
    changes = [Move(f"c{place}", {f"nodes#number#{place}": 1}) for place in range(150)]
    fake.crash_after(1)
    with pytest.raises(Crash):
        counters.add(changes[:110])
    counters.add(changes)
    assert {counters.read(f"nodes#number#{place}") for place in range(150)} == {1}


def test_batch_that_has_grown_and_sums_to_nothing_counts_the_rest(world):
    _, _, counters = world
    made, gone = Move("c0", {"nodes": 1}), Move("c1", {"nodes": -1})
    counters.add([made])
    counters.add([made, gone])
    counters.add([made, gone])
    assert counters.read("nodes") == 0
    counters.add([Move("c2", {"nodes": 1})])
    assert counters.read("nodes") == 1


def test_zero_deltas_write_nothing(world):
    _, tables, counters = world
    counters.add([Move("b1", {"nodes": 0})])
    assert tables.meter.count == 0


def test_batches_spread_over_the_shards(world):
    fake, _, counters = world
    for place in range(200):
        counters.add([Move(f"b{place}", {"nodes": 1})])
    shards = {row["shard"] for row in fake.rows(TABLE) if row["total"] == "nodes"}
    assert len(shards) == SHARDS
    assert counters.read("nodes") == 200


def test_correction_shifts_the_total_but_never_below_zero(world):
    _, _, counters = world
    counters.add([Move("b1", {"nodes": 5})])
    counters.correct("nodes", -2)
    assert counters.read("nodes") == 3
    counters.correct("nodes", -9)
    assert counters.read("nodes") == 0


def test_forgotten_total_is_removed_and_others_stay(world):
    fake, _, counters = world
    for place in range(40):
        counters.add([Move(f"b{place}", {"nodes": 1, "clusters": 1})])
    counters.correct("nodes", 2)
    for _ in range(2):
        counters.forget("nodes")
        assert {row["total"] for row in fake.rows(TABLE) if row["shard"] != "batch"} == {"clusters"}
    assert (counters.read("nodes"), counters.read("clusters")) == (0, 40)


def test_counter_under_endless_throttling_is_an_error(world):
    fake, _, counters = world
    fake.fail_next(10_000, "throttle")
    with pytest.raises(EdgeError):
        counters.add([Move("b1", {"nodes": 1})])


def test_latest_time_is_kept_when_older_times_come_late_or_again(world):
    _, tables, _ = world
    clock = FakeClock()
    ref = latest_of("rows")
    for container in (Counters(tables, clock), Counters(tables, clock)):
        for at in ("2026-11-21T10:00:05Z", "2026-11-21T10:00:03Z", "2026-11-21T10:00:05Z"):
            container.note_latest("rows", at)
    assert noted(tables.get(ref.table, ref.key)) == "2026-11-21T10:00:05Z"
    assert Counters(tables, clock).read("rows") == 0


def test_time_noted_by_a_container_is_not_written_again(world):
    _, tables, counters = world
    counters.note_latest("rows", "2026-11-21T10:00:05Z")
    tables.meter.reset()
    counters.note_latest("rows", "2026-11-21T10:00:05Z")
    assert tables.meter.count == 0
