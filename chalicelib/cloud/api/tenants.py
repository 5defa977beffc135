"""Tenants."""

from chalicelib.cloud.api.credentials import MEMBER, SELF, USER
from chalicelib.cloud.api.fields import MessageOut
from chalicelib.cloud.api.tenant_models import OneTenantPath, TenantCreate, TenantOut, TenantsOut
from chalicelib.cloud.permissions import TENANT_CREATE, TENANT_DELETE, TENANT_READ
from chalicelib.cloud.tenancy.model import Tenant
from chalicelib.cloud.wiring import Cloud
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Tenants")


@routes.get(
    "/tenants",
    auth=SELF,
    answer=TenantsOut,
    errors=(404,),
    summary="List tenants",
)
def list_tenants(request: Request[NoPath, NoQuery, NoBody], services: Cloud) -> TenantsOut:
    """Lists the tenants in which the caller's user has a place, eighteen at most; 404 for a key without a user."""
    tenants = services.tenancy.of_user(request.principal)
    return TenantsOut(tuple(_show(tenant) for tenant in tenants))


@routes.post(
    "/tenants",
    auth=USER,
    permission=TENANT_CREATE,
    scope=Scope.TENANT,
    audit="tenant.create",
    answer=TenantOut,
    status=201,
    errors=(409,),
    summary="Create a tenant",
)
def create_tenant(request: Request[NoPath, NoQuery, TenantCreate], services: Cloud) -> Created:
    """Makes a tenant, which the caller's user owns. One that the operator makes has no owner until somebody accepts an
    invitation to be that. Its quotas are zero until the operator grants them. 409 for a slug that is taken, 403
    for a program, and for a key with rights of its own."""
    body = request.body
    return request.once(
        lambda: services.tenancy.create(body.name, body.slug, request.principal), lambda made: Created(_show(made))
    )


@routes.post(
    "/tenants/{tenant_id}/switch",
    auth=SELF,
    audit="user.switch_tenant",
    repeats="working in a tenant again changes nothing",
    answer=MessageOut,
    errors=(403, 404),
    summary="Work in a tenant",
)
def switch_tenant(request: Request[OneTenantPath, NoQuery, NoBody], services: Cloud) -> MessageOut:
    """Has requests of all keys of the caller's user work in that tenant where they name none by `X-Tenant-ID`. 403 for
    a tenant in which it has no place, be there one or not, and for a key that has less than its user; 404 for a key
    without a user. The audit log of that tenant has it."""
    services.tenancy.switch(request.path.tenant_id, request.principal)
    return MessageOut(message="Your requests work in this tenant now")


@routes.post(
    "/tenants/{tenant_id}/leave",
    auth=SELF,
    audit="tenant.leave",
    repeats="a place that is given up is gone",
    answer=MessageOut,
    errors=(403, 404, 409),
    summary="Leave a tenant",
)
def leave_tenant(request: Request[OneTenantPath, NoQuery, NoBody], services: Cloud) -> MessageOut:
    """Gives up the place of the caller's user in that tenant, which anybody may do. A user who leaves its last tenant
    gets an empty one of its own. 404 for a tenant in which it has no place, 409 for the owner, 403 for a key
    that has less than its user."""
    services.tenancy.leave(request.path.tenant_id, request.principal)
    return MessageOut(message="You have no place in this tenant any more")


@routes.get(
    "/tenants/{tenant_id}",
    auth=MEMBER,
    permission=TENANT_READ,
    scope=Scope.TENANT,
    answer=TenantOut,
    summary="Get a tenant",
)
def get_tenant(request: Request[OneTenantPath, NoQuery, NoBody], services: Cloud) -> TenantOut:
    """Returns a tenant in which the caller has a place."""
    return _show(services.tenancy.get(request.path.tenant_id))


@routes.delete(
    "/tenants/{tenant_id}",
    auth=MEMBER,
    permission=TENANT_DELETE,
    scope=Scope.TENANT,
    audit="tenant.delete",
    status=204,
    errors=(409,),
    summary="Delete a tenant",
)
def delete_tenant(request: Request[OneTenantPath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """Deletes a tenant that has no other members, and nothing else any more. Its slug is free from then on; its id
    stays, which logs and bills name. 409 also for the only tenant of its owner."""
    services.tenancy.delete(request.path.tenant_id)
    return NoContent()


def _show(tenant: Tenant) -> TenantOut:
    return TenantOut(
        id=tenant.id,
        name=tenant.name,
        slug=tenant.slug,
        owner_id=tenant.owner,
        created_at=tenant.inserted_at,
        updated_at=tenant.updated_at,
    )
