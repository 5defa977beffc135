"""The contract's metrics of an agent."""

from typing import Annotated

from pydantic import BaseModel

from chalicelib.kit.fields import about

APPLICATION = about("The agent's process: uptime and memory.")

COMMANDS = about("The agent's work on commands.")

DISCOVERY = about("The agent's search for admins.")

PROXY = about("The agent's HTTP and SOCKS5 proxies.")

SSH = about("The node's SSH server.")

VPN = about("The agent's connection to the mesh.")

HEALTH_CHECK = about("The agent's reports of its health.")

BOOTSTRAP = about("The agent's registrations.")

DIAGNOSTICS = about("The agent's diagnostic reports.")

SETTINGS_CONFIG = about("The agent's fetches of its settings.")

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
    last_exit_code: Annotated[int | None, about("Exit code of the command that ended last.", None)] = None
    report_batch_size: Annotated[int | None, about("Results in the last report.", None)] = None
    sync_pending_count: Annotated[int | None, about("Executions that the last request found pending.", None)] = None
    sync_sent_count: Annotated[int | None, about("Executions that the last request found.", None)] = None


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
    pulls_success_total: Annotated[int | None, about("Fetches of the configuration that succeeded.", None)] = None
    pulls_failure_total: Annotated[int | None, about("Fetches of the configuration that failed.", None)] = None


class AgentHealthFigures(BaseModel):
    """Counters of health reports since the agent started."""

    reports_total: Annotated[int, about("Health reports that were sent to the API.", 642, minimum=0)]
    reports_success_total: Annotated[int | None, about("Health reports that the API took.", 641)] = None
    reports_failure_total: Annotated[int | None, about("Health reports that did not arrive.", 1)] = None


class AgentBootstrapFigures(BaseModel):
    """Counters of registrations since the agent started; null for agents that do not count them."""

    registrations_total: Annotated[int | None, about("Registrations that were tried.", 1)] = None
    registrations_success_total: Annotated[int | None, about("Registrations that succeeded.", 1)] = None
    registrations_failure_total: Annotated[int | None, about("Registrations that failed.", None)] = None


class AgentDiagnosticFigures(BaseModel):
    """Counters of diagnostic reports since the agent started; null for agents that do not count them."""

    pushes_total: Annotated[int | None, about("Diagnostic reports that were sent.", 2)] = None
    pushes_success_total: Annotated[int | None, about("Diagnostic reports that the API took.", 2)] = None
    pushes_failure_total: Annotated[int | None, about("Diagnostic reports that did not arrive.", None)] = None


class AgentSettingsFigures(BaseModel):
    """Fetches of settings by an agent that is told them apart. Null for others: here they come with a registration."""

    refreshes_total: Annotated[int | None, about("Fetches of settings that were tried.", None)] = None
    refreshes_success_total: Annotated[int | None, about("Fetches of settings that succeeded.", None)] = None
    refreshes_failure_total: Annotated[int | None, about("Fetches of settings that failed.", None)] = None
    refreshes_invalid_response_total: Annotated[
        int | None, about("Fetches of settings whose answer could not be read.", None)
    ] = None


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
    bootstrap: Annotated[AgentBootstrapFigures, BOOTSTRAP]
    diagnostics: Annotated[AgentDiagnosticFigures, DIAGNOSTICS]
    settings_config: Annotated[AgentSettingsFigures, SETTINGS_CONFIG]
    oban_queues: Annotated[list[AgentQueueFigures], QUEUES]
