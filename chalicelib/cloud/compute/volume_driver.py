"""The driver of volumes: encrypted disks at EC2, and where they are attached."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.cloud.compute.disk_errors import ATTACHING_ERRORS, ERRORS, MISMATCH, NO_VOLUME
from chalicelib.cloud.compute.disk_model import Attachment
from chalicelib.cloud.compute.disk_rules import MATCHES, volume_spec
from chalicelib.cloud.ec2_things import Ec2Things, Json
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, tags_of
from chalicelib.platform.provisioning.model import Observation, Resource, Seen
from chalicelib.platform.provisioning.ports import AgainLaterError
from chalicelib.platform.provisioning.store import EXTERNAL_ID

TYPE = "gp3"

_NAME = "Name"

_SEEN = {
    "creating": Seen.BECOMING,
    "available": Seen.READY,
    "in-use": Seen.READY,
    "deleting": Seen.ENDING,
    "deleted": Seen.ENDED,
    "error": Seen.BROKEN,
}
_ATTACHED = frozenset({"attached", "attaching", "busy"})
"""The states of an attachment that has not been asked to end."""

_BROKEN = "EC2 could not make the disk (often its encryption key): delete it, and create another"


class VolumeDriver(Ec2Things):
    """See `Ec2Things`. Its client token lets a volume be made once."""

    type, describes, many, id, missing = "volume", "describe_volumes", "Volumes", "VolumeId", NO_VOLUME
    errors = ERRORS
    since, zone, gigabytes = "CreateTime", "AvailabilityZone", "Size"

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """One call for all, and one read of the instances of each tenant."""
        seen = self._found(resources)
        machines = self._machines_of(resources)
        missing = Observation(Seen.MISSING)
        return {each.id: _observed(each, seen[each.id], machines) if each.id in seen else missing for each in resources}

    def change(self, resource: Resource, observation: Observation) -> None:
        """Detach it from where it shall not be; attach it once it is free."""
        wanted = volume_spec(resource).attachment
        machine_id = None
        if wanted is not None:
            machine_id = self._made(resource.tenant, wanted.instance_id, "the instance")
        attached = observation.facts.get("attachments", ())
        if not attached and wanted is not None:
            self._attach(resource, str(machine_id), wanted)
        for at, device, state in attached:
            is_wanted = wanted is not None and (at, device) == (machine_id, wanted.device)
            if not is_wanted and state in _ATTACHED:
                self._detach(resource, at, device)

    def delete(self, resource: Resource) -> None:
        """Detach it from where EC2 shows it, and delete it once it is free: its row may have had it detached only just
        before, and no call may have said so."""
        for thing in self._shown([resource.id]):
            for at, device, state in _attachments(thing):
                if state in _ATTACHED:
                    self._detach(resource, at, device)
        super().delete(resource)

    def _make(self, resource: Resource, tags: Sequence[Json]) -> Json:
        """Its name tells it from the disk of a machine, which carries the tags of the machine."""
        spec = volume_spec(resource)
        named = [{**each, "Tags": [{"Key": _NAME, "Value": resource.id}, *each["Tags"]]} for each in tags]
        request: dict[str, Any] = {
            "ClientToken": resource.id,
            "AvailabilityZone": spec.zone,
            "Size": spec.size_gb,
            "VolumeType": TYPE,
            "Encrypted": True,
            "TagSpecifications": named,
        }
        if spec.snapshot_id is not None:
            request["SnapshotId"] = self._made(resource.tenant, spec.snapshot_id, "the snapshot")
        try:
            with calling():
                made: Json = self._client.create_volume(**request)
        except CallRefusedError as error:
            if error.code != MISMATCH:
                raise
            return self._made_before(resource)
        return made

    def _made_before(self, resource: Resource) -> Json:
        """The volume of an earlier call that asked for something else. Raises `AgainLaterError` until it is seen."""
        known = self._found([resource]).get(resource.id)
        if known is None:
            raise AgainLaterError("EC2 does not show the volume yet")
        return known

    def _remove(self, thing_id: str) -> None:
        self._client.delete_volume(VolumeId=thing_id)

    def _is_left(self, thing: Json) -> bool:
        """The disk of a machine goes with it, and is the machine's."""
        return tags_of(thing).get(_NAME) == tags_of(thing).get(RESOURCE_TAG)

    def _machines_of(self, resources: Sequence[Resource]) -> dict[str, str]:
        """The ids at EC2 of the instances that these shall be attached to, by their own ids."""
        wanted: dict[str, set[str]] = {}
        for each in resources:
            if (attachment := volume_spec(each).attachment) is not None:
                wanted.setdefault(each.tenant, set()).add(attachment.instance_id)
        found = [one for tenant, ids in wanted.items() for one in self._find(tenant, sorted(ids))]
        return {one.id: one.external[EXTERNAL_ID] for one in found if EXTERNAL_ID in one.external}

    def _attach(self, resource: Resource, machine_id: str, wanted: Attachment) -> None:
        with ATTACHING_ERRORS.sorted():
            self._client.attach_volume(
                VolumeId=resource.external[EXTERNAL_ID], InstanceId=machine_id, Device=wanted.device
            )

    def _detach(self, resource: Resource, machine_id: str, device: str) -> None:
        with ERRORS.sorted():
            self._client.detach_volume(VolumeId=resource.external[EXTERNAL_ID], InstanceId=machine_id, Device=device)


def _attachments(volume: Json) -> list[list[str]]:
    """The machine, device and state of each attachment."""
    return [
        [str(each["InstanceId"]), str(each["Device"]), str(each["State"])]
        for each in volume.get("Attachments", ())
        if each.get("State") != "detached"
    ]


def _observed(resource: Resource, volume: Json, machines: Mapping[str, str]) -> Observation:
    seen = _SEEN.get(str(volume["State"]), Seen.BECOMING)
    attached = _attachments(volume)
    wanted = volume_spec(resource).attachment
    fits = [] if wanted is None else [[machines.get(wanted.instance_id, ""), wanted.device, "attached"]]
    facts = {"attachments": attached, MATCHES: attached == fits}
    return Observation(seen, {EXTERNAL_ID: str(volume["VolumeId"])}, facts, _BROKEN if seen is Seen.BROKEN else "")
