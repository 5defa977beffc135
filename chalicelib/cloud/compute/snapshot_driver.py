"""The driver of snapshots: copies of volumes at EC2."""

from collections.abc import Sequence
from types import MappingProxyType

from chalicelib.cloud.compute.disk_errors import ERRORS, NO_SNAPSHOT
from chalicelib.cloud.compute.disk_rules import snapshot_spec
from chalicelib.cloud.ec2_things import Ec2Things, Json
from chalicelib.cloud.images.ec2_parts import FILE_TAG
from chalicelib.platform.provisioning.ec2_tags import tags_of
from chalicelib.platform.provisioning.model import Observation, Resource, Seen
from chalicelib.platform.provisioning.store import EXTERNAL_ID

_SEEN = {
    "pending": Seen.BECOMING,
    "recoverable": Seen.ENDED,
    "recovering": Seen.BECOMING,
    "completed": Seen.READY,
    "error": Seen.BROKEN,
}
_BROKEN = "EC2 could not copy the volume: delete the snapshot, and create another"


class SnapshotDriver(Ec2Things):
    """See `Ec2Things`. CreateSnapshot takes no client token."""

    type, describes, many, id, missing = "snapshot", "describe_snapshots", "Snapshots", "SnapshotId", NO_SNAPSHOT
    errors = ERRORS
    more = MappingProxyType({"OwnerIds": ["self"]})
    since, gigabytes = "StartTime", "VolumeSize"

    def _make(self, resource: Resource, tags: Sequence[Json]) -> Json:
        volume_id = self._made(resource.tenant, snapshot_spec(resource).volume_id, "its volume")
        made: Json = self._client.create_snapshot(VolumeId=volume_id, TagSpecifications=tags)
        return made

    def _remove(self, thing_id: str) -> None:
        self._client.delete_snapshot(SnapshotId=thing_id)

    def _is_left(self, thing: Json) -> bool:
        """Those that imports have made are parts of images."""
        return FILE_TAG not in tags_of(thing)

    def _observed(self, thing: Json) -> Observation:
        seen = _SEEN.get(str(thing["State"]), Seen.BECOMING)
        return Observation(seen, {EXTERNAL_ID: str(thing[self.id])}, {}, _BROKEN if seen is Seen.BROKEN else "")
