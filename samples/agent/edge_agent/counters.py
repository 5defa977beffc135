from collections import Counter

from edge_agent.exposition import MetricFamily

PREFIX = "edge_agent_"
HELP = {
    "commands_sync_total": "Polls of the server's lists of executions",
    "commands_execution_enqueued_total": "Executions accepted",
    "commands_execution_completed_total": "Executions that ended, including expired ones",
    "commands_report_total": "Results that the server has accepted or refused for good",
    "health_check_report_total": "Health reports, by result",
    "bootstrap_registration_total": "Registrations, by result",
    "diagnostics_push_total": "Diagnostic reports, by result",
    "ssh_authentication_total": "Login attempts, by method and result",
    "ssh_connection_total": "Connections to the SSH server",
}


class Counters:
    """Counts the agent's work since it started. Not thread-safe."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[tuple[tuple[str, str], ...]]] = {name: Counter() for name in HELP}

    def add(self, name: str, **labels: str) -> None:
        """Add one. Raises KeyError for a name without a help text."""
        self._counts[name][tuple(labels.items())] += 1

    def families(self) -> list[MetricFamily]:
        """Every counter; one that was never incremented is 0."""
        return [
            MetricFamily(
                PREFIX + name,
                "counter",
                HELP[name],
                tuple((dict(labels), count) for labels, count in counts.items()) or (({}, 0),),
            )
            for name, counts in self._counts.items()
        ]
