"""Routes of what receivers and clients trust: the key of webhooks, and certificates."""

from typing import Annotated

from pydantic import Field

from chalicelib.kit.errors import conflict
from chalicelib.kit.fields import about
from chalicelib.kit.tables import ActedOn
from chalicelib.machines.api.hosted.models import Documented, NodePath
from chalicelib.machines.api.hosted.protocol import OWNER
from chalicelib.machines.hosted.model import Status
from chalicelib.machines.permissions import HOSTED_CREDENTIALS, HOSTED_READ
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.signing.model import PublicKey
from chalicelib.platform.signing.store import WEBHOOKS
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Credentials", auth=OWNER, scope=Scope.TENANT)

PEM = "-----BEGIN PUBLIC KEY-----\nMIIB…\n-----END PUBLIC KEY-----\n"


class KeyOut(Documented):
    """A public key that verifies webhooks."""

    id: Annotated[str, about("Id of the key.", "8f14e45fceea167a")]
    public_key: Annotated[str, about("The key as PEM.", PEM)]
    inserted_at: Annotated[str, about("When it was made.", "2026-11-21T10:00:00Z", format="date-time")]
    retired_at: Annotated[str | None, about("When another took its place; null for the one that signs.", None)]
    until: Annotated[str | None, about("Until when it is listed; null for the one that signs.", None)]


class KeysOut(Documented):
    """The public keys that verify webhooks."""

    data: Annotated[str, about("The key that signs now, as PEM.", PEM)]
    keys: Annotated[list[KeyOut], about("That key, and earlier ones as long as what they signed is relied on.")]


class CertificateOut(Documented):
    """A client's certificate and its keys, as PEM."""

    certificate: Annotated[
        str, about("The certificate, good for client authentication.", "-----BEGIN CERTIFICATE-----…")
    ]
    certificate_chain: Annotated[str, about("The authority's certificate.", "-----BEGIN CERTIFICATE-----…")]
    private_key: Annotated[str, about("The private key. It is answered once and stored nowhere.", "-----BEGIN…")] = (
        Field(repr=False)
    )
    public_key: Annotated[str, about("The half of the pair that the certificate holds.", PEM)]


@routes.get(
    "/api/webhook-public-key",
    permission=HOSTED_READ,
    counted_as="hosted.read",
    answer=KeysOut,
    summary="Get the public key of webhooks",
)
def get_webhook_public_key(_request: Request[NoPath, NoQuery, NoBody], services: Machines) -> KeysOut:
    """Returns the key with which receivers verify `X-ThunderStack-Signature`: base64 of an RSA signature (PKCS#1 v1.5,
    SHA-256) over the body. After a rotation the key before is listed for a week."""
    keys = services.platform.signing.signatures.public_keys(WEBHOOKS)
    return KeysOut(data=keys[0].pem, keys=[_key_out(key) for key in keys])


@routes.post(
    "/api/nodes/{node_id}/generate-cert",
    contract_path="/api/nodes/{id}/generate-cert",
    permission=HOSTED_CREDENTIALS,
    counted_as="hosted.change",
    audit="hosted_node.generate_cert",
    repeats="each makes another pair; the private key is stored nowhere, and cannot be answered again",
    answer=CertificateOut,
    errors=(404, 409),
    summary="Generate a client certificate",
)
def generate_certificate(request: Request[NodePath, NoQuery, NoBody], services: Machines) -> CertificateOut:
    """Makes a pair of keys and a certificate of the installation's own authority for a client of a node: its subject is
    the node's id, it is good for a year and for client authentication alone. Refused with 409 for a destroyed node."""
    tenant = request.principal.tenant
    node = services.hosted.nodes.get(tenant, request.path.node_id)
    if node.status is Status.DESTROYED:
        raise conflict("The node is DESTROYED")
    issued = services.platform.signing.authority.issue(node.id, tenant)
    services.platform.audit.note(ActedOn("hosted_node", node.id, node.name))
    return CertificateOut(
        certificate=issued.certificate,
        certificate_chain=issued.chain,
        private_key=issued.private_key.reveal(),
        public_key=issued.public_key,
    )


def _key_out(key: PublicKey) -> KeyOut:
    return KeyOut(
        id=key.id, public_key=key.pem, inserted_at=key.inserted_at, retired_at=key.retired_at, until=key.until
    )
