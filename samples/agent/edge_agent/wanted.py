from collections.abc import Sequence

from edge_agent.clock import Clock

# For about ten minutes: by then the server has told again what waits.
RETRY_SECONDS = (0.0, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0)
# For a day: nobody else tells again of what the server has given and this agent has not got.
DOUBT_SECONDS = (*RETRY_SECONDS, *(900.0,) * 96)


class Wanted:
    """Ids that the server's lists, which may lag, do not show yet: when to look for each again."""

    def __init__(self, clock: Clock, retry_seconds: Sequence[float] = RETRY_SECONDS) -> None:
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._looks: dict[str, tuple[int, float]] = {}

    def add(self, execution_id: str) -> None:
        """Look for it at once; one that is looked for already keeps its turn."""
        self._looks.setdefault(execution_id, (0, self._clock.monotonic()))

    def found(self, execution_id: str) -> None:
        self._looks.pop(execution_id, None)

    def due(self) -> list[str]:
        now = self._clock.monotonic()
        return [execution_id for execution_id, (_, due_at) in self._looks.items() if due_at <= now]

    def missed(self, execution_id: str) -> bool:
        """Another look was in vain. False: that was the last one, and the id is forgotten."""
        look, _ = self._looks.pop(execution_id)
        if look + 1 == len(self._retry_seconds):
            return False
        self._looks[execution_id] = (look + 1, self._clock.monotonic() + self._retry_seconds[look + 1])
        return True

    def ids(self) -> list[str]:
        return list(self._looks)

    def next_due(self) -> float | None:
        """On the monotonic clock."""
        return min((due_at for _, due_at in self._looks.values()), default=None)
