"""`AccountTokens`: tokens for the credentials of service accounts, and who shows one.

A token is a JSON Web Token (RFC 7519) signed with HMAC-SHA256 under the key of its account's row. That row is read at
each request, so a token ends with its secret, and with its account.
"""

from chalicelib.cloud.service_accounts import rules
from chalicelib.cloud.service_accounts.model import Claims, IssuedToken, ServiceAccount
from chalicelib.cloud.service_accounts.store import AccountStore
from chalicelib.kit.clock import Clock
from chalicelib.kit.crypto import Secret, same
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import ActedOn, Tables
from chalicelib.platform.access.hashing import SecretHashes
from chalicelib.platform.audit.service import Audit


class AccountTokens:
    """Issues tokens and proves them."""

    def __init__(self, tables: Tables, clock: Clock, ids: Ids, hashes: SecretHashes, audit: Audit) -> None:
        self._store = AccountStore(tables)
        self._clock = clock
        self._ids = ids
        self._hashes = hashes
        self._audit = audit

    def issue(self, account_id: str, secret: str) -> IssuedToken:
        """A token for the credentials of an account. Raises `EdgeError` (unauthorized): one error for all that is
        wrong. The audit log has it, in the tenant of an account that there is."""
        now = self._clock.now()
        tenant = self._store.owner_of(account_id) if account_id else None
        account = None if tenant is None else self._store.find(tenant, account_id)
        sealed = None if account is None else account.hash_key_sealed
        known = () if account is None else account.secrets
        is_proven = self._hashes.proves(secret, account_id, sealed, [one.hash for one in known])
        if account is None or not is_proven or not account.enabled:
            known_id, known_tenant = ("", "") if account is None else (account.id, account.tenant)
            self._audit.note_failed(ActedOn("service_account", known_id), known_tenant)
            raise rules.wrong_credentials()
        own = self._hashes.hash(secret, account.id, account.hash_key_sealed)
        seconds = int(now.timestamp())
        claims = Claims(
            iss=rules.ISSUER,
            sub=account.id,
            jti=self._ids.uuid7(now),
            iat=seconds,
            exp=seconds + rules.TOKEN_SECONDS,
            sa_id=account.id,
            tenant_id=account.tenant,
            role=account.role,
            sid=next(one.id for one in known if same(one.hash, own)),
        )
        signed = rules.signed_part(claims)
        return IssuedToken(Secret(f"{signed}.{self._signature(signed, account)}"), rules.TOKEN_SECONDS)

    def account_of(self, token: str) -> ServiceAccount | None:
        """The account that shows a token; None for one that is not accepted. One consistent read."""
        parts = rules.parsed(token)
        if parts is None:
            return None
        claims, signed, signature = parts
        account = self._store.find(claims.tenant_id, claims.sa_id)
        if account is None or not same(signature, self._signature(signed, account)):
            return None
        return account if rules.is_good(claims, account, self._clock.now()) else None

    def _signature(self, signed: str, account: ServiceAccount) -> str:
        return rules.encoded(bytes.fromhex(self._hashes.hash(signed, account.id, account.hash_key_sealed)))
