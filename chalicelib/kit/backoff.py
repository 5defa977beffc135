"""Exponential backoff with full jitter, for contended writes."""

from datetime import datetime, timedelta

from chalicelib.kit.clock import Clock
from chalicelib.kit.ids import Ids


class Backoff:
    """The pauses between the attempts of one caller. Each is drawn uniformly from zero to a bound that doubles from
    ``first_seconds`` to ``longest_seconds``, so that competing callers spread out. ``patience`` counts from
    ``started``, by default from the creation of the object; None means unlimited.
    """

    def __init__(
        self,
        clock: Clock,
        ids: Ids,
        *,
        first_seconds: float,
        longest_seconds: float,
        patience: timedelta | None = None,
        started: datetime | None = None,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._bound_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._deadline = None if patience is None else (started or clock.now()) + patience

    def pause(self) -> bool:
        """Wait before the next attempt. Returns False without waiting if the pause would exceed the patience."""
        seconds = self._ids.fraction() * self._bound_seconds
        if self._deadline is not None and self._clock.now() + timedelta(seconds=seconds) > self._deadline:
            return False
        self._clock.sleep(seconds)
        self._bound_seconds = min(self._bound_seconds * 2, self._longest_seconds)
        return True
