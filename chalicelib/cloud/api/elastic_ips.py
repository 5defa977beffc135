"""Public addresses of a tenant."""

from typing import Annotated

from annotated_types import MaxLen, MinLen

from chalicelib.cloud.api.fields import TIME, MessageOut, Sent
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.api.network_fields import VPC_ID, PartOut
from chalicelib.cloud.network.address_model import ADDRESS, AddressStatus
from chalicelib.cloud.network.address_rules import address_spec, address_status
from chalicelib.cloud.network.rules import arn_of
from chalicelib.cloud.permissions import EIP_ALLOCATE, EIP_ASSOCIATE, EIP_READ, EIP_RELEASE
from chalicelib.kit.fields import about
from chalicelib.platform.provisioning.model import Resource
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import NoBody, Path, Timestamp

routes = Endpoints(tag="Elastic IPs")

ELASTIC_IP_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02103"
_INSTANCE_ID = "01a1fd8c-4d3b-7a10-9c55-2f60d7a1e0b4"
_ARN = "arn:thecloud:vpc:local:01a1fd8c-93f8-75cc-97fc-d4160a8be5cc:eip/01a1fd8c-9bc8-7fee-8afc-f6c8cad02103"


class ElasticIpPath(Path):
    elastic_ip_id: Annotated[str, MinLen(1), MaxLen(64), about("Id of an elastic IP, or its beginning.", ELASTIC_IP_ID)]


class ElasticIpAssociate(Sent):
    """The instance that shall have an address."""

    instance_id: Annotated[str, MinLen(1), MaxLen(64), about("Id or name of the instance.", _INSTANCE_ID)]


class ElasticIpOut(PartOut):
    """A public address, which stays the tenant's until it is released."""

    id: Annotated[str, about("UUID of the elastic IP.", ELASTIC_IP_ID, format="uuid")]
    public_ip: Annotated[str | None, about("The address; null until it is there.", "203.0.113.7")]
    instance_id: Annotated[
        str | None, about("UUID of the instance that has the address; null for none.", _INSTANCE_ID, format="uuid")
    ]
    vpc_id: Annotated[str | None, about("UUID of the VPC of that instance; null for none.", VPC_ID, format="uuid")]
    status: Annotated[
        AddressStatus,
        about("Status of the address: `associated` while an instance or a NAT gateway has it.", "associated"),
    ]
    arn: Annotated[str, about("Name of the address in policies.", _ARN)]
    updated_at: Annotated[Timestamp, about("Time of the last change of the address.", TIME)]


class ElasticIpReleasedOut(MessageOut):
    """The address is being released."""

    message: Annotated[str, about("Outcome of the request in words.", "the address is being released")] = (
        "the address is being released"
    )


def _show(address: Resource, tenant: str) -> ElasticIpOut:
    spec = address_spec(address)
    return ElasticIpOut(
        id=address.id,
        user_id=address.owner or None,
        tenant_id=tenant,
        public_ip=address.observed.get("public_ip"),
        instance_id=spec.instance_id or None,
        vpc_id=spec.vpc_id or None,
        status=address_status(address),
        status_reason=address.reason or None,
        arn=arn_of("vpc", tenant, "eip", address.id),
        created_at=address.inserted_at,
        updated_at=address.updated_at,
    )


ELASTIC_IPS = Kind(
    routes=routes,
    collection="/elastic-ips",
    path=ElasticIpPath,
    one="an elastic IP",
    many="elastic IPs",
    name="elastic_ip",
    names="elastic_ips",
    of=lambda services: services.addresses,
    show=_show,
    shown=ElasticIpOut,
    read=EIP_READ,
    resource=ADDRESS,
)
ELASTIC_IPS.creates(
    NoBody,
    lambda services, by, _body: services.addresses.allocate(by),
    """Asks for a public address. It is `creating` for some seconds, and `allocated` then. 429 beyond the quota. It
    costs from then on until it is released, in use or not.""",
    _show,
    permission=EIP_ALLOCATE,
    verb="allocate",
    errors=(),
)
ELASTIC_IPS.lists_pages(
    """Lists the elastic IPs of the tenant.""",
    lambda services, tenant, asked: services.addresses.page(tenant, asked.page_size, asked.after),
)
ELASTIC_IPS.gets("""Returns an elastic IP.""")
ELASTIC_IPS.deletes(
    """Releases an elastic IP: AWS gives it to others. 409 while it is associated.""",
    permission=EIP_RELEASE,
    verb="release",
    answer=ElasticIpReleasedOut,
)
ELASTIC_IPS.acts(
    "associate",
    ElasticIpAssociate,
    lambda services, tenant, wanted, body: services.addresses.associate(tenant, wanted, body.instance_id),
    """Has an instance reached by an elastic IP, in place of the public address that it had. 409 for an address or an
    instance that has another already, and for an instance whose VPC has no internet gateway. Once more for the same
    instance it changes nothing.""",
    permission=EIP_ASSOCIATE,
)
ELASTIC_IPS.acts(
    "disassociate",
    NoBody,
    lambda services, tenant, wanted, _body: services.addresses.disassociate(tenant, wanted),
    """Takes an elastic IP from its instance, which goes on with a public address of AWS's choice if its subnet gives
    any. 400 for an address that is not associated, 409 for that of a NAT gateway.""",
    permission=EIP_ASSOCIATE,
)
