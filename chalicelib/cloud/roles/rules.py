"""The rules of roles and policies. Pure."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from chalicelib.cloud.names import check_name
from chalicelib.cloud.permissions import EVERY_NAME, OF_EVERY_USER, PERMISSIONS, ROLES
from chalicelib.cloud.roles.model import Policy, PolicyStatement
from chalicelib.kit.errors import EdgeError, Kind, conflict, invalid, taken
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.policy_rules import Effect, overlap, problem_of
from chalicelib.platform.access.principal import Principal

MOST_ROLES = 50
MOST_POLICIES = 100
MOST_ATTACHED = 10
MOST_STATEMENTS = 20
LONGEST_POLICY = 6_144
"""Characters of a policy's statements as JSON: with ten of a user and ten of its role, a request reads 120 KB."""

ALL = "*"

_ACTION = re.compile(r"\*|[a-z_]+:(\*|[a-z_]+\*?)")


def check_role_name(name: str) -> str:
    """As `check_name`; raises `EdgeError` (conflict) for the name of a role that every tenant has."""
    if name in ROLES:
        raise taken("name")
    return check_name(name)


def check_changeable(name: str) -> None:
    """Raises `EdgeError` (conflict) for a role that every tenant has."""
    if name in ROLES:
        raise conflict(f"the role {name} is the same in every tenant: make one of your own")


def check_permissions(
    permissions: Collection[str], by: Principal, known: Callable[[], Collection[str]]
) -> tuple[str, ...]:
    """The permissions, each once. ``known`` names the permissions of the other families; it is asked only for a name
    that the cloud does not have. Raises `EdgeError` (validation failed) for an unknown permission, (forbidden) for one
    that the principal lacks."""
    for name in permissions:
        if name != ALL and name not in EVERY_NAME and name not in known():
            raise invalid("permissions", f"{name[:64]!r} is not a permission, nor {ALL}")
    check_given(permissions, by)
    return tuple(dict.fromkeys(permissions))


def check_given(names: Iterable[str], by: Principal) -> None:
    """Raises `EdgeError` (forbidden) for a permission, or a pattern of permissions, that the principal lacks, or that a
    policy denies it in part (on one thing, or under a condition)."""
    given = {*names}
    lacking = sorted(name for name in given if not _has(by, name))
    if lacking:
        raise EdgeError(Kind.FORBIDDEN, f"You can only give what you have, which is not {', '.join(lacking)}")
    denied = [action for each in by.statements if each.effect is Effect.DENY for action in each.actions]
    withheld = sorted(name for name in given if any(overlap(name, action) for action in denied))
    if withheld:
        text = f"You can only give what no policy denies you in part, as one does of {', '.join(withheld)}"
        raise EdgeError(Kind.FORBIDDEN, text)


def _has(by: Principal, name: str) -> bool:
    if by.role is KeyRole.ADMIN or name in OF_EVERY_USER:
        return True
    known = {permission.name: permission for permission in PERMISSIONS}
    return by.has(known[name]) if name in known else name in by.permissions


def check_policy(policy: Policy, by: Principal) -> None:
    """Raises `EdgeError` (validation failed) for the first part that breaks a rule, (forbidden) for a policy that
    allows more than the principal may."""
    check_name(policy.name)
    if not 1 <= len(policy.statements) <= MOST_STATEMENTS:
        raise invalid("statements", f"there have to be 1 to {MOST_STATEMENTS}")
    for number, statement in enumerate(policy.statements):
        for field, problem in _problems(statement):
            raise invalid(f"statements/{number}/{field}", problem)
    if len(policy.text()) > LONGEST_POLICY:
        raise invalid("statements", f"are longer than {LONGEST_POLICY} characters as JSON")
    check_allowed(policy, by)


def check_allowed(policy: Policy, by: Principal) -> None:
    """Raises `EdgeError` (forbidden) for a policy that allows more than the principal may."""
    allowed = [one for one in policy.statements if one.effect is Effect.ALLOW]
    check_given((action for statement in allowed for action in statement.action), by)


def check_lifted(policy: Policy, by: Principal) -> None:
    """Raises `EdgeError` (forbidden) for a policy that denies more than the principal may: to take it off, or to change
    it, gives that."""
    denied = [one for one in policy.statements if one.effect is Effect.DENY]
    check_given((action for statement in denied for action in statement.action), by)


def _problems(statement: PolicyStatement) -> Iterable[tuple[str, str]]:
    for field, values in (("action", statement.action), ("resource", statement.resource)):
        if not values or not all(values):
            yield field, "names nothing"
    for action in statement.action:
        if not _ACTION.fullmatch(action):
            yield "action", f"{action[:64]!r} is not an action as vpc:read, vpc:* or *"
    for resource in statement.resource:
        if "*" in resource[:-1]:
            yield "resource", f"{resource[:64]!r} has a * before its end, which would be a character like any other"
    if (problem := problem_of(statement.condition)) is not None:
        yield "condition", problem


def check_attached(attached: Sequence[str]) -> None:
    """Raises `EdgeError` (conflict) for one policy too many."""
    if len(attached) >= MOST_ATTACHED:
        raise conflict(f"{MOST_ATTACHED} policies are attached already: detach one first")


def in_use(role: str) -> EdgeError:
    """The error for a role that somebody has."""
    return conflict(f"members, service accounts or open invitations have the role {role}: give them another one first")


def attached_to(policies: Mapping[str, Sequence[str]], role: str) -> list[str]:
    """The ids of the policies of a role."""
    return list(policies.get(role, ()))
