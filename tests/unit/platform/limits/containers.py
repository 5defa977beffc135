"""Containers that share the rows of limits."""

from datetime import datetime, timedelta

from chalicelib.kit.log import Log
from chalicelib.kit.tables import Tables
from chalicelib.platform.limits.rules import Limit, limit_of
from chalicelib.platform.limits.shared import SharedLimits
from chalicelib.platform.limits.store import LIMITS, LimitStore
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo
from tests.support.fakes.log import Lines

KEY = "key:one"


class SkewedClock:
    """Another clock that is ahead by so many milliseconds."""

    def __init__(self, clock: FakeClock, ahead_ms: int) -> None:
        self._clock = clock
        self._ahead = timedelta(milliseconds=ahead_ms)

    def now(self) -> datetime:
        return self._clock.now() + self._ahead

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class Containers:
    """So many containers, whose clocks are ahead by so many milliseconds, and the table that they share."""

    def __init__(self, count: int = 1, per_minute: int = 60_000, ahead_ms: dict[int, int] | None = None) -> None:
        self.clock = FakeClock()
        self.driver = FakeDynamo([LIMITS], self.clock)
        self.limit: Limit = limit_of(per_minute)
        self.lines = Lines()
        clocks = [SkewedClock(self.clock, (ahead_ms or {}).get(index, 0)) for index in range(count)]
        self.each = [
            SharedLimits(
                LimitStore(Tables(self.driver, clock, FakeIds(seed=index), repeat_seconds=0.1), clock),
                clock,
                Log(self.lines, clock),
            )
            for index, clock in enumerate(clocks)
        ]

    def ask(self, index: int = 0, subject: str = KEY):
        """One request at that container: its standing."""
        return self.each[index].take("key", subject, self.limit)

    def granted(self, requests: int, index: int = 0) -> int:
        """How many of so many requests at once are granted."""
        return sum(not self.ask(index).wait_seconds for _ in range(requests))

    @property
    def writes(self) -> int:
        """The calls to DynamoDB so far."""
        return self.driver.meter.count
