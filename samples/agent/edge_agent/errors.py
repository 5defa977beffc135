import os
import traceback
from pathlib import PurePath


class FatalError(Exception):
    """Somebody has to act at this machine: the agent stops with exit status 2 and this message."""


class InUseError(FatalError):
    """Another process uses the state directory. Under the launcher the agent waits for its end."""


class NetworkError(Exception):
    """There was no usable answer: the server is unreachable, the connection broke, or the peer is not the server."""


class WebSocketRefusedError(Exception):
    """The server answered the handshake of a WebSocket with a status instead."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class RefusedError(Exception):
    """The server refused this node for a reason that an operator can remove: the same call may succeed later."""


class UnavailableError(Exception):
    """The call failed for now and may be repeated later.

    `retry_after_seconds` is the delay that the server asked for; None if it named none.
    """

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


def describe(error: BaseException) -> str:
    """Describe an error for the log: the text of the agent's own errors, the system's text for an errno, else type and
    source line.

    The texts of other errors are left out, since they may quote secrets.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, FatalError | NetworkError | RefusedError | UnavailableError | WebSocketRefusedError):
        return str(error)
    if isinstance(error, OSError) and error.errno:
        return f"{type(error).__name__}: {os.strerror(error.errno)}"
    frames = traceback.extract_tb(error.__traceback__)
    location = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{location}"
