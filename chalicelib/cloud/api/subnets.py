"""Subnets of a tenant's VPCs."""

from typing import Annotated

from annotated_types import MaxLen, MinLen

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import MessageOut, PageQuery, Sent
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.api.network_fields import SUBNET_ID, VPC_ID, Cidr, Name, PartOut
from chalicelib.cloud.network.model import SUBNET, Status, SubnetSpec
from chalicelib.cloud.network.rules import arn_of, gateway_of, status_of
from chalicelib.cloud.permissions import VPC_DELETE, VPC_READ, VPC_UPDATE
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.provisioning.model import Resource
from chalicelib.web.endpoint import Created, Endpoints, Paginated, Request
from chalicelib.web.validation import NoBody, NoQuery, Path

routes = Endpoints(tag="Subnets", auth=USER, scope=Scope.TENANT)

_ARN = "arn:thecloud:subnet:local:01a1fd8c-93f8-75cc-97fc-d4160a8be5cc:subnet/01a1fd8c-9bc8-7fee-8afc-f6c8cad02102"


class VpcOfSubnetsPath(Path):
    vpc_id: Annotated[str, MinLen(1), MaxLen(64), about("Id or name of the VPC that has the subnets.", VPC_ID)]


class SubnetPath(Path):
    subnet_id: Annotated[str, MinLen(1), MaxLen(64), about("Id of a subnet, or its beginning.", SUBNET_ID)]


class SubnetCreate(Sent):
    """A subnet to make."""

    name: Annotated[Name, about("Name of the subnet, unique in its VPC.", "shops")]
    cidr_block: Annotated[Cidr, about("Its addresses, from /16 to /28, within the VPC.", "10.0.1.0/24")]
    availability_zone: Annotated[
        str, MaxLen(64), about("Zone of the region that it is in; AWS chooses where it is left out.", "eu-central-1a")
    ] = ""


class SubnetOut(PartOut):
    """A subnet, which is in one zone."""

    id: Annotated[str, about("UUID of the subnet.", SUBNET_ID, format="uuid")]
    vpc_id: Annotated[str, about("UUID of its VPC.", VPC_ID, format="uuid")]
    name: Annotated[str, about("Name of the subnet.", "shops")]
    cidr_block: Annotated[str, about("Its addresses, of which AWS keeps five.", "10.0.1.0/24")]
    availability_zone: Annotated[str, about("Its zone; empty until it is there.", "eu-central-1a")]
    gateway_ip: Annotated[str, about("Address of its router.", "10.0.1.1")]
    status: Annotated[Status, about("Status of the subnet: `available` once it is there.", "available")]
    arn: Annotated[str, about("Name of the subnet in policies.", _ARN)]


class SubnetDeletedOut(MessageOut):
    """The subnet is being deleted."""

    message: Annotated[str, about("Outcome of the request in words.", "the subnet is being deleted")] = (
        "the subnet is being deleted"
    )


def _show(subnet: Resource, tenant: str) -> SubnetOut:
    spec = SubnetSpec.model_validate(subnet.spec)
    return SubnetOut(
        id=subnet.id,
        user_id=subnet.owner or None,
        tenant_id=tenant,
        vpc_id=spec.vpc_id,
        name=subnet.name,
        cidr_block=spec.cidr_block,
        availability_zone=str(subnet.observed.get("zone", spec.zone)),
        gateway_ip=gateway_of(spec.cidr_block),
        status=status_of(subnet, Status.AVAILABLE),
        status_reason=subnet.reason or None,
        arn=arn_of("subnet", tenant, "subnet", subnet.id),
        created_at=subnet.inserted_at,
    )


@routes.post(
    "/vpcs/{vpc_id}/subnets",
    permission=VPC_UPDATE,
    audit="subnet.create",
    is_deferred=True,
    answer=SubnetOut,
    status=201,
    errors=(404, 409),
    summary="Create a subnet",
)
def create_subnet(request: Request[VpcOfSubnetsPath, NoQuery, SubnetCreate], services: Cloud) -> Created:
    """Makes a subnet in a VPC. 400 for addresses that are not wholly within the VPC, 409 for some that another subnet
    of it has, and for a name that is taken in the VPC."""
    by, body, vpc = request.principal, request.body, request.path.vpc_id
    return request.once(
        lambda: services.subnets.create(by, vpc, body.name, body.cidr_block, body.availability_zone),
        lambda made: Created(_show(made, by.tenant)),
    )


@routes.get(
    "/vpcs/{vpc_id}/subnets",
    permission=VPC_READ,
    answer=SubnetOut,
    paginated=True,
    errors=(404,),
    summary="List the subnets of a VPC",
)
def list_subnets(request: Request[VpcOfSubnetsPath, PageQuery, NoBody], services: Cloud) -> Paginated:
    """Lists the subnets of a VPC, the newest first."""
    tenant, asked = request.principal.tenant, request.query
    page = services.subnets.page(tenant, asked.page_size, asked.after, request.path.vpc_id)
    return Paginated([_show(one, tenant) for one in page.items], page)


SUBNETS = Kind(
    routes=routes,
    collection="/subnets",
    path=SubnetPath,
    one="a subnet",
    many="subnets",
    name="subnet",
    names="subnets",
    of=lambda services: services.subnets,
    show=_show,
    shown=SubnetOut,
    read=VPC_READ,
    resource=SUBNET,
)
SUBNETS.gets("""Returns a subnet by its id.""")
SUBNETS.deletes(
    """Deletes a subnet. 409 while there is anything in it.""",
    permission=VPC_DELETE,
    answer=SubnetDeletedOut,
)
