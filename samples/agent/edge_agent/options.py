from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_agent.enrollment import Ports
from edge_agent.enrollment_key import KeySource
from edge_agent.executor import Limits


@dataclass(frozen=True)
class PushOptions:
    """`recorded_port` is what the server calls where that is not the port listened on, as behind a forwarder."""

    host: str
    port: int
    recorded_port: int | None


@dataclass(frozen=True)
class SshOptions:
    host: str
    port: int
    idle_seconds: float


@dataclass(frozen=True)
class MetricsOptions:
    """`port` is where the host's metrics are served, if the push API is. `interval_seconds` None: as often as the
    server says."""

    port: int | None
    node_exporter_url: str | None
    interval_seconds: float | None


@dataclass(frozen=True)
class Options:
    """How the agent was asked to run. `environment` is what commands and sessions get to see; `versions` the folder
    that updates of the agent are installed in, where it updates itself from its server."""

    state_dir: Path
    keys: KeySource
    node_id: str | None
    random_id: bool
    machine_id_file: Path
    network_name: str | None
    ca_file: Path | None
    ports: Ports
    push: PushOptions | None
    ssh: SshOptions | None
    metrics: MetricsOptions
    aliases: tuple[str, ...]
    self_update_command: str | None
    versions: Path | None
    limits: Limits
    environment: Mapping[str, str]

    @property
    def updates_itself(self) -> bool:
        return self.versions is not None or self.self_update_command is not None
