import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_agent.agent_api import AgentApi
from edge_agent.counters import Counters
from edge_agent.errors import UnavailableError, told
from edge_agent.event_log import EventLog
from edge_agent.journal import Journal
from edge_agent.session import Session

# Below this the journal may fail, and without it nothing is run.
FREE_BYTES_NEEDED = 16 * 1024 * 1024
CHECK_SECONDS = 60.0
# Said again although nothing changed: the server takes any call of a node that it had lost as a sign of health.
REPEAT_EVERY_CHECKS = {"healthy": 24 * 60, "unhealthy": 30}


@dataclass(frozen=True)
class Check:
    name: str
    status: str  # "healthy" or "unhealthy"
    message: str


def check_disk(state_directory: Path, *, free_bytes_needed: int = FREE_BYTES_NEEDED) -> Check:
    try:
        free_bytes = shutil.disk_usage(state_directory).free
    except OSError as error:
        return Check("state_directory", "unhealthy", told(error))
    if not os.access(state_directory, os.W_OK):
        return Check("state_directory", "unhealthy", "read-only")
    status = "healthy" if free_bytes >= free_bytes_needed else "unhealthy"
    return Check("state_directory", status, f"{free_bytes} bytes free")


class Checks:
    """What this node says of itself: whether the disk takes what it must, and the server its registration.

    Safe to call from any thread.
    """

    def __init__(self, state_directory: Path, journal: Journal, session: Session) -> None:
        self._state_directory = state_directory
        self._journal = journal
        self._session = session

    def __call__(self) -> list[Check]:
        journal = ("unhealthy", "the last write failed") if self._journal.is_torn else ("healthy", "writes are kept")
        registration = ("healthy", "accepted") if self._session.refusal is None else ("unhealthy", "refused")
        return [check_disk(self._state_directory), Check("journal", *journal), Check("registration", *registration)]


def as_json(checks: list[Check]) -> list[dict[str, str]]:
    return [asdict(check) for check in checks]


def overall(checks: list[Check]) -> str:
    return "unhealthy" if any(check.status == "unhealthy" for check in checks) else "healthy"


class HealthReporter:
    """Tells the server when this node becomes unhealthy or healthy again; a registration counts as healthy."""

    def __init__(self, api: AgentApi, checks: Callable[[], list[Check]], counters: Counters, log: EventLog) -> None:
        self._api = api
        self._checks = checks
        self._counters = counters
        self._log = log

    async def run(self) -> None:
        reported = "healthy"
        checks_since = 0
        while True:
            status = overall(self._checks())
            if status != reported or checks_since >= REPEAT_EVERY_CHECKS[reported]:
                try:
                    await self._api.report_health(status)
                except UnavailableError as error:
                    self._log.write("health.report_failed", reason=told(error))
                else:
                    self._counters.add("health_check_report_total")
                    self._log.write("health.reported", status=status)
                    reported, checks_since = status, 0
            checks_since += 1
            await asyncio.sleep(CHECK_SECONDS)
