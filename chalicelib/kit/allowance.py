"""A token bucket whose state is one number: the time at which the bucket is full again. Pure."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Allowance:
    """Allows ``burst`` calls at once, then one per ``milliseconds_each``. The caller stores the state: milliseconds
    since 1970, None for a full bucket."""

    burst: int
    milliseconds_each: float

    def wait_ms(self, repaid_at_ms: float | None, now_ms: int, count: int = 1) -> float:
        """Milliseconds until so many further calls are allowed at once; 0 if they are allowed now."""
        excess_ms = self.owed_ms(repaid_at_ms, now_ms) - (self.burst - count) * self.milliseconds_each
        return max(0.0, excess_ms)

    def wait_seconds(self, repaid_at_ms: float | None, now_ms: int) -> int:
        """Whole seconds until the next call is allowed; 0 if it is allowed now."""
        return math.ceil(self.wait_ms(repaid_at_ms, now_ms) / 1000)

    def owed_ms(self, repaid_at_ms: float | None, now_ms: int) -> float:
        """Milliseconds until the bucket is full again."""
        return 0.0 if repaid_at_ms is None else max(0.0, repaid_at_ms - now_ms)

    def left(self, repaid_at_ms: float | None, now_ms: int) -> int:
        """The calls that are allowed now."""
        return max(0, self.burst - math.ceil(self.owed_ms(repaid_at_ms, now_ms) / self.milliseconds_each))

    def after(self, repaid_at_ms: float | None, now_ms: int, count: int = 1) -> float:
        """The state after so many more calls."""
        return max(repaid_at_ms or 0, now_ms) + count * self.milliseconds_each
