"""The members of a tenant."""

from chalicelib.cloud.api.credentials import MEMBER
from chalicelib.cloud.api.fields import MessageOut, PageQuery
from chalicelib.cloud.api.tenant_models import MemberAdd, MemberOut, MemberPath, RoleChange, TenantPath
from chalicelib.cloud.permissions import TENANT_READ, TENANT_UPDATE
from chalicelib.cloud.tenancy.model import MemberUser
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.errors import bad_request
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.identity.rules import address_of
from chalicelib.web.endpoint import Endpoints, NoContent, Paginated, Request
from chalicelib.web.validation import NoBody, NoQuery

routes = Endpoints(tag="Members", auth=MEMBER, scope=Scope.TENANT)


@routes.get(
    "/tenants/{tenant_id}/members",
    permission=TENANT_READ,
    answer=MemberOut,
    paginated=True,
    summary="List members",
)
def list_members(request: Request[TenantPath, PageQuery, NoBody], services: Cloud) -> Paginated:
    """Lists the members of a tenant with their roles, the oldest user first: a thousand, unless a page is asked for."""
    asked = request.query
    page = services.tenancy.members(request.path.tenant_id, asked.page_size, asked.after)
    return Paginated([_show(one) for one in page.items], page)


@routes.post(
    "/tenants/{tenant_id}/members",
    permission=TENANT_UPDATE,
    audit="tenant.add_member",
    answer=MessageOut,
    errors=(409,),
    summary="Add a member",
)
def add_member(request: Request[TenantPath, NoQuery, MemberAdd], services: Cloud) -> MessageOut:
    """Gives a user, by `email` or `user_id`, a place in the tenant at once; an open invitation of it ends. 404 for
    an unknown user, 409 for a member. A person who is not a user yet can be invited."""
    body = request.body
    if (body.email is None) == (body.user_id is None):
        raise bad_request({"email": ["give either email or user_id"]})
    email = None if body.email is None else address_of(body.email)
    return request.once(
        lambda: services.tenancy.add(request.path.tenant_id, body.user_id, email, body.role, request.principal),
        lambda _: MessageOut(message="The user is a member now"),
    )


@routes.patch(
    "/tenants/{tenant_id}/members/{user_id}",
    permission=TENANT_UPDATE,
    audit="tenant.change_member",
    answer=MemberOut,
    errors=(409,),
    summary="Change a member's role",
)
def change_member(request: Request[MemberPath, NoQuery, RoleChange], services: Cloud) -> MemberOut:
    """Gives a member another role, from its next request on. 409 for the owner."""
    path = request.path
    return _show(services.tenancy.change_role(path.tenant_id, path.user_id, request.body.role, request.principal))


@routes.delete(
    "/tenants/{tenant_id}/members/{user_id}",
    permission=TENANT_UPDATE,
    audit="tenant.remove_member",
    status=204,
    errors=(409,),
    summary="Remove a member",
)
def remove_member(request: Request[MemberPath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """Takes a member's place away: its next request to the tenant is refused. An open invitation of its address
    ends with it. 409 for the owner."""
    services.tenancy.remove(request.path.tenant_id, request.path.user_id, request.principal)
    return NoContent()


def _show(one: MemberUser) -> MemberOut:
    member, user = one
    return MemberOut(
        tenant_id=member.tenant,
        user_id=member.user_id,
        email=user.email,
        name=user.full_name,
        role=member.role,
        joined_at=member.inserted_at,
    )
