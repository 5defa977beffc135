"""A token bucket whose state is one number: the time at which the bucket is full again. Pure."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Allowance:
    """Allows ``burst`` calls at once, then one per ``milliseconds_each``. The caller stores the state: milliseconds
    since 1970, None for a full bucket."""

    burst: int
    milliseconds_each: float

    def wait_seconds(self, repaid_at_ms: float | None, now_ms: int) -> int:
        """Whole seconds until the next call is allowed; 0 if it is allowed now."""
        owed_ms = 0.0 if repaid_at_ms is None else max(0.0, repaid_at_ms - now_ms)
        excess_ms = owed_ms - (self.burst - 1) * self.milliseconds_each
        return max(0, math.ceil(excess_ms / 1000))

    def after_one(self, repaid_at_ms: float | None, now_ms: int) -> float:
        """The state after one more call."""
        return max(repaid_at_ms or 0, now_ms) + self.milliseconds_each
