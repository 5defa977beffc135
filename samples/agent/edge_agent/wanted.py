from edge_agent.clock import Clock

RETRY_SECONDS = (0.0, 0.3, 1.0, 3.0, 10.0)


class Wanted:
    """Ids that the server named and that its lists, which may lag, do not show yet: when to look for each again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
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
        if look + 1 == len(RETRY_SECONDS):
            return False
        self._looks[execution_id] = (look + 1, self._clock.monotonic() + RETRY_SECONDS[look + 1])
        return True

    def ids(self) -> list[str]:
        return list(self._looks)

    def next_due(self) -> float | None:
        """On the monotonic clock."""
        return min((due_at for _, due_at in self._looks.values()), default=None)
