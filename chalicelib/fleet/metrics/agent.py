"""The metrics of an agent, out of its own text. Counters without a series are 0, gauges None. Pure."""

from chalicelib.fleet.metrics.agent_model import (
    AgentBootstrapFigures,
    AgentCommandFigures,
    AgentDiagnosticFigures,
    AgentDiscoveryFigures,
    AgentFigures,
    AgentHealthFigures,
    AgentProxyFigures,
    AgentQueueFigures,
    AgentSettingsFigures,
    AgentSshFigures,
    AgentVpnFigures,
    ApplicationFigures,
)
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
    "bootstrap_registration_total",
    "diagnostics_push_total",
    "settings_config_refresh_total",
)
_GAUGES = (
    "commands_last_exit_code",
    "commands_report_batch_size",
    "commands_sync_pending_count",
    "commands_sync_sent_count",
)
_ADMINS_FOUND = "discovery_admins_found"
_NAMES = frozenset(
    _PREFIX + name for name in (_UPTIME, _PROCESSES, *_MEMORY.values(), _QUEUES, _ADMINS_FOUND, *_COUNTERS, *_GAUGES)
)


RESULTS = frozenset({"success", "failure", "invalid_response"})
"""Values of the label ``result``."""


class _AgentSeries(Series):
    """The agent's series, looked up by name without the prefix ``edge_agent_``."""

    def __init__(self, text: str) -> None:
        super().__init__(read_samples(text, _NAMES))

    def of(self, name: str) -> list[Sample]:
        return super().of(_PREFIX + name)


def agent_figures(text: str) -> AgentFigures:
    """The figures of an agent that the contract shows, from its metrics as text."""
    series = _AgentSeries(text)
    return AgentFigures(
        application=_application(series),
        commands=AgentCommandFigures(
            synced_total=series.total("commands_sync_total"),
            enqueued_total=series.total("commands_execution_enqueued_total"),
            completed_total=series.total("commands_execution_completed_total"),
            reported_total=series.total("commands_report_total"),
            **{name.removeprefix("commands_"): series.whole(name) for name in _GAUGES},
        ),
        discovery=AgentDiscoveryFigures(
            scans_total=series.total("discovery_scan_total"), admins_found_last=series.whole(_ADMINS_FOUND) or 0
        ),
        proxy=_proxy(series),
        ssh=AgentSshFigures(
            authentications_total=series.total("ssh_authentication_total"),
            connections_total=series.total("ssh_connection_total"),
        ),
        vpn=AgentVpnFigures(
            pulls_total=series.total("vpn_pull_total"), **_by_result(series, "vpn_pull_total", "pulls")
        ),
        health_check=AgentHealthFigures(
            reports_total=series.total("health_check_report_total"),
            **_by_result(series, "health_check_report_total", "reports"),
        ),
        bootstrap=AgentBootstrapFigures(
            registrations_total=_told(series, "bootstrap_registration_total"),
            **_by_result(series, "bootstrap_registration_total", "registrations"),
        ),
        diagnostics=AgentDiagnosticFigures(
            pushes_total=_told(series, "diagnostics_push_total"),
            **_by_result(series, "diagnostics_push_total", "pushes"),
        ),
        settings_config=AgentSettingsFigures(
            refreshes_total=_told(series, "settings_config_refresh_total"),
            **_by_result(series, "settings_config_refresh_total", "refreshes"),
        ),
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


def _told(series: Series, name: str) -> int | None:
    """The total of a counter that not every agent has; None without a series."""
    return series.total(name) if series.of(name) else None


def _by_result(series: Series, name: str, what: str) -> dict[str, int | None]:
    """A counter by its label ``result``, as ``{what}_{result}_total``; nothing where it has no such label."""
    found = series.by_label(name, "result")
    return {f"{what}_{result}_total": count for result, count in found.items() if result in RESULTS}


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
