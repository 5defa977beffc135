"""Quotas of tenants: those of a new one, and those that hold for what other families make."""

from random import Random

import pytest

from chalicelib.cloud.tenancy.limits import limit_of
from chalicelib.kit.errors import EdgeError
from chalicelib.machines.instances.service import NewInstance
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.identity.model import Client, NewUser
from chalicelib.platform.provisioning.store import RESOURCES
from chalicelib.platform.quotas.rules import INSTANCES, QUOTA_EXCEEDED
from chalicelib.platform.quotas.store import TABLE as COUNTERS
from chalicelib.setting_types import QUOTAS
from tests.support.cloud import ADA, EVE, PASSWORD, CloudScene

WANTED = NewInstance(template_id="local-small", zone="local-a")


def instances_of(scene):
    return scene.world.platform.container(Machines).instances


def quotas(scene, tenant):
    return scene.request("get_quotas", variables={"tenant_id": tenant}).json["data"]


def refusal(work):
    with pytest.raises(EdgeError) as refused:
        work()
    return refused.value.code


class TestDefault:
    def test_new_tenants_have_the_quotas_of_the_setting_whoever_makes_them(self):
        scene = CloudScene(tenant_quotas="instances=2, vcpus=4", registration="open")
        team = scene.tenant()
        scene.request("register", key=None, json={"email": EVE, "password": PASSWORD, "name": "Eve"})
        scene.world.settle()
        token = {"token": scene.world.mailer.token_for(EVE), "password": PASSWORD}
        personal = scene.request("verify_registration", key=None, json=token).json["data"]["tenant_id"]
        scene.join(team, ADA, "owner")
        body = {"name": "Own", "slug": "own"}
        own = scene.request("create_tenant", json=body, key=scene.keys[ADA]).json["data"]["id"]
        for tenant in (team, personal, own):
            told = quotas(scene, tenant)
            assert (told["max_instances"], told["max_vcpus"], told["max_vpcs"]) == (2, 4, 0)

    def test_operator_replaces_them_and_zero_takes_them_away(self):
        scene = CloudScene(tenant_quotas="instances=2")
        team = scene.tenant()
        names = {"tenant_id": team}
        scene.request("set_quotas", variables=names, json={"max_instances": 0, "max_vpcs": 1})
        told = quotas(scene, team)
        assert (told["max_instances"], told["max_vpcs"]) == (0, 1)

    @pytest.mark.parametrize("text", ["machines=2", "instances", "instances=-1", "instances=two"])
    def test_wrong_setting_is_refused_and_named(self, text):
        with pytest.raises(ValueError, match="is not quota=number, as in instances=2"):
            CloudScene(tenant_quotas=text)


class TestTenantOfAnotherFamily:
    @pytest.fixture
    def key(self, scene):
        """The key of a user whom the auth API of the machines has registered, with a tenant of its own."""
        wanted = NewUser(email=EVE, full_name="Eve", alias="eve")
        scene.world.platform.identity.registration.register(wanted, Client(ip="", user_agent="", kind=""))
        scene.request("forget_password", key=None, json={"email": EVE})
        scene.world.settle()
        body = {"token": scene.world.mailer.token_for(EVE), "new_password": PASSWORD}
        assert scene.request("reset_password", key=None, json=body).status == 200
        return scene.log_in(EVE)

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/vpcs", {"name": "north", "cidr_block": "10.0.0.0/16"}),
            ("/elastic-ips", {}),
            ("/volumes", {"name": "data", "size_gb": 10}),
            ("/instances", {"name": "web", "image": "ubuntu-24.04", "instance_type": "performance-2"}),
            ("/storage/buckets", {"name": "photos"}),
        ],
    )
    def test_tenant_has_nothing_made_until_the_operator_grants_it(self, scene, key, path, body):
        refused = scene.send("POST", path, key=key, json=body)
        assert (refused.status, refused.json["error"]["type"]) == (429, "QUOTA_EXCEEDED")

    def test_every_quota_of_the_tenant_is_zero_and_the_operators_has_no_limit(self, scene, key):
        tables = scene.world.platform.tables
        (tenant,) = scene.request("list_tenants", key=key).json["data"]
        assert {limit_of(tables, tenant["id"], quota) for quota in QUOTAS} == {0}
        assert {limit_of(tables, DEFAULT_TENANT, quota) for quota in QUOTAS} == {None}


class TestInstances:
    def test_tenant_without_a_grant_has_no_instance_made(self, scene, team):
        assert refusal(lambda: instances_of(scene).create(team, "u", WANTED)) == QUOTA_EXCEEDED
        assert scene.world.driver.rows(RESOURCES) == []

    def test_grant_bounds_instances_and_shows_what_is_used(self, scene, team):
        scene.request("set_quotas", json={"max_instances": 1})
        instances_of(scene).create(team, "u", WANTED)
        assert quotas(scene, team)["used_instances"] == 1
        assert refusal(lambda: instances_of(scene).create(team, "u", WANTED)) == QUOTA_EXCEEDED

    def test_tier_bounds_a_larger_grant(self, team, scene):
        scene.request("set_quotas", json={"max_instances": 1_000_000})
        machines = scene.world.platform.container(Machines)
        most = machines.allowances.tier_of(team).quota(INSTANCES)
        assert machines.instances.create(team, "u", WANTED).quota == INSTANCES
        assert scene.world.platform.identity.tenant(team).limit_of(INSTANCES, most) == most

    def test_tenant_with_an_instance_is_not_deleted(self, scene):
        team = scene.tenant()
        names = {"tenant_id": team}
        scene.request("set_quotas", variables=names, json={"max_instances": 1})
        made = instances_of(scene).create(team, "u", WANTED)
        assert scene.request("delete_tenant", variables=names).status == 409
        instances_of(scene).delete(team, made.id)
        scene.world.settle()
        for _ in range(20):
            scene.world.clock.advance(60)
            scene.world.sweep("sweep_provisioning")
            scene.world.settle()
        assert scene.request("delete_tenant", variables=names).status == 204

    def test_tenants_of_before_have_the_quotas_of_their_tier(self, scene):
        tables = scene.world.platform.identity
        assert tables.tenant("acme").limit_of(INSTANCES, 7) == 7

    @pytest.mark.parametrize("seed", range(3))
    def test_parallel_requests_never_exceed_a_quota_which_equals_a_recount(self, scene, team, seed):
        """Eight callers make and delete at once, while answers are lost; every write is watched."""
        limit, chance, world = 3, Random(seed), scene.world
        scene.request("set_quotas", json={"max_instances": limit})
        highest, codes = [], set()

        def watch(_operation, plan):
            rows = [row for write, _key, _old, row in plan if write.table.name == COUNTERS.name and row is not None]
            highest.extend(row["used"] for row in rows if "used" in row)

        world.driver.on_write = watch
        world.driver.latency(0.01)
        world.driver.conflicts(0.2, seed)

        def caller():
            for _ in range(3):
                world.clock.sleep(chance.random())
                try:
                    made = instances_of(scene).create(team, "u", WANTED)
                except EdgeError as error:
                    codes.add(error.code)
                else:
                    if chance.random() < 0.5:
                        instances_of(scene).delete(team, made.id)

        outcomes = world.clock.run_together([caller for _ in range(8)])
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        world.driver.conflicts(0)
        assert (max(highest), QUOTA_EXCEEDED in codes) == (limit, True)
        assert codes <= {QUOTA_EXCEEDED, "service_unavailable"}
        held = [row for row in world.driver.rows(RESOURCES) if row.get("held_quota")]
        assert world.platform.quotas.used(team, [INSTANCES]) == {INSTANCES: len(held)}
