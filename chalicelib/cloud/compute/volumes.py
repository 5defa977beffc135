"""`Volumes`: the disks of a tenant, made and attached by rows alone."""

from collections.abc import Callable

from chalicelib.cloud.compute import disk_rules as rules
from chalicelib.cloud.compute.dialect import shown_status, spec_of
from chalicelib.cloud.compute.disk_model import VOLUME, Attachment, VolumeSpec
from chalicelib.cloud.compute.instances import CloudInstances
from chalicelib.cloud.compute.model import Granted, Status
from chalicelib.cloud.named import Named, ResourcesOf
from chalicelib.kit.errors import EdgeError, conflict, taken
from chalicelib.kit.tables import attaching
from chalicelib.machines.public import INSTANCE
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import Changes, Desired, NewResource, Resource, Share
from chalicelib.platform.quotas.rules import STORAGE_GB

_TRIES = 3
"""How often a device is chosen anew that another volume was given meanwhile."""

_ON = frozenset({Status.RUNNING, Status.STARTING, Status.STOPPED})
"""The status of an instance that a volume can be attached to."""


class Volumes(Named):
    """``read`` reads the quotas of a tenant."""

    def __init__(self, resources: ResourcesOf, instances: CloudInstances, read: Callable[[str], Granted]) -> None:
        super().__init__(resources, VOLUME, rules.names_of(VOLUME))
        self._instances = instances
        self._read = read

    def create(
        self, by: Principal, name: str, size_gb: int, *, snapshot_id: str | None = None, zone: str = ""
    ) -> Resource:
        """Ask for a volume, in one transaction with its share of the quota. Raises `EdgeError` (conflict) for a name
        that is taken, (forbidden) for a used up quota."""
        spec = VolumeSpec(size_gb=size_gb, zone=zone or self._instances.zone, snapshot_id=snapshot_id)
        limit = self._read(by.tenant).limit("storage_gb")
        new = NewResource(
            kind=VOLUME,
            name=name,
            owner=by.owner,
            spec=spec.model_dump(mode="json"),
            sources=(snapshot_id,) if snapshot_id else (),
            claims=(rules.name_claim(VOLUME, name),),
            shares=(Share(STORAGE_GB, size_gb, limit),),
        )
        try:
            return self._resources(by.tenant).create(new, "volume.created")
        except ClaimTakenError as error:
            raise taken("name") from error

    def attach(self, tenant: str, wanted: str, instance: str, mount_path: str) -> Resource:
        """Begin to attach a volume to an instance, as its next free device. Raises `EdgeError` (not found), and
        (conflict) for a volume that is not available, an instance that cannot have it, or one in another zone."""
        rules.check_mount_path(mount_path)
        volume = self.get(tenant, wanted)
        machine = self._instances.get(tenant, instance)
        _check_attachable(volume, machine)
        for _ in range(_TRIES):
            try:
                attached = self._attach(tenant, volume, machine, mount_path)
            except ClaimTakenError:
                continue
            with attaching(None):
                self.end(tenant, machine.id)  # it may have begun to go meanwhile, and been released before
            return attached
        raise conflict("other volumes are being attached to the instance: try again")

    def detach(self, tenant: str, wanted: str) -> Resource:
        """Begin to detach a volume. Raises `EdgeError` (not found), (conflict) for one that is not attached."""
        volume = self.get(tenant, wanted)

        def decide(now: Resource) -> Changes:
            if rules.volume_spec(now).attachment is None:
                raise conflict(f"the volume {now.name} is not attached")
            return _detached(now)

        return self._resources(tenant).change(VOLUME, volume.id, decide, "volume.detach")

    def end(self, tenant: str, instance_id: str) -> None:
        """Detach all volumes of an instance if it goes or is gone. Twice or late it changes nothing."""
        instance = self._resources(tenant).find(INSTANCE, instance_id)
        if instance is None or instance.desired is Desired.ABSENT or instance.is_released:
            self.release(tenant, instance_id)

    def release(self, tenant: str, instance_id: str) -> None:
        """Detach all volumes of an instance."""
        resources = self._resources(tenant)
        for volume_id in sorted(set(resources.holders_in(rules.devices_of(instance_id)).values())):

            def decide(now: Resource) -> Changes | None:
                attachment = rules.volume_spec(now).attachment
                return None if attachment is None or attachment.instance_id != instance_id else _detached(now)

            if resources.find(VOLUME, volume_id) is not None:
                try:
                    resources.change(VOLUME, volume_id, decide, "volume.release")
                except EdgeError as error:
                    if not is_over(error):
                        raise

    def _check_deletable(self, resource: Resource) -> None:
        """A volume that was lost is attached to nothing; its row may still say so."""
        if rules.volume_spec(resource).attachment is not None and not resource.is_released:
            raise conflict(f"the volume {resource.name} is attached to an instance: detach it first")

    def _attach(self, tenant: str, volume: Resource, machine: Resource, mount_path: str) -> Resource:
        resources = self._resources(tenant)
        device = rules.free_device(resources.holders_in(rules.devices_of(machine.id)))

        def decide(now: Resource) -> Changes:
            _check_attachable(now, machine)
            return rules.attached(now, Attachment(instance_id=machine.id, device=device, mount_path=mount_path))

        return resources.change(VOLUME, volume.id, decide, "volume.attach")


def is_over(error: EdgeError) -> bool:
    """Whether a volume cannot be changed since it is going, or gone: then there is nothing to release."""
    return error.code in {"conflict", "not_found"}


def _detached(volume: Resource) -> Changes:
    spec = rules.volume_spec(volume).model_copy(update={"attachment": None})
    return Changes(spec=spec.model_dump(mode="json"), claims=(rules.name_claim(VOLUME, volume.name),))


def _check_attachable(volume: Resource, instance: Resource) -> None:
    rules.check_available(volume)
    status, spec = shown_status(instance), spec_of(instance)
    if status not in _ON:
        raise conflict(f"an instance that is {status} takes no volume: it has to be RUNNING or STOPPED")
    rules.check_reach(volume, spec.provider, spec.zone)
