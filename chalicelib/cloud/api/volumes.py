"""Volumes of a tenant: disks that are attached to instances."""

from typing import Annotated

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import StringConstraints

from chalicelib.cloud.api.fields import TENANT_ID, TIME, USER_ID, MessageOut, MountPath, Sent, Shown
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.compute.disk_model import VOLUME, VolumeStatus
from chalicelib.cloud.compute.disk_rules import volume_spec, volume_status
from chalicelib.cloud.permissions import VOLUME_CREATE, VOLUME_DELETE, VOLUME_READ, VOLUME_UPDATE
from chalicelib.kit.fields import about
from chalicelib.platform.provisioning.model import Resource
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import Int32, NoBody, OneOf, Path, Timestamp

routes = Endpoints(tag="Volumes")

VOLUME_ID = "01a1fd8d-2b47-7c33-8d10-5e0f6a7b8c91"
_INSTANCE_ID = "01a1fd8c-4d3b-7a10-9c55-2f60d7a1e0b4"

MOST_GB = 16_000

VolumeName = Annotated[str, MinLen(3), MaxLen(64), StringConstraints(pattern=r"^[A-Za-z0-9._-]+$")]


class VolumePath(Path):
    volume_id: Annotated[str, MinLen(1), MaxLen(64), about("Id of a volume or its beginning, or its name.", VOLUME_ID)]


class VolumeCreate(Sent):
    """A new volume."""

    name: Annotated[VolumeName, about("Name, unique among the volumes of the tenant.", "database")]
    size_gb: Annotated[Int32, Ge(1), Le(MOST_GB), about("Size in GB of 1024 MB, which never changes.", 20)]
    availability_zone: Annotated[
        str, MaxLen(32), StringConstraints(pattern=r"^[a-z0-9-]*$"), about("Zone in which it is made.", "eu-central-1a")
    ] = ""


class VolumeAttach(Sent):
    """The instance that a volume is attached to."""

    instance_id: Annotated[str, MinLen(1), MaxLen(64), about("Id or name of an instance.", _INSTANCE_ID)]
    mount_path: MountPath


class VolumeOut(Shown):
    """A volume of the tenant, as it is now."""

    id: Annotated[str, about("UUID of the volume.", VOLUME_ID, format="uuid")]
    user_id: Annotated[str | None, about("UUID of the user who made it; null for none.", USER_ID)]
    tenant_id: Annotated[str, about("UUID of the tenant that has it.", TENANT_ID)]
    name: Annotated[str, about("Name that it was given.", "database")]
    size_gb: Annotated[int, about("Size as it was asked for.", 20)]
    status: Annotated[OneOf[VolumeStatus], about("Status, which says when operations are done.", "AVAILABLE")]
    status_reason: Annotated[str | None, about("Why it has failed or waits; null if there is nothing to say.", None)]
    instance_id: Annotated[str | None, about("UUID of the instance that has it; null: none.", None)]
    mount_path: Annotated[str | None, about("Path at which its user mounts it.", None)]
    device_path: Annotated[str | None, about("Device as which the instance has it.", None)]
    backend_path: Annotated[str | None, about("Id of the disk at its provider.", "vol-0abc1234def567890")]
    availability_zone: Annotated[str, about("Zone of EC2, the one in which it can be attached.", "eu-central-1a")]
    encrypted: Annotated[bool, about("Always true.", True)]
    kms_key_id: Annotated[str | None, about("Null: the key is the account's own for disks.", None)]
    created_at: Annotated[Timestamp, about("Time at which it was asked for.", TIME)]
    updated_at: Annotated[Timestamp, about("Time of its last change.", TIME)]


class VolumeDeletedOut(MessageOut):
    """The answer to a deletion."""

    message: Annotated[str, about("Outcome in words.", "volume is being removed")] = "volume is being removed"


class VolumeAttachedOut(Shown):
    """An attachment that has begun."""

    message: Annotated[str, about("Outcome in words.", "volume is being attached")]
    device_path: Annotated[str, about("Device as which the instance will have it.", "/dev/sdf")]


def show_volume(volume: Resource, tenant: str) -> VolumeOut:
    """The volume as it is shown."""
    spec = volume_spec(volume)
    at = spec.attachment
    return VolumeOut(
        id=volume.id,
        user_id=volume.owner or None,
        tenant_id=tenant,
        name=volume.name,
        size_gb=spec.size_gb,
        status=volume_status(volume),
        status_reason=volume.reason or None,
        instance_id=at.instance_id if at else None,
        mount_path=at.mount_path if at else None,
        device_path=at.device if at else None,
        backend_path=volume.external.get("id"),
        availability_zone=spec.zone,
        encrypted=True,
        kms_key_id=None,
        created_at=volume.inserted_at,
        updated_at=volume.updated_at,
    )


VOLUMES = Kind(
    routes=routes,
    collection="/volumes",
    path=VolumePath,
    one="a volume",
    many="volumes",
    name="volume",
    names="volumes",
    of=lambda services: services.volumes,
    show=show_volume,
    shown=VolumeOut,
    read=VOLUME_READ,
    resource=VOLUME,
)
VOLUMES.creates(
    VolumeCreate,
    lambda services, by, body: services.volumes.create(by, body.name, body.size_gb, zone=body.availability_zone),
    """Asks for an encrypted volume, which is `CREATING` at first and then `AVAILABLE`. 409 for a taken name, 429 beyond
    the quota of storage.""",
    show_volume,
    permission=VOLUME_CREATE,
)
VOLUMES.lists_pages(
    """Lists the volumes of the tenant, newest first. A new one may take a moment to appear.""",
    lambda services, tenant, asked: services.volumes.page(tenant, asked.page_size, asked.after),
)
VOLUMES.gets("""Returns a volume by its id or name.""")
VOLUMES.deletes(
    """Has a volume removed, with what is on it. 409 while it is attached, or a snapshot of it is being made.""",
    permission=VOLUME_DELETE,
    answer=VolumeDeletedOut,
)
VOLUMES.acts(
    "attach",
    VolumeAttach,
    lambda services, tenant, wanted, body: services.volumes.attach(tenant, wanted, body.instance_id, body.mount_path),
    """Has a volume attached to an instance as its next free device; its user makes a file system and mounts it. 409 for
    a volume that is not `AVAILABLE`, an instance that is going or takes no disks, or one in another zone.""",
    permission=VOLUME_UPDATE,
    answer=VolumeAttachedOut,
    show=lambda made, tenant: VolumeAttachedOut(
        message="volume is being attached", device_path=show_volume(made, tenant).device_path or ""
    ),
)
VOLUMES.acts(
    "detach",
    NoBody,
    lambda services, tenant, wanted, _body: services.volumes.detach(tenant, wanted),
    """Has a volume detached: unmount it first. It is `IN-USE` until that is done. 409 for one that is not attached.""",
    permission=VOLUME_UPDATE,
    answer=MessageOut,
    show=lambda _made, _tenant: MessageOut(message="volume is being detached"),
)
