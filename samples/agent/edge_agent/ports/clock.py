"""The clock port: wall time, monotonic time, and every wait."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Protocol


class Timer(Protocol):
    """A call that `Clock.call_later` has scheduled."""

    def cancel(self) -> None:
        """Drop the call. Has no effect once it was made."""


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """The machine's wall time, in UTC. It may be years off, and may jump."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment. Never jumps; includes the time that the machine was suspended."""

    async def sleep(self, seconds: float) -> None:
        """Wait. Cancelling the task ends the wait."""

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Limit the duration of a block. Raises TimeoutError when it is exceeded; None means no limit."""

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call a function from the event loop after a delay."""


class SystemClock:
    """The machine's clocks and the event loop's timers."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, call)
