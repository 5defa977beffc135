"""The rules of volumes and snapshots. Pure."""

from collections.abc import Collection

from chalicelib.cloud.compute.disk_model import (
    SNAPSHOT,
    VOLUME,
    Attachment,
    SnapshotSpec,
    SnapshotStatus,
    VolumeSpec,
    VolumeStatus,
)
from chalicelib.kit.errors import EdgeError, conflict, invalid
from chalicelib.machines.public import ProviderName
from chalicelib.platform.provisioning.charging import is_there
from chalicelib.platform.provisioning.model import Changes, Charge, Desired, Observation, Resource, State

DEVICES = tuple(f"/dev/sd{letter}" for letter in "fghijklmnop")
"""The names that EC2 recommends for volumes that are attached (EC2 user guide, "Device names for volumes")."""

MATCHES = "matches"
"""The fact of a volume: whether it is attached as its row wants it."""

ATTACHED_OTHERWISE = "it is not attached as it was asked for: detach it, and attach it again"


def volume_spec(volume: Resource) -> VolumeSpec:
    return VolumeSpec.model_validate(volume.spec)


def snapshot_spec(snapshot: Resource) -> SnapshotSpec:
    return SnapshotSpec.model_validate(snapshot.spec)


def volume_status(volume: Resource) -> VolumeStatus:
    """The status that its tenant sees: in use from when it is asked to be attached until it is detached."""
    if volume.desired is Desired.ABSENT:
        return VolumeStatus.DELETING
    match volume.state:
        case State.FAILED:
            return VolumeStatus.ERROR
        case State.PENDING | State.CREATING:
            return VolumeStatus.CREATING
        case State.READY if volume_spec(volume).attachment is None:
            return VolumeStatus.AVAILABLE
        case _:
            return VolumeStatus.IN_USE


def snapshot_status(snapshot: Resource) -> SnapshotStatus:
    """The status that its tenant sees."""
    if snapshot.desired is Desired.ABSENT:
        return SnapshotStatus.DELETING
    match snapshot.state:
        case State.FAILED:
            return SnapshotStatus.ERROR
        case State.READY:
            return SnapshotStatus.AVAILABLE
        case _:
            return SnapshotStatus.CREATING


def drifted(volume: Resource, observation: Observation) -> str:
    """A volume that is not attached as its row wants it is changed, or has failed where it is at rest."""
    del volume
    return "" if observation.facts.get(MATCHES, True) else ATTACHED_OTHERWISE


def charge_of_volume(volume: Resource) -> Charge | None:
    """A volume costs by its size while it is there (`charging.is_there`)."""
    return Charge(VOLUME, "gp3", volume_spec(volume).size_gb) if is_there(volume) else None


def charge_of_snapshot(snapshot: Resource) -> Charge | None:
    """A snapshot costs by the size of its volume, which is the most that EC2 charges for it."""
    return Charge(SNAPSHOT, "standard", snapshot_spec(snapshot).size_gb) if is_there(snapshot) else None


def names_of(kind: str) -> str:
    """The scope of the claims of names, which are unique among those of a kind."""
    return f"{kind}-name"


def name_claim(kind: str, name: str) -> str:
    """The claim that a thing of a kind holds on its name, which no other may have."""
    return f"{names_of(kind)}/{name}"


def devices_of(instance_id: str) -> str:
    """The scope of the claims of an instance's devices, whose holders are volumes."""
    return f"devices-{instance_id}"


def free_device(taken: Collection[str]) -> str:
    """The first device of an instance that is free. Raises `EdgeError` (conflict) if none is."""
    free = next((device for device in DEVICES if device not in taken), None)
    if free is None:
        raise conflict(f"the instance has {len(DEVICES)} volumes already: detach one first")
    return free


def attached(volume: Resource, attachment: Attachment) -> Changes:
    """The change that attaches a volume; its device is claimed with it."""
    spec = volume_spec(volume).model_copy(update={"attachment": attachment})
    claims = (name_claim(VOLUME, volume.name), f"{devices_of(attachment.instance_id)}/{attachment.device}")
    return Changes(spec=spec.model_dump(mode="json"), claims=claims)


def check_mount_path(path: str, field: str = "mount_path") -> None:
    """Raises `EdgeError` (validation failed) for a path that is not absolute."""
    if not path.startswith("/"):
        raise invalid(field, f"{path[:128]!r} is not absolute: it begins with /")


def check_reach(volume: Resource, provider: str, zone: str) -> None:
    """Raises `EdgeError` (conflict) for a machine that takes no disk, or one in another zone: a volume can be attached
    in its own alone."""
    if provider != ProviderName.EC2:
        raise conflict("a local machine is a process, to which no disk can be attached")
    own = volume_spec(volume).zone
    if own != zone:
        raise conflict(
            f"the volume {volume.name} is in the zone {own} and the instance in {zone}: make a snapshot of the volume, "
            "and restore it in the instance's zone"
        )


def check_available(volume: Resource) -> None:
    """Raises `EdgeError` (conflict) for a volume that is used, or not made yet."""
    if volume_status(volume) is not VolumeStatus.AVAILABLE:
        raise not_available(volume)


def not_available(volume: Resource) -> EdgeError:
    """The conflict of an operation with a volume that is used, or not made yet."""
    return conflict(f"the volume {volume.name} is {volume_status(volume)}: it has to be AVAILABLE")
