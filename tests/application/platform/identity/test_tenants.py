"""The facts of tenants."""

import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.identity.model import TenantFacts
from chalicelib.platform.identity.tenant_store import TENANTS, end_tenant
from tests.support.builders import a_customer
from tests.support.world import World


@pytest.fixture
def world():
    return World(default_tier="small")


@pytest.fixture
def identity(world):
    return world.platform.identity


def test_operators_tenant_without_a_row_has_its_tier_and_any_cluster(identity):
    facts = identity.tenant("default")
    assert facts == TenantFacts(id="default", name="default", tier="operator", clusters=None)
    assert facts.may_use("north")


def test_other_tenant_without_a_row_may_use_no_cluster(identity):
    facts = identity.tenant("acme")
    assert (facts.tier, facts.clusters, facts.may_use("north")) == ("small", frozenset(), False)


def test_change_of_a_tenant_leaves_what_it_does_not_name(world, identity):
    a_customer(world, "acme")
    assert identity.change_tenant("acme", clusters=["north"]).may_use("north")
    changed = identity.change_tenant("acme", tier="large")
    assert changed == TenantFacts(id="acme", name="acme", tier="large", clusters=frozenset({"north"}))
    assert identity.tenant("acme") == changed
    assert identity.change_tenant("acme") == changed


def test_tenant_without_clusters_any_more_may_use_none(identity):
    identity.change_tenant("default", clusters=["north"])
    assert not identity.tenant("default").may_use("south")
    assert identity.change_tenant("default", clusters=[]).clusters == frozenset()


@pytest.mark.parametrize("values", [{"tier": "large"}, {}])
def test_change_of_an_unknown_tenant_is_not_found_and_makes_none(world, identity, values):
    with pytest.raises(EdgeError) as refused:
        identity.change_tenant("acme", **values)
    assert refused.value.kind is Kind.NOT_FOUND
    assert world.driver.rows(TENANTS) == []


def test_change_of_a_deleted_tenant_is_not_found(world, identity):
    a_customer(world, "acme")
    (row,) = world.driver.rows(TENANTS)
    world.platform.tables.write(end_tenant(row, world.clock.now()), "tenant.deleted")
    with pytest.raises(EdgeError) as refused:
        identity.change_tenant("acme", tier="large")
    assert refused.value.kind is Kind.NOT_FOUND
