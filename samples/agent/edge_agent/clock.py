import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta


class Clock:
    """The machine's own clocks. Tests pass another one in."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Goes on while the machine sleeps, where the system has such a clock: deadlines pass then too."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class ServerTime:
    """The server's time, from the stamps of its answers.

    Deadlines are set by the server, and an edge machine's clock may be years off. Until the first stamp is learnt this
    is the machine's own time. Exact to about the time that an answer travels.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: tuple[datetime, float] | None = None

    def learn(self, timestamp: str) -> None:
        """Take a stamp as the time that it is now. One that cannot be read changes nothing."""
        with suppress(ValueError):
            self._known = (parse_time(timestamp), self._clock.monotonic())

    def now(self) -> datetime:
        if self._known is None:
            return self._clock.now()
        stamp, learnt_at = self._known
        try:
            return stamp + timedelta(seconds=self._clock.monotonic() - learnt_at)
        except OverflowError:
            return self._clock.now()


def parse_time(text: str) -> datetime:
    """An ISO 8601 time with an offset, in UTC. Raises ValueError for anything else, a time without offset included."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without offset: {text}")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"time out of range: {text}") from error


def format_time(moment: datetime) -> str:
    """UTC in whole seconds with a `Z`, as the API writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
