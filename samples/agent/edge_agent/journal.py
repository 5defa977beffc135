import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from edge_agent.clock import Clock, parse_time
from edge_agent.durable import replace_file, write_all

# Ids of settled executions are remembered so that a late list or a repeated push cannot run them again. The server may
# repeat itself for a day; the rest is margin, and the number bounds file and memory on a very busy machine.
SETTLED_KEPT = timedelta(days=30)
SETTLED_KEPT_AT_MOST = 100_000
# The file may grow by so much, or by as much as it holds, before what is settled is taken out of it.
REWRITE_AFTER_BYTES = 256 * 1024


class State(StrEnum):
    ACCEPTED = "accepted"
    STARTED = "started"
    FINISHED = "finished"
    SETTLED = "settled"


@dataclass(frozen=True)
class Work:
    """What is to be run. `expired_at` is the server's deadline, in its time."""

    id: str
    command_id: str
    command_text: str
    timeout_ms: int | None
    expired_at: str | None


@dataclass(frozen=True)
class Result:
    """What came of it. `exit_code` None: it was never started. `notes` are lines that follow the output."""

    status: str  # "completed" or "expired"
    exit_code: int | None
    completed_at: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    state: State
    at: str
    work: Work | None = None
    result: Result | None = None


class Journal:
    """What this node has taken on, on disk before it is acted upon.

    Each execution passes accepted -> started -> finished -> settled, one line a step, flushed to the disk before the
    method returns. Only one caller ever gets True from `accept` for an id, over restarts too. The file is read whole at
    the start: a last line that a crash cut short is dropped; when any other line is unreadable, an execution that seems
    only accepted counts as started, since the lost line may have said so. Fields that a newer version wrote are passed
    over. A write that failed, as on a full disk, changed nothing: the next one begins with a new file, since nobody
    knows what the old one holds.

    The texts of commands leave the file at the latest when it is rewritten: as it grows, at the start, and by `tidy`.

    Not safe for concurrent calls: `JournalThread` serialises them. Reading the state of one id is safe at any time.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        sync: Callable[[int], None] = os.fsync,
        rewrite_after_bytes: int = REWRITE_AFTER_BYTES,
        settled_kept_at_most: int = SETTLED_KEPT_AT_MOST,
    ) -> None:
        self._path = path
        self._clock = clock
        self._sync = sync
        self._rewrite_after_bytes = rewrite_after_bytes
        self._settled_kept_at_most = settled_kept_at_most
        self._entries: dict[str, Entry] = {}
        self._descriptor: int | None = None
        self._is_torn = True
        self.is_new = not path.exists()
        self.is_damaged = False
        """Whether lines of it were lost."""
        self._size = 0
        self._size_when_written = 0
        self._read()
        # What cannot be written yet can be read all the same: finished results are reported from a full disk too.
        with suppress(OSError):
            self._rewrite()

    @property
    def is_torn(self) -> bool:
        """Whether the last write failed."""
        return self._is_torn

    def state_of(self, execution_id: str) -> State | None:
        entry = self._entries.get(execution_id)
        return None if entry is None else entry.state

    def entry(self, execution_id: str) -> Entry:
        return self._entries[execution_id]

    def in_state(self, state: State) -> list[str]:
        return [execution_id for execution_id, entry in self._entries.items() if entry.state is state]

    def accept(self, work: Work) -> bool:
        if work.id in self._entries:
            return False
        self._write(work.id, Entry(State.ACCEPTED, self._now(), work=work))
        return True

    def disclaim(self, execution_id: str, result: Result) -> None:
        """Keep a result of what was never taken on here, in one step: it must never seem to be waiting."""
        self._write(execution_id, Entry(State.FINISHED, self._now(), result=result))

    def start(self, execution_id: str) -> None:
        """The text of the command is not needed any more: what was started is never started again."""
        entry = replace(self._entries[execution_id], state=State.STARTED, at=self._now(), work=None)
        self._write(execution_id, entry)

    def finish(self, execution_id: str, result: Result) -> None:
        entry = replace(self._entries[execution_id], state=State.FINISHED, at=self._now(), result=result)
        self._write(execution_id, replace(entry, work=None))

    def disown(self) -> list[str]:
        """Forget what was accepted or started and has no result: another machine has the same entries and runs them."""
        disowned = [*self.in_state(State.ACCEPTED), *self.in_state(State.STARTED)]
        if disowned:
            kept = {execution_id: self._entries[execution_id] for execution_id in disowned}
            self._entries = {key: entry for key, entry in self._entries.items() if key not in kept}
            try:
                self._rewrite()
            except OSError:
                self._entries |= kept
                raise
        return disowned

    def settle(self, execution_id: str) -> None:
        """The server has accepted or refused the result for good; what is kept is the id and how it ended."""
        result = self._entries[execution_id].result
        kept = None if result is None else replace(result, notes=())
        self._write(execution_id, Entry(State.SETTLED, self._now(), result=kept))
        if self._size - self._size_when_written > max(self._rewrite_after_bytes, self._size_when_written):
            self.tidy()

    def tidy(self) -> None:
        """Take out of the file what need not be remembered. A disk that has no room for that is left for later."""
        if self._size > self._size_when_written:
            with suppress(OSError):
                self._rewrite()

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="microseconds")

    def _write(self, execution_id: str, entry: Entry) -> None:
        if self._is_torn:
            self._rewrite()
        line = _line(execution_id, entry)
        try:
            write_all(self._open_descriptor(), line)
            self._sync(self._open_descriptor())
        except OSError:
            self._is_torn = True
            raise
        self._entries[execution_id] = entry
        self._size += len(line)

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._descriptor

    def _read(self) -> None:
        content = self._path.read_bytes() if self._path.exists() else b""
        whole_lines = content.split(b"\n")[:-1]
        damaged = False
        for line in whole_lines:
            try:
                execution_id, entry = _parse(line)
            except Exception:  # noqa: BLE001 - a line may hold anything
                damaged = True
                continue
            self._entries[execution_id] = entry
        self.is_damaged = damaged
        if damaged:
            for execution_id in self.in_state(State.ACCEPTED):
                self._entries[execution_id] = replace(self._entries[execution_id], state=State.STARTED)

    def _rewrite(self) -> None:
        """Replace the file by one line an entry, without what need not be remembered; open it for what follows.

        Raises OSError; the old file is then as good as before, or the journal is torn.
        """
        oldest = self._clock.now() - SETTLED_KEPT
        settled = [key for key in self.in_state(State.SETTLED) if parse_time(self._entries[key].at) >= oldest]
        remembered = frozenset(settled[-self._settled_kept_at_most :])
        self._entries = {
            key: entry for key, entry in self._entries.items() if entry.state is not State.SETTLED or key in remembered
        }
        content = b"".join(self._all_lines())
        try:
            replace_file(self._path, content)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        except OSError:
            # What is open may be a file without a name now.
            self._is_torn = self._is_torn or not self._has_name()
            raise
        self.close()
        self._descriptor = descriptor
        self._is_torn = False
        self._size = self._size_when_written = len(content)

    def _has_name(self) -> bool:
        """Whether what is open is still the file under the journal's name."""
        return self._descriptor is not None and os.fstat(self._descriptor).st_nlink > 0

    def _all_lines(self) -> Iterator[bytes]:
        for execution_id, entry in self._entries.items():
            yield _line(execution_id, entry)


def _line(execution_id: str, entry: Entry) -> bytes:
    record: dict[str, Any] = {"id": execution_id, "state": entry.state, "at": entry.at}
    for name in ("work", "result"):
        part = getattr(entry, name)
        if part is not None:
            record[name] = asdict(part)
    return json.dumps(record).encode() + b"\n"


def _parse(line: bytes) -> tuple[str, Entry]:
    record = json.loads(line)
    parse_time(record["at"])
    work, result = record.get("work"), record.get("result")
    if record["state"] == State.FINISHED and not result:
        raise ValueError("a result without a result")
    return record["id"], Entry(
        state=State(record["state"]),
        at=record["at"],
        work=Work(**_known(Work, work)) if work else None,
        result=Result(**{**_known(Result, result), "notes": tuple(result["notes"])}) if result else None,
    )


def _known(kind: type[Work | Result], content: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in content.items() if name in names}
