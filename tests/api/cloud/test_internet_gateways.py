"""Internet gateways and main route tables: by the API, on a strict EC2."""

import pytest

from chalicelib.cloud.network.names import gateway_claim, main_table_of
from chalicelib.platform.provisioning.model import State
from tests.support.networks import NetworkScene

NOTHING = "01900000-0000-7000-8000-0000000000ff"


@pytest.fixture
def scene():
    return NetworkScene()


@pytest.fixture
def vpc(scene):
    made = scene.vpc()
    scene.reach(made, State.READY)
    scene.reach({"id": main_table_of(made["id"])}, State.READY)
    return made


def shown(scene, gateway):
    return scene.ask("GET", f"/internet-gateways/{gateway['id']}")


def refused(scene, gateway, verb, body=None, **options):
    return scene.refused("POST", f"/internet-gateways/{gateway['id']}/{verb}", body, **options)


def routes(scene, vpc):
    return scene.ec2.routes_of(scene.at_ec2({"id": main_table_of(vpc["id"])}))


class TestMainTables:
    def test_vpc_has_a_main_table_with_the_route_to_itself(self, scene, vpc):
        (table,) = scene.ask("GET", f"/route-tables?vpc_id={vpc['id']}")
        assert (table["name"], table["is_main"], table["status"]) == ("main", True, "active")
        (local,) = table["routes"]
        assert (local["target_type"], local["target_id"], local["destination_cidr"]) == ("local", None, "10.4.0.0/16")

    def test_subnet_has_the_main_table_at_ec2_when_it_is_available(self, scene, vpc):
        subnet = scene.subnet(vpc)
        scene.reach(subnet, State.READY)
        assert scene.ec2.table_of(scene.at_ec2(subnet)) == scene.at_ec2(scene.main_of(vpc))
        assert [each["subnet_id"] for each in scene.main_of(vpc)["associations"]] == [subnet["id"]]

    def test_main_table_goes_with_its_vpc_alone(self, scene, vpc):
        main = scene.main_of(vpc)
        assert scene.refused("DELETE", f"/route-tables/{main['id']}")[:2] == (409, "CONFLICT")
        scene.ask("DELETE", f"/vpcs/{vpc['id']}")
        scene.reach(vpc, State.GONE)
        scene.reach(main, State.GONE)
        assert (scene.ec2.alive_parts(), scene.moving.claims()) == ([], [])

    def test_vpc_that_was_lost_takes_its_main_table_along(self, scene, vpc):
        main = scene.main_of(vpc)
        scene.ec2.parts[scene.at_ec2(vpc)].gone_at = scene.moving.clock.now()
        scene.reach(vpc, State.FAILED)
        scene.reach(main, State.GONE)
        assert scene.ec2.alive_parts() == []

    def test_vpc_that_failed_at_once_has_no_main_table(self, scene):
        scene.ec2.vpc_limit = 0
        scene.reach(scene.vpc(), State.FAILED)
        scene.moving.pass_time(10)
        assert scene.ask("GET", "/route-tables") == []


class TestGateways:
    def test_new_gateway_is_creating_and_then_detached(self, scene):
        gateway = scene.gateway()
        assert (gateway["status"], gateway["vpc_id"]) == ("creating", None)
        assert gateway["arn"] == f"arn:thecloud:vpc:local:default:internet-gateway/{gateway['id']}"
        scene.reach(gateway, State.READY)
        assert [each["status"] for each in scene.ask("GET", "/internet-gateways")] == ["detached"]

    def test_attached_gateway_is_the_default_route_of_the_main_table(self, scene, vpc):
        gateway = scene.gateway()
        scene.reach(gateway, State.READY)
        assert scene.attach(gateway, {"id": vpc["name"]})["status"] == "attaching"
        scene.reach(gateway, State.READY)
        assert (shown(scene, gateway)["status"], shown(scene, gateway)["vpc_id"]) == ("attached", vpc["id"])
        assert routes(scene, vpc) == {"0.0.0.0/0": scene.at_ec2(gateway)}
        made = scene.main_of(vpc)["routes"][-1]
        assert (made["destination_cidr"], made["target_type"]) == ("0.0.0.0/0", "igw")
        assert made["target_id"] == gateway["id"]

    def test_gateway_attached_to_a_vpc_that_is_being_made_waits_for_it(self, scene):
        vpc = scene.vpc()
        gateway = scene.gateway(vpc)
        scene.reach(gateway, State.READY)
        assert routes(scene, vpc) == {"0.0.0.0/0": scene.at_ec2(gateway)}

    def test_detached_gateway_has_no_route_and_is_free_for_another_vpc(self, scene, vpc):
        gateway, other = scene.gateway(vpc), scene.vpc("other", "10.5.0.0/16")
        scene.reach(gateway, State.READY)
        assert scene.ask("POST", f"/internet-gateways/{gateway['id']}/detach")["status"] == "detaching"
        scene.reach(gateway, State.READY)
        assert (shown(scene, gateway)["status"], routes(scene, vpc)) == ("detached", {})
        scene.attach(gateway, other)
        scene.reach(gateway, State.READY)
        assert (routes(scene, vpc), routes(scene, other)) == ({}, {"0.0.0.0/0": scene.at_ec2(gateway)})

    def test_gateway_moved_before_any_worker_came_ends_where_it_shall_be(self, scene, vpc):
        gateway, other = scene.gateway(vpc), scene.vpc("other", "10.5.0.0/16")
        scene.reach(gateway, State.READY)
        scene.ask("POST", f"/internet-gateways/{gateway['id']}/detach")
        scene.attach(gateway, other)
        scene.reach(gateway, State.READY)
        assert (routes(scene, vpc), routes(scene, other)) == ({}, {"0.0.0.0/0": scene.at_ec2(gateway)})

    def test_second_gateway_follows_when_the_first_has_left_ec2(self, scene, vpc):
        first, second = scene.gateway(vpc), scene.gateway()
        scene.reach(first, State.READY)
        status, kind, message = refused(scene, second, "attach", {"vpc_id": vpc["id"]})
        assert (status, kind, "has an internet gateway already" in message) == (409, "CONFLICT", True)
        scene.ask("POST", f"/internet-gateways/{first['id']}/detach")
        scene.attach(second, vpc)
        for gateway in (second, first):
            scene.reach(gateway, State.READY)
        assert routes(scene, vpc) == {"0.0.0.0/0": scene.at_ec2(second)}
        assert shown(scene, first)["status"] == "detached"

    def test_attach_detach_and_delete_in_the_wrong_state_are_400(self, scene, vpc):
        gateway = scene.gateway()
        assert refused(scene, gateway, "detach")[:2] == (400, "INVALID_INPUT")
        scene.attach(gateway, vpc)
        assert refused(scene, gateway, "attach", {"vpc_id": vpc["id"]})[:2] == (400, "INVALID_INPUT")
        assert scene.refused("DELETE", f"/internet-gateways/{gateway['id']}")[:2] == (400, "INVALID_INPUT")

    def test_gateway_is_not_attached_where_the_main_table_has_a_default_route(self, scene, vpc):
        first = scene.gateway(vpc)
        scene.reach(first, State.READY)
        table = scene.table(vpc)
        scene.route(table, first, "198.51.100.0/24")
        assert refused(scene, first, "detach")[:2] == (409, "CONFLICT")
        status, _, message = scene.refused(
            "POST",
            f"/route-tables/{main_table_of(vpc['id'])}/routes",
            {"destination_cidr": "0.0.0.0/0", "target_type": "igw", "target_id": first["id"]},
        )
        assert (status, "has a route to 0.0.0.0/0 already" in message) == (409, True)

    def test_vpc_with_a_gateway_is_not_deleted(self, scene, vpc):
        gateway = scene.gateway(vpc)
        assert scene.refused("DELETE", f"/vpcs/{vpc['id']}")[:2] == (409, "CONFLICT")
        scene.ask("POST", f"/internet-gateways/{gateway['id']}/detach")
        scene.ask("DELETE", f"/internet-gateways/{gateway['id']}")
        scene.ask("DELETE", f"/vpcs/{vpc['id']}")
        scene.reach(gateway, State.GONE)
        scene.reach(vpc, State.GONE)
        assert (scene.ec2.alive_parts(), scene.moving.claims()) == ([], [])

    def test_tenant_has_as_many_gateways_as_vpcs_and_stays_while_it_has_one(self, scene):
        tenant = scene.tenant()
        scene.request("set_quotas", variables={"tenant_id": tenant}, json={"max_vpcs": 1})
        within = {"headers": {"x-tenant-id": tenant}}
        gateway = scene.ask("POST", "/internet-gateways", **within)
        assert scene.refused("POST", "/internet-gateways", **within)[:2] == (429, "QUOTA_EXCEEDED")
        assert scene.refused("DELETE", f"/tenants/{tenant}")[0] == 409
        scene.ask("DELETE", f"/internet-gateways/{gateway['id']}", **within)
        scene.reach(gateway, State.GONE)
        assert scene.ask("POST", "/internet-gateways", **within)["status"] == "creating"

    def test_things_of_another_tenant_are_404_as_unknown_ones(self, scene, vpc):
        gateway, own = scene.gateway(), scene.tenant()
        scene.request("set_quotas", variables={"tenant_id": own}, json={"max_vpcs": 1})
        within = {"headers": {"x-tenant-id": own}}
        foreign = scene.ask("POST", "/internet-gateways", **within)
        for wanted in (vpc["id"], vpc["name"], NOTHING):
            assert refused(scene, foreign, "attach", {"vpc_id": wanted}, **within)[0] == 404
        assert refused(scene, gateway, "attach", {"vpc_id": vpc["id"]}, **within)[0] == 404
        assert refused(scene, gateway, "detach", **within)[0] == 404

    def test_gateway_that_is_detached_in_aws_has_failed_until_it_is_attached_anew(self, scene, vpc):
        gateway = scene.gateway(vpc)
        row = scene.reach(gateway, State.READY)
        ids = {"InternetGatewayId": row.external["id"], "VpcId": scene.at_ec2(vpc)}
        scene.ec2.detach_internet_gateway(**ids)
        scene.look(gateway)
        assert "attach it again" in shown(scene, gateway)["status_reason"]
        scene.ask("POST", f"/internet-gateways/{gateway['id']}/detach")
        scene.attach(gateway, vpc)
        scene.reach(gateway, State.READY)
        assert (gateway_claim(vpc["id"]), gateway["id"]) in [each[1:] for each in scene.moving.claims()]
