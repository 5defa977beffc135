"""Commands and fan-outs on the fake and on the emulator."""

from collections.abc import Iterator

import pytest

from chalicelib.fleet.commands.command_store import CommandStore, DeleteRefusedError
from chalicelib.fleet.commands.model import Command
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS, FAN_OUTS
from chalicelib.fleet.commands.undone import FanOut
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.ids import compose_uuid7
from chalicelib.kit.tables import Driver, Tables
from chalicelib.kit.tasks import TABLE as TASKS
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import START, FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

NOW = "2026-11-21T10:00:00Z"
DUE = "2026-11-21T10:01:00Z"
LATER = "2026-11-21T10:05:00Z"
DEADLINE = "2026-11-21T11:00:00Z"
_OURS = (COMMANDS, FAN_OUTS, EXECUTIONS, TASKS)


@pytest.fixture(params=BOTH)
def driver(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Driver]:
    with driver_for(request, _OURS, clock) as chosen:
        yield chosen


@pytest.fixture
def store(driver: Driver, clock: FakeClock, ids: FakeIds) -> CommandStore:
    return CommandStore(Tables(driver, clock, ids))


def a_command(place: int = 0, **fields: object) -> Command:
    given = {
        "id": compose_uuid7(1_795_255_200_000 + place, place),
        "command_text": "uptime\n",
        "targeting": Targeting(
            type=TargetType.CLUSTERS,
            cluster_names=("north",),
            node_filters={"status": "healthy", "self_update_enabled": True},
            cluster_filters={"node_count__gte": 2},
        ),
        "timeout": 30_000,
        "expired_at": DEADLINE,
        "inserted_at": NOW,
        "updated_at": NOW,
    }
    return Command.model_validate({**given, **fields})


def a_fan_out(command: Command, *parts: str, deadline: str | None = None, due_at: str | None = DUE) -> FanOut:
    return FanOut(command_id=command.id, parts=frozenset(parts), deadline=deadline, due_at=due_at, inserted_at=NOW)


def added(store: CommandStore, *parts: str, place: int = 0, **fields: object) -> Command:
    command = a_command(place)
    store.add(command, a_fan_out(command, *parts, **fields))
    return command


def the_fan_out(store: CommandStore, command: Command) -> FanOut:
    fan_out = store.with_fan_out(command.id)[1]
    assert fan_out is not None
    return fan_out


def due(store: CommandStore, now: str = LATER) -> list[str]:
    return [row.command_id for page in store.due_pages(now) for row in page]


def test_command_and_fan_out_read_back_as_written(store):
    command = a_command()
    fan_out = a_fan_out(command, "shard#0", "shard#1", deadline=DEADLINE)
    store.add(command, fan_out)
    read = store.with_fan_out(command.id)
    assert read == (command.model_copy(update={"version": 1}), fan_out.model_copy(update={"version": 1}))


def test_optional_fields_left_out_stay_absent(store):
    command = a_command(timeout=None, expired_at=None, targeting=Targeting(type=TargetType.ALL))
    store.add(command, a_fan_out(command, due_at=None))
    assert store.with_fan_out(command.id)[0] == command.model_copy(update={"version": 1})
    assert the_fan_out(store, command).parts == frozenset()
    assert store.with_fan_out(compose_uuid7(1, 1)) == (None, None)


def test_command_added_again_is_the_one_that_exists(store):
    first = a_command(command_text="one")
    store.add(first, a_fan_out(first, "shard#0"))
    again = a_command(command_text="another")
    assert store.add(again, a_fan_out(again, "shard#1")).command_text == "one"
    assert the_fan_out(store, first).parts == {"shard#0"}


def test_get_many_returns_known_commands_once(store):
    commands = [added(store, place=place) for place in range(3)]
    unknown = compose_uuid7(1, 1)
    read = store.get_many([commands[2].id, unknown, commands[0].id, commands[0].id])
    assert set(read) == {commands[0].id, commands[2].id}


def finish(store, command, part):
    store.remove_parts(the_fan_out(store, command), {part}, START)


class TestParts:
    def test_finished_part_leaves_the_others_open(self, store):
        command = added(store, "shard#0", "shard#1", deadline=DEADLINE)
        finish(store, command, "shard#1")
        assert the_fan_out(store, command).parts == {"shard#0"}
        assert the_fan_out(store, command).due_at == DUE

    def test_last_part_makes_the_deadline_due(self, store):
        command = added(store, "shard#0", deadline=DEADLINE)
        finish(store, command, "shard#0")
        fan_out = the_fan_out(store, command)
        assert (fan_out.parts, fan_out.due_at) == (frozenset(), DEADLINE)
        assert due(store) == []
        assert due(store, DEADLINE) == [command.id]

    def test_last_part_without_a_deadline_leaves_nothing_due(self, store):
        command = added(store, "shard#0")
        finish(store, command, "shard#0")
        assert the_fan_out(store, command).due_at is None
        assert due(store, "2099-01-01T00:00:00Z") == []

    def test_finishing_a_done_or_unknown_part_changes_nothing(self, store):
        command = added(store, "shard#0", "shard#1")
        finish(store, command, "shard#0")
        before = the_fan_out(store, command)
        finish(store, command, "shard#0")
        finish(store, command, "shard#9")
        store.remove_parts(before.model_copy(update={"command_id": compose_uuid7(1, 1)}), {"shard#0"}, START)
        assert the_fan_out(store, command) == before


def test_parts_finished_concurrently_are_all_removed(clock, ids):
    fake = FakeDynamo(_OURS, clock)
    store = CommandStore(Tables(fake, clock, ids))
    parts = [f"cluster#{place}" for place in range(30)]
    command = added(store, *parts, deadline=DEADLINE)
    known = the_fan_out(store, command)
    fake.latency(0.01)
    outcomes = clock.run_together([lambda part=part: store.remove_parts(known, {part}, START) for part in parts])
    fake.latency(0)
    assert outcomes == [None] * 30
    fan_out = the_fan_out(store, command)
    assert (fan_out.parts, fan_out.due_at) == (frozenset(), DEADLINE)


class TestDue:
    def test_due_fan_outs_come_most_overdue_first(self, store):
        second = added(store, "a", place=1, due_at="2026-11-21T10:02:00Z")
        first = added(store, "a", place=2, due_at="2026-11-21T10:01:00Z")
        added(store, "a", place=3, due_at="2026-11-21T10:09:00Z")
        assert due(store) == [first.id, second.id]

    def test_due_fan_out_is_claimed_once(self, store):
        command = added(store, "a")
        fan_out = the_fan_out(store, command)
        assert store.postpone(fan_out, LATER)
        assert not store.postpone(fan_out, LATER)
        assert (the_fan_out(store, command).due_at, the_fan_out(store, command).sweeps) == (LATER, 1)

    def test_settled_fan_out_is_due_later_or_never(self, store):
        command = added(store, "a")
        assert store.settle(the_fan_out(store, command), LATER)
        assert due(store) == [command.id]
        assert store.settle(the_fan_out(store, command), None)
        assert due(store) == []

    def test_settling_a_changed_fan_out_does_nothing(self, store):
        command = added(store, "a")
        stale = the_fan_out(store, command)
        store.postpone(stale, LATER)
        assert not store.settle(stale, None)
        assert the_fan_out(store, command).due_at == LATER


class TestBury:
    def test_soft_deleted_command_leaves_the_list_and_keeps_its_text(self, store, driver, clock, ids):
        command = added(store)
        store.soft_delete(command.id, LATER, 1_900_000_000, DEADLINE)
        tombstone = store.with_fan_out(command.id)[0]
        assert tombstone is not None
        assert (tombstone.deleted_at, tombstone.command_text) == (LATER, command.command_text)
        row = Tables(driver, clock, ids).get(COMMANDS, {"id": command.id})
        assert row is not None
        assert (row.get("listing"), row["expires_epoch"]) == (None, 1_900_000_000)
        assert due(store, DEADLINE) == [command.id]

    def test_soft_delete_is_refused_while_parts_are_left(self, store):
        command = added(store, "a")
        with pytest.raises(DeleteRefusedError):
            store.soft_delete(command.id, LATER, 1, DEADLINE)
        assert store.with_fan_out(command.id)[0] == command.model_copy(update={"version": 1})

    def test_soft_delete_of_a_deleted_or_unknown_command_is_refused(self, store):
        command = added(store)
        store.soft_delete(command.id, LATER, 1, DEADLINE)
        for command_id in (command.id, compose_uuid7(1, 1)):
            with pytest.raises(DeleteRefusedError):
                store.soft_delete(command_id, LATER, 1, DEADLINE)
        assert store.with_fan_out(compose_uuid7(1, 1))[0] is None

    def test_fan_out_is_removed_unless_it_has_changed(self, store, clock):
        command = added(store)
        store.soft_delete(command.id, LATER, 1, DEADLINE)
        row = the_fan_out(store, command)
        store.remove_fan_out(row.model_copy(update={"version": row.version - 1}), clock.now())
        assert the_fan_out(store, command) == row
        store.remove_fan_out(row, clock.now())
        assert store.with_fan_out(command.id)[1] is None


class TestCancelling:
    def test_requested_cancel_drops_parts_and_makes_the_fan_out_due(self, store):
        command = added(store, "shard#0", "shard#1", deadline=LATER)
        assert store.request_cancel(command.id, DUE, due_at=DUE)
        row = the_fan_out(store, command)
        assert (row.parts, row.cancel_requested_at, row.due_at) == (frozenset(), DUE, DUE)
        assert store.unfinished([command.id]) == set()
        assert not store.cancelled(row.model_copy(update={"version": row.version - 1}))
        assert store.cancelled(row)
        row = the_fan_out(store, command)
        assert (row.cancel_requested_at, row.due_at) == (None, row.deadline)

    def test_deleted_or_unknown_command_is_not_cancelled(self, store):
        command = added(store)
        store.soft_delete(command.id, DUE, 1, due_at=DUE)
        assert not store.request_cancel(command.id, DUE, due_at=DUE)
        assert not store.request_cancel(a_command(7).id, DUE, due_at=DUE)

    def test_unfinished_commands_are_those_with_parts_left(self, store):
        open_still = added(store, "shard#0", place=1)
        done = added(store, place=2)
        assert store.unfinished([open_still.id, done.id, a_command(7).id]) == {open_still.id}
