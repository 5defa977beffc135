from collections.abc import Sequence

from edge_agent.ports.clock import Clock

# For about ten minutes: by then the server has repeated the wake-up.
RETRY_SECONDS = (0.0, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0)
# For a day: the server does not repeat an acknowledgement's outcome.
DOUBT_SECONDS = (*RETRY_SECONDS, *(900.0,) * 96)


class LookupRetries:
    """Schedules repeated lookups of ids that the server's eventually consistent lists do not show yet."""

    def __init__(self, clock: Clock, retry_seconds: Sequence[float] = RETRY_SECONDS) -> None:
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._lookups: dict[str, tuple[int, float]] = {}

    def add(self, execution_id: str) -> None:
        """Schedule the first lookup for now. An id that is scheduled already keeps its schedule."""
        self._lookups.setdefault(execution_id, (0, self._clock.monotonic()))

    def found(self, execution_id: str) -> None:
        self._lookups.pop(execution_id, None)

    def due(self) -> list[str]:
        now = self._clock.monotonic()
        return [execution_id for execution_id, (_, due_at) in self._lookups.items() if due_at <= now]

    def missed(self, execution_id: str) -> bool:
        """Record a lookup without success. False if it was the last one, and the id is forgotten."""
        lookup, _ = self._lookups.pop(execution_id)
        if lookup + 1 == len(self._retry_seconds):
            return False
        self._lookups[execution_id] = (lookup + 1, self._clock.monotonic() + self._retry_seconds[lookup + 1])
        return True

    def ids(self) -> list[str]:
        return list(self._lookups)

    def next_due(self) -> float | None:
        """When the next lookup is due, on the monotonic clock; None without ids."""
        return min((due_at for _, due_at in self._lookups.values()), default=None)
