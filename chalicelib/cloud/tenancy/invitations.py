"""`Invitations`: places in a tenant that are offered to addresses, and taken by the reader of the mail."""

from typing import Protocol

from chalicelib.cloud.permissions import TENANT_UPDATE
from chalicelib.cloud.roles.rules import check_given
from chalicelib.cloud.tenancy import rules, store
from chalicelib.cloud.tenancy.model import Invitation, InvitedTo
from chalicelib.cloud.tenancy.service import Tenancy
from chalicelib.cloud.tenancy.store import InvitationStore
from chalicelib.kit.clock import Clock
from chalicelib.kit.contended import is_committed
from chalicelib.kit.errors import EdgeError, Kind, found, rate_limited
from chalicelib.kit.finding import check_found
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Tables, TransactionFailedError, Write
from chalicelib.platform.access.principal import Principal, PrincipalKind
from chalicelib.platform.identity import tenant_store, user_store, verification_store
from chalicelib.platform.identity.model import Subject, User
from chalicelib.platform.identity.rules import address_of, check_whole
from chalicelib.platform.identity.tokens import Token, Tokens, unusable_token
from chalicelib.platform.identity.user_store import UserStore
from chalicelib.platform.limits.rules import limit_of
from chalicelib.platform.limits.service import HOUR_MS, Limits

MAILS_PER_HOUR = 60
"""Invitations that a user, with the programs of its tenants, may have mailed: all share the mails of the
installation."""


class Inviters(Protocol):
    """Tells what those who have sent invitations may do by now."""

    def now(self, invited: InvitedTo) -> Principal:
        """The member or the program that has invited. Raises `EdgeError` (unauthorized, forbidden) for one that has no
        place in the tenant any more."""
        ...


class Invitations:
    """The mail follows from the row of the token in the change stream."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        *,
        tenancy: Tenancy,
        tokens: Tokens,
        limits: Limits,
        inviters: Inviters,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._tenancy = tenancy
        self._tokens = tokens
        self._limits = limits
        self._inviters = inviters
        self._users = UserStore(tables)

    def invite(self, tenant_id: str, email: str, role: str, by: Principal) -> Invitation:
        """Invite the reader of that address. Raises `EdgeError` (validation failed, forbidden), (conflict) for a member
        and for one who is invited, and (rate limited) for too many mails of the inviter, or to that address."""
        address, now = address_of(email), self._clock.now()
        row = self._tenancy.giving.check_new(tenant_id, role, by)
        check_given([TENANT_UPDATE.name], by)  # as at the acceptance, which would be refused
        is_program = by.kind is PrincipalKind.SERVICE_ACCOUNT
        rules.check_inviter(is_known=bool(by.user) or is_program or by.is_operator)
        rules.check_invitations([each.email for each in self.all(tenant_id)], address)
        known = self._users.id_of(address) or self._ids.uuid7(now)
        if self._users.member(tenant_id, known) is not None:
            raise rules.is_a_member()
        owner = row.get("owner") if is_program else None
        self._hold_mails(by.user or str(owner or tenant_id), address)
        invitation_id = self._ids.uuid7(now)
        account = by.id if is_program else ""
        detail = InvitedTo(
            tenant=tenant_id,
            invitation_id=invitation_id,
            role=role,
            user=by.user,
            account=account,
            operator=by.is_operator,
        )
        token = self._tokens.new(Subject.INVITATION, invitation_id, address, detail.model_dump_json())
        made = Invitation(
            id=invitation_id,
            email=address,
            role=role,
            token_id=token.id,
            inviter=by.actor,
            inserted_at=token.inserted_at,
            expires_at=token.expires_at,
        )
        beside: list[Write] = [verification_store.put_verification(token), tenant_store.touch_tenant(tenant_id, now)]
        try:
            self._of(tenant_id).commit(
                [store.put_invitation(made)], verification_store.INVITED, beside=beside, result=made
            )
        except TransactionFailedError as error:
            raise rules.changed_meanwhile() from error
        return made

    def all(self, tenant_id: str) -> list[Invitation]:
        """The open invitations of a tenant, the newest first."""
        return InvitationStore(self._of(tenant_id)).all(self._clock.now())

    def withdraw(self, tenant_id: str, invitation_id: str) -> None:
        """End an invitation: its token is good for nothing. Raises `EdgeError` (not found)."""
        tables, now = self._of(tenant_id), self._clock.now()
        invitation = found(InvitationStore(tables).find(invitation_id))
        check_found(invitation.id, invitation.email)
        beside: list[Write] = [
            verification_store.use(invitation.token_id, now),
            tenant_store.touch_tenant(tenant_id, now),
        ]
        try:
            tables.commit([store.remove_invitation(invitation_id)], "invitation.withdrawn", beside=beside)
        except TransactionFailedError as error:
            raise rules.changed_meanwhile() from error

    def accept(self, token: str, by: Principal) -> InvitedTo:
        """Give the principal's user the place that a token offers. Raises `EdgeError` (validation failed) for a token
        that cannot be used, (forbidden) for one that was mailed to another address, and for a key that has less than
        its user, (conflict) for a member."""
        check_whole(by)
        for _ in self._tables.tries():
            user = self._users.acting(by)
            found_token = self._tokens.find(token, Subject.INVITATION)
            if found_token.verification.address != user.email:
                raise EdgeError(Kind.FORBIDDEN, "The invitation is for another address")
            invited = invited_to(found_token)
            rules.check_new_member(user.member_of, invited.tenant)
            held = self.holding(invited)
            writes = self.accepting(found_token, [*held, *self._tenancy.joining(user, invited.tenant, invited.role)])
            if self.try_accept(invited, writes, "tenant.joined", invited):
                return invited
        raise unusable_token()

    def holding(self, invited: InvitedTo) -> list[Write]:
        """The conditions on which an invitation still holds: its inviter could send it now. Raises `EdgeError`
        (validation failed) if not, as for a token that is unknown. Three reads or more."""
        if invited.operator:
            return []
        if not invited.user and not invited.account:
            raise unusable_token()
        member = self._users.member(invited.tenant, invited.user) if invited.user else None
        try:
            by = self._inviters.now(invited)
            self._tenancy.giving.check(invited.tenant, invited.role, by)
            check_given([TENANT_UPDATE.name], by)
        except EdgeError as error:
            if error.kind not in {Kind.UNAUTHORIZED, Kind.FORBIDDEN, Kind.NOT_FOUND, Kind.VALIDATION_FAILED}:
                raise
            raise unusable_token() from error
        return [user_store.stays_member(member)] if member else []

    def accepting(self, token: Token, joining: list[Write]) -> list[Write]:
        """The writes that use a token and give the place that it offers."""
        return [verification_store.use(token.verification.id, self._clock.now()), *joining]

    def try_accept(self, invited: InvitedTo, writes: list[Write], operation: str, result: User | InvitedTo) -> bool:
        """Commit those writes together with the end of the invitation; returns False if a condition does not hold."""
        gone = store.remove_invitation(invited.invitation_id)
        return is_committed(self._of(invited.tenant), [gone], operation, beside=writes, result=result)

    def _hold_mails(self, inviter: str, address: str) -> None:
        """Count a mail. An invitation that is withdrawn has been mailed, and another one is another mail."""
        of_inviter = limit_of(MAILS_PER_HOUR, HOUR_MS)
        for standing in (
            self._limits.of_subject("invitations", f"invitations#{inviter}", of_inviter),
            self._limits.of_invitations(address, inviter),
        ):
            if standing.wait_seconds:
                raise rate_limited(standing.wait_seconds)

    def _of(self, tenant_id: str) -> Tables:
        return self._tables.scoped(tenant_id)


def invited_to(token: Token) -> InvitedTo:
    """The tenant and role that an invitation's token offers."""
    return InvitedTo.model_validate_json(token.detail)
