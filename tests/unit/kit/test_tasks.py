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


def test_a_message_names_the_task_and_its_arguments(given):
    given.ask(since="t0")
    (row,) = given.rows()
    assert tasks.message_of(row) == {**MESSAGE, "task": "cluster#x#t0", "since": "t0"}


def test_two_passes_end_it(given):
    given.ask()
    given.tasks.end("cluster#x", given.tasks.begin())
    assert given.due() == []
    given.clock.advance(SETTLE.total_seconds())
    assert given.due() == [MESSAGE]
    given.tasks.end("cluster#x", given.tasks.begin())
    assert given.rows() == []


def test_one_pass_ends_what_no_index_hides(given):
    given.ask(settles=False)
    given.tasks.end("cluster#x", given.tasks.begin())
    assert given.rows() == []


def test_the_first_pass_that_begins_once_indexes_have_caught_up_ends_it(given):
    given.ask()
    given.clock.advance(SETTLE.total_seconds())
    given.tasks.end("cluster#x", given.tasks.begin())
    assert given.rows() == []


def test_the_end_of_a_pass_told_twice_writes_once(given):
    given.ask()
    began = given.tasks.begin()
    given.tasks.end("cluster#x", began)
    before = given.rows()
    given.tasks.end("cluster#x", began)
    assert given.rows() == before


def test_a_pass_of_before_it_was_asked_for_anew_ends_nothing(given):
    given.ask()
    began = given.tasks.begin()
    given.clock.advance(10)
    given.ask()
    before = given.rows()
    given.clock.advance(SETTLE.total_seconds())
    given.tasks.end("cluster#x", began)
    assert given.rows() == before


def test_one_that_is_asked_for_as_a_pass_ends_is_not_forgotten(given):
    given.ask(settles=False)
    began = given.tasks.begin()
    given.fake.before_next(given.ask, operation="DeleteItem", table=TABLE)
    given.tasks.end("cluster#x", began)
    assert [row["settles"] for row in given.rows()] == [True]


def test_ending_what_is_gone_is_no_error(given):
    given.tasks.end("cluster#x", given.tasks.begin())
    assert given.rows() == []


def test_a_sweep_hands_out_what_is_overdue_and_puts_it_off(given):
    given.ask("x")
    given.clock.advance(30)
    given.ask("y")
    given.clock.advance(30)
    assert given.due() == [MESSAGE]
    assert given.due() == []
    given.clock.advance(30)
    assert [message["id"] for message in given.due()] == ["y"]


def test_a_sweep_takes_no_more_than_it_may(given):
    for number in range(250):
        given.ask(f"{number:03}")
    given.clock.advance(60)
    assert [len(given.due(150)) for _ in range(3)] == [150, 100, 0]


def test_of_two_sweeps_one_hands_it_out(given):
    given.ask()
    given.clock.advance(60)
    given.fake.latency(0.01)
    taken = given.clock.run_together([given.due, given.due])
    assert sorted(map(len, taken)) == [0, 1]


def test_one_that_an_index_still_shows_but_is_done_is_left_alone(given):
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

    def test_the_row_says_where_to_go_on_and_the_change_asks_for_it(self, given):
        given.ask()
        (before,) = given.rows()
        assert given.tasks.park(MESSAGE, "c1", BEGAN)
        (after,) = given.rows()
        assert tasks.message_of(after) == {**MESSAGE, "cursor": "c1", "began_at": BEGAN}
        assert tasks.is_asked(before, after)
        assert not tasks.is_asked(after, after)

    def test_of_two_passes_one_goes_on(self, given):
        given.ask()
        assert given.tasks.park(MESSAGE, "c1", BEGAN)
        assert not given.tasks.park(MESSAGE, "c2", BEGAN)
        assert given.tasks.park({**MESSAGE, "cursor": "c1"}, "c3", BEGAN)
        assert [row["cursor"] for row in given.rows()] == ["c3"]

    def test_a_pass_of_before_it_was_asked_for_anew_notes_nothing(self, given):
        given.ask()
        given.clock.advance(10)
        given.ask()
        assert not given.tasks.park(MESSAGE, "c1", BEGAN)
        assert [row.get("cursor") for row in given.rows()] == [None]

    def test_a_sweep_resumes_it_where_the_pass_stopped(self, given):
        given.ask()
        given.tasks.park(MESSAGE, "c1", BEGAN)
        given.clock.advance(60)
        assert given.due() == []
        given.clock.advance(60)
        assert given.due() == [{**MESSAGE, "cursor": "c1", "began_at": BEGAN}]

    def test_the_second_pass_begins_at_the_start(self, given):
        given.ask()
        began = given.tasks.begin()
        given.tasks.park(MESSAGE, "c1", began)
        given.tasks.end("cluster#x", began)
        given.clock.advance(SETTLE.total_seconds())
        assert given.due() == [MESSAGE]

    def test_one_that_ends_only_after_indexes_have_caught_up_has_its_second_pass_too(self, given):
        given.ask()
        began = given.tasks.begin()
        given.clock.advance(SETTLE.total_seconds() - 60)
        given.tasks.park(MESSAGE, "c1", began)
        given.clock.advance(100)
        given.tasks.end("cluster#x", began)
        assert given.due() == [MESSAGE]
        given.tasks.end("cluster#x", given.tasks.begin())
        assert given.rows() == []

    def test_work_without_a_row_gets_one_for_its_queue(self, given):
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
