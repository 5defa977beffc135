"""Key pairs: credentials for programs."""

from chalicelib.machines.api.auth.models import (
    AcknowledgedOut,
    CodeSent,
    KeyHolderOut,
    KeyPairCreate,
    KeyPairItem,
    KeyPairListOut,
    KeyPairOut,
    KeyPairPath,
    KeyPairsOut,
)
from chalicelib.machines.api.auth.protocol import ANYONE, KEY_HOLDER, USER, Dialect, dialect_of
from chalicelib.machines.api.auth.sessions import hold_mails_to
from chalicelib.machines.permissions import KEY_PAIRS_READ, KEY_PAIRS_WRITE
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.key_text import KeyText, parse, public_half
from chalicelib.platform.access.model import ApiKey
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.identity.model import NewKeyPair, Subject
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Key pairs")


@routes.post(
    "/api/auth/v2/keypair",
    auth=USER,
    permission=KEY_PAIRS_WRITE,
    scope=Scope.TENANT,
    audit="api_key.create",
    answer=KeyPairOut,
    summary="Create a key pair",
)
def create_key_pair(request: Request[NoPath, NoQuery, KeyPairCreate], services: Machines) -> KeyPairOut:
    """Creates a key pair that may do what its maker may, as operator at most. For a user it is good once the code has
    come back that is mailed; a key without a user makes one that is good at once. Refused with 403 for one that would
    outlive the key that makes it, with 429 for too many mails to one address."""
    body, pairs = request.body, services.platform.identity.key_pairs
    address = pairs.address_of(request.principal)
    if address is not None:
        hold_mails_to(address, request.address, services)
    dialect = dialect_of(request.incoming)
    return request.once(
        lambda: pairs.create(body.name, body.days, address, request.principal), lambda made: _show(made, dialect)
    )


@routes.put(
    "/api/auth/v2/keypair/verification",
    auth=ANYONE,
    answer=AcknowledgedOut,
    summary="Verify a key pair",
)
def verify_key_pair(request: Request[NoPath, NoQuery, CodeSent], services: Machines) -> AcknowledgedOut:
    """Takes the code that was mailed for a key pair, which is good from now on. A code can be used once, within ten
    minutes, and five codes can be tried."""
    body = request.body
    services.platform.identity.verifications.verify(body.verification_code_id, body.code, Subject.KEY)
    return AcknowledgedOut()


@routes.get(
    "/api/auth/v2/keypair",
    auth=KEY_HOLDER,
    answer=KeyHolderOut,
    summary="Get the key pair",
)
def get_key_pair(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> KeyHolderOut:
    """Returns the key that asks, and its user."""
    principal, dialect = request.principal, dialect_of(request.incoming)
    user = services.platform.identity.find_user(principal.user) if principal.user else None
    return KeyHolderOut(
        api_key=public_half(principal.id),
        key_id=principal.id,
        key_name=principal.name,
        expire_at=None if principal.expires_at is None else dialect.time(principal.expires_at),
        verified=True,
        user_id=principal.user or None,
        user_name=user.full_name if user else None,
        user_alias=user.alias if user else None,
        roles=(principal.role.value,) if principal.role else (),
        groups=(),
    )


@routes.get(
    "/api/auth/v2/keypairs",
    auth=USER,
    permission=KEY_PAIRS_READ,
    scope=Scope.TENANT,
    answer=KeyPairsOut,
    summary="List key pairs",
)
def list_key_pairs(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> KeyPairsOut:
    """Lists the key pairs that the caller's user, or a key without one, has made; the newest first. A new one may take
    a moment to appear."""
    dialect = dialect_of(request.incoming)
    items = tuple(_item(key, dialect) for key in services.platform.identity.key_pairs.usable(request.principal))
    return KeyPairsOut(items if dialect.has_bare_lists else KeyPairListOut(keys=items))


@routes.delete(
    "/api/auth/v2/keypair/{key_id}",
    auth=USER,
    permission=KEY_PAIRS_WRITE,
    scope=Scope.TENANT,
    audit="api_key.revoke",
    answer=AcknowledgedOut,
    errors=(404,),
    summary="Revoke a key pair",
)
def revoke_key_pair(request: Request[KeyPairPath, NoQuery, NoBody], services: Machines) -> AcknowledgedOut:
    """Has a key pair of the caller's user refused, at once and for good. A key without a user may revoke any of its
    tenant."""
    services.platform.identity.key_pairs.revoke(request.path.key_id, request.principal)
    return AcknowledgedOut()


def _show(made: NewKeyPair, dialect: Dialect) -> KeyPairOut:
    key, text = made.shown.key, parse(made.shown.text.reveal()) or KeyText("", "")
    return KeyPairOut(
        api_key=text.public,
        api_secret=text.secret,
        key_id=key.id,
        key_name=key.name,
        expire_at=dialect.time(key.expires_at or ""),
        verified=key.verified,
        verification_code_id=made.verification_id,
    )


def _item(key: ApiKey, dialect: Dialect) -> KeyPairItem:
    return KeyPairItem(
        api_key=public_half(key.id),
        key_id=key.id,
        id=key.id,
        key_name=key.name,
        name=key.name,
        expire_at=None if key.expires_at is None else dialect.time(key.expires_at),
        verified=key.verified,
    )
