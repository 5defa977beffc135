"""`Nats`: the NAT gateways of a tenant, through which subnets without public addresses reach the internet."""

from chalicelib.cloud.named import ResourcesOf
from chalicelib.cloud.network import nat_rules as rules
from chalicelib.cloud.network.addresses import Addresses
from chalicelib.cloud.network.in_vpcs import InVpcs
from chalicelib.cloud.network.names import NAT_GATEWAY
from chalicelib.cloud.network.nat_model import NatSpec
from chalicelib.cloud.network.subnets import Subnets
from chalicelib.cloud.network.vpcs import Vpcs
from chalicelib.cloud.network.ways_out import way_out
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import NewResource, Resource


class Nats(InVpcs):
    """It refers to its subnet, its address and the internet gateway of its VPC, so that none goes before it."""

    def __init__(self, resources: ResourcesOf, vpcs: Vpcs, subnets: Subnets, addresses: Addresses) -> None:
        super().__init__(resources, NAT_GATEWAY, vpcs)
        self._subnets = subnets
        self._addresses = addresses

    def create(self, by: Principal, subnet: str, address: str) -> Resource:
        """Raises `EdgeError` (not found), (validation failed) for a subnet or an address that has another, (conflict)
        for a VPC without an internet gateway, and for a subnet or an address that is going."""
        own = self._resources(by.tenant)

        def decide() -> NewResource:
            within, public = self._subnets.get(by.tenant, subnet), self._addresses.get(by.tenant, address)
            vpc_id = str(within.spec["vpc_id"])
            gateway = way_out(own, vpc_id)
            spec = NatSpec(vpc_id=vpc_id, gateway_id=gateway.id, subnet_id=within.id, elastic_ip_id=public.id)
            return NewResource(
                kind=NAT_GATEWAY,
                name="the NAT gateway",
                owner=by.user,
                spec=spec.model_dump(mode="json"),
                parents=(within.id, public.id, gateway.id),
                at={gateway.id: gateway.version},
                claims=rules.claims_of(spec),
            )

        try:
            return own.make(decide, "nat_gateway.created")
        except ClaimTakenError as error:
            raise rules.has_one(error) from error
