"""Private networks of a tenant."""

from typing import Annotated

from annotated_types import MaxLen, MinLen

from chalicelib.cloud.api.fields import MessageOut, Sent
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.api.network_fields import VPC_ID, Cidr, Name, PartOut
from chalicelib.cloud.network.model import VPC, Status, VpcSpec
from chalicelib.cloud.network.rules import DEFAULT_CIDR, arn_of, status_of, vxlan_of
from chalicelib.cloud.permissions import VPC_CREATE, VPC_DELETE, VPC_READ, VPC_UPDATE
from chalicelib.kit.fields import about
from chalicelib.platform.provisioning.model import Resource
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import Path, Query

routes = Endpoints(tag="VPCs")

_ARN = "arn:thecloud:vpc:local:01a1fd8c-93f8-75cc-97fc-d4160a8be5cc:vpc/01a1fd8c-9bc8-7fee-8afc-f6c8cad02101"


class VpcPath(Path):
    vpc_id: Annotated[str, MinLen(1), MaxLen(64), about("Id of a VPC or its beginning, or its name.", VPC_ID)]


class ForceQuery(Query):
    """A query that clients of the published API send."""

    force: Annotated[bool, about("Accepted; nothing is deleted together with a VPC.", False)] = False


class VpcCreate(Sent):
    """A VPC to make."""

    name: Annotated[Name, about("Name of the VPC, unique in its tenant.", "production")]
    cidr_block: Annotated[Cidr, about("Its addresses, from /16 to /28.", DEFAULT_CIDR)] = DEFAULT_CIDR


class VpcChange(Sent):
    """Another name of a VPC."""

    name: Annotated[Name, about("Name of the VPC, unique in its tenant.", "staging")]


class VpcOut(PartOut):
    """A VPC, whose addresses never change."""

    id: Annotated[str, about("UUID of the VPC.", VPC_ID, format="uuid")]
    name: Annotated[str, about("Name of the VPC.", "production")]
    cidr_block: Annotated[str, about("Its addresses.", DEFAULT_CIDR)]
    network_id: Annotated[str | None, about("Id of the VPC in AWS; null until it is there.", "vpc-0a1b2c3d4e5f")]
    vxlan_id: Annotated[int, about("A number from 100 to 355, from the id. It has no effect.", 101)]
    status: Annotated[Status, about("Status of the VPC: `active` once it is there.", "active")]
    arn: Annotated[str, about("Name of the VPC in policies.", _ARN)]


class VpcDeletedOut(MessageOut):
    """The VPC is being deleted."""

    message: Annotated[str, about("Outcome of the request in words.", "the VPC is being deleted")] = (
        "the VPC is being deleted"
    )


def _show(vpc: Resource, tenant: str) -> VpcOut:
    return VpcOut(
        id=vpc.id,
        user_id=vpc.owner or None,
        tenant_id=tenant,
        name=vpc.name,
        cidr_block=VpcSpec.model_validate(vpc.spec).cidr_block,
        network_id=vpc.external.get("id"),
        vxlan_id=vxlan_of(vpc.id),
        status=status_of(vpc, Status.ACTIVE),
        status_reason=vpc.reason or None,
        arn=arn_of("vpc", tenant, "vpc", vpc.id),
        created_at=vpc.inserted_at,
    )


VPCS = Kind(
    routes=routes,
    collection="/vpcs",
    path=VpcPath,
    one="a VPC",
    many="VPCs",
    name="vpc",
    names="vpcs",
    of=lambda services: services.vpcs,
    show=_show,
    shown=VpcOut,
    read=VPC_READ,
    resource=VPC,
)
VPCS.creates(
    VpcCreate,
    lambda services, by, body: services.vpcs.create(by, body.name, body.cidr_block),
    """Makes a VPC. It is `creating` for some seconds, and `active` then. 400 for addresses that AWS does not take, 409
    for a name that is taken, 429 beyond the quota.""",
    _show,
    permission=VPC_CREATE,
)
VPCS.lists_pages(
    """Lists the VPCs of the tenant.""",
    lambda services, tenant, asked: services.vpcs.page(tenant, asked.page_size, asked.after),
)
VPCS.gets("""Returns a VPC by its id or name.""")
VPCS.changes(
    "PATCH",
    VpcChange,
    lambda services, by, wanted, body: services.vpcs.rename(by.tenant, wanted, body.name),
    """Gives a VPC another name. 409 for one that is taken.""",
    permission=VPC_UPDATE,
)
VPCS.deletes(
    """Deletes a VPC. 409 while there is anything in it: delete that first.""",
    permission=VPC_DELETE,
    answer=VpcDeletedOut,
    query=ForceQuery,
)
