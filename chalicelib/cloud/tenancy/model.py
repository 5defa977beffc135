"""The models of tenants, of their members, and of invitations."""

from typing import NamedTuple

from pydantic import BaseModel

from chalicelib.platform.identity.model import Member, User


class Tenant(BaseModel, frozen=True):
    """A tenant, as its members see it. ``owner`` is the id of a user, None for one that the operator made and that
    has no owner yet. ``quotas`` are the limits that the operator has granted, by name. Times are seconds text."""

    id: str
    name: str
    slug: str | None = None
    owner: str | None = None
    quotas: dict[str, int] = {}
    inserted_at: str
    updated_at: str


class MemberUser(NamedTuple):
    """A member of a tenant, and its user."""

    member: Member
    user: User


class Invitation(BaseModel, frozen=True):
    """An invitation of the reader of ``email`` to a place with that ``role``, which ``token_id`` can be used for.
    ``inviter`` is the actor who invites. Times are seconds text."""

    id: str
    email: str
    role: str
    token_id: str
    inviter: str
    inserted_at: str
    expires_at: str


class InvitedTo(BaseModel, frozen=True):
    """The detail of an invitation's token. ``user`` or ``account`` is the id of the member or program that invites,
    the other is ""; both are for the ``operator``."""

    tenant: str
    invitation_id: str
    role: str
    user: str = ""
    account: str = ""
    operator: bool = False
