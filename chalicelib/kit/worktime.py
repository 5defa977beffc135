"""How long an invocation may go on beginning new pieces of work."""

from datetime import timedelta
from typing import Any

from chalicelib.kit.clock import Clock

SHARE = 0.7
"""Of the time until Lambda ends the function. The rest is for the piece under way and for noting where to go on: no
piece may take longer than a quarter of its function's timeout."""


class WorkTime:
    """Runs out by the clock. With 0 seconds, exactly one piece is done: the first one needs no permission."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._end = clock.now() + timedelta(seconds=seconds)

    @property
    def is_over(self) -> bool:
        """Whether no further piece may begin."""
        return self._clock.now() >= self._end


def work_time(clock: Clock, context: Any) -> WorkTime:
    """What is left by Lambda's context object; one piece where there is none."""
    left = 0.0 if context is None else context.get_remaining_time_in_millis() / 1000
    return WorkTime(clock, left * SHARE)
