"""Roles of a tenant, and the role of each member."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import RootModel

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import EMAIL, TENANT_ID, TIME, USER_ID, PageQuery, Sent, Shown
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.permissions import RBAC_READ, RBAC_WRITE
from chalicelib.cloud.roles.model import Role
from chalicelib.cloud.tenancy.model import MemberUser
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, NoContent, Paginated, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Path, Timestamp

routes = Endpoints(tag="Roles", auth=USER, scope=Scope.TENANT)

_ROLE_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021aa"
_PERMISSIONS = ("instance:read", "vpc:read")

PermissionName = Annotated[str, MinLen(1), MaxLen(64), about("Name of a permission, or `*` for all.", "vpc:read")]


class RolePath(Path):
    role_id: Annotated[str, MinLen(1), MaxLen(64), about("Id or name of a role.", _ROLE_ID)]


class RoleOfPermissionsPath(Path):
    role_id: Annotated[str, MinLen(1), MaxLen(64), about("Id or name of the role that gets it.", _ROLE_ID)]


class RolePermissionPath(Path):
    role_id: Annotated[str, MinLen(1), MaxLen(64), about("Id or name of the role that loses it.", _ROLE_ID)]
    permission: Annotated[str, MinLen(1), MaxLen(64), about("Name of the permission to take away.", "vpc:read")]


class RoleCreate(Sent):
    """A role, as it is asked for."""

    name: Annotated[str, MinLen(1), MaxLen(64), about("Name of the role, unique in its tenant.", "auditor")]
    description: Annotated[str, MaxLen(255), about("Purpose of the role, for people.", "reads the log")] = ""
    permissions: Annotated[
        tuple[PermissionName, ...], MaxLen(200), about("Permissions of the role.", _PERMISSIONS)
    ] = ()


class RoleReplace(Sent):
    """Other values of a role; those that are missing stay."""

    description: Annotated[str | None, MaxLen(255), about("New purpose of the role.", "reads the log")] = None
    permissions: Annotated[
        tuple[PermissionName, ...] | None, MaxLen(200), about("All permissions that it has then.", _PERMISSIONS)
    ] = None


class PermissionAdd(Sent):
    """A further permission of a role."""

    permission: PermissionName


class BindingCreate(Sent):
    """A member who gets a role."""

    user_identifier: Annotated[str, MinLen(1), MaxLen(255), about("Id or mail address of a member.", EMAIL)]
    role_name: Annotated[str, MinLen(1), MaxLen(64), about("Name of the role to give.", "auditor")]


class RoleOut(Shown):
    """A role of a tenant."""

    id: Annotated[str, about("UUID of the role; its name for those that every tenant has.", _ROLE_ID)]
    name: Annotated[str, about("Name that the role was given.", "auditor")]
    description: Annotated[str, about("Purpose that the role was given.", "reads the log")]
    permissions: Annotated[tuple[str, ...], about("Names of its permissions; `*` is all.", _PERMISSIONS)]


class RolesOut(RootModel[tuple[RoleOut, ...]]):
    """The roles of the tenant: those that every tenant has first, the others by name."""


class BoundUserOut(Shown):
    """A member with its role."""

    id: Annotated[str, about("UUID of the member's user.", USER_ID, format="uuid")]
    tenant_id: Annotated[str, about("UUID of the tenant that gives the role.", TENANT_ID, format="uuid")]
    email: Annotated[str, about("Mail address of the user with the role.", EMAIL)]
    name: Annotated[str, about("Name of the user with the role.", "Ada Lovelace")]
    role: Annotated[str, about("Name of the role that it has.", "auditor")]
    created_at: Annotated[Timestamp, about("Time at which the member's user registered.", TIME)]
    updated_at: Annotated[Timestamp, about("Time of the last change of the member's user.", TIME)]


def _show(role: Role, _tenant: str) -> RoleOut:
    return RoleOut(id=role.id, name=role.name, description=role.description, permissions=role.permissions)


ROLES = Kind(
    routes=routes,
    collection="/rbac/roles",
    path=RolePath,
    one="a role",
    many="roles",
    name="role",
    names="roles",
    of=lambda services: services.roles,
    show=_show,
    shown=RoleOut,
    read=RBAC_READ,
)
ROLES.creates(
    RoleCreate,
    lambda services, by, body: services.roles.create(by.tenant, body.name, body.description, body.permissions, by),
    """Makes a role of the tenant. It may hold what the caller may, and no more. 409 for a name that is taken, 404 for a
    tenant that has no row, as the operator's.""",
    _show,
    permission=RBAC_WRITE,
    errors=(404, 409),
)
ROLES.lists(
    """Lists the roles of the tenant, fifty of its own at most.""",
    lambda services, tenant: services.roles.all(tenant),
    RolesOut,
)
ROLES.gets("""Returns a role by its id or name.""")
ROLES.changes(
    "PUT",
    RoleReplace,
    lambda services, by, role_id, body: services.roles.change(
        by.tenant, role_id, by, description=body.description, permissions=body.permissions
    ),
    """Changes a role, for all its members from their next request on. 409 for one that every tenant has.""",
    permission=RBAC_WRITE,
    verb="replace",
)
ROLES.deletes(
    """Deletes a role. 409 for one that every tenant has, or that a member, a service account or an open invitation
    has.""",
    permission=RBAC_WRITE,
)


@routes.post(
    "/rbac/roles/{role_id}/permissions",
    permission=RBAC_WRITE,
    audit="tenant.change_role",
    status=204,
    errors=(404, 409),
    summary="Add a permission",
)
def add_role_permission(request: Request[RoleOfPermissionsPath, NoQuery, PermissionAdd], services: Cloud) -> NoContent:
    """Adds a permission to a role; one that it has stays."""
    by = request.principal
    return request.once(
        lambda: services.roles.add_permission(by.tenant, request.path.role_id, request.body.permission, by),
        lambda _: NoContent(),
    )


@routes.delete(
    "/rbac/roles/{role_id}/permissions/{permission}",
    permission=RBAC_WRITE,
    audit="tenant.change_role",
    status=204,
    errors=(404, 409),
    summary="Take a permission away",
)
def remove_role_permission(request: Request[RolePermissionPath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """Takes a permission from a role. 404 for one that it lacks."""
    path = request.path
    services.roles.remove_permission(request.principal.tenant, path.role_id, path.permission)
    return NoContent()


@routes.post(
    "/rbac/bindings",
    permission=RBAC_WRITE,
    audit="tenant.change_member",
    status=204,
    errors=(404, 409),
    summary="Give a member a role",
)
def create_binding(request: Request[NoPath, NoQuery, BindingCreate], services: Cloud) -> NoContent:
    """Gives a member, by its id or mail address, a role in place of the one that it has. 404 for one who is not a
    member, 409 for the owner."""
    body, by = request.body, request.principal
    return request.once(
        lambda: services.tenancy.bind(by.tenant, body.user_identifier, body.role_name, by), lambda _: NoContent()
    )


@routes.get(
    "/rbac/bindings",
    permission=RBAC_READ,
    answer=BoundUserOut,
    paginated=True,
    summary="List roles of members",
)
def list_bindings(request: Request[NoPath, PageQuery, NoBody], services: Cloud) -> Paginated:
    """Lists the members of the tenant with their roles, the oldest user first: a thousand, unless a page is asked
    for."""
    asked = request.query
    page = services.tenancy.members(request.principal.tenant, asked.page_size, asked.after)
    return Paginated([_bound(one) for one in page.items], page)


def _bound(one: MemberUser) -> BoundUserOut:
    member, user = one
    return BoundUserOut(
        id=user.id,
        tenant_id=member.tenant,
        email=user.email,
        name=user.full_name,
        role=member.role,
        created_at=user.inserted_at,
        updated_at=user.updated_at,
    )
