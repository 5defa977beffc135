"""Peerings of a tenant's VPCs."""

from typing import Annotated

from annotated_types import MaxLen, MinLen

from chalicelib.cloud.api.fields import TENANT_ID, TIME, MessageOut, Sent
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.api.network_fields import VPC_ID, PartOut
from chalicelib.cloud.network.names import VPC_PEERING
from chalicelib.cloud.network.peering_model import PeeringStatus
from chalicelib.cloud.network.peering_rules import peering_spec, peering_status
from chalicelib.cloud.network.rules import arn_of
from chalicelib.cloud.permissions import (
    VPC_PEERING_ACCEPT,
    VPC_PEERING_CREATE,
    VPC_PEERING_DELETE,
    VPC_PEERING_READ,
)
from chalicelib.kit.fields import about
from chalicelib.platform.provisioning.model import Resource
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import NoBody, OneOf, Path, Timestamp

routes = Endpoints(tag="VPC peerings")

PEERING_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02105"
_OTHER_VPC_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02111"
_ARN = f"arn:thecloud:vpc-peering:local:{TENANT_ID}:peering/{PEERING_ID}"


class PeeringPath(Path):
    peering_id: Annotated[
        str, MinLen(1), MaxLen(64), about("Id of a peering, or the beginning of an id that only one has.", PEERING_ID)
    ]


class PeeringCreate(Sent):
    """A peering to ask for."""

    requester_vpc_id: Annotated[
        str, MinLen(1), MaxLen(64), about("Id or name of the VPC that asks for the peering.", VPC_ID)
    ]
    accepter_vpc_id: Annotated[str, MinLen(1), MaxLen(64), about("Id or name of the VPC that is asked.", _OTHER_VPC_ID)]


class PeeringOut(PartOut):
    """A way between two VPCs of the tenant."""

    id: Annotated[str, about("UUID of the peering.", PEERING_ID, format="uuid")]
    requester_vpc_id: Annotated[str, about("UUID of the VPC that has asked for it.", VPC_ID, format="uuid")]
    accepter_vpc_id: Annotated[str, about("UUID of the VPC that was asked.", _OTHER_VPC_ID, format="uuid")]
    status: Annotated[
        OneOf[PeeringStatus],
        about("Status of the peering: `active` once it is accepted, and the VPCs reach each other.", "active"),
    ]
    arn: Annotated[str, about("Name of the peering in policies.", _ARN)]
    updated_at: Annotated[Timestamp, about("Time of the last change of the peering.", TIME)]


class PeeringDeletedOut(MessageOut):
    """The peering is being deleted."""

    message: Annotated[str, about("Outcome of the request in words.", "the peering is being deleted")] = (
        "the peering is being deleted"
    )


def _show(peering: Resource, tenant: str) -> PeeringOut:
    spec = peering_spec(peering)
    return PeeringOut(
        id=peering.id,
        user_id=peering.owner or None,
        tenant_id=tenant,
        requester_vpc_id=spec.requester_vpc_id,
        accepter_vpc_id=spec.accepter_vpc_id,
        status=peering_status(peering),
        status_reason=peering.reason or None,
        arn=arn_of("vpc-peering", tenant, "peering", peering.id),
        created_at=peering.inserted_at,
        updated_at=peering.updated_at,
    )


PEERINGS = Kind(
    routes=routes,
    collection="/vpc-peerings",
    path=PeeringPath,
    one="a VPC peering",
    many="VPC peerings",
    name="vpc_peering",
    names="vpc_peerings",
    of=lambda services: services.peerings,
    show=_show,
    shown=PeeringOut,
    read=VPC_PEERING_READ,
    resource=VPC_PEERING,
)
PEERINGS.creates(
    PeeringCreate,
    lambda services, by, body: services.peerings.create(by, body.requester_vpc_id, body.accepter_vpc_id),
    """Asks for a peering of two VPCs of the tenant, which is accepted within seven days. 400 for a VPC with itself, and
    for two whose addresses overlap; 409 for two that have one.""",
    _show,
    permission=VPC_PEERING_CREATE,
    errors=(404, 409),
)
PEERINGS.lists_pages(
    """Lists the VPC peerings of the tenant. One that was rejected is shown for an hour.""",
    lambda services, tenant, asked: services.peerings.page(tenant, asked.page_size, asked.after),
)
PEERINGS.gets("""Returns a VPC peering.""")
PEERINGS.deletes(
    """Deletes a VPC peering, with the routes that it made. 409 while another route leads to it.""",
    permission=VPC_PEERING_DELETE,
    answer=PeeringDeletedOut,
)
PEERINGS.acts(
    "accept",
    NoBody,
    lambda services, tenant, wanted, _body: services.peerings.accept(tenant, wanted),
    """Connects the VPCs: the main route table of each leads to the addresses of the other. It is `provisioning` for
    some seconds, and `active` then. 400 for a peering that waits for no answer, 409 for a main route table that has a
    route to these addresses.""",
    permission=VPC_PEERING_ACCEPT,
)
PEERINGS.acts(
    "reject",
    NoBody,
    lambda services, tenant, wanted, _body: services.peerings.reject(tenant, wanted),
    """Refuses a peering, which is `rejected` and goes then. 400 for one that waits for no answer.""",
    permission=VPC_PEERING_ACCEPT,
    answer=MessageOut,
    show=lambda _made, _tenant: MessageOut(message="the peering is rejected"),
)
