"""How callers of the cloud prove who they are, and in which tenant they work."""

from chalicelib.cloud.service_accounts.rules import principal_of
from chalicelib.kit.errors import EdgeError, bad_request, not_found
from chalicelib.platform.access.keys import OPERATOR_KEYS
from chalicelib.platform.access.principal import PrincipalKind
from chalicelib.platform.limits.model import Standing
from chalicelib.web.audience import PUBLIC, Audience, Exchange, admit_by_key, hold_to
from chalicelib.web.exchange import Incoming
from chalicelib.web.guests import is_token, named_tenant
from chalicelib.web.validation import NOT_A_UUID, read_uuid

KEY_HEADER = "x-api-key"

TENANT = "tenant_id"
"""The path variable of a tenant."""

SCHEMES = {
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key of a user (`thecloud_…`), a named key (`edge_…`), or a key of the operator",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The same keys, or the token of a service account"},
}


def offered_key(incoming: Incoming) -> str | None:
    """The key of a request, by either header; None without one, or if it was sent more than once."""
    values = incoming.headers.get(KEY_HEADER, ())
    if not values:
        return incoming.bearer()
    return values[0].strip() or None if len(values) == 1 else None


def _admit_key(exchange: Exchange) -> None:
    """Admits the holder of a key, or of a service account's token, within its limit, before anything is read about its
    tenant. An account stands in the exchange as the caller."""
    incoming, edge = exchange.incoming, exchange.edge
    token = incoming.bearer() or ""
    if edge.settings.auth_enabled and KEY_HEADER not in incoming.headers and is_token(token):
        tokens = exchange.services.account_tokens
        account = edge.identities.prove(token, lambda: tokens.account_of(token), incoming.address)
        exchange.principal, exchange.caller = principal_of(account), account.as_member()
    else:
        admit_by_key(exchange, offered_key(incoming), OPERATOR_KEYS, sessions=True)
    hold_to(exchange, edge.limits.of_principal(exchange.principal))


def _counted(exchange: Exchange) -> Standing | None:
    """The rest of the caller's limit: the request has been counted."""
    return exchange.standing


def _work_in(exchange: Exchange, tenant: str | None) -> None:
    """Has the caller be what it is in that tenant. Views find its user in ``request.caller``."""
    callers, principal = exchange.services.callers, exchange.principal
    if principal.kind is PrincipalKind.SERVICE_ACCOUNT:
        admitted = callers.of_account(principal, exchange.caller, tenant)
    else:
        admitted = callers.resolve(principal, tenant)
    exchange.principal, exchange.caller = admitted.principal, admitted.placed


def _admit(exchange: Exchange) -> None:
    """Admits a caller as what it is in the tenant that its header names, or else in the one that it works in."""
    _admit_key(exchange)
    _work_in(exchange, named_tenant(exchange.incoming))


def _admit_to_tenant(exchange: Exchange) -> None:
    """Admits a caller as what it is in the tenant of the path. Raises `EdgeError` (not found) for one in which it has
    no place, be there one or not."""
    _admit_key(exchange)
    wanted = _lowered(exchange.incoming.path[TENANT])
    try:
        _work_in(exchange, wanted)
    except EdgeError as error:
        if error.code == "forbidden":
            raise not_found() from error
        raise


def _lowered(sent: str) -> str:
    try:
        return read_uuid(sent)
    except ValueError:
        raise bad_request({"id": [NOT_A_UUID]}) from None


ANYONE = PUBLIC
"""Anyone, within a rate for each source address."""

_REFUSED = frozenset({400, 401, 403, 429})

USER = Audience(name="user", admit=_admit, schemes=SCHEMES, statuses=_REFUSED, by_permission=True, limit=_counted)
"""Users of a tenant and holders of keys."""

SELF = Audience(name="self", admit=_admit, schemes=SCHEMES, statuses=_REFUSED)
"""The same, for the caller's own user alone."""

MEMBER = Audience(
    name="member",
    admit=_admit_to_tenant,
    schemes=SCHEMES,
    statuses=_REFUSED | {404},
    by_permission=True,
    limit=_counted,
)
"""Members of the tenant that the path names, and the operator."""

OPERATOR = Audience(
    name="operator", admit=_admit, schemes=SCHEMES, statuses=_REFUSED, by_permission=True, limit=_counted
)
"""The operator of the installation."""
