"""`Login`: users who show their password get a key, and those who have forgotten it a token by mail.

A known and an unknown address are answered alike, after the same calls. Failures delay the next try of an account, but
only from addresses that it does not know, and never for longer than `rules.LONGEST_DELAY`: no caller locks another out.
"""

from collections.abc import Sequence
from contextlib import suppress

from pydantic import SecretStr

from chalicelib.cloud.accounts import rules, store
from chalicelib.cloud.accounts.model import LoggedIn
from chalicelib.cloud.accounts.secrets import PasswordSecrets
from chalicelib.cloud.callers.service import Callers
from chalicelib.kit.clock import Clock
from chalicelib.kit.crypto import digest
from chalicelib.kit.errors import rate_limited
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import ActedOn, Tables, TransactionFailedError, Write
from chalicelib.platform.audit.acting import acting_as
from chalicelib.platform.audit.service import noting_failure
from chalicelib.platform.identity.model import Subject, User
from chalicelib.platform.identity.tokens import Tokens, unusable_token
from chalicelib.platform.identity.user_keys import KeyHolder, UserKeys
from chalicelib.platform.identity.user_store import UserStore, user_of, user_ref, user_there
from chalicelib.platform.identity.verification_store import TOKEN_ASKED, put_verification, use
from chalicelib.platform.limits.rules import limit_of
from chalicelib.platform.limits.service import Limits

KEY_NAME = "Default Key"


class Login:
    """``limits`` hold one address to a few tries with one account."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        *,
        limits: Limits,
        tokens: Tokens,
        keys: UserKeys,
        secrets: PasswordSecrets,
        callers: Callers,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._limits = limits
        self._tokens = tokens
        self._keys = keys
        self._secrets = secrets
        self._callers = callers
        self._users = UserStore(tables)

    def hold(self, operation: str, address: str, email: str) -> None:
        """Count a request of a network address for an account. Raises `EdgeError` (rate limited)."""
        subject = f"{operation}#{digest(f'{address}/{email}')}"
        standing = self._limits.of_subject(operation, subject, limit_of(rules.TRIES_PER_MINUTE))
        if standing.wait_seconds:
            raise rate_limited(standing.wait_seconds)

    def log_in(self, email: str, password: SecretStr, address: str) -> LoggedIn:
        """A new key of the user. Raises `EdgeError` (unauthorized) for a wrong address or password, (rate limited) for
        an account that takes no try yet."""
        now = self._clock.now()
        user_id = self._users.id_of(email) or self._ids.uuid7(now)
        rows = self._tables.get_many([store.tries_ref(email), store.password_ref(user_id), user_ref(user_id)])
        tries, secret, user_row = rows
        failures, open_at = store.failures_in(tries, now)
        here = digest(address)
        known = store.addresses_in(secret)
        if here not in known and (wait := rules.seconds_to_wait(open_at, now)):
            raise rate_limited(wait)
        user = user_of(user_row)
        if not self._secrets.proves(secret, password) or user is None:
            failed = noting_failure(user.id, user.tenant) if user else noting_failure("", "")
            open_again = now + rules.next_try_after(failures + 1)
            self._tables.commit([store.count_failure(email, open_again, now), failed], "login.failed")
            raise rules.wrong_login()
        beside: list[Write] = []
        if tries is not None:
            beside.append(store.forget_failures(email))
        if here not in known:
            beside.append(store.know_addresses(user.id, [here, *known][: rules.MOST_KNOWN_ADDRESSES]))
        return self._with_a_key(user, beside)

    def _with_a_key(self, user: User, beside: Sequence[Write]) -> LoggedIn:
        """A new key of a user, in one transaction with those writes. Raises `EdgeError` (unauthorized) for one that is
        deleted meanwhile."""
        placed = self._callers.placed(user)
        holder = KeyHolder(user.id, user.id, placed.member.tenant)
        for _ in self._tables.tries():
            shown, writes = self._keys.replaced_for_login(KEY_NAME, holder)
            with suppress(TransactionFailedError), acting_as(user.id, placed.member.tenant):
                self._tables.commit(
                    [*writes, user_there(user.id), *beside], "api_key.created", acts_on=[ActedOn("user", user.id)]
                )
                return LoggedIn(placed, shown)
            if self._users.find(user.id) is None:
                break
        raise rules.wrong_login()

    def forget(self, email: str, source: str) -> None:
        """Mail a token to the address, if it is a user's and has not been sent too many, by its caller or all. One
        read and one write, and two more that count. ``source`` is the caller's IP address."""
        if self._limits.of_mails(email, source).wait_seconds:
            return
        user_id = self._users.id_of(email)
        address = email if user_id else None
        token = self._tokens.new(Subject.PASSWORD, user_id or self._ids.uuid7(self._clock.now()), address)
        self._tables.commit([put_verification(token)], TOKEN_ASKED)

    def reset(self, token: str, password: SecretStr, address: str, *, revoke_keys: bool) -> None:
        """Give a user another password, and have it log in from that network address without a delay: the mail has
        proven who it is. Raises `EdgeError` (validation failed) for a token that cannot be used, or a password that
        breaks a rule."""
        rules.check_password(password.get_secret_value(), "new_password")
        hashed = self._secrets.hash(password)
        for _ in self._tables.tries():
            offered = self._tokens.find(token, Subject.PASSWORD)
            user_id, now = offered.verification.subject_id, self._clock.now()
            user = self._users.find(user_id)
            if user is None:
                raise unusable_token()
            reset: list[Write] = [
                use(offered.verification.id, now),
                user_there(user_id),
                store.change_password(user_id, self._secrets.seal(hashed, user_id), digest(address), now),
                store.forget_failures(offered.verification.address or ""),
            ]
            with suppress(TransactionFailedError), acting_as(user.id, user.tenant):
                ended = self._keys.ending_all(user_id) if revoke_keys else []
                self._tables.commit([*reset, *ended], "password.reset", acts_on=[ActedOn("user", user_id)])
                return
        raise unusable_token()
