from edge_agent.counters import PREFIX, Counters
from edge_agent.executor import Executor
from edge_agent.exposition import MetricFamily, gauge, write_text
from edge_agent.ports.clock import Clock
from edge_agent.ports.processes import Processes, ProcessFigures
from edge_agent.ports.threads import Threads

# The reference's agent has another runtime; these are the nearest figures of this one.
UPTIME = "prom_ex_application_uptime_milliseconds_count"
PROCESSES = "prom_ex_beam_stats_process_count"
MEMORY = "prom_ex_beam_memory_allocated_bytes"
PROCESS_MEMORY = "prom_ex_beam_memory_processes_total_bytes"
QUEUE = "prom_ex_oban_queue_length_count"


class AgentMetrics:
    """The agent's own metrics, under the reference's names. Metrics without an equivalent are left out."""

    def __init__(
        self, counters: Counters, executor: Executor, processes: Processes, threads: Threads, clock: Clock
    ) -> None:
        self._counters = counters
        self._executor = executor
        self._processes = processes
        self._threads = threads
        self._clock = clock
        self._started_at = clock.monotonic()

    async def text(self) -> str:
        """The metrics as text. Figures of processes are left out if the system does not show them."""
        try:
            processes = await self._threads.run(self._process_families)
        except Exception:  # noqa: BLE001 - an odd /proc may raise anything
            processes = []
        return write_text([*self._uptime(), *processes, *self._queue(), *self._counters.families()])

    def _uptime(self) -> list[MetricFamily]:
        uptime_ms = int((self._clock.monotonic() - self._started_at) * 1000)
        return [gauge(PREFIX + UPTIME, "Milliseconds since the agent started", uptime_ms)]

    def _queue(self) -> list[MetricFamily]:
        running = self._executor.running
        counts = {"available": self._executor.unfinished - running, "executing": running}
        samples = tuple(({"queue": "commands", "state": state}, max(count, 0)) for state, count in counts.items())
        return [MetricFamily(PREFIX + QUEUE, "gauge", "Waiting and running commands", samples)]

    def _process_families(self) -> list[MetricFamily]:
        figures: ProcessFigures = self._processes.figures()
        all_bytes = figures.own_bytes + figures.descendants_bytes
        return [
            gauge(PREFIX + PROCESSES, "The agent's process and its descendants", 1 + figures.descendants),
            gauge(PREFIX + MEMORY, "Resident memory of the agent and its descendants", all_bytes),
            gauge(PREFIX + PROCESS_MEMORY, "Resident memory of commands and SSH sessions", figures.descendants_bytes),
        ]
