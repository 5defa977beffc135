"""`Diagnosing`: what an agent finds when it looks at itself and its machine."""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from chalicelib.fleet.metrics.model import CACHE_SECONDS, Metrics, ReportType
from chalicelib.fleet.metrics.store import MetricsStore
from chalicelib.fleet.metrics.waking import Waker
from chalicelib.fleet.nodes.wiring import Nodes
from chalicelib.fleet.reach import Reach
from chalicelib.kit.clock import Clock, parse_time
from chalicelib.kit.errors import unavailable
from chalicelib.kit.log import Log
from chalicelib.kit.sockets import Sockets
from chalicelib.kit.tables import Tables

FEATURE = "diagnostics"
"""Nodes whose agents can diagnose themselves name it among their features."""

FRESH_SECONDS = 10
"""Age up to which a report is shown without asking the agent for another."""


class CheckName(StrEnum):
    """The checks that the contract knows. Those of a mesh are made by agents that are in one."""

    WIREGUARD_INTERFACE = "wireguard_interface"
    NETCLIENT = "netclient"
    NETWORKS = "networks"
    CONFIGURED_PEERS = "configured_peers"
    DERP_MAP = "derp_map"
    DATABASE = "database"
    BOOTSTRAP = "bootstrap"
    SSH_SERVER = "ssh_server"
    METRICS_SERVERS = "metrics_servers"
    PROXY_SERVERS = "proxy_servers"


class CheckStatus(StrEnum):
    """The result of a check, from good to bad."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    FAIL = "fail"


class DiagnosticCheck(BaseModel):
    """One check. ``details`` are figures and names for people."""

    model_config = ConfigDict(frozen=True)

    name: CheckName
    status: CheckStatus
    duration_ms: int
    details: dict[str, str]
    summary: str | None = None


class DiagnosticReport(BaseModel):
    """All checks of an agent; ``collected_at`` by its clock, UTC seconds text."""

    model_config = ConfigDict(frozen=True)

    collected_at: str
    checks: tuple[DiagnosticCheck, ...]

    @property
    def overall(self) -> CheckStatus:
        """The worst of all."""
        return max((check.status for check in self.checks), key=[*CheckStatus].index, default=CheckStatus.PASS)


class Diagnosing:
    """Keeps the latest report of each node beside its metrics, and asks connected agents for a new one."""

    def __init__(self, tables: Tables, clock: Clock, nodes: Nodes, sockets: Callable[[], Sockets], log: Log) -> None:
        self._clock = clock
        self._nodes = nodes
        self._store = MetricsStore(tables)
        self._waker = Waker(self._store, nodes.connections, sockets, clock, log)

    def keep(self, node_id: str, report: DiagnosticReport) -> Metrics:
        """Keep a report in place of the one before. Raises `EdgeError` (payload too large)."""
        return self._store.put(node_id, ReportType.DIAGNOSTICS, report.model_dump_json(), self._clock.now())

    def report(self, node_id: str, *, reach: Reach) -> DiagnosticReport:
        """The report of a node, made now if its agent is connected, which takes up to five seconds. Raises `EdgeError`
        (not found), (service unavailable) if there is none of the last five minutes."""
        view = self._nodes.reading.get(node_id, reach=reach)
        if FEATURE not in view.node.features:
            raise unavailable()
        types = (ReportType.DIAGNOSTICS,)
        found = self._store.find(node_id, types)
        if self._is_older(found.get(ReportType.DIAGNOSTICS), FRESH_SECONDS) and view.presence is not None:
            found |= self._waker.ask(view.presence, types, found)
        kept = found.get(ReportType.DIAGNOSTICS)
        if kept is None or self._is_older(kept, CACHE_SECONDS):
            raise unavailable()
        return DiagnosticReport.model_validate_json(kept.text)

    def _is_older(self, kept: Metrics | None, seconds: int) -> bool:
        return kept is None or self._clock.now() - parse_time(kept.updated_at) >= timedelta(seconds=seconds)
