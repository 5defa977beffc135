"""Clocks of functions that are some seconds before or behind the others. AWS keeps them closer than this."""

from datetime import datetime, timedelta
from typing import Any

from tests.support.fakes.clock import FakeClock

MOST_SECONDS = 3.0


class Skewed:
    """The outside of one container, as of the world, but with a clock of its own."""

    def __init__(self, world: Any, seconds: float) -> None:
        self._world = world
        self.clock = SkewedClock(world.clock, seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)


class SkewedClock:
    """Tells the time of another clock, and so many seconds; pauses pass on that one."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        self._clock = clock
        self._skew = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self._clock.now() + self._skew

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)
