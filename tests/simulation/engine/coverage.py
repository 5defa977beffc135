"""How often each operation and each fault occurred, and which of them met."""

from collections import Counter
from collections.abc import Callable, Iterable

MEETING_SECONDS = 60.0
"""An operation meets a fault that strikes while it goes on or so long after its start."""


class Coverage:
    """Of one history, or of several (`add`). ``outcomes`` counts operations by name and outcome."""

    def __init__(self, seconds: Callable[[], float] = lambda: 0.0) -> None:
        self._seconds = seconds
        self.operations: Counter[str] = Counter()
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.faults: Counter[str] = Counter()
        self.pairs: Counter[tuple[str, str]] = Counter()
        self._recent: list[tuple[float, str]] = []

    def operation(self, name: str) -> None:
        """An operation begins."""
        self.operations[name] += 1
        self._recent.append((self._seconds(), name))

    def outcome(self, name: str, outcome: str) -> None:
        self.outcomes[name, outcome] += 1

    def fault(self, name: str) -> None:
        """A fault strikes."""
        self.faults[name] += 1
        now = self._seconds()
        self._recent = [one for one in self._recent if now - one[0] <= MEETING_SECONDS]
        for _, operation in self._recent:
            self.pairs[operation, name] += 1

    def add(self, other: "Coverage") -> None:
        self.operations.update(other.operations)
        self.outcomes.update(other.outcomes)
        self.faults.update(other.faults)
        self.pairs.update(other.pairs)

    def never_met(self, operations: Iterable[str], faults: Iterable[str]) -> list[tuple[str, str]]:
        """The pairs that never met."""
        known = sorted(set(faults))
        return [(one, other) for one in sorted(set(operations)) for other in known if not self.pairs[one, other]]
