"""`Peerings`: ways between two VPCs of a tenant, which one asks for and the other accepts."""

from chalicelib.cloud.named import Named, ResourcesOf
from chalicelib.cloud.network import peering_rules as rules
from chalicelib.cloud.network.names import VPC_PEERING
from chalicelib.cloud.network.peering_model import Answer, PeeringStatus
from chalicelib.cloud.network.vpcs import Vpcs
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import NewResource, Resource


class Peerings(Named):
    """An accepted one holds a route in the main route table of each VPC."""

    def __init__(self, resources: ResourcesOf, vpcs: Vpcs) -> None:
        super().__init__(resources, VPC_PEERING)
        self._vpcs = vpcs

    def create(self, by: Principal, requester: str, accepter: str) -> Resource:
        """Raises `EdgeError` (not found), (validation failed) for VPCs that cannot be peered, (conflict) for two that
        have a peering."""
        spec = rules.between(self._vpcs.get(by.tenant, requester), self._vpcs.get(by.tenant, accepter))
        new = NewResource(
            kind=VPC_PEERING,
            name="the peering",
            owner=by.user,
            spec=spec.model_dump(mode="json"),
            parents=(spec.requester_vpc_id, spec.accepter_vpc_id),
            claims=rules.claims_of(spec),
        )
        try:
            return self._resources(by.tenant).create(new, "vpc_peering.created")
        except ClaimTakenError as error:
            raise rules.has_one(error) from error

    def accept(self, tenant: str, wanted: str) -> Resource:
        """Begin to connect the VPCs. Raises `EdgeError` (not found), (bad request) for one that waits for no answer,
        (conflict) for a main route table that has a route to the other VPC's addresses."""
        peering = self.get(tenant, wanted)
        try:
            return self._resources(tenant).change(VPC_PEERING, peering.id, rules.accepted, "vpc_peering.accepted")
        except ClaimTakenError as error:
            raise rules.has_one(error) from error

    def reject(self, tenant: str, wanted: str) -> Resource:
        """Have a peering removed that was not accepted. Raises `EdgeError` (not found), (bad request) for one that
        waits for no answer."""
        peering = self.get(tenant, wanted)
        rules.check_pending(peering)
        spec = rules.peering_spec(peering).model_copy(update={"answer": Answer.REJECTED}).model_dump(mode="json")
        going = self._resources(tenant).delete(
            VPC_PEERING, peering.id, "vpc_peering.rejected", spec, check=rules.check_pending
        )
        if rules.peering_status(going) is not PeeringStatus.REJECTED:  # it was deleted meanwhile
            rules.check_pending(going)
        return going

    def _is_shown(self, resource: Resource) -> bool:
        """One that was rejected is shown while its row is there."""
        return super()._is_shown(resource) or rules.peering_status(resource) is PeeringStatus.REJECTED
