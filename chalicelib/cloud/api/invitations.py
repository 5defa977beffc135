"""Invitations to a tenant."""

from chalicelib.cloud.api.credentials import MEMBER, SELF
from chalicelib.cloud.api.fields import MessageOut
from chalicelib.cloud.api.tenant_models import (
    InvitationCreate,
    InvitationOut,
    InvitationPath,
    InvitationsOut,
    TenantPath,
    TokenPath,
)
from chalicelib.cloud.permissions import TENANT_READ, TENANT_UPDATE
from chalicelib.cloud.tenancy.model import Invitation
from chalicelib.cloud.wiring import Cloud
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoQuery

routes = Endpoints(tag="Invitations")


@routes.post(
    "/tenants/{tenant_id}/invitations",
    auth=MEMBER,
    permission=TENANT_UPDATE,
    scope=Scope.TENANT,
    audit="tenant.invite",
    answer=InvitationOut,
    status=201,
    errors=(409,),
    summary="Invite somebody",
)
def create_invitation(request: Request[TenantPath, NoQuery, InvitationCreate], services: Cloud) -> Created:
    """Offers a place in the tenant by mail, for a week, to a user or to somebody who registers with it. The first owner
    of a tenant is invited so. 409 for the address of a member, and while an invitation of it is open; 403 for
    a member that a policy denies `tenant:update` in part."""
    body, tenant_id = request.body, request.path.tenant_id
    return request.once(
        lambda: services.invitations.invite(tenant_id, body.email, body.role, request.principal),
        lambda made: Created(_show(made, tenant_id)),
    )


@routes.get(
    "/tenants/{tenant_id}/invitations",
    auth=MEMBER,
    permission=TENANT_READ,
    scope=Scope.TENANT,
    answer=InvitationsOut,
    summary="List invitations",
)
def list_invitations(request: Request[TenantPath, NoQuery, NoBody], services: Cloud) -> InvitationsOut:
    """Lists the open invitations of a tenant, the newest first."""
    tenant_id = request.path.tenant_id
    return InvitationsOut(tuple(_show(one, tenant_id) for one in services.invitations.all(tenant_id)))


@routes.delete(
    "/tenants/{tenant_id}/invitations/{invitation_id}",
    auth=MEMBER,
    permission=TENANT_UPDATE,
    scope=Scope.TENANT,
    audit="tenant.withdraw_invitation",
    status=204,
    errors=(409,),
    summary="Withdraw an invitation",
)
def withdraw_invitation(request: Request[InvitationPath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """Withdraws an invitation: its token is good for nothing from now on."""
    services.invitations.withdraw(request.path.tenant_id, request.path.invitation_id)
    return NoContent()


@routes.post(
    "/tenants/invitations/{token}/accept",
    auth=SELF,
    audit="tenant.join",
    repeats="a token can be used once",
    answer=MessageOut,
    errors=(404, 409),
    summary="Accept an invitation",
)
def accept_invitation(request: Request[TokenPath, NoQuery, NoBody], services: Cloud) -> MessageOut:
    """Gives the caller's user the place that the token of a mail offers, as long as its inviter could send it now:
    else 400, as for an unknown token. 403 for one that was mailed to another address and for a key that has less than
    its user, 409 for a user who has as many tenants as one may have, 404 for a key without a user."""
    services.invitations.accept(request.path.token.get_secret_value(), request.principal)
    return MessageOut(message="You are a member now")


def _show(invitation: Invitation, tenant_id: str) -> InvitationOut:
    return InvitationOut(
        id=invitation.id,
        tenant_id=tenant_id,
        email=invitation.email,
        role=invitation.role,
        invited_by=invitation.inviter or "anyone",
        created_at=invitation.inserted_at,
        expires_at=invitation.expires_at,
    )
