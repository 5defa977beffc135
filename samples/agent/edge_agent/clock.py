import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta


class Clock:
    """The machine's own clocks. Tests pass another one in."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


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
        return stamp + timedelta(seconds=self._clock.monotonic() - learnt_at)


def parse_time(text: str) -> datetime:
    """An ISO 8601 time with an offset, in UTC. Raises ValueError for anything else, a time without offset included."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without offset: {text}")
    return moment.astimezone(UTC)


def format_time(moment: datetime) -> str:
    """UTC in whole seconds with a `Z`, as the API writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
