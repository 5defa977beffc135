"""`decide`: permissions by role and by list, and what restricted principals are refused."""

import pytest

from chalicelib.platform.access.identities import Identities
from chalicelib.platform.access.permissions import KeyRole, Permission
from chalicelib.platform.access.principal import (
    ANONYMOUS,
    Principal,
    PrincipalKind,
    Resource,
    Scope,
    decide,
    root,
)
from chalicelib.platform.limits.wrong_keys import WrongKeys
from tests.support.client import no_named_keys
from tests.support.fakes.clock import FakeClock

READ = Permission("things:read", KeyRole.VIEWER)
USE = Permission("things:use", KeyRole.OPERATOR)
MAKE = Permission("things:make", KeyRole.ADMIN)
THING = Resource("things/1", Scope.REACH)


def key(**fields):
    return Principal(kind=PrincipalKind.KEY, actor="key:1", id="1", name="deploy", **fields)


@pytest.mark.parametrize(
    ("role", "allowed"), [(KeyRole.VIEWER, [READ]), (KeyRole.OPERATOR, [READ, USE]), (KeyRole.ADMIN, [READ, USE, MAKE])]
)
def test_role_contains_the_permissions_of_the_roles_below_it(role, allowed):
    assert [one for one in (READ, USE, MAKE) if decide(key(role=role), one, THING, {}).is_allowed] == allowed


def test_permission_list_allows_the_named_ones_only():
    caller = key(permissions=frozenset({"things:make"}))
    assert [decide(caller, one, THING, {}).is_allowed for one in (READ, USE, MAKE)] == [False, False, True]


def test_refusal_names_the_missing_permission():
    assert decide(key(role=KeyRole.VIEWER), MAKE, THING, {}).refusal == "This key lacks the permission things:make"


def test_anonymous_principal_may_do_nothing():
    assert not decide(ANONYMOUS, READ, THING, {}).is_allowed


@pytest.mark.parametrize("actor", ["MASTER_KEY", ""])
def test_root_may_do_everything(actor):
    assert all(
        decide(root(actor), one, Resource("", scope), {}).is_allowed for one in (READ, USE, MAKE) for scope in Scope
    )


def test_restricted_principal_is_refused_the_installation_and_not_its_reach():
    caller = key(role=KeyRole.ADMIN, restrictions={"clusters": frozenset({"1"})})
    decisions = {scope: decide(caller, READ, Resource("", scope), {}) for scope in Scope}
    assert decisions[Scope.REACH].is_allowed
    refused = {decisions[scope].refusal for scope in (Scope.INSTALLATION, Scope.TENANT)}
    assert refused == {"A key restricted to clusters cannot do this"}


def test_principal_of_a_tenant_is_refused_all_but_its_tenants_things():
    caller = key(role=KeyRole.ADMIN, tenant="0198")
    refusals = {scope: decide(caller, READ, Resource("", scope), {}).refusal for scope in Scope}
    refused = "Only the operator of this installation can do this"
    assert refusals == {Scope.INSTALLATION: refused, Scope.REACH: refused, Scope.TENANT: ""}


@pytest.mark.parametrize("ids", [{"1"}, set()])
def test_restricted_principal_of_a_tenant_has_its_reach_and_nothing_else(ids):
    caller = key(role=KeyRole.ADMIN, tenant="0198", restrictions={"clusters": frozenset(ids)})
    allowed = {scope for scope in Scope if decide(caller, READ, Resource("", scope), {}).is_allowed}
    assert allowed == {Scope.REACH}


def test_restriction_to_no_cluster_at_all_still_restricts():
    caller = key(role=KeyRole.ADMIN, restrictions={"clusters": frozenset()})
    assert not decide(caller, READ, Resource("", Scope.INSTALLATION), {}).is_allowed


@pytest.mark.parametrize("name", ["MASTER_KEY", "MASTER_KEY_PREVIOUS"])
def test_previous_value_of_a_key_is_the_same_actor_and_is_told_apart(name):
    class Known:
        def identify(self, _bearer, _accepted):
            return name

    identities = Identities(Known(), no_named_keys, WrongKeys(FakeClock()))
    found = identities.identify("a key", ["MASTER_KEY"], "203.0.113.7")
    assert (found.id, found.actor) == ("MASTER_KEY", "MASTER_KEY")
    assert found.shown_key == ("" if name == "MASTER_KEY" else name)
