"""A token bucket as one number: when all that was taken so far is paid off. Pure."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Allowance:
    """``burst`` at once, then one each ``milliseconds_each``. Whoever keeps the number keeps milliseconds since 1970,
    None for a bucket that is full."""

    burst: int
    milliseconds_each: float

    def wait_seconds(self, repaid_at_ms: float | None, now_ms: int) -> int:
        """Whole seconds until there is one more, 0 for now."""
        owed_ms = 0.0 if repaid_at_ms is None else max(0.0, repaid_at_ms - now_ms)
        excess_ms = owed_ms - (self.burst - 1) * self.milliseconds_each
        return max(0, math.ceil(excess_ms / 1000))

    def after_one(self, repaid_at_ms: float | None, now_ms: int) -> float:
        """The number once one more is taken."""
        return max(repaid_at_ms or 0, now_ms) + self.milliseconds_each
