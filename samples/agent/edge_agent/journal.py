import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from edge_agent.ports.clock import Clock
from edge_agent.ports.disk import Disk, File
from edge_agent.state_directory import temporary
from edge_agent.times import parse_time

# Ids of settled executions are kept, so that a late list or a repeated push cannot run them again. The server may
# repeat itself for a day, the rest is margin; the largest number bounds file and memory on a very busy machine.
SETTLED_KEPT = timedelta(days=30)
SETTLED_KEPT_AT_MOST = 100_000
# The last ones are kept whatever their age: without a battery a clock starts in 1970 and jumps once it is set.
SETTLED_KEPT_AT_LEAST = 10_000
# The file is rewritten when it has grown by this much and has doubled.
REWRITE_AFTER_BYTES = 256 * 1024


class State(StrEnum):
    ACCEPTED = "accepted"
    STARTED = "started"
    FINISHED = "finished"
    SETTLED = "settled"


@dataclass(frozen=True)
class Work:
    """A command to run. ``expired_at`` is the deadline by the server's clock. ``secret_variables`` are names: their
    values are fetched before it starts, and are in no file."""

    id: str
    command_id: str
    command_text: str
    timeout_ms: int | None
    expired_at: str | None
    secret_variables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """The result of an execution. `exit_code` None: it was never started. `notes` are appended to the output."""

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
    """A write-ahead log of executions: each step is on disk before the agent acts on it.

    An execution passes accepted -> started -> finished -> settled. Each step appends one line of JSON, which is synced
    before the method returns. `accept` returns True once for an id, across restarts too.

    Recovery reads the whole file. A last line that a crash cut short is dropped. If any other line is unreadable, an
    execution that seems to be only accepted counts as started, since the lost line may have said so. Unknown fields are
    ignored. After a failed write the file is in an unknown state; the next write replaces it first.

    Command texts leave the file when it is rewritten: as it grows, at the start, and by `tidy`.

    Not safe for concurrent calls; `JournalWriter` serialises them. `state_of` and `entry` are safe at any time.
    """

    def __init__(
        self,
        path: PurePath,
        clock: Clock,
        disk: Disk,
        *,
        rewrite_after_bytes: int = REWRITE_AFTER_BYTES,
        settled_kept_at_most: int = SETTLED_KEPT_AT_MOST,
        settled_kept_at_least: int = SETTLED_KEPT_AT_LEAST,
    ) -> None:
        """Read the journal, or start an empty one. Raises OSError if an existing file cannot be read."""
        self._path = path
        self._clock = clock
        self._disk = disk
        self._rewrite_after_bytes = rewrite_after_bytes
        self._settled_kept_at_most = settled_kept_at_most
        self._settled_kept_at_least = settled_kept_at_least
        self._entries: dict[str, Entry] = {}
        self._file: File | None = None
        self._is_torn = True
        self.is_new = False
        """Whether there was no file before."""
        self.is_damaged = False
        """Whether lines of the file were unreadable."""
        self._size = 0
        self._size_when_rewritten = 0
        self._read()
        # Finished results are reported even if nothing can be written yet.
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

    def record_result(self, execution_id: str, result: Result) -> None:
        """Record a result for an execution that was never accepted here, in one step, so that it is never run."""
        self._write(execution_id, Entry(State.FINISHED, self._now(), result=result))

    def start(self, execution_id: str) -> None:
        """Record the start. The command's text is dropped, since a started execution is never started again."""
        entry = replace(self._entries[execution_id], state=State.STARTED, at=self._now(), work=None)
        self._write(execution_id, entry)

    def finish(self, execution_id: str, result: Result) -> None:
        entry = replace(self._entries[execution_id], state=State.FINISHED, at=self._now(), result=result)
        self._write(execution_id, replace(entry, work=None))

    def forget_unfinished(self) -> list[str]:
        """Forget the executions without a result, and return their ids: another machine has them too and runs them."""
        forgotten = [*self.in_state(State.ACCEPTED), *self.in_state(State.STARTED)]
        if forgotten:
            kept = {execution_id: self._entries[execution_id] for execution_id in forgotten}
            self._entries = {key: entry for key, entry in self._entries.items() if key not in kept}
            try:
                self._rewrite()
            except OSError:
                self._entries |= kept
                raise
        return forgotten

    def settle(self, execution_id: str) -> None:
        """Record that the server accepted or refused the result for good. The id and the status are kept."""
        result = self._entries[execution_id].result
        kept = None if result is None else replace(result, notes=())
        self._write(execution_id, Entry(State.SETTLED, self._now(), result=kept))
        if self._size - self._size_when_rewritten > max(self._rewrite_after_bytes, self._size_when_rewritten):
            self.tidy()

    def tidy(self) -> None:
        """Rewrite the file without texts and old ids, and after a failed write. On a full disk this does nothing."""
        if self._is_torn or self._size > self._size_when_rewritten:
            with suppress(OSError):
                self._rewrite()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="microseconds")

    def _write(self, execution_id: str, entry: Entry) -> None:
        file = self._rewrite() if self._is_torn or self._file is None else self._file
        line = _line(execution_id, entry)
        try:
            file.append(line)
            file.sync()
        except OSError:
            self._is_torn = True
            raise
        self._entries[execution_id] = entry
        self._size += len(line)

    def _read(self) -> None:
        try:
            content = self._disk.read(self._path)
        except FileNotFoundError:
            self.is_new = True
            return
        for line in content.split(b"\n")[:-1]:
            try:
                execution_id, entry = _parse(line)
            except Exception:  # noqa: BLE001 - a damaged line may raise anything
                self.is_damaged = True
                continue
            self._entries[execution_id] = entry
        if self.is_damaged:
            for execution_id in self.in_state(State.ACCEPTED):
                self._entries[execution_id] = replace(self._entries[execution_id], state=State.STARTED)

    def _rewrite(self) -> File:
        """Replace the file by one line for each entry that is still needed, and open the new file for appending.

        Raises OSError. If the new content could not be written, the old file is as good as before; if the rename
        failed, the name may point to either file, and the journal is torn.
        """
        oldest = self._clock.now() - SETTLED_KEPT
        settled = self.in_state(State.SETTLED)[-self._settled_kept_at_most :]
        last = frozenset(settled[-self._settled_kept_at_least :])
        kept = frozenset(key for key in settled if key in last or parse_time(self._entries[key].at) >= oldest)
        self._entries = {
            key: entry for key, entry in self._entries.items() if entry.state is not State.SETTLED or key in kept
        }
        content = b"".join(_line(execution_id, entry) for execution_id, entry in self._entries.items())
        self._disk.write(temporary(self._path), content)
        try:
            self._disk.rename(temporary(self._path), self._path)
            file = self._disk.open(self._path)
        except OSError:
            self._is_torn = True
            raise
        self.close()
        self._file = file
        self._is_torn = False
        self._size = self._size_when_rewritten = len(content)
        return file


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
        work=_parse_work(work) if work else None,
        result=Result(**{**_known(Result, result), "notes": tuple(result["notes"])}) if result else None,
    )


def _parse_work(content: Mapping[str, Any]) -> Work:
    names = content.get("secret_variables", ())
    return Work(**{**_known(Work, content), "secret_variables": tuple(map(str, names))})


def _known(kind: type[Work | Result], content: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in content.items() if name in names}
