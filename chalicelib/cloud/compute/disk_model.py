"""Volumes and snapshots: what was asked for, and the states that their tenant sees."""

from enum import StrEnum

from pydantic import BaseModel

VOLUME, SNAPSHOT = "volume", "snapshot"
"""The names of the kinds of resources."""


class Attachment(BaseModel, frozen=True):
    """The instance that shall have a volume, as which device, and where its user mounts it."""

    instance_id: str
    device: str
    mount_path: str


class VolumeSpec(BaseModel, frozen=True):
    """A volume as it was asked for: `Resource.spec`. ``snapshot_id`` is the snapshot that it is made from, None for an
    empty one; ``attachment`` is where it shall be, None: nowhere."""

    size_gb: int
    zone: str
    snapshot_id: str | None = None
    attachment: Attachment | None = None


class SnapshotSpec(BaseModel, frozen=True):
    """A snapshot as it was asked for. Its volume may be gone; ``zone`` was that volume's."""

    volume_id: str
    volume_name: str
    size_gb: int
    zone: str
    description: str = ""


class VolumeStatus(StrEnum):
    """The status of a volume. `CREATING` and `ERROR` are our own: the published API makes volumes at once."""

    CREATING = "CREATING"
    AVAILABLE = "AVAILABLE"
    IN_USE = "IN-USE"
    DELETING = "DELETING"
    ERROR = "ERROR"


class SnapshotStatus(StrEnum):
    """The states of a copy, as the published API names them."""

    CREATING = "CREATING"
    AVAILABLE = "AVAILABLE"
    DELETING = "DELETING"
    ERROR = "ERROR"
