"""The models of policies."""

from typing import Annotated, Any, Literal

from annotated_types import MaxLen, MinLen
from pydantic import BeforeValidator, RootModel

from chalicelib.cloud.api.fields import TENANT_ID, USER_ID, Sent, Shown
from chalicelib.cloud.roles.model import Policy, PolicyStatement
from chalicelib.kit.fields import about
from chalicelib.platform.access.policy_rules import Effect
from chalicelib.web.validation import CountedFirst, OneOf, Path, Uuid

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


def statements_of(body: PolicySent) -> tuple[PolicyStatement, ...]:
    """The statements of a policy as they are stored."""
    return tuple(
        PolicyStatement(
            sid=one.sid, effect=one.effect, action=one.action, resource=one.resource, condition=one.condition or {}
        )
        for one in body.statements
    )


def show_policy(policy: Policy, tenant: str) -> PolicyOut:
    """A policy of that tenant in an answer."""
    statements = tuple(StatementOut.model_validate(one.model_dump()) for one in policy.statements)
    return PolicyOut(
        id=policy.id, tenant_id=tenant, name=policy.name, description=policy.description, statements=statements
    )
