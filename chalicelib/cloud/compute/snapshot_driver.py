"""The driver of snapshots: copies of volumes at EC2. See `platform.provisioning.ports.Driver`.

CreateSnapshot takes no client token: its kind is not asked again before it is certain that nothing was made
(`Kind.has_token`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.cloud.compute.disk_calls import FindResources, Json, described, filters, specification, tagged
from chalicelib.cloud.compute.disk_errors import ERRORS, NO_SNAPSHOT
from chalicelib.cloud.compute.disk_rules import snapshot_spec
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, tags_of
from chalicelib.platform.provisioning.model import Observation, Resource, Seen, Tagged
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from chalicelib.platform.provisioning.store import EXTERNAL_ID

_SEEN = {
    "pending": Seen.BECOMING,
    "recoverable": Seen.ENDED,
    "recovering": Seen.BECOMING,
    "completed": Seen.READY,
    "error": Seen.BROKEN,
}
_BROKEN = "EC2 could not copy the volume: delete the snapshot, and create another"
_OWN: dict[str, Any] = {"OwnerIds": ["self"]}


class SnapshotDriver:
    """``client`` is the SDK's client of EC2, ``stage`` the value of the tag of this installation; ``find`` finds the
    volumes that snapshots are made of."""

    def __init__(self, client: Any, stage: str, find: FindResources) -> None:
        self._client = client
        self._stage = stage
        self._find = find

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """One call for all."""
        seen = self._by_resource([each.id for each in resources])
        return {each.id: _observed(seen.get(each.id)) for each in resources}

    def create(self, resource: Resource) -> Mapping[str, str]:
        volume = next(iter(self._find(resource.tenant, [snapshot_spec(resource).volume_id])), None)
        if volume is None or volume.is_released:
            raise RefusedError("its volume is gone")
        if EXTERNAL_ID not in volume.external:
            raise AgainLaterError("its volume is not made yet", nothing_done=True)
        with ERRORS.sorted():
            answer = self._client.create_snapshot(
                VolumeId=volume.external[EXTERNAL_ID],
                TagSpecifications=specification(resource, self._stage, "snapshot"),
            )
        return {EXTERNAL_ID: str(answer["SnapshotId"])}

    def change(self, resource: Resource, observation: Observation) -> None:
        """Nothing of a snapshot changes."""

    def delete(self, resource: Resource) -> None:
        external_id = resource.external.get(EXTERNAL_ID)
        if external_id is None:
            known = self._by_resource([resource.id]).get(resource.id)
            if known is None:
                return
            external_id = known["SnapshotId"]
        with ERRORS.sorted():
            try:
                with calling():
                    self._client.delete_snapshot(SnapshotId=external_id)
            except CallRefusedError as error:
                if error.code != NO_SNAPSHOT:
                    raise

    def tagged(self) -> Iterable[Tagged]:
        for each in described(self._client.describe_snapshots, "Snapshots", filters(self._stage), **_OWN):
            yield tagged(each, str(each["SnapshotId"]), each.get("StartTime"))

    def _by_resource(self, ids: Sequence[str]) -> dict[str, Json]:
        every = described(self._client.describe_snapshots, "Snapshots", filters(self._stage, ids), **_OWN)
        return {tags_of(each)[RESOURCE_TAG]: each for each in every if tags_of(each).get(RESOURCE_TAG) in set(ids)}


def _observed(snapshot: Json | None) -> Observation:
    if snapshot is None:
        return Observation(Seen.MISSING)
    seen = _SEEN.get(str(snapshot["State"]), Seen.BECOMING)
    return Observation(seen, {EXTERNAL_ID: str(snapshot["SnapshotId"])}, {}, _BROKEN if seen is Seen.BROKEN else "")
