"""The driver of volumes: encrypted disks at EC2, and where they are attached. See `platform.provisioning.ports.Driver`.

A volume carries the tags of the installation, its tenant and its row. Its client token lets it be made once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.cloud.compute.disk_calls import FindResources, Json, described, filters, specification, tagged
from chalicelib.cloud.compute.disk_errors import ERRORS, MISMATCH, NO_VOLUME
from chalicelib.cloud.compute.disk_model import Attachment
from chalicelib.cloud.compute.disk_rules import MATCHES, volume_spec
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, tags_of
from chalicelib.platform.provisioning.model import Desired, Observation, Resource, Seen, Tagged
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from chalicelib.platform.provisioning.store import EXTERNAL_ID

TYPE = "gp3"

_SEEN = {
    "creating": Seen.BECOMING,
    "available": Seen.READY,
    "in-use": Seen.READY,
    "deleting": Seen.ENDING,
    "deleted": Seen.ENDED,
    "error": Seen.BROKEN,
}
_BROKEN = "EC2 could not make the disk (often its encryption key): delete it, and create another"


class VolumeDriver:
    """``client`` is the SDK's client of EC2, ``stage`` the value of the tag of this installation; ``find`` finds the
    instances that volumes are attached to, and the snapshots that they are made from."""

    def __init__(self, client: Any, stage: str, find: FindResources) -> None:
        self._client = client
        self._stage = stage
        self._find = find

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """One call for all, and one read of the instances of each tenant."""
        seen = self._by_resource([each.id for each in resources])
        machines = self._machines_of(resources)
        missing = Observation(Seen.MISSING)
        return {each.id: _observed(each, seen[each.id], machines) if each.id in seen else missing for each in resources}

    def create(self, resource: Resource) -> Mapping[str, str]:
        spec = volume_spec(resource)
        request: dict[str, Any] = {
            "ClientToken": resource.id,
            "AvailabilityZone": spec.zone,
            "Size": spec.size_gb,
            "VolumeType": TYPE,
            "Encrypted": True,
            "TagSpecifications": specification(resource, self._stage, "volume"),
        }
        if spec.snapshot_id is not None:
            request["SnapshotId"] = self._external(resource.tenant, spec.snapshot_id, "the snapshot")
        with ERRORS.sorted():
            try:
                with calling():
                    answer = self._client.create_volume(**request)
            except CallRefusedError as error:
                if error.code != MISMATCH:
                    raise
                return self._made_before(resource)
        return {EXTERNAL_ID: str(answer["VolumeId"])}

    def change(self, resource: Resource, observation: Observation) -> None:
        """Detach it from where it shall not be; attach it once it is free."""
        wanted = volume_spec(resource).attachment
        machine_id = None
        if wanted is not None:
            machine_id = self._external(resource.tenant, wanted.instance_id, "the instance")
        attached = observation.facts.get("attachments", ())
        if not attached and wanted is not None:
            self._attach(resource, str(machine_id), wanted)
        for at, device, state in attached:
            is_wanted = wanted is not None and (at, device) == (machine_id, wanted.device)
            if not is_wanted and state in {"attached", "attaching", "busy"}:
                self._detach(resource, at, device)

    def delete(self, resource: Resource) -> None:
        external_id = resource.external.get(EXTERNAL_ID)
        if external_id is None:
            known = self._by_resource([resource.id]).get(resource.id)
            if known is None:
                return
            external_id = known["VolumeId"]
        with ERRORS.sorted():
            try:
                with calling():
                    self._client.delete_volume(VolumeId=external_id)
            except CallRefusedError as error:
                if error.code != NO_VOLUME:
                    raise

    def tagged(self) -> Iterable[Tagged]:
        """Volumes that were made by themselves: the disk of a machine has the machine's tags, and goes with it."""
        for each in described(self._client.describe_volumes, "Volumes", filters(self._stage)):
            if tags_of(each).get("Name") == tags_of(each).get(RESOURCE_TAG):
                yield tagged(each, str(each["VolumeId"]), each.get("CreateTime"), str(each["AvailabilityZone"]))

    def _by_resource(self, ids: Sequence[str]) -> dict[str, Json]:
        every = described(self._client.describe_volumes, "Volumes", filters(self._stage, ids))
        return {tags_of(each)[RESOURCE_TAG]: each for each in every if tags_of(each).get(RESOURCE_TAG) in set(ids)}

    def _made_before(self, resource: Resource) -> Mapping[str, str]:
        """The volume of an earlier call that asked for something else. Raises `AgainLaterError` until it is seen."""
        known = self._by_resource([resource.id]).get(resource.id)
        if known is None:
            raise AgainLaterError("EC2 does not show the volume yet")
        return {EXTERNAL_ID: str(known["VolumeId"])}

    def _machines_of(self, resources: Sequence[Resource]) -> dict[str, str]:
        """The ids at EC2 of the instances that these shall be attached to, by their own ids."""
        wanted: dict[str, set[str]] = {}
        for each in resources:
            if (attachment := volume_spec(each).attachment) is not None:
                wanted.setdefault(each.tenant, set()).add(attachment.instance_id)
        found = [one for tenant, ids in wanted.items() for one in self._find(tenant, sorted(ids))]
        return {one.id: one.external[EXTERNAL_ID] for one in found if EXTERNAL_ID in one.external}

    def _external(self, tenant: str, resource_id: str, what: str) -> str:
        found = next(iter(self._find(tenant, [resource_id])), None)
        if found is None or found.desired is Desired.ABSENT or found.is_released:
            raise RefusedError(f"{what} is gone")
        if EXTERNAL_ID not in found.external:
            raise AgainLaterError(f"{what} is not made yet", nothing_done=True)
        return found.external[EXTERNAL_ID]

    def _attach(self, resource: Resource, machine_id: str, wanted: Attachment) -> None:
        with ERRORS.sorted():
            self._client.attach_volume(
                VolumeId=resource.external[EXTERNAL_ID], InstanceId=machine_id, Device=wanted.device
            )

    def _detach(self, resource: Resource, machine_id: str, device: str) -> None:
        with ERRORS.sorted():
            self._client.detach_volume(VolumeId=resource.external[EXTERNAL_ID], InstanceId=machine_id, Device=device)


def _observed(resource: Resource, volume: Json, machines: Mapping[str, str]) -> Observation:
    seen = _SEEN.get(str(volume["State"]), Seen.BECOMING)
    attached = [
        [str(each["InstanceId"]), str(each["Device"]), str(each["State"])]
        for each in volume.get("Attachments", ())
        if each.get("State") != "detached"
    ]
    wanted = volume_spec(resource).attachment
    fits = [] if wanted is None else [[machines.get(wanted.instance_id, ""), wanted.device, "attached"]]
    facts = {"attachments": attached, MATCHES: attached == fits}
    return Observation(seen, {EXTERNAL_ID: str(volume["VolumeId"])}, facts, _BROKEN if seen is Seen.BROKEN else "")
