"""Policies of a tenant, and the users and roles that they are attached to."""

from typing import Annotated, Any, Literal

from annotated_types import MaxLen, MinLen
from pydantic import BeforeValidator, RootModel

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import TENANT_ID, USER_ID, Sent, Shown
from chalicelib.cloud.permissions import IAM_READ, IAM_WRITE
from chalicelib.cloud.roles.model import Policy, PolicyStatement
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.fields import about
from chalicelib.platform.access.policy_rules import Effect
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, Request
from chalicelib.web.validation import CountedFirst, NoBody, NoPath, NoQuery, OneOf, Path, Uuid

routes = Endpoints(tag="Policies")

_POLICY_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021bb"
_CONDITION = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}

Name = Annotated[str, MinLen(1), MaxLen(64), about("Name of the policy, unique in its tenant.", "no-deletes")]


def _list(sent: Any) -> Any:
    """One text stands for a list of one."""
    return [sent] if isinstance(sent, str) else sent


Pattern = Annotated[str, MinLen(1), MaxLen(255)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_list), MaxLen(50)]


class PolicyPath(Path):
    policy_id: Annotated[Uuid, about("UUID of a policy of the tenant.", _POLICY_ID)]


class UserPoliciesPath(Path):
    user_id: Annotated[Uuid, about("UUID of the member whose policies are meant.", USER_ID)]


class UserPolicyPath(Path):
    user_id: Annotated[Uuid, about("UUID of the member to attach to.", USER_ID)]
    policy_id: Annotated[Uuid, about("UUID of the policy to attach to the member.", _POLICY_ID)]


class RolePolicyPath(Path):
    name: Annotated[str, MinLen(1), MaxLen(64), about("Name or id of the role to attach to.", "developer")]
    policy_id: Annotated[Uuid, about("UUID of the policy to attach to the role.", _POLICY_ID)]


class StatementSent(Sent):
    """A statement: it applies where an action, a resource and all conditions match."""

    sid: Annotated[str | None, MaxLen(64), about("Name of the statement, for people.", "no-deletes")] = None
    effect: Annotated[OneOf[Effect], about("Whether it allows or denies. A denial wins.", "Deny")]
    action: Annotated[Patterns, about("Permissions; a `*` at the end stands for any rest.", ("tenant:delete",))]
    resource: Annotated[Patterns, about("ARNs, `kind:id` or ids; a `*` at the end stands for any rest.", ("*",))]
    condition: Annotated[
        dict[str, dict[str, Any]] | None, MaxLen(11), about("Operator to key to value; all must hold.", _CONDITION)
    ] = None


class PolicySent(Sent):
    """A policy, as it is asked for."""

    name: Name
    description: Annotated[str, MaxLen(255), about("Purpose of the policy, for people.", "keeps what is there")] = ""
    statements: Annotated[tuple[StatementSent, ...], MaxLen(20), CountedFirst(), about("One to twenty statements.")]


class StatementOut(Shown):
    """A statement of a policy."""

    sid: Annotated[str | None, about("Name that the statement was given; null for none.", "no-deletes")]
    effect: Annotated[OneOf[Effect], about("Effect where the statement applies.", "Deny")]
    action: Annotated[tuple[str, ...], about("Permissions that it is about.", ("tenant:delete",))]
    resource: Annotated[tuple[str, ...], about("Things that it is about.", ("*",))]
    condition: Annotated[dict[str, dict[str, Any]], about("Conditions that must hold.", _CONDITION)]


class PolicyOut(Shown):
    """A policy of a tenant."""

    id: Annotated[str, about("UUID of the policy.", _POLICY_ID, format="uuid")]
    tenant_id: Annotated[str, about("UUID of the tenant that has the policy.", TENANT_ID)]
    name: Annotated[str, about("Name that the policy was given.", "no-deletes")]
    description: Annotated[str, about("Purpose that the policy was given.", "keeps what is there")]
    statements: Annotated[tuple[StatementOut, ...], about("Statements that are evaluated.")]


class PoliciesOut(RootModel[tuple[PolicyOut, ...]]):
    """Policies of the tenant, the oldest first."""


class DeletedOut(Shown):
    """The policy is gone."""

    status: Annotated[Literal["deleted"], about("Always `deleted`.", "deleted")] = "deleted"


class AttachedOut(Shown):
    """The policy is attached."""

    status: Annotated[Literal["attached"], about("Always `attached`.", "attached")] = "attached"


class DetachedOut(Shown):
    """The policy is not attached any more."""

    status: Annotated[Literal["detached"], about("Always `detached`.", "detached")] = "detached"


@routes.post(
    "/iam/policies",
    auth=USER,
    permission=IAM_WRITE,
    scope=Scope.TENANT,
    audit="tenant.create_policy",
    answer=PolicyOut,
    status=201,
    errors=(404, 409),
    summary="Create a policy",
)
def create_policy(request: Request[NoPath, NoQuery, PolicySent], services: Cloud) -> Created:
    """Makes a policy of the tenant. It may allow what the caller may, and deny anything. 400 for an unknown operator or
    key of a condition; 409 for a name that is taken; 404 for a tenant that has no row, as the operator's."""
    body, by = request.body, request.principal
    return request.once(
        lambda: services.policies.create(by.tenant, body.name, body.description, _statements(body), by),
        lambda policy: Created(_show(policy, by.tenant)),
    )


@routes.get(
    "/iam/policies", auth=USER, permission=IAM_READ, scope=Scope.TENANT, answer=PoliciesOut, summary="List policies"
)
def list_policies(request: Request[NoPath, NoQuery, NoBody], services: Cloud) -> PoliciesOut:
    """Lists the policies of the tenant, a hundred at most."""
    tenant = request.principal.tenant
    return PoliciesOut(tuple(_show(policy, tenant) for policy in services.policies.all(tenant)))


@routes.get(
    "/iam/policies/{policy_id}",
    auth=USER,
    permission=IAM_READ,
    scope=Scope.TENANT,
    answer=PolicyOut,
    errors=(404,),
    summary="Get a policy",
)
def get_policy(request: Request[PolicyPath, NoQuery, NoBody], services: Cloud) -> PolicyOut:
    """Returns a policy."""
    tenant = request.principal.tenant
    return _show(services.policies.get(tenant, request.path.policy_id), tenant)


@routes.put(
    "/iam/policies/{policy_id}",
    auth=USER,
    permission=IAM_WRITE,
    scope=Scope.TENANT,
    audit="tenant.change_policy",
    answer=PolicyOut,
    errors=(404, 409),
    summary="Change a policy",
)
def replace_policy(request: Request[PolicyPath, NoQuery, PolicySent], services: Cloud) -> PolicyOut:
    """Replaces a policy, for all that it is attached to from their next request on."""
    body, by = request.body, request.principal
    changed = services.policies.replace(
        by.tenant,
        request.path.policy_id,
        by,
        name=body.name,
        description=body.description,
        statements=_statements(body),
    )
    return _show(changed, by.tenant)


@routes.delete(
    "/iam/policies/{policy_id}",
    auth=USER,
    permission=IAM_WRITE,
    scope=Scope.TENANT,
    audit="tenant.delete_policy",
    answer=DeletedOut,
    errors=(404, 409),
    summary="Delete a policy",
)
def delete_policy(request: Request[PolicyPath, NoQuery, NoBody], services: Cloud) -> DeletedOut:
    """Deletes a policy: it counts nowhere from the next request on."""
    services.policies.delete(request.principal.tenant, request.path.policy_id)
    return DeletedOut()


@routes.get(
    "/iam/users/{user_id}/policies",
    auth=USER,
    permission=IAM_READ,
    scope=Scope.TENANT,
    answer=PoliciesOut,
    errors=(404,),
    summary="List policies of a member",
)
def list_user_policies(request: Request[UserPoliciesPath, NoQuery, NoBody], services: Cloud) -> PoliciesOut:
    """Lists the policies that are attached to a member itself."""
    tenant = request.principal.tenant
    found = services.policies.of_user(tenant, request.path.user_id)
    return PoliciesOut(tuple(_show(policy, tenant) for policy in found))


@routes.post(
    "/iam/users/{user_id}/policies/{policy_id}",
    auth=USER,
    permission=IAM_WRITE,
    scope=Scope.TENANT,
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
    auth=USER,
    permission=IAM_WRITE,
    scope=Scope.TENANT,
    audit="tenant.detach_policy",
    answer=DetachedOut,
    errors=(404, 409),
    summary="Detach a policy from a member",
)
def detach_user_policy(request: Request[UserPolicyPath, NoQuery, NoBody], services: Cloud) -> DetachedOut:
    """Detaches a policy from a member. 404 for one that is not attached."""
    path = request.path
    services.policies.detach_from_user(request.principal.tenant, path.user_id, path.policy_id)
    return DetachedOut()


@routes.post(
    "/iam/roles/{name}/policies/{policy_id}",
    auth=USER,
    permission=IAM_WRITE,
    scope=Scope.TENANT,
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
    auth=USER,
    permission=IAM_WRITE,
    scope=Scope.TENANT,
    audit="tenant.detach_policy",
    answer=DetachedOut,
    errors=(404, 409),
    summary="Detach a policy from a role",
)
def detach_role_policy(request: Request[RolePolicyPath, NoQuery, NoBody], services: Cloud) -> DetachedOut:
    """Detaches a policy from a role. 404 for one that is not attached."""
    path = request.path
    services.policies.detach_from_role(request.principal.tenant, path.name, path.policy_id)
    return DetachedOut()


def _statements(body: PolicySent) -> tuple[PolicyStatement, ...]:
    return tuple(
        PolicyStatement(
            sid=one.sid, effect=one.effect, action=one.action, resource=one.resource, condition=one.condition or {}
        )
        for one in body.statements
    )


def _show(policy: Policy, tenant: str) -> PolicyOut:
    statements = tuple(StatementOut.model_validate(one.model_dump()) for one in policy.statements)
    return PolicyOut(
        id=policy.id, tenant_id=tenant, name=policy.name, description=policy.description, statements=statements
    )
