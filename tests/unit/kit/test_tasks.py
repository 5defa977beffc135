"""Tasks: asked for in a transaction, worked on in passes, looked at by sweeps."""

from datetime import timedelta

import pytest

from chalicelib.kit import tasks
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.redrive import SETTLE, look_again_at
from chalicelib.kit.tables import Tables
from chalicelib.kit.tasks import TABLE, Tasks
from chalicelib.platform.background.queues import CLEAN_UP
from tests.support.fakes.clock import START, FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

BEGAN = to_seconds_text(START)
MESSAGE = {"kind": "cluster", "id": "x", "task": "cluster#x", "asked_at": to_seconds_text(START)}


class Given:
    """Tasks on a fake."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.fake = FakeDynamo([TABLE], self.clock)
        self.tables = Tables(self.fake, self.clock, FakeIds())
        self.tasks = Tasks(self.tables, self.clock)

    def ask(self, subject="x", **arguments):
        self.tables.commit([tasks.ask("cluster", subject, self.clock.now(), **arguments)], "cluster.deleted")

    def due(self, limit=1000):
        return [tasks.message_of(row) for page in self.tasks.due_work(limit) for row in page]

    def rows(self):
        return self.fake.rows(TABLE)


@pytest.fixture
def given():
    return Given()


def test_task_message_names_the_task_and_its_arguments(given):
    given.ask(since="t0")
    (row,) = given.rows()
    assert tasks.message_of(row) == {**MESSAGE, "task": "cluster#x#t0", "since": "t0"}


def test_task_ends_after_a_second_pass_once_indexes_have_settled(given):
    given.ask()
    given.tasks.end("cluster#x", given.tasks.begin())
    assert given.due() == []
    given.clock.advance(SETTLE.total_seconds())
    assert given.due() == [MESSAGE]
    given.tasks.end("cluster#x", given.tasks.begin())
    assert given.rows() == []


def test_task_independent_of_indexes_ends_after_one_pass(given):
    given.ask(settles=False)
    given.tasks.end("cluster#x", given.tasks.begin())
    assert given.rows() == []


def test_task_ends_with_the_first_pass_begun_after_indexes_settled(given):
    given.ask()
    given.clock.advance(SETTLE.total_seconds())
    given.tasks.end("cluster#x", given.tasks.begin())
    assert given.rows() == []


def test_pass_ended_twice_writes_once(given):
    given.ask()
    began = given.tasks.begin()
    given.tasks.end("cluster#x", began)
    before = given.rows()
    given.tasks.end("cluster#x", began)
    assert given.rows() == before


def test_pass_begun_before_a_new_request_does_not_end_the_task(given):
    given.ask()
    began = given.tasks.begin()
    given.clock.advance(10)
    given.ask()
    before = given.rows()
    given.clock.advance(SETTLE.total_seconds())
    given.tasks.end("cluster#x", began)
    assert given.rows() == before


def test_task_requested_as_its_pass_ends_is_kept(given):
    given.ask(settles=False)
    began = given.tasks.begin()
    given.fake.before_next(given.ask, operation="DeleteItem", table=TABLE)
    given.tasks.end("cluster#x", began)
    assert [row["settles"] for row in given.rows()] == [True]


def test_ending_a_removed_task_is_no_error(given):
    given.tasks.end("cluster#x", given.tasks.begin())
    assert given.rows() == []


def test_sweep_returns_overdue_tasks_and_postpones_them(given):
    given.ask("x")
    given.clock.advance(30)
    given.ask("y")
    given.clock.advance(30)
    assert given.due() == [MESSAGE]
    assert given.due() == []
    given.clock.advance(30)
    assert [message["id"] for message in given.due()] == ["y"]


def test_sweep_returns_at_most_its_limit_of_tasks(given):
    for number in range(250):
        given.ask(f"{number:03}")
    given.clock.advance(60)
    assert [len(given.due(150)) for _ in range(3)] == [150, 100, 0]


def test_task_found_by_two_concurrent_sweeps_is_returned_once(given):
    given.ask()
    given.clock.advance(60)
    given.fake.latency(0.01)
    taken = given.clock.run_together([given.due, given.due])
    assert sorted(map(len, taken)) == [0, 1]


def test_ended_task_still_in_a_lagging_index_is_not_swept(given):
    given.ask(settles=False)
    given.fake.index_lag(300)
    given.clock.advance(60)
    given.tasks.end("cluster#x", given.tasks.begin())
    assert given.due() == []


def test_pauses_between_sweeps_grow_and_are_bounded():
    pauses = [look_again_at(START, sweeps) for sweeps in range(7)]
    assert pauses == [to_seconds_text(START + timedelta(minutes=each)) for each in (1, 2, 4, 8, 15, 15, 15)]


class TestParking:
    """A pass that one invocation could not end."""

    def test_parked_task_row_change_requests_the_next_pass(self, given):
        given.ask()
        (before,) = given.rows()
        assert given.tasks.park(MESSAGE, "c1", BEGAN)
        (after,) = given.rows()
        assert tasks.message_of(after) == {**MESSAGE, "cursor": "c1", "began_at": BEGAN}
        assert tasks.is_asked(before, after)
        assert not tasks.is_asked(after, after)

    def test_task_parked_by_two_passes_continues_from_one_cursor(self, given):
        given.ask()
        assert given.tasks.park(MESSAGE, "c1", BEGAN)
        assert not given.tasks.park(MESSAGE, "c2", BEGAN)
        assert given.tasks.park({**MESSAGE, "cursor": "c1"}, "c3", BEGAN)
        assert [row["cursor"] for row in given.rows()] == ["c3"]

    def test_pass_begun_before_a_new_request_parks_no_cursor(self, given):
        given.ask()
        given.clock.advance(10)
        given.ask()
        assert not given.tasks.park(MESSAGE, "c1", BEGAN)
        assert [row.get("cursor") for row in given.rows()] == [None]

    def test_sweep_resumes_a_parked_task_at_its_cursor(self, given):
        given.ask()
        given.tasks.park(MESSAGE, "c1", BEGAN)
        given.clock.advance(60)
        assert given.due() == []
        given.clock.advance(60)
        assert given.due() == [{**MESSAGE, "cursor": "c1", "began_at": BEGAN}]

    def test_second_pass_of_a_parked_task_begins_at_the_start(self, given):
        given.ask()
        began = given.tasks.begin()
        given.tasks.park(MESSAGE, "c1", began)
        given.tasks.end("cluster#x", began)
        given.clock.advance(SETTLE.total_seconds())
        assert given.due() == [MESSAGE]

    def test_task_pass_begun_before_indexes_settled_needs_a_second_pass(self, given):
        given.ask()
        began = given.tasks.begin()
        given.clock.advance(SETTLE.total_seconds() - 60)
        given.tasks.park(MESSAGE, "c1", began)
        given.clock.advance(100)
        given.tasks.end("cluster#x", began)
        assert given.due() == [MESSAGE]
        given.tasks.end("cluster#x", given.tasks.begin())
        assert given.rows() == []

    def test_parked_work_without_a_row_gets_one_for_its_queue(self, given):
        message = {"kind": "network", "id": "north"}
        given.clock.advance(84)
        assert given.tasks.park(message, "c1", BEGAN, queue="vpn")
        (row,) = given.rows()
        assert tasks.queue_of(row, CLEAN_UP) == "vpn"
        assert tasks.message_of(row) == {
            **message,
            "task": "network#north",
            "asked_at": BEGAN,
            "cursor": "c1",
            "began_at": BEGAN,
        }
        assert not given.tasks.park(message, "c2", BEGAN, queue="vpn")
        given.tasks.end("network#north", BEGAN)
        assert given.rows() == []
