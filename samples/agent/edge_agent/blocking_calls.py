import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Generic, TypeVar

from edge_agent.errors import NetworkError

T = TypeVar("T")


class BlockingCalls(Generic[T]):
    """Runs calls that may hang in threads, so many at a time. None of them keeps the process from ending, as those of
    the standard library's executors would.

    Who stops waiting for a call does not end it: it keeps its turn until it returns.
    """

    def __init__(self, at_once: int, name: str) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._name = name

    async def run(self, call: Callable[[], T]) -> T:
        """What the call returns or raises. Raises NetworkError where the system gives no thread for it."""
        await self._turns.acquire()
        loop = asyncio.get_running_loop()
        outcome: Future[T] = Future()
        outcome.set_running_or_notify_cancel()

        def work() -> None:
            try:
                outcome.set_result(call())
            except BaseException as error:  # noqa: BLE001 - handed on to who waits
                outcome.set_exception(error)
            # A loop that is closed belongs to an agent that stops.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._turns.release)

        try:
            threading.Thread(target=work, name=self._name, daemon=True).start()
        except RuntimeError as error:
            self._turns.release()
            raise NetworkError("no thread to be had") from error
        return await asyncio.wrap_future(outcome)
