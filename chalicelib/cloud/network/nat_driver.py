"""The driver of NAT gateways at EC2. See `platform.provisioning.ports.Driver`.

EC2 takes minutes to make one, and a failure comes as a state: then nothing is left of it but its description, for an
hour. Source: Amazon VPC user guide, "Troubleshoot NAT gateways"; EC2 API reference, NatGateway.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chalicelib.cloud.ec2_things import Json
from chalicelib.cloud.network.nat_rules import nat_spec
from chalicelib.cloud.network.parts import NetworkPart
from chalicelib.platform.provisioning.model import Desired, Observation, Resource, Seen
from chalicelib.platform.provisioning.store import EXTERNAL_ID

_SEEN = {
    "pending": Seen.BECOMING,
    "available": Seen.READY,
    "deleting": Seen.ENDING,
    "deleted": Seen.ENDED,
    "failed": Seen.BROKEN,
}
_FAILURES = {
    "InsufficientFreeAddressesInSubnet": "its subnet has no free address: use another subnet",
    "Gateway.NotAttached": "its VPC has no internet gateway in AWS: attach one, and make another NAT gateway",
    "InvalidAllocationID.NotFound": "its address is not there any more in AWS: use another one",
    "Resource.AlreadyAssociated": "AWS has its address with something else: use another one",
    "InvalidSubnetID.NotFound": "its subnet is not there any more in AWS: use another one",
}
_FAILED = "EC2 could not make it: delete it, and make another one"


class NatDriver(NetworkPart):
    """Public NAT gateways, with one address each. Its row's id is the client token."""

    type, describes, many, id, missing = (
        *("natgateway", "describe_nat_gateways", "NatGateways", "NatGatewayId"),
        "NatGatewayNotFound",
    )
    filters = "Filter"

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """One call for all of them. A failed gateway whose row wants it gone counts as ended: EC2 shows it for an hour,
        and nothing is left of it."""
        seen = super().observe(resources)
        going = {each.id for each in resources if each.desired is Desired.ABSENT}
        over = {each: replace(seen[each], seen=Seen.ENDED) for each in going if seen[each].seen is Seen.BROKEN}
        return {**seen, **over}

    def _make(self, resource: Resource, tags: Sequence[Json]) -> Json:
        """EC2 takes one in a VPC without an internet gateway, and fails to make it minutes later."""
        spec = nat_spec(resource)
        self._parent(resource, spec.gateway_id)
        answer: Json = self._client.create_nat_gateway(
            ClientToken=resource.id,
            SubnetId=self._parent(resource, spec.subnet_id),
            AllocationId=self._parent(resource, spec.elastic_ip_id),
            ConnectivityType="public",
            TagSpecifications=tags,
        )
        return answer["NatGateway"]  # type: ignore[no-any-return]

    def _remove(self, thing_id: str) -> None:
        self._client.delete_nat_gateway(NatGatewayId=thing_id)

    def _is_left(self, thing: Json) -> bool:
        return thing["State"] not in {"deleted", "failed"}

    def _observed(self, thing: Json) -> Observation:
        seen = _SEEN.get(str(thing["State"]), Seen.BECOMING)
        first: Json = next(iter(thing.get("NatGatewayAddresses", ())), {})
        reason = _FAILURES.get(str(thing.get("FailureCode", "")), _FAILED) if seen is Seen.BROKEN else ""
        return Observation(seen, {EXTERNAL_ID: str(thing[self.id])}, {"private_ip": first.get("PrivateIp")}, reason)
