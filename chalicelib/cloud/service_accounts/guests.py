"""`TenantGuests`: users, by their keys, and programs of tenants, by their tokens, where they call another family."""

from chalicelib.cloud.callers import rules
from chalicelib.cloud.callers.model import Admitted
from chalicelib.cloud.callers.service import Callers
from chalicelib.cloud.service_accounts.rules import principal_of
from chalicelib.cloud.service_accounts.tokens import AccountTokens
from chalicelib.platform.access.identities import Identities
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.identity import tenant_store


class TenantGuests:
    """The same rights as in the tenant itself, found by the same reads (`platform.access.guests.Guests`)."""

    def __init__(self, callers: Callers, tokens: AccountTokens, identities: Identities) -> None:
        self._callers = callers
        self._tokens = tokens
        self._identities = identities

    def by_key(self, principal: Principal, tenant: str | None, restriction: str) -> Principal:
        return _as_guest(self._callers.resolve(principal, tenant), restriction)

    def home_of(self, principal: Principal) -> str:
        return self._callers.home_of(principal.user)

    def by_token(self, token: str, address: str, tenant: str | None, restriction: str) -> Principal:
        account = self._identities.prove(token, lambda: self._tokens.account_of(token), address)
        admitted = self._callers.of_account(principal_of(account), account.as_member(), tenant)
        return _as_guest(admitted, restriction)


def _as_guest(admitted: Admitted, restriction: str) -> Principal:
    if restriction:
        owned = tenant_store.owned_by(admitted.row, restriction)
        return rules.restricted_to(admitted.principal, restriction, owned)
    rules.check_tier(admitted.row)
    return rules.as_guest(admitted.principal)
