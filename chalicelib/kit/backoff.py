"""Pauses between attempts at what others keep coming first with."""

from datetime import datetime, timedelta

from chalicelib.kit.clock import Clock
from chalicelib.kit.ids import Ids


class Backoff:
    """Full jitter: each pause is drawn from zero up to a bound, which doubles from ``first_seconds`` to
    ``longest_seconds``, so that those who met once do not meet again. One object serves one caller's attempts,
    ``started`` or from its making on; without ``patience`` it never gives up.
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
        """Wait before the next attempt; False, at once, if the pause would not end within the patience."""
        seconds = self._ids.fraction() * self._bound_seconds
        if self._deadline is not None and self._clock.now() + timedelta(seconds=seconds) > self._deadline:
            return False
        self._clock.sleep(seconds)
        self._bound_seconds = min(self._bound_seconds * 2, self._longest_seconds)
        return True
