"""Watches an execution: its output as it comes, over a WebSocket of the control plane.

It is a hint: text may be left out, which is told. The result has the output.
"""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, Self

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect as open_websocket

from edgectl.client import Client, Json
from edgectl.errors import CliError
from edgectl.resources.work import EXECUTIONS

LOOK_SECONDS = 10.0
"""How often the execution itself is looked at: its agent may be gone, and say nothing."""

MOST_RECONNECTS = 5
ENDED = "execution_ended"


class Socket(Protocol):
    """An open WebSocket. Raises `CliError` when it is closed."""

    def send(self, frame: Json) -> None: ...

    def receive(self, seconds: float) -> Json | None:
        """The next frame; None if none comes in time."""
        ...


Connect = Callable[[str, str], AbstractContextManager[Socket]]
"""Opens a WebSocket at a URL with a ticket. Raises `CliError`."""


class _ClosedError(CliError):
    """The socket is closed."""


class _WebSocket:
    """A WebSocket over the network."""

    def __init__(self, url: str, ticket: str) -> None:
        try:
            self._connection = open_websocket(url, additional_headers={"Authorization": f"Bearer {ticket}"})
        except InvalidStatus as error:
            raise CliError(f"the control plane does not open a socket (status {error.response.status_code})") from error
        except (OSError, WebSocketException) as error:
            raise CliError(f"the control plane does not open a socket: {error or type(error).__name__}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(self, frame: Json) -> None:
        try:
            self._connection.send(json.dumps(frame))
        except WebSocketException as error:
            raise _ClosedError("the socket was closed") from error

    def receive(self, seconds: float) -> Json | None:
        try:
            return json.loads(self._connection.recv(seconds))
        except TimeoutError:
            return None
        except WebSocketException as error:
            raise _ClosedError("the socket was closed") from error


def connect(url: str, ticket: str) -> AbstractContextManager[Socket]:
    """See `Connect`."""
    return _WebSocket(url, ticket)


@dataclass
class Tail:
    """One execution that is watched until it ends. ``write`` gets its output, ``note`` sentences about it. After
    `follow`, `is_complete` says whether nothing of the output was left out."""

    client: Client
    execution_id: str
    write: Callable[[str], None]
    note: Callable[[str], None]
    connect: Connect = connect
    clock: Callable[[], float] = time.monotonic
    is_complete: bool = True

    def follow(self) -> None:
        """Return when the execution has ended. Raises `ApiError` if it cannot be watched, `CliError`."""
        for attempt in range(MOST_RECONNECTS + 1):
            ticket = self.client.post(f"{EXECUTIONS.path}/{self.execution_id}/tail")
            try:
                with self.connect(ticket["url"], ticket["ticket"]) as socket:
                    if self._listen(socket, ticket):
                        return
            except _ClosedError:
                if self._has_ended():
                    self.is_complete = False
                    return
            # Earlier output may come again, or be left out.
            self.is_complete = False
            self.note(f"connecting again ({attempt + 1})")
        raise CliError(f"the sockets close again and again: edgectl executions show {self.execution_id}")

    def _listen(self, socket: Socket, ticket: Json) -> bool:
        """Whether the execution has ended; False if another socket is to be opened."""
        watch = {"type": "watch", "tail": ticket["tail_id"]}
        socket.send(watch)
        renewed = self.clock()
        expected = 1
        while True:
            frame = socket.receive(LOOK_SECONDS)
            now = self.clock()
            if now - renewed >= ticket["renew_seconds"]:
                socket.send(watch)
                renewed = now
            if frame is None:
                if self._has_ended():
                    self.is_complete = False
                    return True
            elif frame["type"] == "output":
                self._show(frame, expected)
                expected = frame["sequence"] + 1
                if frame["is_end"]:
                    return True
            elif frame["type"] == "end":
                if frame["reason"] == "not_allowed":
                    raise CliError("this key may not watch it any longer")
                self.is_complete = False
                return bool(frame["reason"] == ENDED)
            elif frame["type"] == "watching" and not frame["is_connected"]:
                self.note("its machine is not connected now")

    def _show(self, frame: Json, expected: int) -> None:
        if frame["sequence"] != expected:
            self.is_complete = False
            self.note(f"{frame['sequence'] - expected} messages were lost")
        if frame["skipped"]:
            self.is_complete = False
            self.note(f"{frame['skipped']} bytes were left out")
        if frame["text"]:
            self.write(frame["text"])

    def _has_ended(self) -> bool:
        row: dict[str, Any] = self.client.get(f"{EXECUTIONS.path}/{self.execution_id}")
        return bool(row["outcome"] != "open")
