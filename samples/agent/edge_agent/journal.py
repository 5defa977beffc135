import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar

from edge_agent.clock import Clock, parse_time
from edge_agent.durable import replace_file

# Ids of settled executions are remembered so that a late list or a repeated push cannot run them again. The server may
# repeat itself for a day; the rest is margin, and the number bounds file and memory on a very busy machine.
SETTLED_KEPT = timedelta(days=30)
SETTLED_KEPT_AT_MOST = 100_000
REWRITE_AFTER_LINES = 20_000

P = ParamSpec("P")
T = TypeVar("T")


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
    over.

    Not safe for concurrent calls: `JournalThread` serialises them. Reading the state of one id is safe at any time.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        sync: Callable[[int], None] = os.fsync,
        rewrite_after_lines: int = REWRITE_AFTER_LINES,
        settled_kept_at_most: int = SETTLED_KEPT_AT_MOST,
    ) -> None:
        self._path = path
        self._clock = clock
        self._sync = sync
        self._rewrite_after_lines = rewrite_after_lines
        self._settled_kept_at_most = settled_kept_at_most
        self._entries: dict[str, Entry] = {}
        self._lines = 0
        self._read()
        self._file = self._rewrite()

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

    def start(self, execution_id: str) -> None:
        self._write(execution_id, replace(self._entries[execution_id], state=State.STARTED, at=self._now()))

    def finish(self, execution_id: str, result: Result) -> None:
        entry = replace(self._entries[execution_id], state=State.FINISHED, at=self._now(), result=result)
        self._write(execution_id, replace(entry, work=None))

    def settle(self, execution_id: str) -> None:
        """The server has accepted or refused the result for good; what is kept is the id and how it ended."""
        result = self._entries[execution_id].result
        kept = None if result is None else replace(result, notes=())
        self._write(execution_id, Entry(State.SETTLED, self._now(), result=kept))
        if self._lines > self._rewrite_after_lines + len(self._entries):
            self._file.close()
            self._file = self._rewrite()

    def close(self) -> None:
        self._file.close()

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="microseconds")

    def _write(self, execution_id: str, entry: Entry) -> None:
        self._file.write(_line(execution_id, entry))
        self._file.flush()
        self._sync(self._file.fileno())
        self._entries[execution_id] = entry
        self._lines += 1

    def _read(self) -> None:
        content = self._path.read_bytes() if self._path.exists() else b""
        whole_lines = content.split(b"\n")[:-1]
        damaged = False
        for line in whole_lines:
            try:
                execution_id, entry = _parse(line)
            except (ValueError, KeyError, TypeError):
                damaged = True
                continue
            self._entries[execution_id] = entry
        if damaged:
            for execution_id in self.in_state(State.ACCEPTED):
                self._entries[execution_id] = replace(self._entries[execution_id], state=State.STARTED)

    def _rewrite(self) -> BinaryIO:
        """Replace the file by one line an entry, without what need not be remembered; open it for what follows."""
        oldest = self._clock.now() - SETTLED_KEPT
        settled = [key for key in self.in_state(State.SETTLED) if parse_time(self._entries[key].at) >= oldest]
        remembered = frozenset(settled[-self._settled_kept_at_most :])
        self._entries = {
            key: entry for key, entry in self._entries.items() if entry.state is not State.SETTLED or key in remembered
        }
        replace_file(self._path, b"".join(self._all_lines()))
        self._lines = len(self._entries)
        return self._path.open("ab")

    def _all_lines(self) -> Iterator[bytes]:
        for execution_id, entry in self._entries.items():
            yield _line(execution_id, entry)


class JournalThread:
    """Runs the journal's writes in one thread, in order, so that the flush of a slow disk delays nothing else."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")

    async def run(self, write: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.wrap_future(self._thread.submit(write, *args, **kwargs))

    def close(self) -> None:
        self._thread.shutdown()


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
    return record["id"], Entry(
        state=State(record["state"]),
        at=record["at"],
        work=Work(**_known(Work, work)) if work else None,
        result=Result(**{**_known(Result, result), "notes": tuple(result["notes"])}) if result else None,
    )


def _known(kind: type[Work | Result], content: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in content.items() if name in names}
