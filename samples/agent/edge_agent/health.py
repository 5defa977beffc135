from dataclasses import asdict, dataclass
from functools import partial

from edge_agent.agent_api import AgentApi
from edge_agent.counters import Counters
from edge_agent.errors import UnavailableError, describe
from edge_agent.event_log import EventLog
from edge_agent.facts import MachineFacts
from edge_agent.journal import Journal
from edge_agent.ports.clock import Clock
from edge_agent.ports.threads import Threads
from edge_agent.session import Session
from edge_agent.state_directory import StateDirectory

# With less free space, writes of the journal may fail, and nothing is run without it.
FREE_BYTES_NEEDED = 16 * 1024 * 1024
CHECK_SECONDS = 60.0
# A status is repeated even if it has not changed: the server counts any call of a node that it had lost as healthy.
REPEAT_EVERY_CHECKS = {"healthy": 24 * 60, "unhealthy": 30}


@dataclass(frozen=True)
class Check:
    name: str
    status: str  # "healthy" or "unhealthy"
    message: str


def check_disk(state: StateDirectory, *, free_bytes_needed: int = FREE_BYTES_NEEDED) -> Check:
    try:
        free_bytes = state.disk.free_bytes(state.path)
    except OSError as error:
        return Check("state_directory", "unhealthy", describe(error))
    if not state.disk.is_writable(state.path):
        return Check("state_directory", "unhealthy", "read-only")
    status = "healthy" if free_bytes >= free_bytes_needed else "unhealthy"
    return Check("state_directory", status, f"{free_bytes} bytes free")


class HealthChecks:
    """Checks this node's health: the disk, the journal, and the registration with the server."""

    def __init__(self, state: StateDirectory, journal: Journal, session: Session, threads: Threads) -> None:
        self._state = state
        self._journal = journal
        self._session = session
        self._threads = threads

    async def run(self) -> list[Check]:
        journal = ("unhealthy", "the last write failed") if self._journal.is_torn else ("healthy", "writes are kept")
        registration = ("healthy", "accepted") if self._session.refusal is None else ("unhealthy", "refused")
        disk = await self._threads.run(partial(check_disk, self._state))
        return [disk, Check("journal", *journal), Check("registration", *registration)]


def as_json(checks: list[Check]) -> list[dict[str, str]]:
    return [asdict(check) for check in checks]


def overall_status(checks: list[Check]) -> str:
    return "unhealthy" if any(check.status == "unhealthy" for check in checks) else "healthy"


class HealthReporter:
    """Reports to the server when this node becomes unhealthy or healthy again, and when facts of its machine change; a
    registration counts as healthy."""

    def __init__(
        self,
        api: AgentApi,
        checks: HealthChecks,
        facts: MachineFacts,
        counters: Counters,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._api = api
        self._checks = checks
        self._facts = facts
        self._counters = counters
        self._clock = clock
        self._log = log

    async def run(self) -> None:
        reported: str | None = "healthy"
        checks_since = 0
        while True:
            status = overall_status(await self._checks.run())
            news = self._facts.news()
            if status != reported or news is not None or checks_since >= REPEAT_EVERY_CHECKS[status]:
                try:
                    await self._api.report_health(status, news)
                except UnavailableError as error:
                    self._counters.add("health_check_report_total", result="failure")
                    self._log.write("health.report_failed", reason=describe(error))
                    reported = None  # the report may have arrived, and only its answer is lost
                else:
                    self._counters.add("health_check_report_total", result="success")
                    self._log.write("health.reported", status=status)
                    reported, checks_since = status, 0
                    if news is not None:
                        self._facts.note_told(news)
            checks_since += 1
            await self._clock.sleep(CHECK_SECONDS)
