import random


class Backoff:
    """Exponential backoff with equal jitter: each delay is drawn from the upper half of a span that doubles to a cap.

    The jitter keeps the machines of a fleet from retrying at the same time after an outage; the lower half is left out
    so that a machine never retries at once. Not thread-safe.
    """

    def __init__(self, *, first_seconds: float, cap_seconds: float, rng: random.Random) -> None:
        self._first_seconds = first_seconds
        self._cap_seconds = cap_seconds
        self._rng = rng
        self._failures = 0

    def next_seconds(self, at_least_seconds: float | None = None) -> float:
        """The next delay; at least `at_least_seconds` (a Retry-After), which may exceed the cap."""
        span = self._cap_seconds
        if self._failures < 32:  # noqa: PLR2004 - larger powers exceed any sensible cap
            span = min(self._cap_seconds, self._first_seconds * 2**self._failures)
        self._failures += 1
        return max(span * self._rng.uniform(0.5, 1.0), at_least_seconds or 0.0)

    def reset(self) -> None:
        self._failures = 0
