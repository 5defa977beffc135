import threading
from collections import Counter

from edge_agent.exposition import Family

PREFIX = "edge_agent_"
HELP = {
    "commands_sync_total": "Looks at the server's lists of executions",
    "commands_execution_enqueued_total": "Executions taken on",
    "commands_execution_completed_total": "Executions that ended, expired ones included",
    "commands_report_total": "Results that the server has accepted or refused for good",
    "health_check_report_total": "Health reports that the server has taken",
    "ssh_authentication_total": "Logins that were asked for, by method and result",
    "ssh_connection_total": "Connections to the SSH server",
}


class Counters:
    """What the agent counts of its own work since it started. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[tuple[tuple[str, str], ...]]] = {name: Counter() for name in HELP}

    def add(self, name: str, **labels: str) -> None:
        """One more. Raises KeyError for a name without a help text."""
        with self._lock:
            self._counts[name][tuple(labels.items())] += 1

    def families(self) -> list[Family]:
        """All of them; what was never counted is 0."""
        with self._lock:
            return [
                Family(
                    PREFIX + name,
                    "counter",
                    HELP[name],
                    tuple((dict(labels), count) for labels, count in counts.items()) or (({}, 0),),
                )
                for name, counts in self._counts.items()
            ]
