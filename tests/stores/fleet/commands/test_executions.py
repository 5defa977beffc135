"""Executions on the fake and on the emulator: the same promises on both."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.execution_store import ExecutionStore, RefusedError, StillCreatedError
from chalicelib.fleet.commands.executions import Executions
from chalicelib.fleet.commands.model import Execution, Report, Status
from chalicelib.fleet.commands.store import FAN_OUTS, SHARDS, execution_id, shard_of
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.ids import compose_uuid7
from chalicelib.kit.listing import ListRequest, Lists
from chalicelib.kit.tables import Driver, Remove, Tables, Update, put_new
from tests.support.declared import TABLES
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import START, FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

NOW = "2026-11-21T10:00:00Z"
LATER = "2026-11-21T10:00:09Z"
COMMAND = compose_uuid7(1_795_255_200_000, 7)
OTHER_COMMAND = compose_uuid7(1_795_255_201_000, 8)
_OURS = [table for table in TABLES if table.name in {"commands", "fan_outs", "executions"}]


@pytest.fixture(params=BOTH)
def driver(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Driver]:
    with driver_for(request, _OURS, clock) as chosen:
        yield chosen


@pytest.fixture
def tables(driver: Driver, clock: FakeClock, ids: FakeIds) -> Tables:
    return Tables(driver, clock, ids)


@pytest.fixture
def store(tables: Tables) -> ExecutionStore:
    return ExecutionStore(tables)


def node_id(place: int) -> str:
    return f"01900000-0000-7000-8000-{place:012d}"


def an_execution(place: int = 0, command_id: str = COMMAND, **fields: object) -> Execution:
    given = {
        "id": execution_id(command_id, node_id(place)),
        "command_id": command_id,
        "node_id": node_id(place),
        "node_cluster_id": "01900000-0000-7000-8000-00000000c001",
        "node_cluster_name": "north",
        "target_cluster_name": None,
        "target_all": True,
        "status": Status.PENDING,
        "inserted_at": NOW,
        "updated_at": NOW,
    }
    return Execution.model_validate({**given, **fields})


def open_fan_out(tables: Tables, command_id: str = COMMAND) -> None:
    row = {"command_id": command_id, "parts": frozenset({"shard#0"}), "inserted_at": NOW}
    tables.write(put_new(FAN_OUTS, row), "command.created")


def close_fan_out(tables: Tables, command_id: str = COMMAND) -> None:
    tables.write(Update(FAN_OUTS, {"command_id": command_id}, (Remove("parts"),)), "fan_out.part_finished")


def created(tables: Tables, store: ExecutionStore, *executions: Execution) -> None:
    for command_id in {execution.command_id for execution in executions}:
        open_fan_out(tables, command_id)
        store.create(command_id, [row for row in executions if row.command_id == command_id])
        close_fan_out(tables, command_id)


class TestCreate:
    def test_create_puts_only_missing_rows(self, tables, store):
        rows = [an_execution(place) for place in range(5)]
        open_fan_out(tables)
        assert store.create(COMMAND, rows[1:3]) == rows[1:3]
        store.apply(rows[1].id, rules.acknowledge(NOW), NOW)
        assert store.create(COMMAND, rows) == [rows[0], rows[3], rows[4]]
        assert store.create(COMMAND, rows) == []
        statuses = [row.status for row in store.get_many([row.id for row in rows])]
        assert statuses == [Status.PENDING, Status.SENT, Status.PENDING, Status.PENDING, Status.PENDING]

    def test_full_chunk_of_executions_fits_a_transaction(self, tables, store):
        rows = [an_execution(place) for place in range(99)]
        open_fan_out(tables)
        assert store.create(COMMAND, rows) == rows
        assert store.count_open(COMMAND) == 99

    def test_create_without_open_parts_puts_nothing(self, tables, store):
        row = an_execution()
        assert store.create(COMMAND, [row]) is None
        open_fan_out(tables)
        close_fan_out(tables)
        assert store.create(COMMAND, [row]) is None
        assert store.get(row.id) is None

    def test_execution_reads_back_as_written(self, tables, store):
        row = an_execution(
            target_cluster_name="north",
            target_all=False,
            status=Status.CANCELLED,
            output="text",
            exit_code=143,
            sent_at=NOW,
            completed_at=NOW,
            cancelled_at=NOW,
            cancel_requested_at=NOW,
        )
        created(tables, store, row)
        assert store.get(row.id) == row.model_copy(update={"version": 1})


class TestApply:
    def test_applied_transition_returns_the_new_row(self, tables, store):
        row = an_execution()
        created(tables, store, row)
        sent = store.apply(row.id, rules.acknowledge(LATER), LATER)
        expected = {"status": Status.SENT, "sent_at": LATER, "updated_at": LATER, "version": 2}
        assert sent == row.model_copy(update=expected)

    def test_refused_transition_carries_the_current_row(self, tables, store):
        row = an_execution()
        created(tables, store, row)
        store.apply(row.id, rules.cancel(NOW), NOW)
        with pytest.raises(RefusedError) as caught:
            store.apply(row.id, rules.acknowledge(NOW), NOW)
        assert caught.value.current is not None
        assert caught.value.current.status is Status.CANCELLED

    def test_transition_of_an_unknown_execution_creates_no_row(self, store):
        for transition in (rules.acknowledge(NOW), rules.report(Report(is_expired=False), NOW)):
            with pytest.raises(RefusedError) as caught:
                store.apply(COMMAND, transition, NOW)
            assert caught.value.current is None
        assert store.get(COMMAND) is None

    def test_transition_by_another_node_is_refused(self, tables, store):
        row = an_execution()
        created(tables, store, row)
        with pytest.raises(RefusedError) as caught:
            store.apply(row.id, rules.acknowledge(NOW), NOW, node_id=node_id(1))
        assert caught.value.current == row.model_copy(update={"version": 1})

    @pytest.mark.parametrize("size", [1, 1024, 1025, 200_000])
    def test_output_of_any_size_is_stored(self, tables, store, size):
        row = an_execution()
        created(tables, store, row)
        result = rules.report(Report(is_expired=False, output="é" * size, exit_code=0), NOW)
        assert store.apply(row.id, result, NOW).output == result.output
        stored = store.get(row.id)
        assert stored is not None
        assert stored.output == result.output

    def test_late_result_without_output_keeps_the_stored_output(self, tables, store):
        row = an_execution()
        created(tables, store, row)
        store.apply(row.id, rules.report(Report(is_expired=True, output="first"), NOW), NOW)
        final = store.apply(row.id, rules.report(Report(is_expired=False, exit_code=2), NOW), NOW)
        assert (final.output, final.exit_code, final.status) == ("first", 2, Status.COMPLETED)


class TestOpenByNode:
    def ids(self, store, place=0):
        return [item["id"] for item in store.open_of_node(node_id(place))]

    def test_open_index_holds_open_executions_only(self, tables, store):
        mine, second = an_execution(), an_execution(command_id=OTHER_COMMAND)
        created(tables, store, mine, second, an_execution(1))
        assert self.ids(store) == [mine.id, second.id]
        store.apply(mine.id, rules.acknowledge(NOW), NOW)
        store.apply(mine.id, rules.request_cancel(LATER), LATER)
        (row, _) = store.open_of_node(node_id(0))
        assert (row["status"], row["cancel_requested_at"], row["command_id"]) == ("sent", LATER, COMMAND)
        store.apply(mine.id, rules.report(Report(is_expired=False), NOW), NOW)
        store.apply(second.id, rules.expire(), NOW)
        assert self.ids(store) == []

    def test_open_executions_of_a_node_are_paged(self, tables, store):
        rows = [an_execution(0, compose_uuid7(1_795_255_200_000 + place, 1)) for place in range(3)]
        created(tables, store, *rows)
        first, has_more = store.open_ids_of_node(node_id(0), None, 2)
        assert (first, has_more) == ([rows[0].id, rows[1].id], True)
        assert store.open_ids_of_node(node_id(0), first[-1], 2) == ([rows[2].id], False)


class TestOfCommand:
    def test_open_executions_are_counted_over_all_shards(self, tables, store):
        rows = [an_execution(place) for place in range(40)]
        created(tables, store, *rows, an_execution(command_id=OTHER_COMMAND))
        assert {shard_of(row.id) for row in rows} == set(range(SHARDS))
        for row in rows[:10]:
            store.apply(row.id, rules.expire(), NOW)
        store.apply(rows[10].id, rules.acknowledge(NOW), NOW)
        assert store.count_open(COMMAND) == 30

    def test_shard_pages_continue_after_a_row(self, tables, store):
        rows = sorted((an_execution(place) for place in range(40)), key=lambda row: row.id)
        created(tables, store, *rows)
        mine = [row.id for row in rows if shard_of(row.id) == 2]
        seen, after = [], None
        while True:
            page = store.page_of_command(COMMAND, 2, after, 3)
            seen += [item["id"] for item in page.items]
            if page.last_key is None:
                break
            after = seen[-1]
        assert seen == mine


class TestDelete:
    def test_final_execution_is_deleted(self, tables, store):
        row = an_execution(status=Status.EXPIRED)
        created(tables, store, row)
        store.delete(row)
        assert store.get(row.id) is None

    def test_deleting_an_open_execution_is_refused(self, tables, store):
        row = an_execution()
        created(tables, store, row)
        with pytest.raises(RefusedError) as caught:
            store.delete(row)
        assert caught.value.current is not None
        assert caught.value.current.status is Status.PENDING

    def test_deleting_a_deleted_execution_is_refused(self, tables, store):
        row = an_execution(status=Status.EXPIRED)
        created(tables, store, row)
        store.delete(row)
        with pytest.raises(RefusedError) as caught:
            store.delete(row)
        assert caught.value.current is None

    def test_deleting_an_execution_during_fan_out_is_refused(self, tables, store):
        row = an_execution(status=Status.EXPIRED)
        open_fan_out(tables)
        store.create(COMMAND, [row])
        with pytest.raises(StillCreatedError):
            store.delete(row)
        assert store.get(row.id) is not None

    def test_delete_many_may_be_repeated(self, tables, store):
        rows = [an_execution(place) for place in range(100)]
        created(tables, store, *rows[:99])
        for _ in range(2):
            store.delete_many([row.id for row in rows])
        assert store.get_many([row.id for row in rows]) == []


class TestLists:
    @pytest.fixture
    def executions(self, tables: Tables, clock: FakeClock, store: ExecutionStore) -> Executions:
        clock.set(START)
        rows = [
            an_execution(0),
            an_execution(1, status=Status.SENT, sent_at=NOW, node_cluster_name="south"),
            an_execution(2, status=Status.COMPLETED, exit_code=0, output="all good", completed_at=LATER),
            an_execution(3, status=Status.COMPLETED, exit_code=3, output="x" * 2000 + " error", target_all=False),
            an_execution(0, OTHER_COMMAND, status=Status.CANCELLED, cancelled_at=LATER, target_cluster_name="north"),
        ]
        created(tables, store, *rows)
        return Executions(tables, clock, Lists(tables, clock, 1000), lambda _: [])

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({}, [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1)]),
            ({"status": "completed"}, [(2, 0), (3, 0)]),
            ({"command_id": COMMAND}, [(0, 0), (1, 0), (2, 0), (3, 0)]),
            ({"command_id": OTHER_COMMAND.upper(), "status": "cancelled"}, [(0, 1)]),
            ({"node_id": node_id(0)}, [(0, 0), (0, 1)]),
            ({"node_id": node_id(0), "status": "pending"}, [(0, 0)]),
            ({"cluster_name": "south"}, [(1, 0)]),
            ({"cluster_name": "*th"}, [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1)]),
            ({"cluster_name": "south,nowhere"}, [(1, 0)]),
            ({"target_all": False}, [(3, 0)]),
            ({"exit_code": 0}, [(2, 0)]),
            ({"exit_code__gte": 1}, [(3, 0)]),
            ({"exit_code__lte": 5, "command_id": COMMAND}, [(2, 0), (3, 0)]),
            ({"has_output": True}, [(2, 0), (3, 0)]),
            ({"has_output": False}, [(0, 0), (1, 0), (0, 1)]),
            ({"output": "*ERROR"}, [(3, 0)]),
            ({"output": "all good"}, [(2, 0)]),
            ({"has_cluster": True}, [(0, 1)]),
            ({"sent_at__gte": "2026-11-21"}, [(1, 0)]),
            ({"completed_at__lte": LATER}, [(2, 0)]),
            ({"cancelled_at__gte": LATER, "cancelled_at__lte": "2026-11-21"}, [(0, 1)]),
            ({"inserted_at__gte": "2026-11-22"}, []),
            ({"updated_at__lte": NOW}, [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1)]),
        ],
        ids=str,
    )
    def test_execution_list_filters_rows(self, executions, filters, expected):
        page = executions.list_page(ListRequest(filters=filters), reach=EVERYWHERE)
        shown = {(view.execution.node_id, view.execution.command_id) for view in page.items}
        assert shown == {(node_id(place), (COMMAND, OTHER_COMMAND)[which]) for place, which in expected}
        assert page.total_count == len(expected)

    @pytest.mark.parametrize(
        ("order", "codes"),
        [((("exit_code", False),), [0, 3, None, None, None]), ((("exit_code", True),), [None, None, None, 3, 0])],
    )
    def test_execution_list_sorts_rows(self, executions, order, codes):
        page = executions.list_page(ListRequest(order=order), reach=EVERYWHERE)
        assert [view.execution.exit_code for view in page.items] == codes

    def test_execution_list_is_newest_first_by_default(self, executions):
        ids = [view.execution.id for view in executions.list_page(ListRequest(), reach=EVERYWHERE).items]
        assert ids == sorted(ids, reverse=True)
        assert executions.list_page(ListRequest(page=2, page_size=2), reach=EVERYWHERE).items[0].execution.id == ids[2]

    def test_agent_list_is_the_same_from_either_index(self, tables, executions):
        tables.write(put_new(_OURS[0], _command_row()), "command.created")
        request = ListRequest(order=(("inserted_at", False),))
        by_open = executions.for_agent(node_id(0), Status.PENDING, request)
        by_list = executions.for_agent(node_id(0), Status.PENDING, replace(request, order=(("status", False),)))
        assert [row.id for row in by_open.items] == [row.id for row in by_list.items] != []
        assert by_open.total_count == by_list.total_count == 1
        assert executions.for_agent(node_id(2), Status.COMPLETED, request).items[0].status is Status.COMPLETED
        assert executions.for_agent(node_id(2), Status.PENDING, request).items == []


def _command_row():
    return {
        "id": COMMAND,
        "command_text": "true",
        "targeting": {"type": "all"},
        "inserted_at": NOW,
        "updated_at": NOW,
    }


class TestCost:
    """Write units of a life, as the design counts them: 18 and one per KB of stored output."""

    def test_execution_lifecycle_has_a_fixed_cost(self, clock, ids):
        fake = FakeDynamo(_OURS, clock)
        tables = Tables(fake, clock, ids)
        store = ExecutionStore(tables)
        row = an_execution()
        open_fan_out(tables)
        tables.meter.reset()
        store.create(COMMAND, [row])
        check_of_the_parts = 2
        assert tables.meter.write_units == 8 + check_of_the_parts
        tables.meter.reset()
        store.apply(row.id, rules.acknowledge(NOW), NOW)
        sent = tables.meter.write_units
        store.apply(row.id, rules.report(Report(is_expired=False, exit_code=0, output="ok"), NOW), NOW)
        assert (sent, tables.meter.write_units - sent) == (5, 5)

    def test_execution_transition_is_one_call(self, clock, ids):
        fake = FakeDynamo(_OURS, clock)
        tables = Tables(fake, clock, ids)
        store = ExecutionStore(tables)
        created(tables, store, an_execution())
        tables.meter.reset()
        store.apply(an_execution().id, rules.acknowledge(NOW), NOW)
        assert [call.operation for call in tables.meter.calls] == ["UpdateItem"]


class TestWholeCommands:
    def test_agent_is_asked_to_cancel_once(self, tables, store):
        created(tables, store, an_execution())
        row = an_execution().id
        store.apply(row, rules.acknowledge(NOW), NOW)
        assert store.apply(row, rules.request_cancel_once(NOW, NOW), NOW).cancel_requested_at == NOW
        with pytest.raises(RefusedError):
            store.apply(row, rules.request_cancel_once(LATER, NOW), LATER)
        assert store.apply(row, rules.request_cancel_once(LATER, LATER), LATER).cancel_requested_at == LATER

    def test_summary_counts_executions_by_outcome(self, tables, store):
        rows = [an_execution(place) for place in range(6)]
        created(tables, store, *rows, an_execution(9, OTHER_COMMAND))
        for row, code in zip(rows, (0, 1, None), strict=False):
            store.apply(row.id, rules.report(Report(is_expired=False, exit_code=code), NOW), NOW)
        store.apply(rows[3].id, rules.acknowledge(NOW), NOW)
        store.apply(rows[4].id, rules.expire(), NOW)
        summary = vars(store.summary_of(COMMAND, 6))
        assert summary == {
            "pending": 1,
            "sent": 1,
            "succeeded": 2,
            "failed": 1,
            "cancelled": 0,
            "expired": 1,
            "waiting": 0,
            "skipped": 0,
            "dropped": 0,
        }
        assert store.summary_of(COMMAND, 5) is None


class TestPruning:
    def test_old_executions_of_a_shard_come_oldest_first_up_to_a_time(self, tables, store):
        rows = [an_execution(place) for place in range(30)]
        created(tables, store, *rows, *[an_execution(place, OTHER_COMMAND) for place in range(30)])
        expected = sorted(row.id for row in rows if shard_of(row.id) == 1)
        before = compose_uuid7(1_795_255_200_500, 0)
        first, more = store.old_ids(1, before, None, 3)
        rest, _ = store.old_ids(1, before, first[-1], 100)
        assert (first + rest, more) == (expected, True)

    def test_pruning_removes_final_executions_only(self, tables, store):
        waiting, done = an_execution(0), an_execution(1)
        created(tables, store, waiting, done)
        store.apply(done.id, rules.report(Report(is_expired=False, exit_code=0), NOW), NOW)
        for row in (waiting, done, done):
            store.prune(row.id, NOW)
        assert ([row.id for row in store.get_many([waiting.id, done.id])]) == [waiting.id]
