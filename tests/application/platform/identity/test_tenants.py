"""The facts of tenants."""

import pytest

from chalicelib.platform.identity.model import TenantFacts
from tests.support.world import World


@pytest.fixture
def identity():
    return World(default_tier="small").platform.identity


def test_operators_tenant_without_a_row_has_its_tier_and_any_cluster(identity):
    facts = identity.tenant("default")
    assert facts == TenantFacts(id="default", name="default", tier="operator", clusters=None)
    assert facts.may_use("north")


def test_other_tenant_without_a_row_may_use_no_cluster(identity):
    facts = identity.tenant("acme")
    assert (facts.tier, facts.clusters, facts.may_use("north")) == ("small", frozenset(), False)


def test_change_of_a_tenant_leaves_what_it_does_not_name(identity):
    assert identity.change_tenant("acme", clusters=["north"]).may_use("north")
    changed = identity.change_tenant("acme", tier="large")
    assert changed == TenantFacts(id="acme", name="acme", tier="large", clusters=frozenset({"north"}))
    assert identity.tenant("acme") == changed
    assert identity.change_tenant("acme") == changed


def test_tenant_without_clusters_any_more_may_use_none(identity):
    identity.change_tenant("default", clusters=["north"])
    assert not identity.tenant("default").may_use("south")
    assert identity.change_tenant("default", clusters=[]).clusters == frozenset()
