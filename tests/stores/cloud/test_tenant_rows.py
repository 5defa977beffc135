"""Rows of tenants that a cloud adds: owned clusters, the log of one tenant, and their removal, on both drivers."""

from types import SimpleNamespace

import pytest

from chalicelib.cloud import gone
from chalicelib.cloud.gone import remove_chunk
from chalicelib.cloud.roles import store as roles
from chalicelib.cloud.service_accounts import store as accounts
from chalicelib.cloud.ssh_keys import store as ssh_keys
from chalicelib.cloud.tenancy.clusters import OwnedClusters
from chalicelib.cloud.tenancy.store import OWNED
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import ListRequest, Lists
from chalicelib.kit.origin import Origin, working_for
from chalicelib.kit.tables import ActedOn, Put, Query, Tables
from chalicelib.platform.audit.service import noting
from chalicelib.platform.audit.store import TABLE as AUDIT
from chalicelib.platform.audit.store import list_of_tenant
from chalicelib.platform.identity.tenant_store import TENANTS
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import FakeClock, FakeIds

TABLES = [TENANTS, OWNED, AUDIT, roles.ROLES, roles.POLICIES, ssh_keys.SSH_KEYS, accounts.ACCOUNTS, accounts.OWNERS]
ONE, OTHER = "tenant-one", "tenant-other"
READ_LIMIT = 10_000


@pytest.fixture(params=BOTH)
def tables(request):
    clock = FakeClock()
    with driver_for(request, TABLES, clock) as driver:
        yield Tables(driver, clock, FakeIds())


class Fleet:
    def find_cluster(self, name):
        return SimpleNamespace(id=f"id-of-{name}") if name != "none" else None


@pytest.fixture
def owned(tables):
    for tenant in (ONE, OTHER):
        tables.write(Put(TENANTS, {"id": tenant, "name": tenant}), "tenant.created")
    return OwnedClusters(tables, FakeClock(), Fleet())


class TestOwnedClusters:
    def test_cluster_is_one_tenants_until_it_is_taken_back(self, owned):
        assert owned.give(ONE, ["north", "west"]) == {"id-of-north": "north", "id-of-west": "west"}
        with pytest.raises(EdgeError, match="another tenant owns north, west") as raised:
            owned.give(OTHER, ["south", "north", "west"])
        assert raised.value.kind is Kind.CONFLICT
        assert owned.of(OTHER) == {}
        owned.give(ONE, ["west"])
        assert owned.give(OTHER, ["north"]) == owned.of(OTHER) == {"id-of-north": "north"}

    def test_giving_the_same_again_changes_nothing(self, owned, tables):
        owned.give(ONE, ["north"])
        assert owned.give(ONE, ["north", "north"]) == owned.of(ONE) == {"id-of-north": "north"}


class TestLog:
    def note(self, tables, tenant, verb, thing):
        ids, clock = FakeIds(), FakeClock()
        origin = Origin(ids.uuid7(clock.now()), "key:k", verb=verb, tenant=tenant, user="u-1")
        with working_for(origin):
            tables.write(noting(origin, thing), "audit.noted")

    def test_list_of_a_tenant_has_its_events_alone_with_any_filter(self, tables):
        self.note(tables, ONE, "box.make", ActedOn("box", "1"))
        self.note(tables, OTHER, "box.make", ActedOn("box", "2"))
        self.note(tables, "", "box.make", ActedOn("box", "3"))
        lists = Lists(tables, FakeClock(), READ_LIMIT)
        for filters in ({}, {"operation": "box.*"}, {"actor": "u-1"}, {"outcome__in": "done,accepted"}):
            page = lists.page(list_of_tenant(ONE), ListRequest(filters=filters))
            assert [row["thing_id"] for row in page.items] == ["1"], filters
        for filters in ({"thing_id": "2"}, {"tenant": OTHER}, {"actor": "u-2"}):
            assert lists.page(list_of_tenant(ONE), ListRequest(filters=filters)).items == []

    def test_act_on_a_tenant_is_in_its_own_log(self, tables):
        self.note(tables, ONE, "tenant.join", ActedOn("tenant", OTHER))
        lists = Lists(tables, FakeClock(), READ_LIMIT)
        found = [len(lists.page(list_of_tenant(tenant), ListRequest()).items) for tenant in (ONE, OTHER)]
        assert found == [0, 1]


class TestRemoval:
    def fill(self, tables, tenant, count):
        own = tables.scoped(tenant)
        for number in range(count):
            own.write(Put(ssh_keys.SSH_KEYS, {"listing": "ssh_keys", "name": f"{number}"}), "t")
            own.write(Put(roles.ROLES, {"listing": "roles", "name": f"{number}"}), "t")
            own.write(Put(roles.POLICIES, {"listing": "policies", "id": f"{number}", "name": f"p{number}"}), "t")
            own.write(Put(roles.POLICIES, {"listing": f"name#p{number}", "id": "-"}), "t")
            own.write(Put(accounts.ACCOUNTS, {"id": f"{tenant}-{number}", "listing": "service_accounts"}), "t")
            tables.write(Put(accounts.OWNERS, {"id": f"{tenant}-{number}", "tenant": tenant}), "t")

    @pytest.mark.parametrize("empty", [ssh_keys.empty_chunk, roles.empty_chunk, accounts.empty_chunk])
    def test_chunks_remove_all_of_one_tenant_and_none_of_another(self, tables, monkeypatch, empty):
        monkeypatch.setattr(gone, "MOST", 2)
        for tenant in (ONE, OTHER):
            self.fill(tables, tenant, 5)
        cursors, cursor = [], None
        for _ in range(20):
            cursor = empty(tables.scoped(ONE), cursor)
            if cursor is None:
                break
            cursors.append(cursor)
        assert cursors == sorted(set(cursors), key=int)
        assert empty(tables.scoped(ONE), None) is None
        removed = {ssh_keys.empty_chunk: 1, roles.empty_chunk: 2, accounts.empty_chunk: 1}[empty]
        assert sum(not self.left(tables, ONE, query) for query in self.queries()) == removed
        assert [len(self.left(tables, OTHER, query)) for query in self.queries()] == [5, 5, 5, 5]

    def test_policy_goes_with_its_name(self, tables):
        self.fill(tables, ONE, 1)
        roles.empty_chunk(tables.scoped(ONE), None)
        assert self.left(tables, ONE, Query(roles.POLICIES, "name#p0")) == []

    def test_account_goes_with_its_tenant(self, tables):
        self.fill(tables, ONE, 1)
        accounts.empty_chunk(tables.scoped(ONE), None)
        assert tables.get(accounts.OWNERS, {"id": f"{ONE}-0"}) is None

    def test_empty_partition_takes_no_write(self, tables):
        assert remove_chunk(tables.scoped(ONE), Query(ssh_keys.SSH_KEYS, "ssh_keys"), None) is None

    def queries(self):
        return [
            Query(ssh_keys.SSH_KEYS, "ssh_keys"),
            Query(roles.ROLES, "roles"),
            Query(roles.POLICIES, "policies"),
            Query(accounts.ACCOUNTS, "service_accounts", accounts.ACCOUNTS.index("listing")),
        ]

    def left(self, tables, tenant, query):
        return [row for page in tables.scoped(tenant).pages(query) for row in page.items]
