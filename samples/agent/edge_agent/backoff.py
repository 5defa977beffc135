import random


class Backoff:
    """Waits that double up to a cap, each drawn from the upper half of its span.

    The draw keeps a fleet from returning in step after an outage; the lower half is left out so that a machine never
    repeats at once. Not safe to share between threads.
    """

    def __init__(self, *, first_seconds: float, cap_seconds: float, chance: random.Random) -> None:
        self._first_seconds = first_seconds
        self._cap_seconds = cap_seconds
        self._chance = chance
        self._failures = 0

    def next_seconds(self, at_least_seconds: float | None = None) -> float:
        """How long to wait now; `at_least_seconds` (a Retry-After) is kept to even above the cap."""
        span = self._cap_seconds
        if self._failures < 32:  # noqa: PLR2004 - beyond, the power overflows every cap that anyone sets
            span = min(self._cap_seconds, self._first_seconds * 2**self._failures)
        self._failures += 1
        return max(span * self._chance.uniform(0.5, 1.0), at_least_seconds or 0.0)

    def reset(self) -> None:
        self._failures = 0
