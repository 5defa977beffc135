"""The driver of elastic IPs at EC2, and of the instances that have them. See `platform.provisioning.ports.Driver`.

AllocateAddress takes no client token, and DescribeAddresses has no pages. EC2 moves an address only after it has been
taken from where it is (`AllowReassociation`), so a description that lags moves none.
"""

from collections.abc import Iterator, Mapping, Sequence

from chalicelib.cloud.ec2_things import Json
from chalicelib.cloud.network.address_rules import MATCHES, address_spec
from chalicelib.cloud.network.ec2_errors import ERRORS
from chalicelib.cloud.network.parts import NetworkPart
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, tags_of
from chalicelib.platform.provisioning.model import Desired, Observation, Resource, Seen
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from chalicelib.platform.provisioning.store import EXTERNAL_ID

_NO_ASSOCIATION = "InvalidAssociationID.NotFound"


class AddressDriver(NetworkPart):
    """Public IPv4 addresses."""

    type, describes, many, id, missing = (
        *("elastic-ip", "describe_addresses", "Addresses", "AllocationId"),
        "InvalidAllocationID.NotFound",
    )

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        """One call for all, and one read of the instances of each tenant."""
        machines = self._machines_of(resources)
        shown = {tags_of(each).get(RESOURCE_TAG): each for each in self._shown([each.id for each in resources])}
        missing = Observation(Seen.MISSING)
        return {
            each.id: _address(each, shown[each.id], machines) if each.id in shown else missing for each in resources
        }

    def change(self, resource: Resource, observation: Observation) -> None:
        """Take it from where it shall not be, and give it to its instance."""
        spec = address_spec(resource)
        wanted = self._machine(resource, spec.instance_id) if spec.instance_id else ""
        if wanted and spec.gateway_id:
            self._parent(resource, spec.gateway_id)
        at, association = observation.facts.get("associated") or ("", "")
        if at == wanted:
            return
        if at:
            self._disassociate(association)
        if wanted:
            with ERRORS.sorted():
                self._client.associate_address(
                    AllocationId=resource.external[EXTERNAL_ID], InstanceId=wanted, AllowReassociation=False
                )

    def delete(self, resource: Resource) -> None:
        for thing in self._shown([resource.id]):
            if thing.get("InstanceId"):
                self._disassociate(str(thing["AssociationId"]))
        super().delete(resource)

    def _make(self, resource: Resource, tags: Sequence[Json]) -> Json:
        del resource
        answer: Json = self._client.allocate_address(Domain="vpc", TagSpecifications=tags)
        return answer

    def _remove(self, thing_id: str) -> None:
        """EC2 answers as if a right were missing while a thing that it manages itself, such as a NAT gateway that goes,
        still has the address."""
        try:
            with calling():
                self._client.release_address(AllocationId=thing_id)
        except CallRefusedError as error:
            if error.code != "AuthFailure":
                raise
            raise AgainLaterError("AWS still has the address with something that goes", nothing_done=True) from None

    def _described(self, filters: Sequence[Json]) -> Iterator[Json]:
        with ERRORS.sorted():
            answer = self._client.describe_addresses(Filters=filters)
        yield from answer["Addresses"]

    def _disassociate(self, association: str) -> None:
        with ERRORS.sorted():
            try:
                with calling():
                    self._client.disassociate_address(AssociationId=association)
            except CallRefusedError as error:
                if error.code != _NO_ASSOCIATION:
                    raise

    def _machine(self, resource: Resource, instance_id: str) -> str:
        """The id at EC2 of an instance."""
        instance = next(iter(self._find(resource.tenant, [instance_id])), None)
        if instance is None or instance.desired is Desired.ABSENT or instance.is_released:
            raise RefusedError("the instance is gone: disassociate the address")
        if EXTERNAL_ID not in instance.external:
            raise AgainLaterError("the instance is not made yet", nothing_done=True)
        return instance.external[EXTERNAL_ID]

    def _machines_of(self, resources: Sequence[Resource]) -> dict[str, str]:
        """The ids at EC2 of the instances that shall have these, by their own ids."""
        wanted: dict[str, set[str]] = {}
        for each in resources:
            if instance_id := address_spec(each).instance_id:
                wanted.setdefault(each.tenant, set()).add(instance_id)
        found = [one for tenant, ids in wanted.items() for one in self._find(tenant, sorted(ids))]
        return {one.id: one.external[EXTERNAL_ID] for one in found if EXTERNAL_ID in one.external}


def _address(resource: Resource, thing: Json, machines: Mapping[str, str]) -> Observation:
    """An address as it is seen. That of a NAT gateway has an association without an instance."""
    at = str(thing.get("InstanceId") or "")
    wanted = address_spec(resource).instance_id
    is_so = at == (machines.get(wanted, "-") if wanted else "")
    associated = [at, str(thing["AssociationId"])] if at else []
    facts = {"public_ip": str(thing["PublicIp"]), "associated": associated, MATCHES: is_so}
    return Observation(Seen.READY, {EXTERNAL_ID: str(thing["AllocationId"])}, facts)
