"""The rights of callers in a tenant."""

import pytest

from chalicelib.cloud.callers import rules
from chalicelib.cloud.permissions import IDENTITY_READ, PERMISSIONS, ROLES, TENANT_READ, TENANT_UPDATE
from chalicelib.kit.errors import EdgeError
from chalicelib.platform.access.permissions import KeyRole, Permission
from chalicelib.platform.access.principal import (
    DEFAULT_TENANT,
    Principal,
    PrincipalKind,
    Resource,
    Scope,
    decide,
    root,
)
from chalicelib.platform.identity.model import Member

CLUSTERS, COMMANDS = (Permission(name, KeyRole.ADMIN) for name in ("clusters:write", "commands:write"))


def member(role):
    return Member(tenant="t-1", user_id="u-1", role=role, inserted_at="2026-11-21T10:00:00Z")


def as_member(principal, role, own=None, policies=()):
    return rules.of_member(principal, member(role), rules.rights_of(role, own, policies))


def key(**fields):
    return Principal(kind=PrincipalKind.KEY, actor="key:k", id="k", user="u-1", tenant="old", **fields)


@pytest.mark.parametrize("role", ROLES)
def test_short_key_may_do_what_the_role_of_its_user_may(role):
    caller = as_member(key(), role)
    assert caller.tenant == "t-1"
    allowed = {permission.name for permission in PERMISSIONS if caller.has(permission)}
    assert allowed == ({one.name for one in PERMISSIONS} if ROLES[role] is None else ROLES[role])


def test_key_with_rights_of_its_own_is_not_widened_by_a_role():
    of_admin = as_member(key(permissions=frozenset({TENANT_READ.name})), "admin")
    assert [one for one in PERMISSIONS if of_admin.has(one)] == [TENANT_READ]
    of_viewer = as_member(key(role=KeyRole.ADMIN), "viewer")
    assert not of_viewer.has(TENANT_UPDATE)
    assert of_viewer.has(IDENTITY_READ)
    session = as_member(key(role=KeyRole.OPERATOR), "owner")
    assert not session.has(TENANT_UPDATE)
    assert all(caller.has_own_rights for caller in (of_admin, of_viewer, session))
    assert not as_member(key(), "owner").has_own_rights


def test_unknown_role_may_do_the_least():
    caller = as_member(key(), "gone")
    assert not caller.has(TENANT_UPDATE)


def test_only_the_operator_works_in_every_tenant():
    assert rules.may_work_anywhere(root("MASTER_KEY"))
    assert not rules.may_work_anywhere(key())
    assert not rules.may_work_anywhere(Principal(kind=PrincipalKind.KEY, actor="key:k", id="k", tenant="t-2"))
    assert rules.in_tenant(root("MASTER_KEY"), "t-1").tenant == "t-1"
    assert root("MASTER_KEY").tenant == DEFAULT_TENANT


def test_guest_is_restricted_and_leaves_limits_of_clusters_to_the_operator():
    guest = rules.restricted_to(as_member(key(), "owner"), "clusters", {"1"})
    assert guest.restrictions == {"clusters": frozenset({"1"})}
    allowed = [
        decide(guest, permission, Resource("", Scope.REACH), {}).is_allowed for permission in (CLUSTERS, COMMANDS)
    ]
    assert allowed == [False, True]


@pytest.mark.parametrize("tenant", [{}, {"tier": ""}, {"slug": "engines"}])
def test_tenant_without_a_tier_of_the_operators_is_refused(tenant):
    with pytest.raises(EdgeError, match="no tier"):
        rules.check_tier(tenant)
    rules.check_tier({**tenant, "tier": "pro"})
