import asyncio
import json
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from edge_agent.event_log import EventLog
from edge_agent.ports.clock import Clock
from edge_agent.spool import broken_end, broken_start
from edge_agent.supervisor import Spawn
from edge_agent.waiting import first_of

FRAME_BYTES = 30_000  # of JSON in ASCII, as the server passes it on; API Gateway takes 32 KB
TEXT_BYTES = 24 * 1024
PAUSE_SECONDS = 1.0
MOST_TAILS = 8
LONGEST_SECONDS = 600.0

Frame = Mapping[str, Any]
Send = Callable[[str], Awaitable[bool]]
"""Sends one frame to the server; False if there is no connection."""

Latest = Callable[[int], tuple[bytes, int]]
"""The last bytes of an output so far, at most as many as asked for, and how many there were before."""


class Tails:
    """Sends outputs to the server while commands run, for as long as it asks for them.

    A tail is a hint, and is bounded: a frame of `TEXT_BYTES` a second. If an output grows faster, its newest part is
    sent, with the number of bytes that were left out before it. Neither a command nor its result waits for a tail.
    """

    def __init__(
        self,
        *,
        has_ended: Callable[[str], bool],
        send: Send,
        spawn: Spawn,
        clock: Clock,
        log: EventLog,
    ) -> None:
        """`has_ended` says whether an execution has run here and is over."""
        self._has_ended = has_ended
        self._send = send
        self._spawn = spawn
        self._clock = clock
        self._log = log
        self._running: dict[str, Latest] = {}
        self._tails: dict[str, _Tail] = {}

    def on_frame(self, frame: Frame) -> None:
        """The server asks for an output: `seconds` from now on, or no longer, for 0."""
        tail_id, execution_id, seconds = frame.get("tail"), frame.get("execution_id"), frame.get("seconds")
        if not isinstance(tail_id, str) or not isinstance(execution_id, str) or not isinstance(seconds, int | float):
            return
        tail = self._tails.get(tail_id)
        if tail is not None:
            tail.extend(self._clock.monotonic() + min(float(seconds), LONGEST_SECONDS))
        elif seconds > 0 and len(self._tails) < MOST_TAILS:
            self._begin(tail_id, execution_id, min(float(seconds), LONGEST_SECONDS))

    def started(self, execution_id: str, latest: Latest) -> None:
        """A command starts; `latest` gives what it has written."""
        self._running[execution_id] = latest

    def feed(self, execution_id: str, data: bytes) -> None:
        """A command has written something."""
        for tail in self._tails.values():
            if tail.execution_id == execution_id:
                tail.add(data)

    def ended(self, execution_id: str) -> None:
        """A command has ended, and writes no more."""
        self._running.pop(execution_id, None)
        for tail in self._tails.values():
            if tail.execution_id == execution_id:
                tail.end()

    def _begin(self, tail_id: str, execution_id: str, seconds: float) -> None:
        tail = self._tails[tail_id] = _Tail(tail_id, execution_id, self._clock.monotonic() + seconds)
        self._log.write("tail.started", execution_id=execution_id)
        latest = self._running.get(execution_id)
        if latest is not None:
            data, before = latest(TEXT_BYTES)
            tail.begin(data, before)
        elif self._has_ended(execution_id):
            tail.end()
        tail.task = self._spawn(self._serve(tail))

    def stop(self) -> None:
        """End all tails, with the agent."""
        for tail in list(self._tails.values()):
            if tail.task is not None:
                tail.task.cancel()

    async def _serve(self, tail: "_Tail") -> None:
        try:
            while not tail.is_finished:
                left = tail.until - self._clock.monotonic()
                if left <= 0:
                    return
                if not tail.news.is_set():
                    await first_of(self._clock, tail.news, seconds=left)
                elif await self._send(tail.frame()):
                    await self._clock.sleep(PAUSE_SECONDS)
                else:
                    # The server asks again once there is a connection.
                    return
        finally:
            del self._tails[tail.id]
            self._log.write("tail.ended", execution_id=tail.execution_id)


class _Tail:
    """One tail: the newest output that is not sent yet. `news` is set when there is something to send."""

    def __init__(self, tail_id: str, execution_id: str, until: float) -> None:
        self.id = tail_id
        self.execution_id = execution_id
        self.until = until
        self.news = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.is_finished = False
        self._sequence = 0
        self._skipped = 0
        self._rest = bytearray()
        self._is_ended = False

    def begin(self, data: bytes, before: int) -> None:
        """Start with the output so far."""
        self._skipped = before
        self.add(data)

    def extend(self, until: float) -> None:
        """Go on until then; the past ends it."""
        self.until = until
        self.news.set()

    def add(self, data: bytes) -> None:
        self._rest += data
        self._skip(len(self._rest) - TEXT_BYTES)
        if self._rest:
            self.news.set()

    def end(self) -> None:
        """There is no further output."""
        self._is_ended = True
        self.news.set()

    def frame(self) -> str:
        """The next frame, of all that is left."""
        # A character that is not complete yet waits for the rest, unless nothing follows.
        held = 0 if self._is_ended else broken_end(self._rest)
        sent, self._rest = self._rest[: len(self._rest) - held], self._rest[len(self._rest) - held :]
        surplus = bisect_left(range(len(sent) + 1), 1, key=lambda start: int(self._fits(sent[start:])))
        if self._skipped + surplus:
            surplus += broken_start(sent[surplus:])
        skipped, self._skipped = self._skipped + surplus, 0
        self.news.clear()
        self.is_finished = self._is_ended
        self._sequence += 1
        return self._json(sent[surplus:], skipped)

    def _skip(self, count: int) -> None:
        if count > 0:
            self._skipped += count
            del self._rest[:count]

    def _fits(self, data: bytes | bytearray) -> bool:
        return len(self._json(data, self._skipped + TEXT_BYTES)) <= FRAME_BYTES

    def _json(self, data: bytes | bytearray, skipped: int) -> str:
        return json.dumps(
            {
                "type": "tail",
                "tail": self.id,
                "sequence": self._sequence,
                "skipped": skipped,
                "text": data.decode(errors="replace"),
                "is_end": self.is_finished,
            }
        )
