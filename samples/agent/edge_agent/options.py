from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from edge_agent.enrollment import ServicePorts
from edge_agent.enrollment_key import KeySource
from edge_agent.executor import CommandLimits


@dataclass(frozen=True)
class PushOptions:
    """The address of the push API.

    `recorded_port` is the port that the server calls, if it differs from the local one, as behind a forwarder.
    """

    host: str
    port: int
    recorded_port: int | None


@dataclass(frozen=True)
class SshOptions:
    host: str
    port: int
    idle_seconds: float
    check_seconds: float


@dataclass(frozen=True)
class MetricsOptions:
    """How metrics are sent. `port` serves the host's metrics if the push API is served; `interval_seconds` None means
    that the server sets the interval."""

    port: int | None
    node_exporter_url: str | None
    interval_seconds: float | None


@dataclass(frozen=True)
class Options:
    """The agent's settings. `environment` is that of commands and sessions; `versions` is the folder for updates of the
    agent, None if it does not install them itself."""

    state_dir: PurePath
    keys: KeySource
    node_id: str | None
    random_id: bool
    machine_id_file: PurePath
    network_name: str | None
    ca_file: PurePath | None
    service_ports: ServicePorts
    push: PushOptions | None
    ssh: SshOptions | None
    metrics: MetricsOptions
    aliases: tuple[str, ...]
    labels: Mapping[str, str]
    self_update_command: str | None
    versions: PurePath | None
    limits: CommandLimits
    environment: Mapping[bytes, bytes]

    @property
    def updates_itself(self) -> bool:
        return self.versions is not None or self.self_update_command is not None
