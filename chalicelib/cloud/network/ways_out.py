"""The internet gateway of a VPC: what addresses and NAT gateways lead through."""

from chalicelib.cloud.network.names import gateway_claim
from chalicelib.kit.errors import conflict
from chalicelib.platform.provisioning.model import Resource
from chalicelib.platform.provisioning.service import Resources


def way_out(own: Resources, vpc_id: str) -> Resource:
    """The internet gateway that is attached to a VPC, as it is now. Raises `EdgeError` (conflict) if there is none.

    A resource that refers to it names its version, so that it is not detached meanwhile.
    """
    holder = own.holder_of(gateway_claim(vpc_id))
    gateway = next(iter(own.of_ids([holder])), None) if holder is not None else None
    if gateway is None or gateway.spec.get("vpc_id") != vpc_id:
        raise conflict("its VPC has no internet gateway: attach one first")
    return gateway
