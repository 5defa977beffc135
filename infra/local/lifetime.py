"""Ends a runner on Ctrl-C, SIGTERM, SIGHUP, or the end of its parent process."""

import os
import signal
import threading
from types import FrameType

_POLL_SECONDS = 0.5


class StopRequested(BaseException):
    """Somebody asked the runner to stop. Raised in the main thread, so that every ``with`` is left in order.

    Like `KeyboardInterrupt` it does not derive from `Exception`: it may occur in any call, and a library that wraps
    every exception (botocore does, and retries) would swallow it.
    """


class Lifetime:
    """Turns the first request to stop into `StopRequested` and ignores further ones while things are stopped."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._stopping = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        threading.Thread(target=self._watch_parent, name="parent-watch", daemon=True).start()

    def wait(self) -> None:
        """Until `StopRequested` comes."""
        while True:
            signal.pause()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if not self._stopping:
            self._stopping = True
            raise StopRequested

    def _watch_parent(self) -> None:
        """If the parent of this process is killed outright, no other process would stop this one."""
        ticker = threading.Event()
        while os.getppid() == self._parent:
            ticker.wait(_POLL_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
