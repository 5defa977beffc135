"""`CloudInstances`: the instances of a tenant in the cloud's dialect. The machines make and keep them; this says of
which parts, and how many a tenant may have."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from chalicelib.cloud.compute import dialect as rules
from chalicelib.cloud.compute.images import MachineImage, image_named, image_of, unknown_image
from chalicelib.cloud.compute.model import Granted, Launch, LaunchTarget, Location, Status
from chalicelib.cloud.compute.types import ARCHITECTURE, InstanceType, type_named
from chalicelib.cloud.named import Named, ResourcesOf
from chalicelib.cloud.ssh_keys.service import SshKeys
from chalicelib.cloud.tenancy.rules import in_counter
from chalicelib.kit.errors import EdgeError, Kind, conflict
from chalicelib.kit.ids import is_id
from chalicelib.kit.listing import ListPage
from chalicelib.machines.public import INSTANCE, InstanceSpec, NewMachine, ProviderName
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.model import Beside, Changes, Resource, Share
from chalicelib.platform.quotas.rules import MEMORY_MB, VCPUS

LOCAL_ZONE = "local-a"


class Machines(Protocol):
    """The part of `machines.public.MachinesAccess` that is used."""

    @property
    def providers(self) -> Sequence[str]: ...
    @property
    def zones(self) -> Sequence[str]: ...
    @property
    def region(self) -> str: ...
    def make(self, tenant: str, decide: Callable[[], NewMachine]) -> Resource: ...
    def change(
        self, tenant: str, instance_id: str, decide: Callable[[Resource], Changes | None], operation: str
    ) -> Resource: ...
    def delete(self, tenant: str, instance_id: str) -> Resource: ...
    def console(self, instance: Resource) -> str | None: ...


class CloudInstances(Named):
    """An instance is also found by its name, if only one has it. ``read`` reads the quotas and clusters of a tenant, in
    one call. ``locate`` finds the location of a new instance in the networks of its tenant; None stands for the
    installation's. ``attach`` decides which volumes are attached to it; ``new_id`` makes a UUIDv7; ``find_image``
    finds an image that a tenant may use by its id or name."""

    def __init__(
        self,
        resources: ResourcesOf,
        machines: Machines,
        ssh_keys: SshKeys,
        read: Callable[[str], Granted],
        locate: Callable[[Principal, Launch], Location | None],
        attach: Callable[[str, LaunchTarget, Launch], tuple[Beside, ...]],
        new_id: Callable[[], str],
        find_image: Callable[[str, str], Resource],
    ) -> None:
        super().__init__(resources, INSTANCE, shares_names=True)
        self._find_image = find_image
        self._attach = attach
        self._new_id = new_id
        self._machines = machines
        self._ssh_keys = ssh_keys
        self._read = read
        self._locate = locate

    @property
    def zone(self) -> str:
        """The zone of new things that name none: the first in which the installation has a network."""
        return next(iter(self._machines.zones), self._machines.region + "a")

    def launch(self, by: Principal, wanted: Launch) -> Resource:
        """Ask for an instance, in one transaction with its share of each quota and its volumes. Raises `EdgeError`
        (validation failed) for an unknown type or image, for parts of different networks and a volume that is named
        twice, (not found) for something that the tenant does not have, (conflict) for what its provider or its network
        cannot do and a volume that it cannot have, (forbidden) for a used up quota."""
        size = type_named(wanted.instance_type)
        image = image_named(wanted.image) or self._image_of(by.tenant, wanted.image, size)
        rules.check_ports(wanted.ports)
        granted = self._read(by.tenant)
        location = self._locate(by, wanted)
        provider, zone = self._provider(location)
        machine = _machine_of(provider, size, image)
        cluster = min(granted.clusters.values(), default=None) if machine["agent"] else None
        spec = InstanceSpec(
            template_id=size.id,
            zone=zone,
            provider=provider,
            cluster_name=cluster,
            machine=machine,
            waits_for_agent=False,
            subnet_id=location.subnet_id if location else "",
            security_group_ids=location.group_ids if location else (),
            ssh_keys=self._keys(by.tenant, provider, wanted.ssh_key_id),
            notes={**_notes_of(wanted), **({"vpc_id": location.vpc_id} if location else {})},
        )
        target = LaunchTarget(self._new_id(), provider, zone)
        new = NewMachine(
            id=target.instance_id,
            name=wanted.name,
            owner=by.owner,
            spec=spec,
            most=granted.limit("instances"),
            shares=_shares(size, granted),
            parents=(location.subnet_id, *location.group_ids) if location else (),
            sources=(image.source,) if image.source else (),
        )
        return self._machines.make(by.tenant, lambda: replace(new, beside=self._attach(by.tenant, target, wanted)))

    def sliced(self, tenant: str, labels: Sequence[str]) -> Sequence[Resource]:
        """All instances that have these labels, newest first."""
        return [each for each in self.all(tenant) if _has(each, labels)]

    def page(self, tenant: str, size: int, after: str = "", labels: Sequence[str] = ()) -> ListPage[Resource]:
        """Those with all of these labels, ``name`` or ``name:value`` (`Named.page`)."""
        return self._page(tenant, size, after, lambda each: _has(each, labels))

    def change(self, tenant: str, wanted: str, decide: Callable[[Resource], Changes | None], verb: str) -> Resource:
        """Begin a change, which `rules` decides. Raises `EdgeError` (not found, conflict)."""
        return self._machines.change(tenant, self.get(tenant, wanted).id, decide, f"instance.{verb}")

    def resize(self, tenant: str, wanted: str, name: str) -> Resource:
        """Begin to give an instance another type: one that runs is stopped for it, and started again. Raises
        `EdgeError` (validation failed) for an unknown type, (not found, conflict), (forbidden) for a used
        up quota."""
        size = type_named(name)
        granted = self._read(tenant)

        def decide(instance: Resource) -> Changes | None:
            rules.check_resizable(instance)
            spec = rules.spec_of(instance)
            if spec.provider != ProviderName.EC2:
                raise conflict("a local machine is a process, which has no size: launch another instance")
            if spec.machine.get("architecture", ARCHITECTURE) != ARCHITECTURE:
                raise conflict(f"its processor is of another kind than those of {size.id}: launch another instance")
            if spec.template_id == size.id and rules.shown_status(instance) is not Status.ERROR:
                return None
            machine = {**spec.machine, **_size_of(size)}
            changed = spec.model_copy(update={"template_id": size.id, "machine": machine})
            return Changes(spec=changed.stored(), shares=_shares(size, granted))

        return self.change(tenant, wanted, decide, "resize")

    def note(self, tenant: str, wanted: str, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Resource:
        """Change what is noted of an instance, in one write. Raises `EdgeError` (not found, conflict)."""

        def decide(instance: Resource) -> Changes:
            spec = rules.spec_of(instance)
            changed = spec.model_copy(update={"notes": {**spec.notes, **change(spec.notes)}})
            return Changes(spec=changed.stored(), is_note=True)

        return self.change(tenant, wanted, decide, "note")

    def delete(self, tenant: str, wanted: str) -> None:
        """Begin to delete an instance. Raises `EdgeError` (not found, conflict)."""
        self._machines.delete(tenant, self.get(tenant, wanted).id)

    def console_output(self, tenant: str, wanted: str) -> str:
        """The end of what its machine wrote to its console, "" if there is none. Raises `EdgeError` (not found),
        (conflict) for one that has no machine yet."""
        instance = self.get(tenant, wanted)
        if "id" not in instance.external:
            raise conflict("it has no machine yet")
        return self._machines.console(instance) or ""

    def console_url(self, tenant: str, wanted: str) -> str:
        """The address of a console in a browser. Raises `EdgeError` (not found), (conflict) for a machine without."""
        instance = self.get(tenant, wanted)
        spec, machine_id = rules.spec_of(instance), instance.external.get("id")
        if spec.provider != ProviderName.EC2 or machine_id is None:
            raise conflict("it has no console in a browser: GET /instances/{id}/logs has what it wrote to its console")
        region = rules.region_of(spec.zone)
        return f"https://{region}.console.aws.amazon.com/ec2/home?region={region}#ConnectToInstance:instanceId={machine_id}"

    def _is_shown(self, resource: Resource) -> bool:
        return rules.shown_status(resource) is not Status.DELETED

    def _image_of(self, tenant: str, name: str, size: InstanceType) -> MachineImage:
        """An image of the tenant, or a public one."""
        try:
            found = self._find_image(tenant, name)
        except EdgeError as error:
            raise (unknown_image(name) if error.kind is Kind.NOT_FOUND and not is_id(name) else error) from None
        return image_of(found, tenant, size.disk_gb)

    def _provider(self, location: Location | None) -> tuple[str, str]:
        """The provider of a new instance and its zone: that of its location, or the first in which the installation has
        a network. Raises `EdgeError` (conflict) if there is none."""
        zone = location.zone if location else next(iter(self._machines.zones), "")
        if ProviderName.EC2 in self._machines.providers and zone:
            return ProviderName.EC2, zone
        if ProviderName.LOCAL in self._machines.providers:
            return ProviderName.LOCAL, location.zone if location else LOCAL_ZONE
        raise conflict("this installation makes no machines: its operator has to name a provider")

    def _keys(self, tenant: str, provider: str, key_id: str) -> tuple[str, ...]:
        if not key_id:
            return ()
        key = self._ssh_keys.get(tenant, key_id)
        if provider == ProviderName.LOCAL:
            raise conflict("a local machine is a process, into which no SSH key lets: leave ssh_key_id out")
        return (key.public_key,)


def labels_of(instance: Resource) -> Mapping[str, str]:
    labels: Mapping[str, str] = rules.spec_of(instance).notes.get("labels", {})
    return labels


def _has(instance: Resource, labels: Sequence[str]) -> bool:
    return all(rules.fits(labels_of(instance), label) for label in labels)


def _shares(size: InstanceType, granted: Granted) -> tuple[Share, ...]:
    memory = granted.limit("memory_gb")
    return (
        Share(VCPUS, size.vcpus, granted.limit("vcpus")),
        Share(MEMORY_MB, size.memory_mb, None if memory is None else in_counter("memory_gb", memory)),
    )


def _size_of(size: InstanceType) -> dict[str, Any]:
    return {"machine_type": size.machine_type, "vcpus": size.vcpus, "memory_mb": size.memory_mb}


def _machine_of(provider: str, size: InstanceType, image: MachineImage) -> dict[str, Any]:
    """The parts from which its provider makes it."""
    if provider == ProviderName.LOCAL:
        if image.image_id:
            raise conflict("a local machine is a process, which is made from no image of a tenant")
        return {**_size_of(size), "machine_type": "process", "agent": True}
    return {
        **_size_of(size),
        "disk_size_gb": size.disk_gb,
        "disk_type": "gp3",
        "image": image.name,
        "image_parameter": image.image_parameter,
        **({"image_id": image.image_id} if image.image_id else {}),
        "root_device": image.root_device,
        "architecture": ARCHITECTURE,
        "agent": image.agent,
        "hibernates": image.hibernates and size.memory_mb >= _LEAST_TO_HIBERNATE_MB,
    }


_LEAST_TO_HIBERNATE_MB = 1_024
"""EC2 user guide, "Prerequisites for EC2 instance hibernation"."""


def _notes_of(wanted: Launch) -> dict[str, Any]:
    return {
        "image": wanted.image,
        "ports": wanted.ports,
        "ssh_key_id": wanted.ssh_key_id,
        "metadata": rules.merged({}, wanted.metadata),
        "labels": rules.merged({}, wanted.labels),
    }
