"""`Registration`: how people become users. Every user has proven an address.

A request to register has a token mailed, and writes nothing else: so the answer and the calls are the same whether the
address belongs to a user or not. The token makes the user, with the password that comes with it: one that came with the
request would be that of a stranger who registers an address which another confirms.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from chalicelib.cloud.accounts import rules, store
from chalicelib.cloud.accounts.model import NewUser, Pending
from chalicelib.cloud.accounts.secrets import PasswordSecrets
from chalicelib.cloud.callers.model import Placed
from chalicelib.cloud.permissions import OWNER
from chalicelib.cloud.tenancy.invitations import Invitations, invited_to
from chalicelib.cloud.tenancy.model import InvitedTo
from chalicelib.cloud.tenancy.rules import personal_name, personal_slug
from chalicelib.cloud.tenancy.service import Tenancy
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import ActedOn, Tables, TransactionFailedError, Write
from chalicelib.platform.audit.acting import acting_as
from chalicelib.platform.audit.service import noting_as
from chalicelib.platform.identity.model import Member, Subject, User
from chalicelib.platform.identity.tokens import Token, Tokens
from chalicelib.platform.identity.user_store import UserStore, put_member, put_user
from chalicelib.platform.identity.verification_store import TOKEN_ASKED, USER_REGISTERED, put_verification, use


class Registration:
    """A new user owns a tenant of its own, without quotas."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        *,
        tokens: Tokens,
        secrets: PasswordSecrets,
        tenancy: Tenancy,
        invitations: Invitations,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._tokens = tokens
        self._secrets = secrets
        self._tenancy = tenancy
        self._invitations = invitations
        self._users = UserStore(tables)

    def ask(self, email: str, name: str) -> None:
        """Mail a token to the address. One write, and no read."""
        token = self._tokens.new(Subject.REGISTRATION, email, email, Pending(name=name).model_dump_json())
        self._tables.commit([put_verification(token)], TOKEN_ASKED)

    def verify(self, token: str, password: SecretStr) -> Placed:
        """Make the user that a token is for, with that password. Raises `EdgeError` (validation failed) for a token
        that cannot be used, (conflict) for an address that somebody has registered meanwhile."""
        offered = self._tokens.find(token, Subject.REGISTRATION)
        pending = Pending.model_validate_json(offered.detail)
        email = offered.verification.address or ""
        placed, writes = self._new(email, pending.name, self._secrets.hash(password))
        try:
            with acting_as(placed.user.id, placed.user.tenant):
                self._tables.commit([*writes, use(offered.verification.id, self._clock.now())], USER_REGISTERED)
        except TransactionFailedError as error:
            raise rules.address_taken() from error
        return placed

    def accept(self, wanted: NewUser, token: str) -> Placed:
        """Make a user who is invited, with a place in the tenant that invites. Raises `EdgeError` (forbidden) for a
        token that cannot be used, or was mailed to another address, (conflict) for an address that belongs to a
        user."""
        password = ""
        for _ in self._tables.tries():
            offered = self._invited(wanted.email, token)
            if self._users.id_of(wanted.email) is not None:
                raise rules.address_taken()
            invited, held = self._still_invited(offered)
            password = password or self._secrets.hash(wanted.password)  # once, and for a good token alone
            placed = self._try_accept(wanted, password, offered, invited, held)
            if placed is not None:
                return placed
        raise rules.invitation_needed()

    def _try_accept(
        self, wanted: NewUser, password: str, offered: Token, invited: InvitedTo, held: list[Write]
    ) -> Placed | None:
        """The user who takes the place; None if a condition does not hold. Raises `EdgeError` (conflict) if the address
        belongs to a user by now."""
        placed, writes = self._new(wanted.email, wanted.name, password, invited.tenant)
        user, now = placed.user, self._clock.now()
        joining: list[Write] = [
            *held,
            self._tenancy.opening(invited.tenant, user.id, invited.role),
            put_member(invited.tenant, user.id, invited.role, now),
        ]
        with acting_as(user.id, placed.member.tenant):
            joined = noting_as("tenant.join", ActedOn("tenant", invited.tenant), invited.tenant)
            whole = self._invitations.accepting(offered, [*joining, *writes, joined])
            is_there = self._invitations.try_accept(invited, whole, USER_REGISTERED, user)
        if not is_there:
            if self._users.id_of(wanted.email) is not None:
                raise rules.address_taken()
            return None
        member = Member(tenant=invited.tenant, user_id=user.id, role=invited.role, inserted_at=to_seconds_text(now))
        return Placed(user, member)

    def _invited(self, email: str, token: str) -> Token:
        with _refusing_alike():
            offered = self._tokens.find(token, Subject.INVITATION)
        if offered.verification.address != email:
            raise rules.invitation_needed()
        return offered

    def _still_invited(self, offered: Token) -> tuple[InvitedTo, list[Write]]:
        """The place that is offered, and the conditions on which it is."""
        invited = invited_to(offered)
        with _refusing_alike():
            return invited, self._invitations.holding(invited)

    def _new(self, email: str, name: str, password_hash: str, works_in: str = "") -> tuple[Placed, list[Write]]:
        """A new user with a tenant of its own, and the writes that store both, the address first. ``works_in`` is a
        tenant in which it has a place besides."""
        now = self._clock.now()
        at = to_seconds_text(now)
        user_id, tenant_id = self._ids.uuid7(now), self._ids.uuid7(now)
        user = User(
            id=user_id,
            email=email,
            alias=name,
            full_name=name,
            tenant=works_in or tenant_id,
            tenants=tuple(filter(None, (tenant_id, works_in))),
            inserted_at=at,
            updated_at=at,
        )
        _, tenant = self._tenancy.prepare(tenant_id, personal_name(name), personal_slug(name, user_id), user_id)
        password = store.put_password(user_id, self._secrets.seal(password_hash, user_id), now)
        member = Member(tenant=tenant_id, user_id=user_id, role=OWNER, inserted_at=at)
        writes = [*put_user(user), *tenant, put_member(tenant_id, user_id, OWNER, now), password]
        return Placed(user, member), writes


@contextmanager
def _refusing_alike() -> Iterator[None]:
    """Has a token that cannot be used refused as one that is missing."""
    try:
        yield
    except EdgeError as error:
        if error.kind is not Kind.VALIDATION_FAILED:
            raise
        raise rules.invitation_needed() from error
