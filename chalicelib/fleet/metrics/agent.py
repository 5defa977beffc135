"""The metrics of an agent, out of its own text. Counters without a series are 0, gauges None. Pure."""

from typing import Annotated

from pydantic import BaseModel

from chalicelib.fleet.metrics.exposition import Sample, read_samples
from chalicelib.fleet.metrics.figures import Series, duration_text, in_mb
from chalicelib.kit.fields import about

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


APPLICATION = about("The agent's process: uptime and memory.")

COMMANDS = about("The agent's work on commands.")

DISCOVERY = about("The agent's search for admins.")

PROXY = about("The agent's HTTP and SOCKS5 proxies.")

SSH = about("The node's SSH server.")

VPN = about("The agent's connection to the mesh.")

HEALTH_CHECK = about("The agent's reports of its health.")

QUEUES = about("The agent's own job queues.")

TUNNELS_CLOSED = about("Tunnels that were closed, for any reason.", 0, minimum=0)

TUNNELS_CLOSED_NORMAL = about("Tunnels that both sides closed.", 0, minimum=0)

TUNNELS_CLOSED_DEADLINE = about("Tunnels that were closed for their age.", 0, minimum=0)

TUNNELS_CLOSED_DRAIN = about("Tunnels that were closed because their last data did not drain in time.", 0, minimum=0)


class ApplicationFigures(BaseModel):
    """The agent's process. A figure that the agent does not publish is null."""

    uptime_seconds: Annotated[int | None, about("Seconds since the agent started.", 192600, minimum=0)]
    uptime_human: Annotated[
        str | None,
        about("Time since the agent started, for people: `42s`, `23m`, `5h 15m` or `2d 5h 30m`.", "2d 5h 30m"),
    ]
    process_count: Annotated[int | None, about("Processes of the Erlang VM; null for agents in other languages.", None)]
    memory_total_bytes: Annotated[int | None, about("Memory of the agent, in bytes.", 48234496, minimum=0)]
    memory_total_mb: Annotated[float | None, about("Memory of the agent, in MiB (2^20 bytes).", 46.0, minimum=0)]
    memory_processes_bytes: Annotated[int | None, about("Memory of Erlang processes, in bytes.", None)]
    memory_processes_mb: Annotated[float | None, about("Memory of Erlang processes, in MiB.", None)]
    memory_ets_bytes: Annotated[int | None, about("Memory of ETS tables, in bytes.", None)]
    memory_ets_mb: Annotated[float | None, about("Memory of ETS tables, in MiB.", None)]
    memory_binary_bytes: Annotated[int | None, about("Memory of Erlang binaries, in bytes.", None)]
    memory_binary_mb: Annotated[float | None, about("Memory of Erlang binaries, in MiB.", None)]


class AgentCommandFigures(BaseModel):
    """Counters of commands since the agent started."""

    synced_total: Annotated[int, about("Requests for pending executions.", 1284, minimum=0)]
    enqueued_total: Annotated[int, about("Executions that the agent accepted to run.", 42, minimum=0)]
    completed_total: Annotated[int, about("Executions that ended on the machine.", 42, minimum=0)]
    reported_total: Annotated[int, about("Results that were reported to the API.", 42, minimum=0)]


class AgentDiscoveryFigures(BaseModel):
    """The search for admins since the agent started."""

    scans_total: Annotated[int, about("Searches for admins.", 0, minimum=0)]
    admins_found_last: Annotated[int, about("Admins found by the last search.", 0, minimum=0)]


class AgentProxyFigures(BaseModel):
    """Counters of the proxies since the agent started."""

    http_connections_total: Annotated[int, about("Connections to the HTTP proxy.", 0, minimum=0)]
    http_blocked_total: Annotated[int, about("Requests that the HTTP proxy refused by its rules.", 0, minimum=0)]
    http_blocked_by_reason: Annotated[
        dict[str, int], about("Requests that the HTTP proxy refused by its rules, by reason.", {})
    ]
    socks5_connections_total: Annotated[int, about("Connections to the SOCKS5 proxy.", 0, minimum=0)]
    socks5_blocked_total: Annotated[int, about("Requests that the SOCKS5 proxy refused by its rules.", 0, minimum=0)]
    socks5_blocked_by_reason: Annotated[
        dict[str, int], about("Requests that the SOCKS5 proxy refused by its rules, by reason.", {})
    ]
    tunnels_closed_total: Annotated[int, TUNNELS_CLOSED]
    tunnels_closed_normal_total: Annotated[int, TUNNELS_CLOSED_NORMAL]
    tunnels_closed_deadline_total: Annotated[int, TUNNELS_CLOSED_DEADLINE]
    tunnels_closed_drain_timeout_total: Annotated[int, TUNNELS_CLOSED_DRAIN]
    bytes_up_total: Annotated[int, about("Bytes from clients to targets.", 0, minimum=0)]
    bytes_up_mb: Annotated[float | None, about("Bytes from clients to targets, in MiB (2^20 bytes).", 0.0, minimum=0)]
    bytes_down_total: Annotated[int, about("Bytes from targets to clients.", 0, minimum=0)]
    bytes_down_mb: Annotated[float | None, about("Bytes from targets to clients, in MiB (2^20 bytes).", 0.0, minimum=0)]


class AgentSshFigures(BaseModel):
    """Counters of the SSH server since the agent started."""

    authentications_total: Annotated[int, about("Attempts to log in.", 3, minimum=0)]
    connections_total: Annotated[int, about("Sessions that were opened.", 2, minimum=0)]


class AgentVpnFigures(BaseModel):
    """Counters of the mesh since the agent started."""

    pulls_total: Annotated[int, about("Fetches of the mesh's configuration.", 0, minimum=0)]


class AgentHealthFigures(BaseModel):
    """Counters of health reports since the agent started."""

    reports_total: Annotated[int, about("Health reports that were sent to the API.", 642, minimum=0)]


class AgentQueueFigures(BaseModel):
    """Jobs of one of the agent's own queues, by state."""

    queue: Annotated[str, about("Name of the agent's queue.", "commands")]
    available: Annotated[int, about("Jobs that wait to run.", 0, minimum=0)]
    executing: Annotated[int, about("Jobs that run.", 1, minimum=0)]
    completed: Annotated[int, about("Jobs that succeeded.", 42, minimum=0)]
    discarded: Annotated[int, about("Jobs that failed in every attempt.", 0, minimum=0)]
    retryable: Annotated[int, about("Jobs that wait for another attempt.", 0, minimum=0)]


class AgentFigures(BaseModel):
    """Metrics of an agent."""

    application: Annotated[ApplicationFigures, APPLICATION]
    commands: Annotated[AgentCommandFigures, COMMANDS]
    discovery: Annotated[AgentDiscoveryFigures, DISCOVERY]
    proxy: Annotated[AgentProxyFigures, PROXY]
    ssh: Annotated[AgentSshFigures, SSH]
    vpn: Annotated[AgentVpnFigures, VPN]
    health_check: Annotated[AgentHealthFigures, HEALTH_CHECK]
    oban_queues: Annotated[list[AgentQueueFigures], QUEUES]


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
