"""`Snapshots`: copies of a tenant's volumes, and new volumes that are made from them."""

from chalicelib.cloud.compute import disk_rules as rules
from chalicelib.cloud.compute.disk_model import SNAPSHOT, SnapshotSpec, SnapshotStatus, VolumeStatus
from chalicelib.cloud.compute.volumes import Volumes
from chalicelib.cloud.named import Named, ResourcesOf
from chalicelib.kit.errors import conflict
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.model import NewResource, Resource

_THERE = frozenset({VolumeStatus.AVAILABLE, VolumeStatus.IN_USE})

MOST_SNAPSHOTS = 1_000
"""Snapshots of a tenant at a time."""

QUOTA = "snapshots"


class Snapshots(Named):
    """The name of one is that of its volume; volumes that were made from one stay when it is deleted."""

    def __init__(self, resources: ResourcesOf, volumes: Volumes) -> None:
        super().__init__(resources, SNAPSHOT, shares_names=True)
        self._volumes = volumes

    def create(self, by: Principal, volume: str, description: str) -> Resource:
        """Ask for a snapshot of a volume, also of one that is in use. Raises `EdgeError` (not found), (conflict) for a
        volume that is not there yet, (forbidden) for a used up quota."""
        source = self._volumes.get(by.tenant, volume)
        if rules.volume_status(source) not in _THERE:
            raise rules.not_available(source)
        of_volume = rules.volume_spec(source)
        spec = SnapshotSpec(
            volume_id=source.id,
            volume_name=source.name,
            size_gb=of_volume.size_gb,
            zone=of_volume.zone,
            description=description,
        )
        return self._resources(by.tenant).create(
            NewResource(
                kind=SNAPSHOT,
                name=source.name,
                owner=by.owner,
                sources=(source.id,),
                spec=spec.model_dump(mode="json"),
                quota=QUOTA,
                limit=MOST_SNAPSHOTS,
            ),
            "snapshot.created",
        )

    def restore(self, by: Principal, wanted: str, name: str, zone: str) -> Resource:
        """Ask for a volume with the content of a snapshot, in the zone of its volume or another. Raises `EdgeError`
        (not found), (conflict) for a snapshot that is not available or a name that is taken, (forbidden) for a used
        up quota."""
        snapshot = self.get(by.tenant, wanted)
        status, spec = rules.snapshot_status(snapshot), rules.snapshot_spec(snapshot)
        if status is not SnapshotStatus.AVAILABLE:
            raise conflict(f"the snapshot is {status}: it has to be AVAILABLE")
        return self._volumes.create(by, name, spec.size_gb, snapshot_id=snapshot.id, zone=zone or spec.zone)
