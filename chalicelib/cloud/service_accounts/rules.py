"""The rules of service accounts and their tokens. Pure."""

import base64
import json
from datetime import datetime

from pydantic import ValidationError

from chalicelib.cloud.service_accounts.model import Claims, ServiceAccount
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables.tenants import is_tenant
from chalicelib.platform.access.principal import Principal, PrincipalKind

MOST_ACCOUNTS = 100
TOKEN_SECONDS = 3_600
SECRET_BYTES = 32
PREFIX = "sa_"
ISSUER = "thecloud"

_HEADER = {"alg": "HS256", "typ": "JWT"}
_PARTS = 3
_LONGEST_TOKEN = 2_048


def encoded(raw: bytes) -> str:
    """Bytes as a part of a token (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def signed_part(claims: Claims) -> str:
    """The parts of a token that are signed: its header and its claims."""
    header, body = (json.dumps(each, separators=(",", ":")).encode() for each in (_HEADER, claims.model_dump()))
    return f"{encoded(header)}.{encoded(body)}"


def parsed(token: str | None) -> tuple[Claims, str, str] | None:
    """The claims of a token, unproven, with its signed part and its signature; None for a text that is not a token of
    this form. Another algorithm than HS256 is refused."""
    parts = (token or "").split(".")
    if len(parts) != _PARTS or len(token or "") > _LONGEST_TOKEN or parts[0] != encoded(_header()):
        return None
    try:
        body = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = Claims.model_validate_json(body)
    except (ValueError, ValidationError):
        return None
    if not is_tenant(claims.tenant_id) or not claims.sa_id:
        return None
    return claims, f"{parts[0]}.{parts[1]}", parts[2]


def _header() -> bytes:
    return json.dumps(_HEADER, separators=(",", ":")).encode()


def is_good(claims: Claims, account: ServiceAccount, now: datetime) -> bool:
    """Whether a token with these claims, which its signature proves, is accepted: not after its end, nor once its
    account is disabled or its secret is gone."""
    is_known = claims.sid in {secret.id for secret in account.secrets}
    return (
        claims.iss == ISSUER
        and account.enabled
        and is_known
        and claims.iat <= now.timestamp() + 60
        and (now.timestamp() < claims.exp)
    )


def principal_of(account: ServiceAccount) -> Principal:
    """The account as a caller, without rights until those of its role are found."""
    kind = PrincipalKind.SERVICE_ACCOUNT
    return Principal(
        kind=kind, actor=f"{kind.value}:{account.id}", id=account.id, name=account.name, tenant=account.tenant
    )


def wrong_credentials() -> EdgeError:
    """The one error for an unknown account, a wrong secret and a disabled account."""
    return EdgeError(Kind.UNAUTHORIZED, "Wrong client_id or client_secret", code="unauthorized")
