"""Snapshots of volumes."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import StringConstraints

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import TENANT_ID, TIME, USER_ID, MessageOut, Sent, Shown
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.api.volumes import VOLUME_ID, VolumeName, VolumeOut, show_volume
from chalicelib.cloud.compute.disk_model import SNAPSHOT, SnapshotStatus
from chalicelib.cloud.compute.disk_rules import snapshot_spec, snapshot_status
from chalicelib.cloud.permissions import SNAPSHOT_CREATE, SNAPSHOT_DELETE, SNAPSHOT_READ, SNAPSHOT_RESTORE
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.provisioning.model import Resource
from chalicelib.web.endpoint import Created, Endpoints, Request
from chalicelib.web.validation import NoQuery, OneOf, Path, Timestamp

routes = Endpoints(tag="Snapshots")

SNAPSHOT_ID = "01a1fd8d-3c58-7d44-9e21-6f1a7b8c9da2"


class SnapshotPath(Path):
    snapshot_id: Annotated[
        str, MinLen(1), MaxLen(64), about("Id of a snapshot, its beginning, or its volume's name.", SNAPSHOT_ID)
    ]


class SnapshotCreate(Sent):
    """A new snapshot."""

    volume_id: Annotated[str, MinLen(1), MaxLen(64), about("Id or name of the volume.", VOLUME_ID)]
    description: Annotated[str, MaxLen(255), about("Text for people.", "before the upgrade")] = ""


class SnapshotRestore(Sent):
    """The volume that is made from a snapshot."""

    new_volume_name: Annotated[VolumeName, about("Name of the volume, unique in the tenant.", "database-2")]
    availability_zone: Annotated[
        str,
        MaxLen(32),
        StringConstraints(pattern=r"^[a-z0-9-]*$"),
        about("Zone of the volume; that of the first one without it.", "eu-central-1b"),
    ] = ""


class SnapshotOut(Shown):
    """A snapshot of the tenant, as it is now."""

    id: Annotated[str, about("UUID of the snapshot.", SNAPSHOT_ID, format="uuid")]
    user_id: Annotated[str | None, about("UUID of the user who made it; null for none.", USER_ID)]
    tenant_id: Annotated[str, about("UUID of the tenant that has it.", TENANT_ID)]
    volume_id: Annotated[str, about("UUID of its volume, which may be gone.", VOLUME_ID)]
    volume_name: Annotated[str, about("Name of its volume when it was made.", "database")]
    size_gb: Annotated[int, about("Size of its volume in GB.", 20)]
    status: Annotated[OneOf[SnapshotStatus], about("Status, which says when it can be restored.", "AVAILABLE")]
    status_reason: Annotated[str | None, about("Why it has failed or waits; null if there is nothing to say.", None)]
    description: Annotated[str, about("Text for people.", "before the upgrade")]
    created_at: Annotated[Timestamp, about("Time at which it was asked for.", TIME)]


class SnapshotDeletedOut(MessageOut):
    """The answer to a deletion."""

    message: Annotated[str, about("Outcome in words.", "snapshot is being removed")] = "snapshot is being removed"


def _show(snapshot: Resource, tenant: str) -> SnapshotOut:
    spec = snapshot_spec(snapshot)
    return SnapshotOut(
        id=snapshot.id,
        user_id=snapshot.owner or None,
        tenant_id=tenant,
        volume_id=spec.volume_id,
        volume_name=spec.volume_name,
        size_gb=spec.size_gb,
        status=snapshot_status(snapshot),
        status_reason=snapshot.reason or None,
        description=spec.description,
        created_at=snapshot.inserted_at,
    )


SNAPSHOTS = Kind(
    routes=routes,
    collection="/snapshots",
    path=SnapshotPath,
    one="a snapshot",
    many="snapshots",
    name="snapshot",
    names="snapshots",
    of=lambda services: services.snapshots,
    show=_show,
    shown=SnapshotOut,
    read=SNAPSHOT_READ,
    resource=SNAPSHOT,
)
SNAPSHOTS.creates(
    SnapshotCreate,
    lambda services, by, body: services.snapshots.create(by, body.volume_id, body.description),
    """Asks for a copy of a volume as it is now, also of one that is in use: it lacks what its instance has not written
    yet. 404 for a volume that the tenant does not have, 409 for one that is not made yet.""",
    _show,
    permission=SNAPSHOT_CREATE,
    errors=(404, 409),
)
SNAPSHOTS.lists_pages(
    """Lists the snapshots of the tenant, newest first. A new one may take a moment to appear.""",
    lambda services, tenant, asked: services.snapshots.page(tenant, asked.page_size, asked.after),
)
SNAPSHOTS.gets("""Returns a snapshot.""")
SNAPSHOTS.deletes(
    """Has a snapshot removed; volumes that were made from it stay. 409 while one is being made from it.""",
    permission=SNAPSHOT_DELETE,
    answer=SnapshotDeletedOut,
)


@routes.post(
    "/snapshots/{snapshot_id}/restore",
    auth=USER,
    permission=SNAPSHOT_RESTORE,
    scope=Scope.TENANT,
    audit="volume.restore",
    is_deferred=True,
    answer=VolumeOut,
    status=201,
    errors=(404, 409),
    summary="Make a volume from a snapshot",
)
def restore_snapshot(request: Request[SnapshotPath, NoQuery, SnapshotRestore], services: Cloud) -> Created:
    """Asks for a volume with the content of a snapshot: in the zone of its first volume, or in another. 409 for a
    snapshot that is not `AVAILABLE` or a taken name, 429 beyond the quota of storage."""
    by, body, wanted = request.principal, request.body, request.path.snapshot_id
    return request.once(
        lambda: services.snapshots.restore(by, wanted, body.new_volume_name, body.availability_zone),
        lambda made: Created(show_volume(made, by.tenant)),
    )
