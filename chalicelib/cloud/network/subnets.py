"""`Subnets`: the parts of VPCs in which machines are."""

from collections.abc import Sequence

from chalicelib.cloud.network import rules
from chalicelib.cloud.network.model import SUBNET, SubnetSpec, VpcSpec
from chalicelib.cloud.network.named import Named, ResourcesOf
from chalicelib.cloud.network.vpcs import Vpcs
from chalicelib.cloud.roles.rules import check_name
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import NewResource, Resource


class Subnets(Named):
    """The addresses of a VPC's subnets are claims, so that all are known when the next one is made."""

    def __init__(self, resources: ResourcesOf, vpcs: Vpcs) -> None:
        super().__init__(resources, SUBNET)
        self._vpcs = vpcs

    def of_vpc(self, tenant: str, vpc: str) -> Sequence[Resource]:
        """Those of a VPC, by its id or name. Raises `EdgeError` (not found)."""
        vpc_id = self._vpcs.get(tenant, vpc).id
        return [each for each in self.all(tenant) if each.spec["vpc_id"] == vpc_id]

    def create(self, by: Principal, vpc: str, name: str, cidr_block: str, zone: str) -> Resource:
        """Raises `EdgeError` (not found) for a VPC that is not there, (validation failed) for addresses outside of it,
        (conflict) for those that overlap another subnet's, and for a name that is taken in the VPC."""
        block, own = rules.check_cidr(cidr_block), self._resources(by.tenant)
        check_name(name)
        rules.check_zone(zone)

        def decide() -> NewResource:
            parent = self._vpcs.get(by.tenant, vpc)
            rules.check_within(block, VpcSpec.model_validate(parent.spec).cidr_block)
            blocks = f"subnet-block:{parent.id}"
            rules.check_apart(block, own.holders_in(blocks))
            return NewResource(
                kind=SUBNET,
                name=name,
                owner=by.user,
                spec=SubnetSpec(vpc_id=parent.id, cidr_block=str(block), zone=zone).model_dump(mode="json"),
                parents=(parent.id,),
                at={parent.id: parent.version},
                claims=(f"{blocks}/{block}", f"subnet-name:{parent.id}/{name}"),
            )

        try:
            return own.make(decide, "subnet.created")
        except ClaimTakenError as error:
            raise rules.name_taken(name, "in the VPC") from error
