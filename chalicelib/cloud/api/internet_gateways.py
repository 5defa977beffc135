"""Internet gateways of a tenant: the ways of its VPCs to the internet."""

from typing import Annotated

from annotated_types import MaxLen, MinLen

from chalicelib.cloud.api.fields import Sent
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.api.network_fields import VPC_ID, PartOut
from chalicelib.cloud.network.names import INTERNET_GATEWAY
from chalicelib.cloud.network.routing_model import GatewayStatus
from chalicelib.cloud.network.routing_rules import gateway_spec_of, gateway_status
from chalicelib.cloud.network.rules import arn_of
from chalicelib.cloud.permissions import VPC_CREATE, VPC_DELETE, VPC_READ, VPC_UPDATE
from chalicelib.kit.fields import about
from chalicelib.platform.provisioning.model import Resource
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import NoBody, OneOf, Path

routes = Endpoints(tag="Internet gateways")

GATEWAY_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02103"
_ARN = f"arn:thecloud:vpc:local:01a1fd8c-93f8-75cc-97fc-d4160a8be5cc:internet-gateway/{GATEWAY_ID}"


class GatewayPath(Path):
    gateway_id: Annotated[str, MinLen(1), MaxLen(64), about("Id of an internet gateway, or its beginning.", GATEWAY_ID)]


class GatewayAttach(Sent):
    """The VPC that an internet gateway is attached to."""

    vpc_id: Annotated[str, MinLen(1), MaxLen(64), about("Id or name of a VPC without an internet gateway.", VPC_ID)]


class GatewayOut(PartOut):
    """An internet gateway."""

    id: Annotated[str, about("UUID of the internet gateway.", GATEWAY_ID, format="uuid")]
    vpc_id: Annotated[str | None, about("UUID of the VPC that it is attached to; null for none.", VPC_ID)]
    status: Annotated[OneOf[GatewayStatus], about("Status, `attached` once packets can pass.", "attached")]
    arn: Annotated[str, about("Name of the internet gateway in policies.", _ARN)]


def _show(gateway: Resource, tenant: str) -> GatewayOut:
    return GatewayOut(
        id=gateway.id,
        user_id=gateway.owner or None,
        tenant_id=tenant,
        vpc_id=gateway_spec_of(gateway).vpc_id or None,
        status=gateway_status(gateway),
        status_reason=gateway.reason or None,
        arn=arn_of("vpc", tenant, "internet-gateway", gateway.id),
        created_at=gateway.inserted_at,
    )


GATEWAYS = Kind(
    routes=routes,
    collection="/internet-gateways",
    path=GatewayPath,
    one="an internet gateway",
    many="internet gateways",
    name="internet_gateway",
    names="internet_gateways",
    of=lambda services: services.internet_gateways,
    show=_show,
    shown=GatewayOut,
    read=VPC_READ,
    resource=INTERNET_GATEWAY,
)
GATEWAYS.creates(
    NoBody,
    lambda services, by, _body: services.internet_gateways.create(by),
    """Makes an internet gateway that is attached to nothing. A tenant can have as many as VPCs: 429 beyond that.""",
    _show,
    permission=VPC_CREATE,
    errors=(),
)
GATEWAYS.lists_pages(
    """Lists the internet gateways of the tenant.""",
    lambda services, tenant, asked: services.internet_gateways.page(tenant, asked.page_size, asked.after),
)
GATEWAYS.gets("""Returns an internet gateway by its id.""")
GATEWAYS.deletes(
    """Deletes an internet gateway. 400 while it is attached to a VPC.""", permission=VPC_DELETE, errors=(404,)
)
GATEWAYS.acts(
    "attach",
    GatewayAttach,
    lambda services, tenant, wanted, body: services.internet_gateways.attach(tenant, wanted, body.vpc_id),
    """Attaches an internet gateway to a VPC, and makes it the target of 0.0.0.0/0 in the VPC's main route table. 400
    for one that is attached, 409 for a VPC that has another, or whose main table has a route to 0.0.0.0/0.""",
    permission=VPC_UPDATE,
)
GATEWAYS.acts(
    "detach",
    NoBody,
    lambda services, tenant, wanted, _body: services.internet_gateways.detach(tenant, wanted),
    """Detaches an internet gateway from its VPC, and removes its route from the main route table. 400 for one that is
    not attached, 409 while anything in the VPC needs it: routes of tables, NAT gateways, addresses of instances.""",
    permission=VPC_UPDATE,
)
