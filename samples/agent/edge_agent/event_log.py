import json
from contextlib import suppress
from typing import TextIO

from edge_agent.log_file import LogFile
from edge_agent.ports.clock import Clock


class EventLog:
    """Writes one JSON object per line: `at` (UTC, microseconds), `event`, and the event's fields.

    Callers pass ids, counts and codes, and never keys, tokens, command texts or outputs: nothing filters them. An event
    that cannot be written, to a full disk or a closed pipe, is lost, and the agent goes on. Not thread-safe.
    """

    def __init__(self, stream: TextIO | None, clock: Clock) -> None:
        """`stream` may be None, as when standard error is closed."""
        self._stream = stream
        self._clock = clock
        self._file: LogFile | None = None

    def keep_in(self, file: LogFile | None) -> None:
        """From now on also write to this file; None: to no file."""
        self._file = file

    def write(self, event: str, **fields: object) -> None:
        line = json.dumps({"at": self._clock.now().isoformat(timespec="microseconds"), "event": event, **fields}) + "\n"
        if self._file is not None:
            self._file.append(line)
        if self._stream is None:
            return
        with suppress(OSError, ValueError):
            self._stream.write(line)
            self._stream.flush()
