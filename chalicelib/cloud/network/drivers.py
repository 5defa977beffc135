"""The driver of VPCs at EC2."""

from collections.abc import Sequence

from chalicelib.cloud.ec2_things import Json
from chalicelib.cloud.network.model import VpcSpec
from chalicelib.cloud.network.parts import NetworkPart
from chalicelib.platform.provisioning.model import Resource


class VpcDriver(NetworkPart):
    """VPCs. EC2 makes and removes a main route table, a network list and a default group with each."""

    type, describes, many, id, missing = "vpc", "describe_vpcs", "Vpcs", "VpcId", "InvalidVpcID.NotFound"

    def _make(self, resource: Resource, tags: Sequence[Json]) -> Json:
        spec = VpcSpec.model_validate(resource.spec)
        answer: Json = self._client.create_vpc(CidrBlock=spec.cidr_block, TagSpecifications=tags)
        return answer["Vpc"]  # type: ignore[no-any-return]

    def _remove(self, thing_id: str) -> None:
        self._client.delete_vpc(VpcId=thing_id)
