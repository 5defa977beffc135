from contextlib import suppress

import psutil

from edge_agent.clock import Clock
from edge_agent.counters import PREFIX, Counters
from edge_agent.executor import Executor
from edge_agent.exposition import Family, gathered, gauge, write_text

# The reference's agent is another runtime; these are the figures of this one that come nearest.
UPTIME = "prom_ex_application_uptime_milliseconds_count"
PROCESSES = "prom_ex_beam_stats_process_count"
MEMORY = "prom_ex_beam_memory_allocated_bytes"
PROCESS_MEMORY = "prom_ex_beam_memory_processes_total_bytes"
QUEUE = "prom_ex_oban_queue_length_count"


class AgentMetrics:
    """What the agent knows of itself, under the reference's names; what has no meaning here is left out."""

    def __init__(self, counters: Counters, executor: Executor, clock: Clock) -> None:
        self._counters = counters
        self._executor = executor
        self._clock = clock
        self._started_at = clock.monotonic()

    def text(self) -> str:
        """Without the figures of processes where the system does not tell of them."""
        return write_text(gathered([self._uptime, _process_figures, self._queue, self._counters.families]))

    def _uptime(self) -> list[Family]:
        uptime_ms = int((self._clock.monotonic() - self._started_at) * 1000)
        return [gauge(PREFIX + UPTIME, "Milliseconds since the agent started", uptime_ms)]

    def _queue(self) -> list[Family]:
        running = self._executor.running
        counts = {"available": self._executor.unfinished - running, "executing": running}
        samples = tuple(({"queue": "commands", "state": state}, max(count, 0)) for state, count in counts.items())
        return [Family(PREFIX + QUEUE, "gauge", "Commands that wait and that run", samples)]


def _process_figures() -> list[Family]:
    process = psutil.Process()
    sizes = [size for child in process.children(recursive=True) if (size := _resident_bytes(child))]
    own_bytes = process.memory_info().rss
    return [
        gauge(PREFIX + PROCESSES, "The agent's process and all that it started", 1 + len(sizes)),
        gauge(PREFIX + MEMORY, "Resident memory of all these", own_bytes + sum(sizes)),
        gauge(PREFIX + PROCESS_MEMORY, "Resident memory of commands and SSH sessions alone", sum(sizes)),
    ]


def _resident_bytes(process: psutil.Process) -> int:
    """0 for one that has just ended, or that may not be looked at."""
    with suppress(Exception):
        return int(process.memory_info().rss)
    return 0
