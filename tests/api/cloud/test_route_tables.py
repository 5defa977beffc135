"""Route tables, their routes and the subnets that have them: by the API, on a strict EC2."""

import pytest

from chalicelib.cloud.network.names import main_table_of
from chalicelib.cloud.network.routing_rules import MOST_ROUTES
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


@pytest.fixture
def gateway(scene, vpc):
    made = scene.gateway(vpc)
    scene.reach(made, State.READY)
    return made


@pytest.fixture
def table(scene, vpc):
    return scene.table(vpc)


def path(table, *more):
    return "/".join(["/route-tables", table["id"], *more])


def shown(scene, table):
    return scene.ask("GET", path(table))


def associated(scene, table):
    return [each["subnet_id"] for each in shown(scene, table)["associations"]]


def at_ec2(scene, subnet):
    """The table that a subnet has at EC2, as its row is at rest."""
    scene.reach(subnet, State.READY)
    return scene.ec2.table_of(scene.at_ec2(subnet))


def wanted(target_type="igw", target_id=NOTHING, destination_cidr="0.0.0.0/0"):
    return {"destination_cidr": destination_cidr, "target_type": target_type, "target_id": target_id}


class TestTables:
    def test_new_table_has_the_route_to_its_vpc(self, scene, vpc, table):
        assert (table["status"], table["name"], table["vpc_id"]) == ("creating", "private", vpc["id"])
        assert [each["target_type"] for each in table["routes"]] == ["local"]
        scene.reach(table, State.READY)
        assert shown(scene, table)["status"] == "active"

    def test_list_is_of_a_vpc_or_of_all(self, scene, vpc, table):
        other = scene.vpc("other", "10.5.0.0/16")
        scene.moving.settle()
        names = lambda query: sorted(each["name"] for each in scene.ask("GET", f"/route-tables{query}"))  # noqa: E731
        assert names("") == ["main", "main", "private"]
        assert names("?vpc_id=production") == ["main", "private"]
        assert names(f"?vpc_id={other['id']}") == ["main"]
        assert scene.refused("GET", f"/route-tables?vpc_id={NOTHING}")[0] == 404

    @pytest.mark.parametrize(
        ("fields", "status", "says"),
        [
            ({"name": "private"}, 409, "is taken in the VPC"),
            ({"name": "main"}, 409, "main is the name of"),
            ({"name": "b", "is_main": True}, 409, "keeps its main route table"),
            ({"name": "b", "vpc_id": NOTHING}, 404, "not found"),
            ({"name": "a/b"}, 400, "name"),
        ],
    )
    def test_table_against_the_rules_is_refused(self, scene, vpc, table, fields, status, says):
        answer = scene.refused("POST", "/route-tables", {"vpc_id": vpc["id"], **fields})
        assert (answer[0], says in answer[2]) == (status, True)

    def test_name_is_free_in_another_vpc_and_when_its_table_is_gone(self, scene, vpc, table):
        assert scene.table(scene.vpc("other", "10.5.0.0/16"))["name"] == "private"
        scene.ask("DELETE", path(table))
        scene.reach(table, State.GONE)
        assert scene.table(vpc)["id"] != table["id"]

    def test_vpc_with_a_table_of_the_tenant_is_not_deleted(self, scene, vpc, table):
        assert scene.refused("DELETE", f"/vpcs/{vpc['id']}")[:2] == (409, "CONFLICT")
        scene.ask("DELETE", path(table))
        scene.reach(table, State.GONE)
        scene.ask("DELETE", f"/vpcs/{vpc['id']}")
        scene.reach(vpc, State.GONE)
        assert (scene.ec2.alive_parts(), scene.moving.claims()) == ([], [])

    def test_tables_of_another_tenant_are_404_as_unknown_ones(self, scene, vpc, table, gateway):
        within = {"headers": {"x-tenant-id": scene.tenant()}}
        for verb, more, body in (
            ("GET", (), None),
            ("DELETE", (), None),
            ("POST", ("routes",), wanted(target_id=gateway["id"])),
            ("POST", ("associate",), {"subnet_id": NOTHING}),
        ):
            assert scene.refused(verb, path(table, *more), body, **within)[0] == 404
        assert scene.refused("POST", "/route-tables", {"vpc_id": vpc["id"], "name": "b"}, **within)[0] == 404
        assert scene.ask("GET", "/route-tables", **within) == []


class TestRoutes:
    def test_route_to_a_gateway_is_made_at_ec2_and_removed(self, scene, table, gateway):
        route = scene.route(table, gateway)
        assert (route["route_table_id"], route["target_id"]) == (table["id"], gateway["id"])
        scene.reach(table, State.READY)
        assert scene.ec2.routes_of(scene.at_ec2(table)) == {"0.0.0.0/0": scene.at_ec2(gateway)}
        assert [each["id"] for each in shown(scene, table)["routes"]][1:] == [route["id"]]
        scene.ask("DELETE", path(table, f"routes?route_id={route['id']}"))
        scene.reach(table, State.READY)
        assert scene.ec2.routes_of(scene.at_ec2(table)) == {}

    def test_removed_route_is_added_again_at_once(self, scene, table, gateway):
        route = scene.route(table, gateway)
        scene.reach(table, State.READY)
        scene.ask("DELETE", path(table, "routes", route["id"]))
        again = scene.route(table, gateway)
        assert again["id"] != route["id"]
        scene.reach(table, State.READY)
        assert scene.ec2.routes_of(scene.at_ec2(table)) == {"0.0.0.0/0": scene.at_ec2(gateway)}

    @pytest.mark.parametrize(
        ("body", "status", "says"),
        [
            (wanted(destination_cidr="10.4.1.0/24"), 400, "within the VPC"),
            (wanted(destination_cidr="10.4.0.0/16"), 400, "within the VPC"),
            (wanted(destination_cidr="169.254.169.0/24"), 400, "which AWS keeps"),
            (wanted(destination_cidr="192.168.0.1/16"), 400, "'192.168.0.1/16' is not a block"),
            (wanted(destination_cidr="192.168.0.1"), 400, "has no length"),
            (wanted(destination_cidr="fd00::/8"), 400, "is not a block of IPv4"),
            (wanted(target_type="elsewhere"), 400, "elsewhere"),
            (wanted(target_type="local"), 409, "neither made nor removed"),
            (wanted(target_type="nat"), 404, "not found"),
            (wanted(target_type="peering", target_id=""), 404, "not found"),
        ],
    )
    def test_route_against_the_rules_is_refused_and_not_made(self, scene, table, body, status, says):
        answer = scene.refused("POST", path(table, "routes"), body)
        assert (answer[0], says in answer[2]) == (status, True)
        assert len(shown(scene, table)["routes"]) == 1

    def test_target_that_is_not_attached_to_the_vpc_of_the_table_is_refused(self, scene, table):
        loose, elsewhere = scene.gateway(), scene.gateway(scene.vpc("other", "10.5.0.0/16"))
        for target in (loose, elsewhere):
            answer = scene.refused("POST", path(table, "routes"), wanted(target_id=target["id"]))
            assert (answer[0], "attach it first" in answer[2]) == (409, True)

    def test_target_of_another_kind_is_404(self, scene, table, vpc):
        assert scene.refused("POST", path(table, "routes"), wanted(target_id=vpc["id"]))[0] == 404

    def test_second_route_to_a_destination_is_refused(self, scene, table, gateway):
        scene.route(table, gateway)
        answer = scene.refused("POST", path(table, "routes"), wanted(target_id=gateway["id"]))
        assert (answer[0], "has a route to 0.0.0.0/0 already" in answer[2]) == (409, True)

    def test_routes_are_no_more_than_a_table_can_have_and_all_go_with_it(self, scene, table, gateway):
        for number in range(MOST_ROUTES):
            scene.route(table, gateway, f"192.168.{number}.0/24")
        answer = scene.refused("POST", path(table, "routes"), wanted(target_id=gateway["id"]))
        assert (answer[0], "remove one first" in answer[2]) == (409, True)
        scene.ask("DELETE", path(table))
        scene.reach(table, State.GONE)
        assert [each for each in scene.moving.claims() if each[2] == table["id"]] == []

    def test_gateway_is_detached_when_no_table_has_a_route_to_it(self, scene, table, gateway):
        route = scene.route(table, gateway)
        assert scene.refused("POST", f"/internet-gateways/{gateway['id']}/detach")[0] == 409
        scene.ask("DELETE", path(table, "routes", route["id"]))
        scene.ask("POST", f"/internet-gateways/{gateway['id']}/detach")
        scene.reach(gateway, State.READY)
        scene.reach(table, State.READY)
        assert scene.ec2.routes_of(scene.at_ec2(table)) == {}

    def test_routes_that_are_not_its_own_cannot_be_removed(self, scene, vpc, gateway):
        main = scene.main_of(vpc)
        for route, says in zip(main["routes"], ("cannot be removed", "detach or delete that"), strict=True):
            answer = scene.refused("DELETE", path(main, "routes", route["id"]))
            assert (answer[0], says in answer[2]) == (409, True)
        assert scene.refused("DELETE", path(main, "routes", NOTHING))[0] == 404
        assert scene.refused("DELETE", path(main, "routes"))[0] == 400

    def test_main_table_has_routes_of_its_own_beside_those_of_others(self, scene, vpc, gateway):
        main = scene.main_of(vpc)
        scene.route(main, gateway, "198.51.100.0/24")
        scene.reach(main, State.READY)
        gateway_at_ec2 = scene.at_ec2(gateway)
        assert scene.ec2.routes_of(scene.at_ec2(main)) == {
            "0.0.0.0/0": gateway_at_ec2,
            "198.51.100.0/24": gateway_at_ec2,
        }

    def test_route_that_is_made_in_aws_is_told_and_removed_by_the_next_change(self, scene, table, gateway):
        scene.reach(table, State.READY)
        at = {"RouteTableId": scene.at_ec2(table), "GatewayId": scene.at_ec2(gateway)}
        scene.ec2.create_route(**at, DestinationCidrBlock="203.0.113.0/24")
        scene.look(table)
        assert "203.0.113.0/24 that was not made here" in shown(scene, table)["status_reason"]
        scene.route(table, gateway)
        scene.reach(table, State.READY)
        assert scene.ec2.routes_of(scene.at_ec2(table)) == {"0.0.0.0/0": scene.at_ec2(gateway)}


class TestAssociations:
    @pytest.fixture
    def subnet(self, scene, vpc):
        return scene.subnet(vpc)

    @pytest.mark.parametrize("verb", ["associate", "associations"])
    def test_subnet_gets_a_table_in_place_of_the_one_that_it_has(self, scene, vpc, table, subnet, verb):
        scene.reach(subnet, State.READY)
        scene.ask("POST", path(table, verb), {"subnet_id": subnet["id"]})
        assert at_ec2(scene, subnet) == scene.at_ec2(table)
        assert (associated(scene, table), associated(scene, scene.main_of(vpc))) == ([subnet["id"]], [])
        other = scene.table(vpc, "other")
        scene.ask("POST", path(other, verb), {"subnet_id": subnet["id"]})
        assert at_ec2(scene, subnet) == scene.at_ec2(other)
        assert associated(scene, table) == []

    def test_subnet_that_is_being_made_gets_its_table_at_once(self, scene, table, subnet):
        scene.ask("POST", path(table, "associate"), {"subnet_id": subnet["id"]})
        assert at_ec2(scene, subnet) == scene.at_ec2(table)

    def test_subnet_that_gives_its_table_back_has_the_main_one(self, scene, vpc, table, subnet):
        scene.ask("POST", path(table, "associate"), {"subnet_id": subnet["id"]})
        scene.ask("POST", path(table, "disassociate"), {"subnet_id": subnet["id"]})
        assert at_ec2(scene, subnet) == scene.at_ec2(scene.main_of(vpc))
        scene.ask("POST", path(table, "associate"), {"subnet_id": subnet["id"]})
        scene.ask("DELETE", path(table, "associations", subnet["id"]))
        assert at_ec2(scene, subnet) == scene.at_ec2(scene.main_of(vpc))
        assert scene.refused("DELETE", path(table, "associations", subnet["id"]))[0] == 404

    def test_same_table_again_changes_nothing(self, scene, table, subnet):
        scene.ask("POST", path(table, "associate"), {"subnet_id": subnet["id"]})
        before = scene.row(subnet)
        scene.ask("POST", path(table, "associate"), {"subnet_id": subnet["id"]})
        assert scene.row(subnet) == before

    def test_main_table_is_given_but_never_taken_away(self, scene, vpc, table, subnet):
        main = scene.main_of(vpc)
        scene.ask("POST", path(table, "associate"), {"subnet_id": subnet["id"]})
        scene.ask("POST", path(main, "associate"), {"subnet_id": subnet["id"]})
        assert associated(scene, main) == [subnet["id"]]
        answer = scene.refused("POST", path(main, "disassociate"), {"subnet_id": subnet["id"]})
        assert (answer[0], "instead" in answer[2]) == (409, True)

    def test_table_of_another_vpc_is_refused(self, scene, subnet):
        other = scene.table(scene.vpc("other", "10.5.0.0/16"))
        answer = scene.refused("POST", path(other, "associate"), {"subnet_id": subnet["id"]})
        assert (answer[0], "in another VPC" in answer[2]) == (409, True)

    def test_subnet_that_is_not_there_is_404(self, scene, table):
        for verb in ("associate", "associations", "disassociate"):
            assert scene.refused("POST", path(table, verb), {"subnet_id": NOTHING})[0] == 404

    def test_table_with_a_subnet_is_deleted_when_that_has_left(self, scene, table, subnet):
        scene.ask("POST", path(table, "associate"), {"subnet_id": subnet["id"]})
        scene.reach(subnet, State.READY)
        answer = scene.refused("DELETE", path(table))
        assert (answer[0], "another one first" in answer[2]) == (409, True)
        scene.ask("POST", path(table, "disassociate"), {"subnet_id": subnet["id"]})
        scene.ask("DELETE", path(table))
        scene.reach(table, State.GONE)
        scene.reach(subnet, State.READY)
        assert scene.ec2.table_of(scene.at_ec2(subnet)) != ""

    def test_subnet_whose_table_is_changed_in_aws_has_failed_until_it_is_given_anew(self, scene, vpc, table, subnet):
        scene.reach(subnet, State.READY)
        scene.reach(table, State.READY)
        (association,) = scene.ec2.describe_route_tables(
            Filters=[{"Name": "association.subnet-id", "Values": [scene.at_ec2(subnet)]}]
        )["RouteTables"][0]["Associations"]
        ids = {"AssociationId": association["RouteTableAssociationId"], "RouteTableId": scene.at_ec2(table)}
        scene.ec2.replace_route_table_association(**ids)
        assert scene.look(subnet).state is State.FAILED
        scene.ask("POST", path(table, "associate"), {"subnet_id": subnet["id"]})
        scene.ask("POST", path(table, "disassociate"), {"subnet_id": subnet["id"]})
        assert at_ec2(scene, subnet) == scene.at_ec2(scene.main_of(vpc))
