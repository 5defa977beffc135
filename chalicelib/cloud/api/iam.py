"""Policies of a tenant, and the users and roles that they are attached to."""

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.iam_models import (
    AttachedOut,
    DeletedOut,
    DetachedOut,
    PoliciesOut,
    PolicyOut,
    PolicyPath,
    PolicySent,
    RolePolicyPath,
    UserPoliciesPath,
    UserPolicyPath,
    show_policy,
    statements_of,
)
from chalicelib.cloud.api.kinds import Kind
from chalicelib.cloud.permissions import IAM_READ, IAM_WRITE
from chalicelib.cloud.wiring import Cloud
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoQuery

routes = Endpoints(tag="Policies", auth=USER, scope=Scope.TENANT)


POLICIES = Kind(
    routes=routes,
    collection="/iam/policies",
    path=PolicyPath,
    one="a policy",
    many="policies",
    name="policy",
    names="policies",
    of=lambda services: services.policies,
    show=show_policy,
    shown=PolicyOut,
    read=IAM_READ,
)
POLICIES.creates(
    PolicySent,
    lambda services, by, body: services.policies.create(
        by.tenant, body.name, body.description, statements_of(body), by
    ),
    """Makes a policy of the tenant. It may allow what the caller may, and deny anything. 400 for an unknown operator or
    key of a condition; 409 for a name that is taken; 404 for a tenant that has no row, as the operator's.""",
    show_policy,
    permission=IAM_WRITE,
    errors=(404, 409),
)
POLICIES.lists(
    """Lists the policies of the tenant, a hundred at most.""",
    lambda services, tenant: services.policies.all(tenant),
    PoliciesOut,
)
POLICIES.gets("""Returns a policy.""")
POLICIES.changes(
    "PUT",
    PolicySent,
    lambda services, by, policy_id, body: services.policies.replace(
        by.tenant, policy_id, by, name=body.name, description=body.description, statements=statements_of(body)
    ),
    """Replaces a policy, for all that it is attached to from their next request on. 403 for one that denies more than
    the caller may.""",
    permission=IAM_WRITE,
    verb="replace",
)
POLICIES.deletes(
    """Deletes a policy: it counts nowhere from the next request on. 403 for one that denies more than the caller
    may.""",
    permission=IAM_WRITE,
    answer=DeletedOut,
    delete=lambda services, by, policy_id: services.policies.delete(by.tenant, policy_id, by),
)


@routes.get(
    "/iam/users/{user_id}/policies",
    permission=IAM_READ,
    answer=PoliciesOut,
    errors=(404,),
    summary="List policies of a member",
)
def list_user_policies(request: Request[UserPoliciesPath, NoQuery, NoBody], services: Cloud) -> PoliciesOut:
    """Lists the policies that are attached to a member itself."""
    tenant = request.principal.tenant
    found = services.policies.of_user(tenant, request.path.user_id)
    return PoliciesOut(tuple(show_policy(policy, tenant) for policy in found))


@routes.post(
    "/iam/users/{user_id}/policies/{policy_id}",
    permission=IAM_WRITE,
    audit="tenant.attach_policy",
    answer=AttachedOut,
    errors=(404, 409),
    summary="Attach a policy to a member",
)
def attach_user_policy(request: Request[UserPolicyPath, NoQuery, NoBody], services: Cloud) -> AttachedOut:
    """Attaches a policy to a member, from its next request on; ten at most."""
    path, by = request.path, request.principal
    return request.once(
        lambda: services.policies.attach_to_user(by.tenant, path.user_id, path.policy_id, by), lambda _: AttachedOut()
    )


@routes.delete(
    "/iam/users/{user_id}/policies/{policy_id}",
    permission=IAM_WRITE,
    audit="tenant.detach_policy",
    answer=DetachedOut,
    errors=(404, 409),
    summary="Detach a policy from a member",
)
def detach_user_policy(request: Request[UserPolicyPath, NoQuery, NoBody], services: Cloud) -> DetachedOut:
    """Detaches a policy from a member. 404 for one that is not attached, 403 for one that denies more than the caller
    may."""
    path, by = request.path, request.principal
    services.policies.detach_from_user(by.tenant, path.user_id, path.policy_id, by)
    return DetachedOut()


@routes.post(
    "/iam/roles/{name}/policies/{policy_id}",
    permission=IAM_WRITE,
    audit="tenant.attach_policy",
    answer=AttachedOut,
    errors=(404, 409),
    summary="Attach a policy to a role",
)
def attach_role_policy(request: Request[RolePolicyPath, NoQuery, NoBody], services: Cloud) -> AttachedOut:
    """Attaches a policy to a role, for all its members from their next request on; ten at most."""
    path, by = request.path, request.principal
    return request.once(
        lambda: services.policies.attach_to_role(by.tenant, path.name, path.policy_id, by), lambda _: AttachedOut()
    )


@routes.delete(
    "/iam/roles/{name}/policies/{policy_id}",
    permission=IAM_WRITE,
    audit="tenant.detach_policy",
    answer=DetachedOut,
    errors=(404, 409),
    summary="Detach a policy from a role",
)
def detach_role_policy(request: Request[RolePolicyPath, NoQuery, NoBody], services: Cloud) -> DetachedOut:
    """Detaches a policy from a role. 404 for one that is not attached, 403 for one that denies more than the caller
    may."""
    path, by = request.path, request.principal
    services.policies.detach_from_role(by.tenant, path.name, path.policy_id, by)
    return DetachedOut()
