"""The container of the cloud."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.cloud.wiring.compute import ComputeParts

if TYPE_CHECKING:
    from chalicelib.cloud.accounts.leaving import Leaving
    from chalicelib.cloud.accounts.login import Login
    from chalicelib.cloud.accounts.registration import Registration
    from chalicelib.cloud.accounts.secrets import PasswordSecrets
    from chalicelib.cloud.callers.service import Callers
    from chalicelib.cloud.roles.policies import Policies
    from chalicelib.cloud.roles.service import Roles
    from chalicelib.cloud.service_accounts.guests import TenantGuests
    from chalicelib.cloud.service_accounts.inviters import TenantInviters
    from chalicelib.cloud.service_accounts.service import ServiceAccounts
    from chalicelib.cloud.service_accounts.tokens import AccountTokens
    from chalicelib.cloud.storage.wiring import Storage
    from chalicelib.cloud.tenancy.clusters import OwnedClusters
    from chalicelib.cloud.tenancy.invitations import Invitations
    from chalicelib.cloud.tenancy.service import Tenancy
    from chalicelib.platform.access.hashing import SecretHashes
    from chalicelib.platform.access.passwords import Passwords
    from chalicelib.platform.billing.service import Bills
    from chalicelib.platform.secrets.service import Secrets
    from chalicelib.web.results import HealthCheck


class Cloud(ComputeParts):
    """The parts of the cloud by name, made of the parts of the platform."""

    @cached_property
    def callers(self) -> Callers:
        from chalicelib.cloud.callers.service import Callers

        return Callers(self.platform.tables)

    @cached_property
    def roles(self) -> Roles:
        from chalicelib.cloud.roles.service import Roles

        platform = self.platform
        return Roles(
            platform.tables,
            platform.clock,
            platform.ids,
            known=lambda: {permission.name for permission in platform.families.permissions},
            given=self._given_roles,
        )

    @cached_property
    def policies(self) -> Policies:
        from chalicelib.cloud.roles.policies import Policies

        return Policies(self.platform.tables, self.platform.clock, self.platform.ids, self.roles)

    @cached_property
    def tenancy(self) -> Tenancy:
        from chalicelib.cloud.tenancy.service import Tenancy

        platform = self.platform
        granted = {name: int(number) for name, _, number in (q.partition("=") for q in platform.settings.tenant_quotas)}
        return Tenancy(platform.tables, platform.clock, platform.ids, platform.quotas, self.roles, granted)

    @cached_property
    def invitations(self) -> Invitations:
        from chalicelib.cloud.tenancy.invitations import Invitations

        platform = self.platform
        return Invitations(
            platform.tables,
            platform.clock,
            platform.ids,
            tenancy=self.tenancy,
            tokens=platform.identity.tokens,
            limits=platform.limits,
            inviters=self.inviters,
        )

    @cached_property
    def inviters(self) -> TenantInviters:
        from chalicelib.cloud.service_accounts.inviters import TenantInviters

        return TenantInviters(self.platform.tables, self.callers)

    @cached_property
    def passwords(self) -> Passwords:
        """The hasher of passwords; tests put a faster one in its place."""
        from chalicelib.platform.access.passwords import Argon2Passwords

        return Argon2Passwords(self.platform.ids.token_bytes)

    @cached_property
    def password_secrets(self) -> PasswordSecrets:
        from chalicelib.cloud.accounts.secrets import PasswordSecrets

        return PasswordSecrets(self.passwords, self.platform.sealer)

    @cached_property
    def registration(self) -> Registration:
        from chalicelib.cloud.accounts.registration import Registration

        platform = self.platform
        return Registration(
            platform.tables,
            platform.clock,
            platform.ids,
            tokens=platform.identity.tokens,
            secrets=self.password_secrets,
            tenancy=self.tenancy,
            invitations=self.invitations,
        )

    @cached_property
    def login(self) -> Login:
        from chalicelib.cloud.accounts.login import Login

        platform = self.platform
        return Login(
            platform.tables,
            platform.clock,
            platform.ids,
            limits=platform.limits,
            tokens=platform.identity.tokens,
            keys=platform.identity.user_keys,
            secrets=self.password_secrets,
            callers=self.callers,
        )

    @cached_property
    def leaving(self) -> Leaving:
        from chalicelib.cloud.accounts.leaving import Leaving

        return Leaving(self.platform.tables, self.platform.clock, self.tenancy)

    @cached_property
    def account_hashes(self) -> SecretHashes:
        from chalicelib.cloud.service_accounts.store import ACCOUNTS
        from chalicelib.platform.access.hashing import SecretHashes

        return SecretHashes(self.platform.sealer, self.platform.ids, ACCOUNTS)

    @cached_property
    def service_accounts(self) -> ServiceAccounts:
        from chalicelib.cloud.service_accounts.service import ServiceAccounts

        platform = self.platform
        return ServiceAccounts(
            platform.tables,
            platform.clock,
            platform.ids,
            hashes=self.account_hashes,
            giving=self.tenancy.giving,
            policies=self.policies,
        )

    @cached_property
    def account_tokens(self) -> AccountTokens:
        from chalicelib.cloud.service_accounts.tokens import AccountTokens

        platform = self.platform
        return AccountTokens(platform.tables, platform.clock, platform.ids, self.account_hashes, platform.audit)

    @cached_property
    def guests(self) -> TenantGuests:
        from chalicelib.cloud.service_accounts.guests import TenantGuests

        return TenantGuests(self.callers, self.account_tokens, self.platform.identities)

    def _given_roles(self, tenant: str) -> set[str]:
        """The roles that service accounts of a tenant have and its open invitations offer."""
        accounts, invitations = self.service_accounts.all(tenant), self.invitations.all(tenant)
        return {*(account.role for account in accounts), *(invitation.role for invitation in invitations)}

    @cached_property
    def owned_clusters(self) -> OwnedClusters:
        from chalicelib.cloud.tenancy.clusters import OwnedClusters
        from chalicelib.fleet.public import fleet_of

        return OwnedClusters(self.platform.tables, self.platform.clock, fleet_of(self.platform))

    @cached_property
    def storage(self) -> Storage:
        from chalicelib.cloud.storage.wiring import Storage

        return Storage(self.platform)

    @cached_property
    def bills(self) -> Bills:
        from chalicelib.platform.billing.wiring import bills_of

        return bills_of(self.platform)

    def secrets(self, tenant: str) -> Secrets:
        """The secrets of a tenant."""
        from chalicelib.platform.secrets.wiring import secrets_of

        return secrets_of(self.platform, tenant)

    def health_checks(self) -> list[HealthCheck]:
        """The dependencies of requests: a read of a row that is not there, and a queue that answers."""
        from chalicelib.platform.identity.tenant_store import TENANTS
        from chalicelib.platform.mail.queues import MAILS
        from chalicelib.web.results import HealthCheck

        platform = self.platform
        return [
            HealthCheck("database", lambda: platform.tables.get(TENANTS, {"id": "-"}, consistent=False)),
            HealthCheck("queue", lambda: platform.queues.check(MAILS)),
        ]
