"""An agent's description of itself and its machine."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Ports(BaseModel):
    """The ports of the agent's services."""

    model_config = ConfigDict(frozen=True)

    http_port: int
    ssh_port: int
    host_metrics_port: int
    wireguard_metrics_port: int
    http_proxy_port: int
    socks5_proxy_port: int


class Described(Ports):
    """The ports of an agent's services, and its description of its machine; all of that is unknown of an agent that is
    older than it. ``booted_at`` is seconds text. ``ssh_host_keys`` are those of its SSH server, as a line of
    ``known_hosts`` has them. ``features`` names abilities of the agent (`Feature`),
    ``agent_labels`` are the labels that it was started with."""

    hostname: str | None = None
    os_name: str | None = None
    os_version: str | None = None
    architecture: str | None = None
    kernel: str | None = None
    addresses: tuple[str, ...] = ()
    booted_at: str | None = None
    ssh_host_keys: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    agent_labels: Mapping[str, str] = Field(default_factory=dict)


FACTS = ("hostname", "os_name", "os_version", "architecture", "kernel", "addresses", "booted_at", "ssh_host_keys")
"""The facts that an agent tells of its machine; they may change while it runs."""


class Feature(StrEnum):
    """An ability that an agent says it has. Agents may name others, which are kept."""

    ENVIRONMENT = "environment"
    TAIL = "tail"
    LARGE_OUTPUT = "large_output"
    WORK = "work"
