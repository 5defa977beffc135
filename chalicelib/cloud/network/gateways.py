"""`InternetGateways`: the ways of a tenant's VPCs to the internet, one each."""

from collections.abc import Callable

from chalicelib.cloud.named import Named, ResourcesOf
from chalicelib.cloud.network.names import EVERYWHERE, INTERNET_GATEWAY, gateway_claim, main_table_of, route_claim
from chalicelib.cloud.network.routing_model import GatewaySpec
from chalicelib.cloud.network.routing_rules import gateway_spec_of
from chalicelib.cloud.network.vpcs import QUOTA as VPCS_QUOTA
from chalicelib.cloud.network.vpcs import Vpcs
from chalicelib.kit.errors import conflict, invalid
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import Changes, NewResource, Resource

QUOTA = "internet_gateways"
"""The counter of gateways, of which a tenant may have as many as VPCs."""

NAME = "internet-gateway"


class InternetGateways(Named):
    """``limit`` is how much of a quota a tenant may have; None for no limit."""

    def __init__(self, resources: ResourcesOf, vpcs: Vpcs, limit: Callable[[str, str], int | None]) -> None:
        super().__init__(resources, INTERNET_GATEWAY)
        self._vpcs = vpcs
        self._limit = limit

    def create(self, by: Principal) -> Resource:
        """A gateway that is attached to nothing. Raises `EdgeError` (forbidden) for a used up quota."""
        new = NewResource(
            kind=INTERNET_GATEWAY,
            name=NAME,
            owner=by.user,
            spec=GatewaySpec().model_dump(mode="json"),
            quota=QUOTA,
            limit=self._limit(by.tenant, VPCS_QUOTA),
        )
        return self._resources(by.tenant).create(new, "internet_gateway.created")

    def attach(self, tenant: str, wanted: str, vpc: str) -> Resource:
        """Attach a gateway to a VPC, and make it the default route of the VPC's main table. Raises `EdgeError` (not
        found), (validation failed) for one that is attached, (conflict) for a VPC that has another, or whose main table
        has a default route."""
        gateway, vpc_id = self.get(tenant, wanted), self._vpcs.get(tenant, vpc).id

        def attached(current: Resource) -> Changes:
            if gateway_spec_of(current).vpc_id:
                raise invalid("id", "the internet gateway is attached to a VPC already: detach it first")
            return Changes(
                spec=GatewaySpec(vpc_id=vpc_id).model_dump(mode="json"),
                parents=(vpc_id,),
                claims=(gateway_claim(vpc_id), route_claim(main_table_of(vpc_id), EVERYWHERE)),
            )

        try:
            return self._resources(tenant).change(INTERNET_GATEWAY, gateway.id, attached, "internet_gateway.attached")
        except ClaimTakenError as error:
            if error.claim == gateway_claim(vpc_id):
                raise conflict("the VPC has an internet gateway already: detach that one first") from error
            raise conflict(f"the main route table of the VPC has a route to {EVERYWHERE}: remove it first") from error

    def detach(self, tenant: str, wanted: str) -> Resource:
        """Detach a gateway, and remove the default route of the VPC's main table. Raises `EdgeError` (not found),
        (validation failed) for one that is not attached, (conflict) while anything needs it."""
        gateway = self.get(tenant, wanted)

        def detached(current: Resource) -> Changes:
            if not gateway_spec_of(current).vpc_id:
                raise invalid("id", "the internet gateway is not attached to a VPC")
            if current.references:
                raise conflict(
                    f"{current.references} thing(s) of the VPC need the internet gateway (routes, NAT gateways, "
                    "addresses of instances): remove these first"
                )
            return Changes(spec=GatewaySpec().model_dump(mode="json"), parents=(), claims=())

        return self._resources(tenant).change(INTERNET_GATEWAY, gateway.id, detached, "internet_gateway.detached")

    def delete(self, tenant: str, wanted: str) -> None:
        """Have a gateway removed. Raises `EdgeError` (not found), (validation failed) for one that is attached."""
        gateway = self.get(tenant, wanted)

        def check(current: Resource) -> None:
            if gateway_spec_of(current).vpc_id:
                raise invalid("id", "the internet gateway is attached to a VPC: detach it first")

        self._resources(tenant).delete(INTERNET_GATEWAY, gateway.id, "internet_gateway.deleted", check=check)
