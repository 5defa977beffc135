"""The threads port: blocking calls off the event loop."""

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol, TypeVar

T = TypeVar("T")

DETACHED_CALLS = 1


class NoThreadError(OSError):
    """The system has no thread left."""


class Worker(Protocol):
    """One thread that makes calls in the order in which they were requested."""

    async def run(self, call: Callable[[], T]) -> T:
        """Make the call in the thread and return or raise its outcome.

        If the requesting task is cancelled, a call that has begun is completed, and one that has not is dropped.
        """

    def close(self) -> None:
        """Wait for the requested calls and end the thread."""


class Threads(Protocol):
    """Makes blocking calls without blocking the event loop."""

    async def run(self, call: Callable[[], T]) -> T:
        """Make a short call. The process does not end before it has returned."""

    async def run_detached(self, call: Callable[[], T]) -> T:
        """Make a call that may take minutes or hang, one at a time. It does not keep the process from ending.

        Raises `NoThreadError` if the system has none.
        """

    def worker(self, name: str) -> Worker:
        """Start a thread for ordered calls. Raises RuntimeError if the system has none."""


class SystemThreads:
    """Real threads."""

    def __init__(self) -> None:
        self._detached = DetachedCalls(DETACHED_CALLS, "detached")

    async def run(self, call: Callable[[], T]) -> T:
        return await asyncio.to_thread(call)

    async def run_detached(self, call: Callable[[], T]) -> T:
        return await self._detached.run(call)

    def worker(self, name: str) -> Worker:
        return _SystemWorker(name)


class _SystemWorker:
    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        # Starts the thread now: later the system may have none left.
        self._executor.submit(int)

    async def run(self, call: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._executor.submit(call))

    def close(self) -> None:
        self._executor.shutdown()


class DetachedCalls:
    """Makes calls in daemon threads, a limited number at a time.

    Unlike the threads of the standard library's executors, these do not keep the process from ending. Cancelling the
    task that waits for a call does not end the call: it occupies its slot until it returns.
    """

    def __init__(self, at_once: int, name: str) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._name = name

    async def run(self, call: Callable[[], T]) -> T:
        """Return or raise what the call does. Raises `NoThreadError` if the system has none."""
        await self._slots.acquire()
        loop = asyncio.get_running_loop()
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()

        def work() -> None:
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - raised in the waiting task
                future.set_exception(error)
            call_in_loop(loop, self._slots.release)

        try:
            threading.Thread(target=work, name=self._name, daemon=True).start()
        except RuntimeError as error:
            self._slots.release()
            raise NoThreadError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error
        return await asyncio.wrap_future(future)


def call_in_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    """Schedule a call in the event loop from another thread. Does nothing if the loop is closed: the agent stops."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
