import errno
import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePath

import pytest
from edge_agent.journal import REWRITE_AFTER_BYTES, SETTLED_KEPT, Journal, Result, State, Work
from edge_agent.ports.disk import SystemDisk

from samples.agent.tests.support.memory_ports import MemoryDisk
from samples.agent.tests.support.set_clock import SetClock


def no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class WatchedDisk(SystemDisk):
    """Calls a function before each sync of an open file."""

    def __init__(self, before_sync):
        self.before_sync = before_sync

    def open(self, path, *, truncate=False):
        return WatchedFile(super().open(path, truncate=truncate), self.before_sync)


class WatchedFile:
    def __init__(self, file, before_sync):
        self.append, self.close, self.real_sync = file.append, file.close, file.sync
        self.before_sync = before_sync

    def sync(self):
        self.before_sync()
        self.real_sync()


def last_state(path):
    return json.loads(path.read_bytes().splitlines()[-1])["state"]


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
    """Opens the journal of this test, and closes it if it was open."""
    journals = []

    def open_journal(**options):
        for journal in journals:
            journal.close()
        journals.append(Journal(path, clock, **{"disk": SystemDisk(), **options}))
        return journals[-1]

    yield open_journal
    for journal in journals:
        journal.close()


def test_steps_are_kept_over_reopening(opened):
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


def test_id_is_accepted_once_in_any_state(opened):
    journal = opened()
    assert journal.accept(work("a"))
    assert not journal.accept(work("a"))
    journal.finish("a", RESULT)
    journal.settle("a")
    journal.close()
    assert not opened().accept(work("a"))


def test_step_is_synced_when_its_method_returns(path, opened):
    synced = []
    journal = opened(disk=WatchedDisk(lambda: synced.append(last_state(path))))
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
def test_last_line_cut_short_by_a_crash_is_dropped(path, opened, cut):
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


def test_accepted_execution_in_a_damaged_file_counts_as_started(path, opened):
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


def test_settled_id_is_forgotten_after_its_retention(path, clock, opened):
    journal = opened(settled_kept_at_least=1)
    for name in ("old", "open", "new"):
        journal.accept(work(name))
    journal.finish("old", RESULT)
    journal.settle("old")
    clock.moment += SETTLED_KEPT + timedelta(seconds=1)
    journal.finish("new", RESULT)
    journal.settle("new")

    again = opened(settled_kept_at_least=1)

    assert [again.state_of(name) for name in ("old", "open", "new")] == [None, State.ACCEPTED, State.SETTLED]
    assert len(path.read_bytes().splitlines()) == 2


def test_id_settled_before_the_clock_was_set_is_not_accepted_again(clock, opened):
    clock.moment = datetime(1970, 1, 1, tzinfo=UTC)
    journal = opened()
    journal.accept(work("a"))
    journal.finish("a", RESULT)
    journal.settle("a")
    clock.moment = datetime(2026, 1, 1, tzinfo=UTC)

    journal.tidy()

    assert not journal.accept(work("a"))
    assert not opened().accept(work("a"))


def test_file_above_its_limit_is_rewritten(path, opened):
    journal = opened(rewrite_after_bytes=3000, settled_kept_at_most=5)
    for number in range(100):
        journal.accept(work(str(number)))
        journal.finish(str(number), RESULT)
        journal.settle(str(number))
    assert path.stat().st_size < 6000
    assert journal.state_of("99") is State.SETTLED
    assert not journal.accept(work("99"))


# The format of the first agents, which repeat the text of a started command.
OLD_LINES = """
{"id": "a", "state": "accepted", "at": "2026-01-01T00:00:00.000000+00:00", "work": {"id": "a", "command_id": "c", "command_text": "echo x", "timeout_ms": null, "expired_at": null}}
{"id": "b", "state": "accepted", "at": "2026-01-01T00:00:00.000000+00:00", "work": {"id": "b", "command_id": "c", "command_text": "echo x", "timeout_ms": 5, "expired_at": "2026-01-02T00:00:00Z"}}
{"id": "b", "state": "started", "at": "2026-01-01T00:00:01.000000+00:00", "work": {"id": "b", "command_id": "c", "command_text": "echo x", "timeout_ms": 5, "expired_at": "2026-01-02T00:00:00Z"}}
{"id": "c", "state": "finished", "at": "2026-01-01T00:00:02.000000+00:00", "result": {"status": "completed", "exit_code": 0, "completed_at": "2026-01-01T00:00:02Z", "notes": ["n"]}}
{"id": "d", "state": "settled", "at": "2026-01-01T00:00:03.000000+00:00", "result": {"status": "expired", "exit_code": null, "completed_at": "2026-01-01T00:00:02Z", "notes": []}}
""".lstrip()  # noqa: E501 - as they are


def test_lines_of_the_first_agents_are_read(path, opened):
    path.write_text(OLD_LINES)
    journal = opened()
    assert {name: journal.state_of(name) for name in "abcd"} == dict(zip("abcd", State, strict=True))
    assert journal.entry("a").work == Work("a", "c", "echo x", None, None)
    assert journal.entry("c").result.notes == ("n",)
    assert not journal.is_damaged


def test_tidying_removes_command_texts(path, opened):
    journal = opened()
    journal.accept(replace(work("a"), command_text="a secret"))
    journal.start("a")
    assert path.read_text().count("a secret") == 1
    journal.finish("a", RESULT)
    journal.settle("a")
    journal.tidy()
    assert "a secret" not in path.read_text()
    assert journal.state_of("a") is State.SETTLED
    journal.accept(work("b"))
    assert opened().state_of("b") is State.ACCEPTED


def test_file_with_long_texts_stays_bounded(path, opened):
    journal = opened()
    text = "x" * 100_000
    for number in range(30):
        journal.accept(replace(work(str(number)), command_text=text))
        journal.start(str(number))
        journal.finish(str(number), RESULT)
        journal.settle(str(number))
        assert path.stat().st_size < REWRITE_AFTER_BYTES + 2 * len(text)


def test_failed_write_changes_nothing_and_the_next_one_repairs_the_file(path, opened):
    is_full = False

    def fail_when_full():
        if is_full:
            no_space()

    journal = opened(disk=WatchedDisk(fail_when_full))
    journal.accept(work("a"))
    is_full = True
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            journal.accept(work("b"))
        assert journal.state_of("b") is None
        assert journal.is_torn
    is_full = False
    assert journal.accept(work("c"))
    assert not journal.is_torn
    again = opened()
    assert [again.state_of(name) for name in "abc"] == [State.ACCEPTED, None, State.ACCEPTED]


def test_journal_on_a_full_disk_is_read(path, opened, monkeypatch):
    path.write_text(OLD_LINES)
    with monkeypatch.context() as patched:
        patched.setattr(SystemDisk, "write", no_space)
        journal = opened()
        assert journal.in_state(State.FINISHED) == ["c"]
        with pytest.raises(OSError, match="No space"):
            journal.settle("c")
    journal.settle("c")
    assert opened().state_of("c") is State.SETTLED


def test_result_without_acceptance_is_written_in_one_step(path, opened):
    states = []
    journal = opened(disk=WatchedDisk(lambda: states.append(last_state(path))))
    journal.record_result("a", RESULT)
    assert states == ["finished"]
    assert opened().entry("a").result == RESULT


def test_forgetting_unfinished_executions_keeps_results(path, opened):
    path.write_text(OLD_LINES)
    journal = opened()
    assert journal.forget_unfinished() == ["a", "b"]
    again = opened()
    assert [again.state_of(name) for name in "abcd"] == [None, None, State.FINISHED, State.SETTLED]


class PowerCutError(Exception):
    """Not an OSError, so that nothing handles it."""


class FailingDisk(MemoryDisk):
    """Loses power before an operation; afterwards nothing reaches it."""

    left = 1_000_000
    """The operations before that."""

    def count(self):
        self.left -= 1
        if self.left < 0:
            raise PowerCutError

    def write(self, path, content):
        self.count()
        super().write(path, content)

    def rename(self, source, target):
        self.count()
        super().rename(source, target)

    def open(self, path, *, truncate=False):
        self.count()
        file = super().open(path, truncate=truncate)
        return CountedFile(file, self.count)


class CountedFile:
    def __init__(self, file, count):
        self.file, self.count, self.close = file, count, file.close

    def append(self, content):
        self.count()
        self.file.append(content)

    def sync(self):
        self.count()
        self.file.sync()


PATH = PurePath("/state/journal.jsonl")
STEPS = (
    (State.ACCEPTED, lambda journal: journal.accept(work("a"))),
    (State.STARTED, lambda journal: journal.start("a")),
    (State.FINISHED, lambda journal: journal.finish("a", RESULT)),
    (State.SETTLED, lambda journal: journal.settle("a")),
    (State.SETTLED, lambda journal: journal.tidy()),
)


@pytest.mark.parametrize("unsynced_bytes", [0, 1, 50, 10_000])
@pytest.mark.parametrize("operations", range(16))
def test_power_cut_at_any_disk_operation_keeps_the_returned_steps(clock, operations, unsynced_bytes):
    disk = FailingDisk()
    disk.left = operations
    states = [None]
    try:
        journal = Journal(PATH, clock, disk)
        for state, step in STEPS:
            states.append(state)
            step(journal)
            del states[:-1]
    except PowerCutError:
        pass

    again = Journal(PATH, clock, disk.after_power_cut(unsynced_bytes))

    assert again.state_of("a") in states, "the last step that returned, or the one that was interrupted"
    assert not again.is_damaged


def test_steps_of_the_power_cut_test_take_all_its_operations(clock):
    disk = FailingDisk()
    disk.left = 16
    journal = Journal(PATH, clock, disk)
    for _, step in STEPS:
        step(journal)
    assert 0 <= disk.left <= 2
