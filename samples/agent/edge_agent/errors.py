import os
import traceback
from pathlib import PurePath


class FatalError(Exception):
    """The agent cannot go on and repeating would not help: it stops with exit status 2 and this message."""


class NetworkError(Exception):
    """No usable answer came: not reachable, cut off, or what answered was not the server."""


class RefusedError(Exception):
    """The server refused this node for a reason that an operator can lift: the same call may work later."""


class UnavailableError(Exception):
    """The server could not serve the call now; the same call may be repeated later.

    `retry_after_seconds` is what the server asked for, None if it named nothing.
    """

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


def told(error: BaseException) -> str:
    """An error for the log: our own words, the system's, or else its type and where it was raised.

    The texts of other errors are left out: they may quote what must not be logged.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, FatalError | NetworkError | RefusedError | UnavailableError):
        return str(error)
    if isinstance(error, OSError) and error.errno:
        return f"{type(error).__name__}: {os.strerror(error.errno)}"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
