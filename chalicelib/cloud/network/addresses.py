"""`Addresses`: the elastic IPs of a tenant, made and associated by rows alone."""

from collections.abc import Callable
from dataclasses import replace

from chalicelib.cloud.named import Named, ResourcesOf
from chalicelib.cloud.network import address_rules as rules
from chalicelib.cloud.network.address_model import ADDRESS, QUOTA, AddressSpec
from chalicelib.cloud.network.model import SUBNET
from chalicelib.cloud.network.ways_out import way_out
from chalicelib.kit.errors import EdgeError, conflict
from chalicelib.kit.tables import attaching
from chalicelib.machines.public import INSTANCE, InstanceSpec
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import Changes, Desired, NewResource, Resource, State
from chalicelib.platform.provisioning.service import Resources

FindInstance = Callable[[str, str], Resource]
"""A tenant and the id or name of an instance -> it. Raises `EdgeError` (not found)."""


class Addresses(Named):
    """``limit`` is how many a tenant may have, None for no limit; ``instance`` finds what they are associated with."""

    def __init__(self, resources: ResourcesOf, limit: Callable[[str, str], int | None], instance: FindInstance) -> None:
        super().__init__(resources, ADDRESS)
        self._limit = limit
        self._instance = instance

    def allocate(self, by: Principal) -> Resource:
        """Ask for an address. Raises `EdgeError` (forbidden) for a used up quota."""
        new = NewResource(
            kind=ADDRESS,
            name="the address",
            owner=by.user,
            spec=AddressSpec().model_dump(mode="json"),
            quota=QUOTA,
            limit=self._limit(by.tenant, QUOTA),
        )
        return self._resources(by.tenant).create(new, "eip.allocated")

    def associate(self, tenant: str, wanted: str, instance: str) -> Resource:
        """Begin to give an address to an instance; one that has it is left as it is. Raises `EdgeError` (not found),
        (conflict) for an address or an instance that has another, one that is going, or a VPC without a gateway."""
        own = self._resources(tenant)
        address, machine = self.get(tenant, wanted), self._instance(tenant, instance)
        rules.check_instance(machine)

        def decide(now: Resource) -> Changes | None:
            return self._associated(own, now, machine)

        try:
            made = own.change(ADDRESS, address.id, decide, "eip.associated")
        except ClaimTakenError as error:
            raise rules.has_one(error) from error
        with attaching(None):
            self.end(tenant, machine.id)  # it may have begun to go meanwhile
        return made

    def disassociate(self, tenant: str, wanted: str) -> Resource:
        """Begin to take an address from its instance. Raises `EdgeError` (not found), (bad request) for one that is not
        associated, (conflict) for that of a NAT gateway."""
        address = self.get(tenant, wanted)

        def decide(now: Resource) -> Changes:
            rules.check_not_of_a_gateway(now)
            if not rules.address_spec(now).instance_id:
                raise rules.not_associated()
            return rules.disassociated(now)

        return self._resources(tenant).change(ADDRESS, address.id, decide, "eip.disassociated")

    def end(self, tenant: str, instance_id: str) -> None:
        """Take the address from an instance that goes or is gone. Twice or late it changes nothing."""
        own = self._resources(tenant)
        instance = own.find(INSTANCE, instance_id)
        if instance is not None and instance.desired is Desired.PRESENT and not instance.is_released:
            return
        address_id = own.holder_of(rules.claim_of_instance(instance_id))
        if address_id is None or own.find(ADDRESS, address_id) is None:
            return

        def decide(now: Resource) -> Changes | None:
            return rules.disassociated(now) if rules.address_spec(now).instance_id == instance_id else None

        try:
            own.change(ADDRESS, address_id, decide, "eip.disassociated")
        except EdgeError as error:
            if error.code not in {"conflict", "not_found"}:  # it is going itself
                raise

    def show_at_instances(self, tenant: str, address_id: str) -> None:
        """Have the instance looked at that has the address, and the one that had it: their public addresses are others
        now."""
        own = self._resources(tenant)
        address = own.find(ADDRESS, address_id)
        if address is not None:
            spec = rules.address_spec(address)
            for instance_id in filter(None, (spec.instance_id, spec.left_id)):
                own.wake(instance_id)

    def _check_deletable(self, resource: Resource) -> None:
        rules.check_free(resource)

    def _associated(self, own: Resources, address: Resource, machine: Resource) -> Changes | None:
        subnet_id = InstanceSpec.model_validate(machine.spec).subnet_id
        if not subnet_id:
            return rules.associated(address, AddressSpec(instance_id=machine.id))
        subnet = own.find(SUBNET, subnet_id)
        if subnet is None or subnet.state is State.GONE:
            raise conflict("the subnet of the instance is gone")
        vpc_id = str(subnet.spec["vpc_id"])
        gateway = way_out(own, vpc_id)
        spec = AddressSpec(instance_id=machine.id, vpc_id=vpc_id, gateway_id=gateway.id)
        changes = rules.associated(address, spec)
        return None if changes is None else replace(changes, at={gateway.id: gateway.version})
