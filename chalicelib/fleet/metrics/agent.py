"""An agent's figures out of its own text. Counters without a series are 0, gauges None. Pure."""

from pydantic import BaseModel

from chalicelib.fleet.metrics.exposition import Sample, read_samples
from chalicelib.fleet.metrics.figures import Series, duration_text, in_mb

_PREFIX = "edge_agent_"
_UPTIME = "prom_ex_application_uptime_milliseconds_count"
_PROCESSES = "prom_ex_beam_stats_process_count"
_MEMORY = {
    "total": "prom_ex_beam_memory_allocated_bytes",
    "processes": "prom_ex_beam_memory_processes_total_bytes",
    "ets": "prom_ex_beam_memory_ets_total_bytes",
    "binary": "prom_ex_beam_memory_binary_total_bytes",
}
_QUEUES = "prom_ex_oban_queue_length_count"
_TUNNELS = "proxy_tunnel_closed_total"
_COUNTERS = (
    "discovery_scan_total",
    "commands_sync_total",
    "commands_execution_enqueued_total",
    "commands_execution_completed_total",
    "commands_report_total",
    "proxy_http_connection_total",
    "proxy_http_blocked_total",
    "proxy_socks5_connection_total",
    "proxy_socks5_blocked_total",
    _TUNNELS,
    "proxy_tunnel_bytes_up_total",
    "proxy_tunnel_bytes_down_total",
    "ssh_authentication_total",
    "ssh_connection_total",
    "vpn_pull_total",
    "health_check_report_total",
)
_ADMINS_FOUND = "discovery_admins_found"
_NAMES = frozenset(
    _PREFIX + name for name in (_UPTIME, _PROCESSES, *_MEMORY.values(), _QUEUES, _ADMINS_FOUND, *_COUNTERS)
)


class ApplicationFigures(BaseModel):
    """``mb`` are 2^20 bytes."""

    uptime_seconds: int | None
    uptime_human: str | None
    process_count: int | None
    memory_total_bytes: int | None
    memory_total_mb: float | None
    memory_processes_bytes: int | None
    memory_processes_mb: float | None
    memory_ets_bytes: int | None
    memory_ets_mb: float | None
    memory_binary_bytes: int | None
    memory_binary_mb: float | None


class AgentCommandFigures(BaseModel):
    synced_total: int
    enqueued_total: int
    completed_total: int
    reported_total: int


class AgentDiscoveryFigures(BaseModel):
    scans_total: int
    admins_found_last: int


class AgentProxyFigures(BaseModel):
    http_connections_total: int
    http_blocked_total: int
    http_blocked_by_reason: dict[str, int]
    socks5_connections_total: int
    socks5_blocked_total: int
    socks5_blocked_by_reason: dict[str, int]
    tunnels_closed_total: int
    tunnels_closed_normal_total: int
    tunnels_closed_deadline_total: int
    tunnels_closed_drain_timeout_total: int
    bytes_up_total: int
    bytes_up_mb: float | None
    bytes_down_total: int
    bytes_down_mb: float | None


class AgentSshFigures(BaseModel):
    authentications_total: int
    connections_total: int


class AgentVpnFigures(BaseModel):
    pulls_total: int


class AgentHealthFigures(BaseModel):
    reports_total: int


class AgentQueueFigures(BaseModel):
    """Jobs of one of the agent's own queues by their state."""

    queue: str
    available: int
    executing: int
    completed: int
    discarded: int
    retryable: int


class AgentFigures(BaseModel):
    application: ApplicationFigures
    commands: AgentCommandFigures
    discovery: AgentDiscoveryFigures
    proxy: AgentProxyFigures
    ssh: AgentSshFigures
    vpn: AgentVpnFigures
    health_check: AgentHealthFigures
    oban_queues: list[AgentQueueFigures]


class _AgentSeries(Series):
    """Names without the agent's prefix."""

    def __init__(self, text: str) -> None:
        super().__init__(read_samples(text, _NAMES))

    def of(self, name: str) -> list[Sample]:
        return super().of(_PREFIX + name)


def agent_figures(text: str) -> AgentFigures:
    """All that the contract shows of an agent."""
    series = _AgentSeries(text)
    return AgentFigures(
        application=_application(series),
        commands=AgentCommandFigures(
            synced_total=series.total("commands_sync_total"),
            enqueued_total=series.total("commands_execution_enqueued_total"),
            completed_total=series.total("commands_execution_completed_total"),
            reported_total=series.total("commands_report_total"),
        ),
        discovery=AgentDiscoveryFigures(
            scans_total=series.total("discovery_scan_total"), admins_found_last=series.whole(_ADMINS_FOUND) or 0
        ),
        proxy=_proxy(series),
        ssh=AgentSshFigures(
            authentications_total=series.total("ssh_authentication_total"),
            connections_total=series.total("ssh_connection_total"),
        ),
        vpn=AgentVpnFigures(pulls_total=series.total("vpn_pull_total")),
        health_check=AgentHealthFigures(reports_total=series.total("health_check_report_total")),
        oban_queues=_queues(series),
    )


def _application(series: Series) -> ApplicationFigures:
    uptime_seconds = max(0, series.whole(_UPTIME) or 0) // 1000
    memory = {kind: series.whole(name) for kind, name in _MEMORY.items()}
    return ApplicationFigures(
        uptime_seconds=uptime_seconds,
        uptime_human=duration_text(uptime_seconds),
        process_count=series.whole(_PROCESSES),
        memory_total_bytes=memory["total"],
        memory_total_mb=in_mb(memory["total"]),
        memory_processes_bytes=memory["processes"],
        memory_processes_mb=in_mb(memory["processes"]),
        memory_ets_bytes=memory["ets"],
        memory_ets_mb=in_mb(memory["ets"]),
        memory_binary_bytes=memory["binary"],
        memory_binary_mb=in_mb(memory["binary"]),
    )


def _proxy(series: Series) -> AgentProxyFigures:
    closed = series.by_label(_TUNNELS, "reason")
    up, down = series.total("proxy_tunnel_bytes_up_total"), series.total("proxy_tunnel_bytes_down_total")
    return AgentProxyFigures(
        http_connections_total=series.total("proxy_http_connection_total"),
        http_blocked_total=series.total("proxy_http_blocked_total"),
        http_blocked_by_reason=series.by_label("proxy_http_blocked_total", "reason"),
        socks5_connections_total=series.total("proxy_socks5_connection_total"),
        socks5_blocked_total=series.total("proxy_socks5_blocked_total"),
        socks5_blocked_by_reason=series.by_label("proxy_socks5_blocked_total", "reason"),
        tunnels_closed_total=series.total(_TUNNELS),
        tunnels_closed_normal_total=closed.get("normal", 0),
        tunnels_closed_deadline_total=closed.get("deadline", 0),
        tunnels_closed_drain_timeout_total=closed.get("drain_timeout", 0),
        bytes_up_total=up,
        bytes_up_mb=in_mb(up),
        bytes_down_total=down,
        bytes_down_mb=in_mb(down),
    )


def _queues(series: Series) -> list[AgentQueueFigures]:
    """In the order in which the text names them; a state without a series is 0."""
    queues: dict[str, dict[str, int]] = {}
    for sample in series.of(_QUEUES):
        if "queue" in sample.labels:
            states = queues.setdefault(sample.labels["queue"], {})
            state = sample.labels.get("state", "")
            states[state] = states.get(state, 0) + int(sample.value)
    return [
        AgentQueueFigures(
            queue=name,
            available=states.get("available", 0),
            executing=states.get("executing", 0),
            completed=states.get("completed", 0),
            discarded=states.get("discarded", 0),
            retryable=states.get("retryable", 0),
        )
        for name, states in queues.items()
    ]
