"""`edgectl tail`, and the tails of `edgectl run --tail`: outputs while they come."""

import sys
import time
from collections.abc import Callable
from threading import Lock, Thread
from typing import Annotated

import typer

from edgectl.client import Client, Json
from edgectl.errors import DEADLINE, SOME_FAILED, ApiError, CliError
from edgectl.lookup import find
from edgectl.resources.work import EXECUTIONS
from edgectl.session import session_of
from edgectl.tailing import ENDED, Connect, Tail
from edgectl.whole_output import print_whole
from edgectl.writing import Raw, Writer, visible

MOST_TAILED = 10
"""Executions that one command line watches at the same time."""

RESULT_SECONDS = 960.0
"""How long a result may take after its output: agents upload a large one for up to 900 seconds before they report."""

RESULT_PAUSE_SECONDS, LONGEST_RESULT_PAUSE_SECONDS = 0.2, 5.0
JOIN_SECONDS = 15.0
"""How long the end of an output may take after the end of its execution."""


def tail(
    context: typer.Context,
    execution: Annotated[str, typer.Argument(help="Id of the execution, or its beginning.")],
    raw: Raw = False,
) -> None:
    """Show the output of a running execution while it comes; ends with it, with 1 if it did not succeed, 124 if its
    result does not come."""
    session = session_of(context)
    client = session.client()
    execution_id = find(client, EXECUTIONS, execution).id
    writer = Writer(raw=raw)
    watched = Tail(client, execution_id, writer.write, _note, session.open_socket)
    try:
        watched.follow()
    except ApiError as error:
        if error.reason != ENDED:
            raise
        print_whole(client, execution_id, writer)
    writer.end()
    if not watched.is_complete:
        _note(f"parts are missing; all of it: edgectl executions output {execution_id}")
    outcome = _outcome_of(client, execution_id, session.sleep or time.sleep)
    if outcome == "open":
        _note(f"its result has not come: edgectl executions show {execution_id}")
        raise SystemExit(DEADLINE)
    _note(outcome)
    if outcome != "succeeded":
        raise SystemExit(SOME_FAILED)


class LiveTails:
    """Watches the executions of one command, each in a thread. If there are several, lines have their machine in
    front."""

    def __init__(self, client: Client, connect: Connect, writer: Writer) -> None:
        self._client = client
        self._writer = writer
        self._connect = connect
        self._lock = Lock()
        self._threads: dict[str, Thread] = {}
        self._complete: set[str] = set()
        self._is_refused = False

    def begin(self, command: Json) -> None:
        """Watch those that are open and not watched yet."""
        # The number of machines is known for sure only once all executions are made, which takes a minute and more.
        targets = command["targets"] or (command["summary"] or {}).get("total")
        if not targets:
            return
        if targets > MOST_TAILED:
            if not self._is_refused:
                self._is_refused = True
                self._note(f"more than {MOST_TAILED} machines: outputs are shown as they end")
            return
        for row in self._client.walk(EXECUTIONS.path, command_id=command["id"], outcome="open"):
            if row["id"] not in self._threads:
                name = "" if targets == 1 else row["node_id"]
                thread = Thread(target=self._watch, args=(row["id"], name), daemon=True)
                self._threads[row["id"]] = thread
                thread.start()

    def has_shown(self, execution_id: str) -> bool:
        """Whether the whole output of an execution that has ended was shown while it came."""
        thread = self._threads.get(execution_id)
        if thread is not None:
            thread.join(JOIN_SECONDS)
        return execution_id in self._complete

    def _watch(self, execution_id: str, name: str) -> None:
        lines = _Lines(name, self._lock, self._writer)
        watched = Tail(self._client, execution_id, lines.write, lambda text: self._note(text, name), self._connect)
        try:
            watched.follow()
        except ApiError as error:
            if error.reason != ENDED:
                self._note(f"{error}; its output is shown at its end", name)
            return
        except CliError as error:
            self._note(str(error), name)
            return
        finally:
            lines.flush()
        if watched.is_complete:
            self._complete.add(execution_id)

    def _note(self, text: str, name: str = "") -> None:
        with self._lock:
            _note(f"{name}: {text}" if name else text)


class _Lines:
    """Writes the output of one machine, line by line with its name in front, or as it comes without a name."""

    def __init__(self, name: str, lock: Lock, writer: Writer) -> None:
        self._name = name
        self._writer = writer
        self._lock = lock
        self._rest = ""

    def write(self, text: str) -> None:
        if not self._name:
            with self._lock:
                self._writer.write(text)
            return
        *lines, self._rest = (self._rest + text).split("\n")
        with self._lock:
            for line in lines:
                self._writer.write(f"{self._name}: {line}\n")

    def flush(self) -> None:
        """Write what is left of a last line."""
        if self._rest:
            self.write("\n")


def _outcome_of(client: Client, execution_id: str, sleep: Callable[[float], None]) -> str:
    """The outcome, once its result has arrived, which is after the output; open if it does not come."""
    waited, pause = 0.0, RESULT_PAUSE_SECONDS
    while True:
        outcome = str(client.get(f"{EXECUTIONS.path}/{execution_id}")["outcome"])
        if outcome != "open" or waited >= RESULT_SECONDS:
            return outcome
        sleep(pause)
        waited, pause = waited + pause, min(pause * 1.3, LONGEST_RESULT_PAUSE_SECONDS)


def _note(text: str) -> None:
    print(visible(text), file=sys.stderr)
