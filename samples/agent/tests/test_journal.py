import json
import os
import stat
from datetime import UTC, datetime, timedelta

import pytest
from edge_agent.journal import SETTLED_KEPT, Journal, Result, State, Work
from set_clock import SetClock


def work(name):
    return Work(name, "command", "echo x", 1000, "2026-01-02T00:00:00Z")


RESULT = Result("completed", 0, "2026-01-01T00:00:00Z", ("a note",))


@pytest.fixture
def clock():
    return SetClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


@pytest.fixture
def opened(path, clock):
    """Opens the journal of this test; an earlier opening of it is over then."""
    journals = []

    def open_journal(**options):
        for journal in journals:
            journal.close()
        journals.append(Journal(path, clock, **options))
        return journals[-1]

    yield open_journal
    for journal in journals:
        journal.close()


def test_every_step_is_there_after_reopening(opened):
    journal = opened()
    for name in ("accepted", "started", "finished", "settled"):
        assert journal.accept(work(name))
    for name in ("started", "finished", "settled"):
        journal.start(name)
    for name in ("finished", "settled"):
        journal.finish(name, RESULT)
    journal.settle("settled")

    again = opened()

    assert [again.state_of(state.value) for state in State] == list(State)
    assert again.entry("accepted").work == work("accepted")
    assert again.entry("finished").result == RESULT
    assert again.entry("settled").result == Result("completed", 0, "2026-01-01T00:00:00Z")
    assert again.in_state(State.FINISHED) == ["finished"]


def test_lines_of_a_newer_version_are_read(path, opened):
    journal = opened()
    journal.accept(work("a"))
    journal.finish("a", RESULT)
    journal.accept(work("b"))
    journal.close()
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    for line in lines:
        for part in (line, line.get("work"), line.get("result")):
            if part is not None:
                part["of_a_newer_version"] = True
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    again = opened()

    assert (again.entry("a").result, again.entry("b").work) == (RESULT, work("b"))
    assert [again.state_of(name) for name in ("a", "b")] == [State.FINISHED, State.ACCEPTED]


def test_an_id_is_accepted_once_whatever_became_of_it(opened):
    journal = opened()
    assert journal.accept(work("a"))
    assert not journal.accept(work("a"))
    journal.finish("a", RESULT)
    journal.settle("a")
    journal.close()
    assert not opened().accept(work("a"))


def test_a_step_is_on_disk_when_its_method_returns(path, opened):
    synced = []
    journal = opened(sync=lambda _: synced.append(json.loads(path.read_bytes().splitlines()[-1])["state"]))
    for step in (
        lambda: journal.accept(work("a")),
        lambda: journal.start("a"),
        lambda: journal.finish("a", RESULT),
        lambda: journal.settle("a"),
    ):
        step()
        assert synced[-1] == journal.state_of("a")
    assert synced == ["accepted", "started", "finished", "settled"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_last_line_that_a_crash_cut_short_never_happened(path, opened, cut):
    journal = opened()
    journal.accept(work("a"))
    journal.start("a")
    journal.close()
    os.truncate(path, path.stat().st_size - cut)

    again = opened()

    assert again.state_of("a") is State.ACCEPTED
    again.start("a")
    again.close()
    assert opened().state_of("a") is State.STARTED


def test_after_damage_nothing_that_may_have_started_is_taken_for_waiting(path, opened):
    journal = opened()
    journal.accept(work("a"))
    journal.accept(work("b"))
    journal.start("b")
    journal.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1] + b"\x00" * 30 + b"\n")

    again = opened()

    assert [again.state_of(name) for name in ("a", "b")] == [State.STARTED, State.STARTED]
    again.close()
    assert opened().state_of("a") is State.STARTED


def test_settled_ids_are_forgotten_after_their_time_and_open_ones_never(path, clock, opened):
    journal = opened()
    for name in ("old", "open", "new"):
        journal.accept(work(name))
    journal.finish("old", RESULT)
    journal.settle("old")
    clock.moment += SETTLED_KEPT + timedelta(seconds=1)
    journal.finish("new", RESULT)
    journal.settle("new")

    again = opened()

    assert [again.state_of(name) for name in ("old", "open", "new")] == [None, State.ACCEPTED, State.SETTLED]
    assert len(path.read_bytes().splitlines()) == 2


def test_the_file_is_rewritten_before_it_grows_without_end(path, opened):
    journal = opened(rewrite_after_bytes=3000, settled_kept_at_most=5)
    for number in range(100):
        journal.accept(work(str(number)))
        journal.finish(str(number), RESULT)
        journal.settle(str(number))
    assert path.stat().st_size < 6000
    assert journal.state_of("99") is State.SETTLED
    assert not journal.accept(work("99"))
