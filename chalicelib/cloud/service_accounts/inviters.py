"""`TenantInviters`: members and programs that have invited somebody, as what they are by now."""

from chalicelib.cloud.callers.service import Callers
from chalicelib.cloud.service_accounts.rules import principal_of
from chalicelib.cloud.service_accounts.store import AccountStore
from chalicelib.cloud.tenancy.model import InvitedTo
from chalicelib.cloud.tenancy.rules import not_a_member
from chalicelib.kit.tables import Tables
from chalicelib.platform.access.principal import Principal, PrincipalKind


class TenantInviters:
    """Their rights are found as those of callers (`tenancy.invitations.Inviters`)."""

    def __init__(self, tables: Tables, callers: Callers) -> None:
        self._accounts = AccountStore(tables)
        self._callers = callers

    def now(self, invited: InvitedTo) -> Principal:
        if invited.user:
            user = Principal(kind=PrincipalKind.USER, user=invited.user)
            return self._callers.resolve(user, invited.tenant).principal
        account = self._accounts.find(invited.tenant, invited.account)
        if account is None or not account.enabled:
            raise not_a_member()
        return self._callers.of_account(principal_of(account), account.as_member(), None).principal
