"""Waits for a command and shows what becomes of it."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from edgectl.client import Client, Json
from edgectl.errors import DEADLINE, SOME_FAILED
from edgectl.resources.work import COMMANDS, EXECUTIONS
from edgectl.tails import LiveTails
from edgectl.whole_output import print_whole
from edgectl.writing import Writer

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0
MOST_OUTPUTS = 100
"""Machines up to which every output is shown without being asked for; beyond, those of the failed ones."""

CATCHING_UP = 10
"""How often the end of a command is looked at again for outputs that are missing."""

_WELL = frozenset({"succeeded"})
_BAD = ("failed", "expired", "cancelled", "dropped")
_ENDS = ("succeeded", "failed", "expired", "cancelled")
"""The ends of executions that have a row in the list."""

_OPEN = frozenset({"pending", "sent", "open", "total", "waiting"})

_REASONS = {
    "too_many_errors": "too many errors",
    "stopped": "by an operator",
    "cancelled": "it was cancelled",
    "deadline": "its deadline came",
}


class Watch:
    """Follows one command to its end. ``show`` is all, failed, none or auto. ``clock`` and ``sleep`` stand in for time
    in tests."""

    def __init__(
        self,
        client: Client,
        command_id: str,
        *,
        show: str,
        seconds: float | None,
        quiet: bool,
        writer: Writer,
        tails: LiveTails | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._id = command_id
        self._show = show
        self._seconds = seconds
        self._quiet = quiet
        self._writer = writer
        self._tails = tails
        self._clock = clock
        self._sleep = sleep
        self._shown: dict[str, str] = {}
        self._told: tuple[int, str, bool | None] = (-1, "", None)
        self._said = ""

    def to_end(self) -> int:
        """The exit code: 0 if all succeeded, 1 if not, 124 if it did not end in time. Raises `CliError`."""
        deadline = None if self._seconds is None else self._clock() + self._seconds
        pause = FIRST_PAUSE_SECONDS
        while True:
            command = self._client.get(f"{COMMANDS.path}/{self._id}")
            if self._tails is not None:
                self._tails.begin(command)
            self._tell(command)
            if command["state"] == "finished":
                self._catch_up(command)
                return self._result(command)
            if deadline is not None and self._clock() >= deadline:
                self._say(f"not finished in time: edgectl commands show {self._id}", always=True)
                return DEADLINE
            self._sleep(pause)
            pause = min(pause * 1.3, LONGEST_PAUSE_SECONDS)

    def _tell(self, command: Json) -> None:
        summary = command["summary"] or {}
        ended = sum(count for name, count in summary.items() if name not in _OPEN)
        told = (ended, _standing(command, self._id), self._only_failed(command))
        if told == self._told:
            return
        self._told = told
        if summary.get("total"):
            self._say(_progress(summary) + told[1])
        self._outputs(command)

    def _catch_up(self, command: Json) -> None:
        """Show outputs that the list did not have yet: it is read from an index, which lags."""
        summary = command["summary"]
        for _ in range(CATCHING_UP):
            if self._show == "none" or (summary is not None and self._has_all(command)):
                return
            self._sleep(FIRST_PAUSE_SECONDS)
            self._outputs(command)
            if summary is None:
                return

    def _has_all(self, command: Json) -> bool:
        """Whether every execution is shown that the summary counts, and is to be shown."""
        wanted = ("failed",) if self._only_failed(command) else _ENDS
        shown = sum(outcome in wanted for outcome in self._shown.values())
        return bool(shown >= sum(command["summary"].get(outcome, 0) for outcome in wanted))

    def _only_failed(self, command: Json) -> bool | None:
        """Whether outputs of failed machines alone are shown; None while that depends on how many there will be."""
        if self._show != "auto":
            return self._show == "failed"
        targets = command["targets"]
        if targets is None and command["state"] != "finished":
            return True if (command["summary"] or {}).get("total", 0) > MOST_OUTPUTS else None
        return (targets or 0) > MOST_OUTPUTS

    def _outputs(self, command: Json) -> None:
        only_failed = self._only_failed(command)
        if self._show == "none" or only_failed is None:
            return
        query: dict[str, Any] = {"outcome": "failed"} if only_failed else {}
        for row in self._client.walk(EXECUTIONS.path, command_id=self._id, **query):
            if row["id"] not in self._shown and row["outcome"] != "open":
                self._shown[row["id"]] = row["outcome"]
                is_known = self._tails is not None and self._tails.has_shown(row["id"])
                show_end(row)
                if not is_known:
                    show_output(self._client, row, self._writer)

    def _result(self, command: Json) -> int:
        if not command["targets"]:
            self._say("no machine matched", always=True)
            return SOME_FAILED
        if not self._has_failures(command):
            return 0
        if not self._quiet:
            self._say(f"repeat these: edgectl retry {self._id}", always=True)
        return SOME_FAILED

    def _has_failures(self, command: Json) -> bool:
        """Whether it did not succeed somewhere. Without a count the list tells, by one of each."""
        summary: Mapping[str, int] | None = command["summary"]
        if summary is not None:
            return any(count and name not in _WELL | _OPEN for name, count in summary.items())
        is_stopped = (command.get("rollout") or {}).get("state") == "stopped"
        return is_stopped or any(
            list(self._client.walk(EXECUTIONS.path, 1, command_id=self._id, outcome=outcome)) for outcome in _BAD
        )

    def _say(self, text: str, *, always: bool = False) -> None:
        if (always or not self._quiet) and text != self._said:
            self._said = text
            print(text, file=sys.stderr)


def show_end(row: Json) -> None:
    """One machine's end of a command, as a line on standard error."""
    code = "" if row["exit_code"] is None else f", exit code {row['exit_code']}"
    style = "green" if row["outcome"] == "succeeded" else "red"
    Console(stderr=True, highlight=False).print(
        f"[{style}]{row['node_id'] or 'a deleted machine'}: {row['outcome']}{code}[/{style}]"
    )


def show_output(client: Client, row: Json, writer: Writer) -> None:
    """The whole output of an execution, on standard output, on a line of its own after others."""
    writer.separate()
    if row.get("output_truncated"):
        print_whole(client, row["id"], writer)
    elif row["output"]:
        writer.write(row["output"])
        writer.end()


def _progress(summary: Mapping[str, Any]) -> str:
    total = summary["total"]
    parts = [f"{count} {name}" for name, count in summary.items() if count and name not in {"total", "open"}]
    return f"{total} machines: {', '.join(parts) or 'none yet'}"


def _standing(command: Json, command_id: str) -> str:
    """The end of a line about a command in waves that does not go on by itself."""
    rollout = command.get("rollout") or {}
    match rollout.get("state"):
        case "paused":
            return f"; paused, go on with: edgectl commands resume {command_id}"
        case "stopped":
            return f"; stopped: {_REASONS.get(rollout['reason'], rollout['reason'])}"
        case _:
            return ""
