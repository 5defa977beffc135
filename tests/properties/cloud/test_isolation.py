"""Random requests of several tenants at once: none reaches a row of another tenant, and no answer names one.

Which tenant a request works in is computed here, from who asks and what it names. A watch of the driver then sees each
row that the request addresses in a table of tenants.
"""

from random import Random

import pytest

from chalicelib.cloud.api import API
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.audit.store import TABLE as AUDIT
from chalicelib.platform.identity.tenant_store import TENANTS
from chalicelib.platform.identity.user_store import MEMBERS
from tests.support.cloud import EVE, CloudScene
from tests.support.fakes.file_server import URL
from tests.support.operations.cloud import POLICY, SSH_KEY
from tests.support.tenant_watch import WORKING, Reach, TenantWatch

SEEDS = 6
ROUNDS = 25
AT_ONCE = 3
CREATING, STRAYING = 0.4, 0.6
"""The shares of requests that make something, and that name any tenant."""

VIEWS = {
    endpoint.view.__name__: endpoint
    for endpoint in API.endpoints()
    if endpoint.scope is Scope.TENANT and endpoint.view.__name__ not in {"delete_tenant", "remove_member"}
}
"""Without those after which people work in other tenants than before."""

NAMED = {
    "vpc_id": "create_vpc",
    "group_id": "create_security_group",
    "volume_id": "create_volume",
    "image_id": "create_image",
    "elastic_ip_id": "allocate_elastic_ip",
    "gateway_id": "create_internet_gateway",
    "route_table_id": "create_route_table",
    "peering_id": "create_vpc_peering",
    "secret_id": "create_secret",
    "key_id": "add_ssh_key",
    "role_id": "create_role",
    "policy_id": "create_policy",
    "account_id": "create_service_account",
    "invitation_id": "create_invitation",
}
"""The variables of paths, and the views that make what they name."""

NOTHING = "01900000-0000-7000-8000-0000000000ff"
QUOTAS = {"max_buckets": 10, "max_vpcs": 10, "max_elastic_ips": 10, "max_storage_gb": 50}
BUCKETS = ("photos", "films", "papers")


class People:
    """Three tenants with an owner and a developer each, one of whom has a place in two of them."""

    def __init__(self, random):
        self.random = random
        self.scene = CloudScene()
        self.tenants, self.places = [], {}
        for number in range(3):
            tenant = self.scene.tenant(f"tenant-{number}")
            self.tenants.append(tenant)
            self.scene.request("set_quotas", variables={"tenant_id": tenant}, json=QUOTAS)
            for role in ("owner", "developer"):
                address = f"{role}{number}@example.com"
                self.places[address] = [tenant]
                self.scene.variables[address] = self.scene.join(tenant, address, role)
        body = {"email": "developer0@example.com", "role": "admin"}
        answer = self.scene.request("add_member", variables={"tenant_id": self.tenants[1]}, json=body)
        assert answer.status == 200, answer.text
        self.places["developer0@example.com"].append(self.tenants[1])
        self.scene.variables[EVE] = self.scene.join(self.scene.tenant("elsewhere"), EVE, "owner")
        self.made = {(tenant, view): [] for tenant in self.tenants for view in NAMED.values()}
        self.scene.world.platform.sealer.keys.newest()
        self.watch = TenantWatch(self.scene.world.driver)
        self.strayed = []
        self.answered = []
        self.worked_in = {}

    def step(self, number):
        """A random request, as a task: who asks, for what, in which tenant."""
        random = self.random
        view = random.choice(sorted(VIEWS))
        address = random.choice(sorted(self.places))
        if random.random() < CREATING:
            view = random.choice(sorted(NAMED.values()))
        own = random.choice(self.places[address])
        path_tenant = header = own
        if random.random() < STRAYING:
            path_tenant, header = random.choice(self.tenants), random.choice([None, *self.tenants])
        by_path = "tenant_id" in VIEWS[view].path.model_fields
        wanted = path_tenant if by_path else header or self.places[address][0]
        works_in = wanted if wanted in self.places[address] else ""
        variables = {"tenant_id": path_tenant, "name": "viewer", "permission": "rbac:write"}
        variables |= {name: self._any(maker) for name, maker in NAMED.items()}
        # Names of buckets are each tenant's own: all have some of these.
        variables |= {"bucket": random.choice(BUCKETS), "key": "2026/a", "upload_id": NOTHING, "rule_id": NOTHING}
        variables["security_rule_id"] = variables["group_id"][:-1] + "1"
        variables |= dict.fromkeys(("instance_id", "volume_id", "snapshot_id"), NOTHING)
        variables |= dict.fromkeys(("subnet_id", "route_id", "nat_gateway_id"), NOTHING)
        variables["user_id"] = self.scene.variables[random.choice(sorted(self.places))]
        headers = {"x-tenant-id": header} if header else {}
        body = self._body(view, f"{wanted}-{number}")

        def ask():
            reach = Reach(works_in)
            token = WORKING.set(reach)
            try:
                answer = self.scene.request(
                    view, variables=variables, key=self.scene.keys[address], headers=headers, json=body, checked=False
                )
            finally:
                WORKING.reset(token)
                self.strayed += reach.strayed
            return view, wanted, works_in, answer

        return ask

    def _any(self, maker):
        """The id of something that any of the tenants has, or of nothing."""
        known = [one for (_, view), ids in self.made.items() if view == maker for one in ids]
        return self.random.choice([*known, NOTHING])

    def _body(self, view, marker):
        return {
            "create_secret": {"name": f"s-{marker}", "value": f"value of {marker}"},
            "add_ssh_key": {"name": f"laptop {marker}", "public_key": SSH_KEY},
            "create_role": {"name": f"role {marker}"},
            "replace_role": {"description": f"about {marker}"},
            "add_role_permission": {"permission": "secret:read"},
            "create_binding": {"user_identifier": self.scene.variables["eve@example.com"], "role_name": "viewer"},
            "create_policy": {**POLICY, "name": f"policy {marker}"},
            "replace_policy": {**POLICY, "name": f"policy {marker}", "description": f"about {marker}"},
            "create_service_account": {"name": f"account {marker}", "role": "viewer"},
            "change_service_account": {"description": f"about {marker}"},
            "create_invitation": {"email": f"guest-{marker}@example.com", "role": "viewer"},
            "add_member": {"user_id": self.scene.variables["eve@example.com"], "role": "viewer"},
            "change_member": {"role": "viewer"},
            "create_user_key": {"name": f"key {marker}"},
            "create_vpc": {"name": f"network {marker}", "cidr_block": f"10.{self.random.randrange(4)}.0.0/16"},
            "create_security_group": {"vpc_id": self._any("create_vpc"), "name": f"group {marker}"},
            "add_security_rule": {"direction": "egress", "protocol": "icmp", "cidr": "10.0.0.0/8"},
            "attach_security_group": {"instance_id": NOTHING, "group_id": self._any("create_security_group")},
            "detach_security_group": {"instance_id": NOTHING, "group_id": self._any("create_security_group")},
            "launch_instance": {
                "name": "web-1",
                "image": self.random.choice(["ubuntu-24.04", self._any("create_image")]),
                "vpc_id": self._any("create_vpc"),
                "security_group_ids": [self._any("create_security_group")],
                "volumes": [{"volume_id": self._any("create_volume"), "mount_path": "/data"}],
            },
            "create_image": {"name": f"image-{marker}"[:64], "os": "ubuntu", "version": "1", "is_public": True},
            "import_image": {"name": f"image-{marker}"[:64], "os": "ubuntu", "version": "1", "url": URL},
            "link_image": {"size_bytes": 1},
            "create_volume": {"name": f"disk-{marker}"[:64], "size_gb": 1},
            "attach_volume": {"instance_id": NOTHING, "mount_path": "/data"},
            "change_vpc": {"name": f"network of {marker}"},
            "create_vpc_peering": {
                "requester_vpc_id": self._any("create_vpc"),
                "accepter_vpc_id": self._any("create_vpc"),
            },
            "associate_elastic_ip": {"instance_id": NOTHING},
            "create_route_table": {"vpc_id": self._any("create_vpc"), "name": f"table {marker}"[:64]},
            "attach_internet_gateway": {"vpc_id": self._any("create_vpc")},
            "add_route": {
                "destination_cidr": "192.168.0.0/16",
                "target_type": "igw",
                "target_id": self._any("create_internet_gateway"),
            },
            "associate_route_table": {"subnet_id": NOTHING},
            "create_association": {"subnet_id": NOTHING},
            "disassociate_route_table": {"subnet_id": NOTHING},
            "create_nat_gateway": {"subnet_id": NOTHING, "eip_id": self._any("allocate_elastic_ip")},
            "create_bucket": {"name": self.random.choice(BUCKETS)},
            "set_bucket_versioning": {"enabled": True},
            "add_lifecycle_rule": {"prefix": marker, "expiration_days": 1},
            "create_tenant": {"name": f"of {marker}", "slug": f"t-{marker}"[:60]},
        }.get(view)

    def take(self, view, wanted, works_in, answer):
        """What an answer says, and what it has made."""
        self.answered.append((view, answer.status))
        if view != "create_tenant":  # it stands in the log of the tenant that it makes
            self.worked_in[answer.headers["x-request-id"]] = works_in
        if not works_in:
            assert answer.status in {400, 403, 404}, (view, answer.status, answer.text)
        for tenant in self.tenants:
            if tenant != works_in:
                assert f"{tenant}-" not in answer.text.replace(wanted, "…"), (view, tenant, answer.text)
        if view in NAMED.values() and answer.status == 201:
            self.made[works_in, view].append(answer.json["data"]["id"])

    def misplaced(self):
        """The entries of the log that stand in another tenant's than their request worked in. One that was refused for
        the tenant that it named is in the log of the tenant in which its key was made."""
        self.scene.world.settle()
        rows = self.scene.world.driver.rows(AUDIT)
        told = [row for row in rows if self.worked_in.get(row["request_id"])]
        assert {"done"} <= {row["outcome"] for row in told} <= {"accepted", "done", "refused"}
        return [row for row in told if row["tenant"] != self.worked_in[row["request_id"]]]

    def others(self, working):
        """The rows of the tenants in which none of these requests works, outside of tables of tenants."""
        idle = set(self.tenants) - set(working)
        rows = {table.name: self.scene.world.driver.rows(table) for table in (TENANTS, MEMBERS)}
        return [row for name in rows for row in rows[name] if row.get("tenant", row.get("id")) in idle]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_requests_of_tenants_at_once_stay_in_their_tenants(seed):
    random = Random(seed)
    people = People(random)
    people.scene.world.driver.latency(0.01)
    for number in range(ROUNDS):
        steps = [people.step(number * AT_ONCE + each) for each in range(AT_ONCE)]
        outcomes = people.scene.world.clock.run_together(steps)
        for outcome in outcomes:
            assert not isinstance(outcome, BaseException), outcome
            people.take(*outcome)
        assert people.strayed == []
    assert {201, 403, 404} <= {status for _, status in people.answered}
    assert len(people.watch.seen) > 3
    assert people.misplaced() == []


@pytest.mark.parametrize("seed", range(SEEDS))
def test_requests_change_no_row_of_a_tenant_that_they_do_not_work_in(seed):
    random = Random(1_000 + seed)
    people = People(random)
    for number in range(ROUNDS):
        step = people.step(number)
        before = {tenant: people.others(set(people.tenants) - {tenant}) for tenant in people.tenants}
        view, wanted, works_in, answer = step()
        people.take(view, wanted, works_in, answer)
        for tenant in people.tenants:
            if tenant != works_in:
                assert people.others(set(people.tenants) - {tenant}) == before[tenant], (view, tenant)
    assert people.strayed == []


def test_watch_finds_a_row_outside_of_its_tenant():
    people = People(Random(1))
    reach = Reach("another")
    WORKING.set(reach)
    try:
        people.scene.cloud.service_accounts.all(people.tenants[0])
    finally:
        WORKING.set(None)
    assert reach.strayed
