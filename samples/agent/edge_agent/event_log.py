import json
import threading
from contextlib import suppress
from typing import TextIO

from edge_agent.clock import Clock


class EventLog:
    """One JSON object a line: `at` (UTC, microseconds), `event`, and what the event names.

    Callers pass ids, counts and codes. Keys, tokens, command texts and outputs are never passed: nothing filters them.
    What cannot be written, to a full disk or a reader that is gone, is lost: commands go on.
    """

    def __init__(self, stream: TextIO | None, clock: Clock) -> None:
        """`stream` None: there is none, as where standard error is closed."""
        self._stream = stream
        self._clock = clock
        self._lock = threading.Lock()

    def write(self, event: str, **fields: object) -> None:
        line = json.dumps({"at": self._clock.now().isoformat(timespec="microseconds"), "event": event, **fields})
        if self._stream is None:
            return
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()
