"""Limits how long an invocation may start new pieces of work."""

from datetime import timedelta
from typing import Any

from chalicelib.kit.clock import Clock

SHARE = 0.7
"""The share of the time until Lambda ends the function. The rest is for the piece in progress and for storing the
cursor: no piece may take longer than a quarter of its function's timeout."""


class WorkTime:
    """A time budget. With 0 seconds exactly one piece is done, as the first needs no permission."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._end = clock.now() + timedelta(seconds=seconds)

    @property
    def is_over(self) -> bool:
        """Whether no further piece may begin."""
        return self._clock.now() >= self._end


def work_time(clock: Clock, context: Any) -> WorkTime:
    """The budget from Lambda's context object; without one, a single piece."""
    left = 0.0 if context is None else context.get_remaining_time_in_millis() / 1000
    return WorkTime(clock, left * SHARE)
