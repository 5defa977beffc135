"""`ServiceAccounts`: accounts of programs in a tenant, and their secrets."""

from chalicelib.cloud.commits import changed_meanwhile, commit_of_tenant
from chalicelib.cloud.names import check_count, check_name
from chalicelib.cloud.roles.policies import Policies
from chalicelib.cloud.roles.rules import check_allowed, check_attached
from chalicelib.cloud.service_accounts import rules, store
from chalicelib.cloud.service_accounts.model import AccountSecret, ServiceAccount, ShownAccount
from chalicelib.cloud.service_accounts.store import AccountStore
from chalicelib.cloud.tenancy.giving import Giving
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.crypto import Secret
from chalicelib.kit.errors import found
from chalicelib.kit.finding import check_found
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Delete, Put, Tables, Write
from chalicelib.platform.access.hashing import SecretHashes
from chalicelib.platform.access.principal import Principal


class ServiceAccounts:
    """The maker of an account, and the reader of its secret, needs the rights that it has. Each change touches the
    tenant's row, which the audit log tells."""

    def __init__(
        self, tables: Tables, clock: Clock, ids: Ids, *, hashes: SecretHashes, giving: Giving, policies: Policies
    ) -> None:
        self._tables = tables
        self._store = AccountStore(tables)
        self._clock = clock
        self._ids = ids
        self._hashes = hashes
        self._giving = giving
        self._policies = policies

    def all(self, tenant: str) -> list[ServiceAccount]:
        """The accounts of a tenant, the oldest first. A new one may take a moment to appear."""
        return self._store.all(tenant)

    def get(self, tenant: str, account_id: str) -> ServiceAccount:
        """Raises `EdgeError` (not found)."""
        account = found(self._store.find(tenant, account_id))
        check_found(account.id, account.name)
        return account

    def create(self, tenant: str, name: str, description: str, role: str, by: Principal) -> ShownAccount:
        """Make an account with a secret. Raises `EdgeError` (validation failed, forbidden), and (conflict) for one too
        many."""
        check_name(name)
        self._giving.check(tenant, role, by)
        check_count("service accounts", len(self.all(tenant)), rules.MOST_ACCOUNTS)
        now = self._clock.now()
        account_id = self._ids.uuid7(now)
        at = to_seconds_text(now)
        empty = ServiceAccount(
            id=account_id,
            tenant=tenant,
            name=name,
            description=description,
            role=role,
            inserted_at=at,
            updated_at=at,
            hash_key_sealed=self._hashes.new_key(account_id),
        )
        shown = self._with_secret(empty)
        self._write(tenant, store.put_account(shown.account), store.put_owner(shown.account), result=shown)
        return shown

    def change(
        self,
        tenant: str,
        account_id: str,
        by: Principal,
        *,
        name: str | None,
        description: str | None,
        role: str | None,
        enabled: bool | None,
    ) -> ServiceAccount:
        """Change the values that are given; one that is disabled is refused by the next request. Raises `EdgeError`
        (not found, validation failed, forbidden, conflict)."""
        old = self.get(tenant, account_id)
        if name is not None:
            check_name(name)
        if role is not None:
            self._giving.check_other(tenant, old.role, role, by)
        if enabled and not old.enabled:
            self._check_within(old, by)
        given = {"name": name, "description": description, "role": role, "enabled": enabled}
        values = {key: value for key, value in given.items() if value is not None}
        return self._replace(old, {**values})

    def delete(self, tenant: str, account_id: str) -> None:
        """The account and all its tokens are refused from the next request on. Raises `EdgeError` (not found)."""
        old = self.get(tenant, account_id)
        self._write(tenant, store.delete_account(old), store.delete_owner(old), result=None)

    def rotate(self, tenant: str, account_id: str, by: Principal) -> ShownAccount:
        """Give the account a new secret in place of all others, with which their tokens end. Raises `EdgeError` (not
        found, conflict), and (forbidden) for an account that may do more than the caller."""
        old = self.get(tenant, account_id)
        self._check_within(old, by)
        shown = self._with_secret(old.model_copy(update={"secrets": ()}))
        self._write(tenant, store.replace_account(old, shown.account), result=shown)
        return shown

    def revoke(self, tenant: str, account_id: str, secret_id: str) -> None:
        """End a secret, and the tokens that were issued for it. Raises `EdgeError` (not found, conflict)."""
        old = self.get(tenant, account_id)
        left = tuple(secret for secret in old.secrets if secret.id != secret_id)
        found(secret_id if len(left) < len(old.secrets) else None)
        self._replace(old, {"secrets": left})

    def attach(self, tenant: str, account_id: str, policy_id: str, by: Principal) -> None:
        """Attach a policy; one that is attached stays so. Raises `EdgeError` (not found, forbidden, conflict)."""
        policy = self._policies.get(tenant, policy_id)
        check_allowed(policy, by)
        old = self.get(tenant, account_id)
        if policy_id not in old.policies:
            check_attached(old.policies)
        self._replace(old, {"policies": tuple(dict.fromkeys((*old.policies, policy_id)))})

    def detach(self, tenant: str, account_id: str, policy_id: str, by: Principal) -> None:
        """Raises `EdgeError` (not found) for a policy that is not attached, (forbidden, conflict)."""
        old = self.get(tenant, account_id)
        self._policies.check_detaching(tenant, policy_id, by)
        found(policy_id if policy_id in old.policies else None)
        self._replace(old, {"policies": tuple(one for one in old.policies if one != policy_id)})

    def _check_within(self, account: ServiceAccount, by: Principal) -> None:
        """Raises `EdgeError` (forbidden) for an account that may do more than the principal."""
        self._giving.check(account.tenant, account.role, by)
        for policy in self._policies.find(account.tenant, account.policies):
            check_allowed(policy, by)

    def _with_secret(self, account: ServiceAccount) -> ShownAccount:
        now = self._clock.now()
        text = f"{rules.PREFIX}{self._ids.token_bytes(rules.SECRET_BYTES).hex()}"
        made = AccountSecret(
            id=self._ids.uuid7(now),
            hash=self._hashes.hash(text, account.id, account.hash_key_sealed),
            inserted_at=to_seconds_text(now),
        )
        values = {"secrets": (*account.secrets, made), "updated_at": to_seconds_text(now)}
        return ShownAccount(account.model_copy(update=values), Secret(text))

    def _replace(self, old: ServiceAccount, values: dict[str, object]) -> ServiceAccount:
        new = old.model_copy(update={**values, "updated_at": to_seconds_text(self._clock.now())})
        self._write(old.tenant, store.replace_account(old, new), result=new)
        return new

    def _write(self, tenant: str, write: Put | Delete, *beside: Write, result: object) -> None:
        now, operation, refused = self._clock.now(), "tenant.service_accounts_changed", changed_meanwhile("the account")
        commit_of_tenant(self._tables, tenant, [write], operation, now, result=result, refused=refused, beside=beside)
