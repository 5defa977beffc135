"""NAT gateways of a tenant's VPCs."""

from typing import Annotated

from annotated_types import MaxLen, MinLen

from chalicelib.cloud.api.elastic_ips import ELASTIC_IP_ID
from chalicelib.cloud.api.fields import PageQuery, Sent
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.api.network_fields import SUBNET_ID, VPC_ID, PartOut
from chalicelib.cloud.network.names import NAT_GATEWAY
from chalicelib.cloud.network.nat_model import NatStatus
from chalicelib.cloud.network.nat_rules import nat_spec, nat_status
from chalicelib.cloud.network.rules import arn_of
from chalicelib.cloud.permissions import VPC_CREATE, VPC_DELETE, VPC_READ
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.errors import BLANK, invalid
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.provisioning.model import Resource
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import Path

routes = Endpoints(tag="NAT gateways")

NAT_GATEWAY_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02104"
_ARN = "arn:thecloud:vpc:local:01a1fd8c-93f8-75cc-97fc-d4160a8be5cc:nat-gateway/01a1fd8c-9bc8-7fee-8afc-f6c8cad02104"


class NatGatewayPath(Path):
    nat_gateway_id: Annotated[str, MinLen(1), MaxLen(64), about("Id of a gateway, or its beginning.", NAT_GATEWAY_ID)]


class NatGatewaysQuery(PageQuery):
    """The VPC whose NAT gateways are listed."""

    vpc_id: Annotated[str, MaxLen(64), about("Id or name of a VPC; without one, those of all are listed.", VPC_ID)] = ""


class NatGatewayCreate(Sent):
    """A NAT gateway to make. Its address has one of two names, of which the first is enough."""

    subnet_id: Annotated[str, MinLen(1), MaxLen(64), about("Id of the subnet that it is in.", SUBNET_ID)]
    eip_id: Annotated[str, MaxLen(64), about("Id of the elastic IP that it has.", ELASTIC_IP_ID)] = ""
    elastic_ip_id: Annotated[
        str, MaxLen(64), about("The same by another name, where `eip_id` is left out.", ELASTIC_IP_ID)
    ] = ""


class NatGatewayOut(PartOut):
    """A NAT gateway, through which subnets without public addresses reach the internet."""

    id: Annotated[str, about("UUID of the NAT gateway.", NAT_GATEWAY_ID, format="uuid")]
    vpc_id: Annotated[str, about("UUID of the VPC of its subnet.", VPC_ID, format="uuid")]
    subnet_id: Annotated[str, about("UUID of its subnet.", SUBNET_ID, format="uuid")]
    elastic_ip_id: Annotated[str, about("UUID of its elastic IP.", ELASTIC_IP_ID, format="uuid")]
    private_ip: Annotated[str | None, about("Its address in the subnet; null until it is there.", "10.0.1.23")]
    status: Annotated[NatStatus, about("Status of the NAT gateway: `active` once it is there.", "active")]
    arn: Annotated[str, about("Name of the NAT gateway in policies.", _ARN)]


def _show(nat: Resource, tenant: str) -> NatGatewayOut:
    spec = nat_spec(nat)
    return NatGatewayOut(
        id=nat.id,
        user_id=nat.owner or None,
        tenant_id=tenant,
        vpc_id=spec.vpc_id,
        subnet_id=spec.subnet_id,
        elastic_ip_id=spec.elastic_ip_id,
        private_ip=nat.observed.get("private_ip"),
        status=nat_status(nat),
        status_reason=nat.reason or None,
        arn=arn_of("vpc", tenant, "nat-gateway", nat.id),
        created_at=nat.inserted_at,
    )


def _create(services: Cloud, by: Principal, body: NatGatewayCreate) -> Resource:
    address = body.eip_id or body.elastic_ip_id
    if not address:
        raise invalid("eip_id", BLANK)
    return services.nats.create(by, body.subnet_id, address)


NAT_GATEWAYS = Kind(
    routes=routes,
    collection="/nat-gateways",
    path=NatGatewayPath,
    one="a NAT gateway",
    many="NAT gateways",
    name="nat_gateway",
    names="nat_gateways",
    of=lambda services: services.nats,
    show=_show,
    shown=NatGatewayOut,
    read=VPC_READ,
    resource=NAT_GATEWAY,
)
NAT_GATEWAYS.creates(
    NatGatewayCreate,
    _create,
    """Asks for a NAT gateway in a subnet, which takes minutes: it is `pending`, and `active` then. 400 for a subnet
    that has one, and for an address that is associated; 409 for a VPC without an internet gateway. It costs by the
    hour.""",
    _show,
    permission=VPC_CREATE,
    errors=(404, 409),
)


NAT_GATEWAYS.lists_pages(
    """Lists the NAT gateways of the tenant, or those of one VPC.""",
    lambda services, tenant, asked: services.nats.page(tenant, asked.page_size, asked.after, asked.vpc_id),
    NatGatewaysQuery,
    errors=(404,),
)
NAT_GATEWAYS.gets("""Returns a NAT gateway.""")
NAT_GATEWAYS.deletes(
    """Deletes a NAT gateway, which takes minutes; its address is free then. 409 while a route leads to it.""",
    permission=VPC_DELETE,
)
