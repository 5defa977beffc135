"""VPCs and their subnets: by the API, on a strict EC2."""

from urllib.parse import quote

import pytest

from chalicelib.platform.provisioning.model import State
from tests.support.networks import NetworkScene

NOTHING = "01900000-0000-7000-8000-0000000000ff"


@pytest.fixture
def scene():
    return NetworkScene()


@pytest.fixture
def vpc(scene):
    return scene.vpc()


class TestVpcs:
    def test_new_vpc_is_creating_and_then_active(self, scene, vpc):
        assert (vpc["status"], vpc["network_id"], vpc["cidr_block"]) == ("creating", None, "10.4.0.0/16")
        assert vpc["arn"] == f"arn:thecloud:vpc:local:default:vpc/{vpc['id']}"
        assert 100 <= vpc["vxlan_id"] <= 355
        row = scene.reach(vpc, State.READY)
        shown = scene.ask("GET", f"/vpcs/{vpc['id']}")
        assert (shown["status"], shown["network_id"], shown["status_reason"]) == ("active", row.external["id"], None)

    def test_thing_in_aws_carries_no_name_of_the_tenant(self, scene, vpc):
        scene.reach(vpc, State.READY)
        (part,) = scene.ec2.alive_parts("vpc")
        assert "production" not in str(part)
        assert part.tags["edge-admin:resource"] == vpc["id"]

    @pytest.mark.parametrize("given", [{}, {"cidr_block": ""}, {"cidr_block": None, "id": "", "tenant_id": NOTHING}])
    def test_absent_addresses_are_the_default_ones(self, scene, given):
        made = scene.ask("POST", "/vpcs", {"name": "a", **given})
        assert made["cidr_block"] == "10.0.0.0/16"

    @pytest.mark.parametrize(
        ("cidr_block", "says"),
        [
            ("10.0.0.0/15", "between /16 and /28"),
            ("10.0.0.0/29", "between /16 and /28"),
            ("10.0.0.0", "between /16 and /28"),
            ("10.0.0.1/16", "'10.0.0.1/16' is not a block"),
            ("fd00::/64", "is not a block of IPv4"),
            ("ten", "'ten' is not a block"),
        ],
    )
    def test_wrong_addresses_are_refused_and_make_nothing(self, scene, cidr_block, says):
        status, kind, message = scene.refused("POST", "/vpcs", {"name": "a", "cidr_block": cidr_block})
        assert (status, kind) == (400, "INVALID_INPUT")
        assert says in message
        assert scene.ask("GET", "/vpcs") == []

    def test_name_is_unique_until_its_vpc_is_gone(self, scene, vpc):
        assert scene.refused("POST", "/vpcs", {"name": "production"})[:2] == (409, "CONFLICT")
        scene.ask("DELETE", f"/vpcs/{vpc['id']}")
        assert scene.refused("POST", "/vpcs", {"name": "production"})[0] == 409
        scene.reach(vpc, State.GONE)
        assert scene.vpc()["id"] != vpc["id"]

    def test_vpc_is_found_by_its_name_even_before_an_index_shows_it(self, scene):
        scene.world.driver.index_lag(60)
        vpc = scene.vpc("a name")
        assert scene.ask("GET", f"/vpcs/{quote('a name')}")["id"] == vpc["id"]
        assert scene.ask("GET", f"/vpcs/{vpc['id'].upper()}")["id"] == vpc["id"]
        assert scene.refused("GET", "/vpcs/production")[:2] == (404, "NOT_FOUND")

    def test_renamed_vpc_is_found_by_its_new_name_alone(self, scene, vpc):
        scene.vpc("other")
        assert scene.refused("PATCH", f"/vpcs/{vpc['id']}", {"name": "other"})[:2] == (409, "CONFLICT")
        assert scene.ask("PATCH", "/vpcs/production", {"name": "new"})["name"] == "new"
        assert scene.ask("GET", "/vpcs/new")["id"] == vpc["id"]
        assert scene.refused("GET", "/vpcs/production")[0] == 404
        assert scene.reach(vpc, State.READY).name == "new"

    @pytest.mark.parametrize("name", ["", "  ", "-a", "a/b", "x" * 65])
    def test_wrong_name_is_refused(self, scene, vpc, name):
        assert scene.refused("PATCH", f"/vpcs/{vpc['id']}", {"name": name})[:2] == (400, "INVALID_INPUT")
        assert scene.refused("POST", "/vpcs", {"name": name})[:2] == (400, "INVALID_INPUT")

    def test_list_has_the_newest_first_and_none_that_is_gone(self, scene, vpc):
        scene.moving.clock.advance(1)
        other = scene.vpc("other")
        assert [each["id"] for each in scene.ask("GET", "/vpcs")] == [other["id"], vpc["id"]]
        scene.ask("DELETE", f"/vpcs/{vpc['id']}?force=true")
        assert {each["status"] for each in scene.ask("GET", "/vpcs")} == {"creating", "deleting"}
        scene.reach(vpc, State.GONE)
        assert [each["id"] for each in scene.ask("GET", "/vpcs")] == [other["id"]]
        assert scene.refused("GET", f"/vpcs/{vpc['id']}")[0] == 404

    def test_quota_of_the_tenant_holds_until_a_vpc_is_gone(self, scene):
        tenant = scene.tenant()
        scene.request("set_quotas", variables={"tenant_id": tenant}, json={"max_vpcs": 1})
        within = {"headers": {"x-tenant-id": tenant}}
        first = scene.vpc(**within)
        status, kind, message = scene.refused("POST", "/vpcs", {"name": "b"}, **within)
        assert (status, kind) == (429, "QUOTA_EXCEEDED")
        assert "vpcs of 1" in message
        scene.ask("DELETE", f"/vpcs/{first['id']}", **within)
        scene.reach(first, State.GONE)
        assert scene.vpc("b", **within)["status"] == "creating"

    def test_limit_of_the_account_is_told_as_the_reason(self, scene):
        scene.ec2.vpc_limit = 0
        vpc = scene.vpc()
        scene.reach(vpc, State.FAILED)
        shown = scene.ask("GET", f"/vpcs/{vpc['id']}")
        assert shown["status"] == "failed"
        assert "reached its limit of VPCs" in shown["status_reason"]
        scene.ask("DELETE", f"/vpcs/{vpc['id']}")
        scene.reach(vpc, State.GONE)

    def test_vpc_that_something_outside_uses_goes_when_that_is_gone(self, scene, vpc):
        scene.reach(vpc, State.READY)
        part = scene.ec2.alive_parts("vpc")[0].id
        scene.ec2.held_by.add(part)
        scene.ask("DELETE", f"/vpcs/{vpc['id']}")
        scene.moving.pass_time(30)
        shown = scene.ask("GET", f"/vpcs/{vpc['id']}")
        assert (shown["status"], "still uses it" in shown["status_reason"]) == ("deleting", True)
        scene.ec2.held_by.clear()
        scene.reach(vpc, State.GONE)
        assert scene.ec2.alive_parts() == []


class TestSubnets:
    def test_new_subnet_waits_for_its_vpc_and_is_available_then(self, scene, vpc):
        subnet = scene.subnet(vpc)
        assert (subnet["status"], subnet["gateway_ip"], subnet["availability_zone"]) == ("creating", "10.4.1.1", "")
        scene.reach(subnet, State.READY)
        shown = scene.ask("GET", f"/subnets/{subnet['id']}")
        assert (shown["status"], shown["vpc_id"]) == ("available", vpc["id"])
        assert shown["availability_zone"] == "eu-central-1a"
        assert shown["arn"] == f"arn:thecloud:subnet:local:default:subnet/{subnet['id']}"
        assert [each["id"] for each in scene.ask("GET", "/vpcs/production/subnets")] == [subnet["id"]]

    def test_zone_that_is_asked_for_is_its_zone(self, scene, vpc):
        body = {"name": "a", "cidr_block": "10.4.1.0/24", "availability_zone": "eu-central-1b"}
        subnet = scene.ask("POST", f"/vpcs/{vpc['id']}/subnets", body)
        scene.reach(subnet, State.READY)
        assert scene.ask("GET", f"/subnets/{subnet['id']}")["availability_zone"] == "eu-central-1b"

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"cidr_block": "10.5.0.0/24"}, 400),
            ({"cidr_block": "10.0.0.0/8"}, 400),
            ({"cidr_block": "10.4.0.0/29"}, 400),
            ({"cidr_block": "10.4.1.0/24", "availability_zone": "somewhere"}, 400),
            ({"cidr_block": "10.4.1.0/24"}, 409),
            ({"cidr_block": "10.4.0.0/16"}, 409),
            ({"cidr_block": "10.4.1.128/25"}, 409),
            ({"cidr_block": "10.4.2.0/24", "name": "shops"}, 409),
        ],
    )
    def test_subnet_against_the_rules_of_its_vpc_is_refused(self, scene, vpc, fields, status):
        subnet = scene.subnet(vpc)
        assert scene.refused("POST", f"/vpcs/{vpc['id']}/subnets", {"name": "b", **fields})[0] == status
        assert [each["id"] for each in scene.ask("GET", f"/vpcs/{vpc['id']}/subnets")] == [subnet["id"]]

    def test_addresses_are_free_again_when_their_subnet_is_gone(self, scene, vpc):
        subnet = scene.subnet(vpc)
        scene.reach(subnet, State.READY)
        scene.ask("DELETE", f"/subnets/{subnet['id']}")
        scene.reach(subnet, State.GONE)
        assert scene.subnet(vpc)["id"] != subnet["id"]

    def test_new_subnet_counts_though_no_index_shows_it(self, scene, vpc):
        scene.world.driver.index_lag(60)
        scene.subnet(vpc)
        body = {"name": "b", "cidr_block": "10.4.1.0/25"}
        assert scene.refused("POST", f"/vpcs/{vpc['id']}/subnets", body)[0] == 409

    def test_vpc_with_a_subnet_is_not_deleted(self, scene, vpc):
        subnet = scene.subnet(vpc)
        assert scene.refused("DELETE", f"/vpcs/{vpc['id']}?force=true")[:2] == (409, "CONFLICT")
        scene.ask("DELETE", f"/subnets/{subnet['id']}")
        scene.reach(subnet, State.GONE)
        scene.ask("DELETE", f"/vpcs/{vpc['id']}")
        scene.reach(vpc, State.GONE)
        assert (scene.ec2.alive_parts(), scene.moving.claims()) == ([], [])

    def test_vpc_that_is_going_takes_no_subnet(self, scene, vpc):
        scene.ask("DELETE", f"/vpcs/{vpc['id']}")
        body = {"name": "b", "cidr_block": "10.4.1.0/25"}
        assert scene.refused("POST", f"/vpcs/{vpc['id']}/subnets", body)[0] == 409

    def test_vpc_of_another_tenant_is_404_as_an_unknown_one(self, scene, vpc):
        subnet = scene.subnet(vpc)
        within = {"headers": {"x-tenant-id": scene.tenant()}}
        body = {"name": "b", "cidr_block": "10.4.9.0/24"}
        for wanted in (vpc["id"], "production", NOTHING):
            assert scene.refused("POST", f"/vpcs/{wanted}/subnets", body, **within)[0] == 404
            assert scene.refused("GET", f"/vpcs/{wanted}/subnets", **within)[0] == 404
        for wanted in (subnet["id"], NOTHING):
            assert scene.refused("DELETE", f"/subnets/{wanted}", **within)[0] == 404

    def test_failed_vpc_makes_its_subnet_fail_with_a_reason(self, scene):
        scene.ec2.vpc_limit = 0
        vpc = scene.vpc()
        subnet = scene.subnet(vpc)
        scene.reach(subnet, State.FAILED)
        assert "has failed or is gone" in scene.ask("GET", f"/subnets/{subnet['id']}")["status_reason"]
