from contextlib import suppress
from datetime import UTC, datetime, timedelta

from edge_agent.ports.clock import Clock


class ServerTime:
    """The server's time, derived from the timestamps of its answers.

    The server sets the deadlines, and an edge machine's wall clock may be years off. Before the first timestamp this is
    the machine's own time. Accurate to about the latency of one answer.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: tuple[datetime, float] | None = None

    def learn(self, timestamp: str) -> None:
        """Take a timestamp as the current time. An unreadable one is ignored."""
        with suppress(ValueError):
            self._known = (parse_time(timestamp), self._clock.monotonic())

    def now(self) -> datetime:
        if self._known is None:
            return self._clock.now()
        timestamp, learnt_at = self._known
        try:
            return timestamp + timedelta(seconds=self._clock.monotonic() - learnt_at)
        except OverflowError:
            return self._clock.now()


def parse_time(text: str) -> datetime:
    """Parse an ISO 8601 time with an offset and return it in UTC.

    Raises ValueError for anything else, including a time without an offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without offset: {text}")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"time out of range: {text}") from error


def format_time(moment: datetime) -> str:
    """Format a time as the API does: UTC, whole seconds, with a `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
