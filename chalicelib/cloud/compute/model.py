"""Instances as tenants ask for them, and the states that they see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.platform.provisioning.model import State

MAY_HAVE_ENDED = frozenset({State.DELETING, State.GONE, State.FAILED})
"""The states in which an instance may have ended, and what it has may be free."""


class Status(StrEnum):
    """The status of an instance. `STOPPING` and `DELETING` are our own: the published API has no word for them."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    PAUSED = "PAUSED"
    ERROR = "ERROR"
    DELETING = "DELETING"
    DELETED = "DELETED"


@dataclass(frozen=True)
class MountedVolume:
    """A volume, by id or name, that a new instance shall have, and the path at which its user mounts it."""

    volume: str
    mount_path: str


@dataclass(frozen=True, kw_only=True)
class Launch:
    """An instance as a tenant asks for it. ``ports`` is a comma list of host and container ports."""

    name: str
    image: str
    instance_type: str
    ports: str = ""
    vpc_id: str = ""
    subnet_id: str = ""
    security_group_ids: tuple[str, ...] = ()
    ssh_key_id: str = ""
    volumes: tuple[MountedVolume, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Location:
    """The location of an instance in a network of its tenant: ids of resources, and the zone of the subnet."""

    vpc_id: str
    subnet_id: str
    zone: str
    group_ids: tuple[str, ...]


@dataclass(frozen=True)
class LaunchTarget:
    """The instance that is to be made, and where."""

    instance_id: str
    provider: str
    zone: str


@dataclass(frozen=True)
class Granted:
    """The quotas of a tenant; None for the operator's, which has no limits."""

    limits: Mapping[str, int] | None
    clusters: Mapping[str, str]

    def limit(self, quota: str) -> int | None:
        """How much of a quota it may have."""
        return None if self.limits is None else self.limits.get(quota, 0)
