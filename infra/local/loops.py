"""An asyncio event loop in a thread of its own, for servers beside synchronous code."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """A running event loop. Daemon thread: it ends with the process at the latest."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for the result of a coroutine in the loop. Passes on its exceptions."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``close`` in the loop, then end the loop and its thread. Safe to repeat."""
        if self._loop.is_closed():
            return
        self.run(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
