"""`Subnets`: the parts of VPCs in which machines are."""

from collections.abc import Sequence

from chalicelib.cloud.named import ResourcesOf
from chalicelib.cloud.names import check_name
from chalicelib.cloud.network import rules
from chalicelib.cloud.network.in_vpcs import InVpcs
from chalicelib.cloud.network.model import SUBNET, SubnetSpec, VpcSpec
from chalicelib.cloud.network.route_tables import RouteTables
from chalicelib.cloud.network.routing_rules import table_spec_of
from chalicelib.cloud.network.vpcs import Vpcs
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import conflict, found
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import Changes, NewResource, Resource


class Subnets(InVpcs):
    """The addresses of a VPC's subnets are claims, so that all are known when the next one is made."""

    def __init__(self, resources: ResourcesOf, vpcs: Vpcs, tables: RouteTables, clock: Clock) -> None:
        super().__init__(resources, SUBNET, vpcs, "subnet-name")
        self._tables = tables
        self._clock = clock

    def there_in(self, tenant: str, vpc_id: str) -> Sequence[Resource]:
        """Those of a VPC that are not gone, the oldest first, however new they are."""
        own = self._resources(tenant)
        subnets = own.of_ids(sorted(set(own.holders_in(_blocks_of(vpc_id)).values())))
        return sorted(subnets, key=lambda each: each.id)

    def create(self, by: Principal, vpc: str, name: str, cidr_block: str, zone: str) -> Resource:
        """Raises `EdgeError` (not found) for a VPC that is not there, (validation failed) for addresses outside of it,
        (conflict) for those that overlap another subnet's, and for a name that is taken in the VPC."""
        block, own = rules.check_cidr(cidr_block), self._resources(by.tenant)
        check_name(name)
        rules.check_zone(zone)

        def decide() -> NewResource:
            parent = self._vpcs.get(by.tenant, vpc)
            rules.check_within(block, VpcSpec.model_validate(parent.spec).cidr_block)
            blocks = _blocks_of(parent.id)
            rules.check_apart(block, own.holders_in(blocks))
            return NewResource(
                kind=SUBNET,
                name=name,
                owner=by.user,
                spec=SubnetSpec(vpc_id=parent.id, cidr_block=str(block), zone=zone).model_dump(mode="json"),
                parents=(parent.id,),
                at={parent.id: parent.version},
                claims=(f"{blocks}/{block}", f"{self._names_of(parent.id)}/{name}"),
            )

        try:
            return own.make(decide, "subnet.created")
        except ClaimTakenError as error:
            raise rules.name_taken(name, "in the VPC") from error

    def associate(self, tenant: str, wanted: str, table: str) -> Resource:
        """Have a subnet use a route table of its VPC, instead of the one that it has. Raises `EdgeError` (not found)
        for a subnet or table that is not there, (conflict) for a table of another VPC."""
        subnet, chosen = self.get(tenant, wanted), self._tables.get(tenant, table)
        spec = table_spec_of(chosen)

        def associated(current: Resource) -> Changes | None:
            if rules.subnet_spec_of(current).vpc_id != spec.vpc_id:
                raise conflict("the subnet is in another VPC than the route table")
            return self._with_table(current, "" if spec.is_main else chosen.id)

        return self._resources(tenant).change(SUBNET, subnet.id, associated, "subnet.table_changed")

    def disassociate(self, tenant: str, wanted: str, table: str) -> Resource:
        """Have a subnet use the main table of its VPC again. Raises `EdgeError` (not found) for a subnet that does not
        have the table, (conflict) for the main table."""
        subnet, left = self.get(tenant, wanted), self._tables.get(tenant, table)

        def disassociated(current: Resource) -> Changes | None:
            own = rules.subnet_spec_of(current).table_id
            if table_spec_of(left).is_main and not own:
                raise conflict("a subnet has the main route table or another: associate it with that one instead")
            found(own if own == left.id else None)
            return self._with_table(current, "")

        return self._resources(tenant).change(SUBNET, subnet.id, disassociated, "subnet.table_changed")

    def _with_table(self, subnet: Resource, table_id: str) -> Changes | None:
        spec = rules.subnet_spec_of(subnet)
        if spec.table_id == table_id:
            return None
        given = {"table_id": table_id, "associated_at": to_seconds_text(self._clock.now())}
        parents = (spec.vpc_id, table_id) if table_id else (spec.vpc_id,)
        return Changes(spec=spec.model_copy(update=given).model_dump(mode="json"), parents=parents)


def _blocks_of(vpc_id: str) -> str:
    """The scope of the claims of addresses."""
    return f"subnet-block:{vpc_id}"
