"""Security groups and their rules: by the API, on a strict EC2."""

import pytest

from chalicelib.platform.access.principal import Principal, PrincipalKind
from chalicelib.platform.provisioning.model import State
from tests.support.networks import NetworkScene

NOTHING = "01900000-0000-7000-8000-0000000000ff"
HTTPS = {"direction": "ingress", "protocol": "tcp", "port_min": 443, "port_max": 443, "cidr": "0.0.0.0/0"}


@pytest.fixture
def scene():
    return NetworkScene()


@pytest.fixture
def vpc(scene):
    return scene.vpc()


@pytest.fixture
def group(scene, vpc):
    """One that is there."""
    made = scene.group(vpc)
    scene.reach(made, State.READY)
    return made


def at_ec2(scene, group, way="Ingress"):
    return scene.ec2.rules_of(scene.row(group).external["id"], way)


def shown(scene, group):
    return scene.ask("GET", f"/security-groups/{group['id']}")


def test_new_group_is_creating_then_active_and_lets_everything_out_alone(scene, vpc):
    group = scene.group(vpc, description="what anyone may reach")
    assert (group["status"], group["vpc_id"], group["name"]) == ("creating", vpc["id"], "web")
    (rule,) = group["rules"]
    assert (rule["direction"], rule["protocol"], rule["cidr"], rule["port_min"]) == ("egress", "all", "0.0.0.0/0", None)
    scene.reach(group, State.READY)
    assert (shown(scene, group)["status"], shown(scene, group)["description"]) == ("active", "what anyone may reach")
    assert at_ec2(scene, group) == []
    assert len(at_ec2(scene, group, "Egress")) == 1
    assert group["arn"] == f"arn:thecloud:sg:local:default:sg/{group['id']}"


def test_group_with_a_new_rule_is_changing_until_ec2_has_it(scene, group):
    rule = scene.rule(group, priority=7)
    assert (rule["group_id"], rule["port_max"], rule["priority"]) == (group["id"], 443, 7)
    assert shown(scene, group)["status"] == "changing"
    scene.reach(group, State.READY)
    assert at_ec2(scene, group) == [("tcp", 443, 443, "IpRanges", "0.0.0.0/0")]


def test_deleted_rule_holds_no_more_and_is_not_found_then(scene, group):
    rule = scene.rule(group)
    scene.reach(group, State.READY)
    assert scene.ask("DELETE", f"/security-groups/rules/{rule['id'].upper()}") is None
    scene.reach(group, State.READY)
    assert at_ec2(scene, group) == []
    assert scene.refused("DELETE", f"/security-groups/rules/{rule['id']}")[:2] == (404, "NOT_FOUND")


def test_rule_of_a_new_group_that_lets_all_out_can_be_deleted(scene, group):
    scene.ask("DELETE", f"/security-groups/rules/{group['rules'][0]['id']}")
    scene.reach(group, State.READY)
    assert (at_ec2(scene, group, "Egress"), shown(scene, group)["rules"]) == ([], [])


def test_rules_of_a_group_that_is_not_there_yet_are_made_with_it(scene, vpc):
    group = scene.group(vpc)
    scene.rule(group)
    scene.rule(group, protocol="icmp", port_min=0, port_max=0)
    scene.reach(group, State.READY)
    assert len(at_ec2(scene, group)) == 2


def test_rules_are_listed_by_falling_priority(scene, group):
    for number, priority in enumerate((1, 9, 1)):
        scene.rule(group, cidr=f"10.0.{number}.0/24", priority=priority)
    listed = [(each["priority"], each["cidr"]) for each in shown(scene, group)["rules"]]
    assert listed == [(9, "10.0.1.0/24"), (1, "10.0.0.0/24"), (1, "10.0.2.0/24"), (0, "0.0.0.0/0")]


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"direction": "in"}, 400, "direction"),
        ({"protocol": "sctp"}, 400, "protocol"),
        ({"port_min": 0}, 400, "0 is no port"),
        ({"port_max": None}, 400, "port_max is needed for tcp"),
        ({"port_min": 444}, 400, "444 is above port_max, 443"),
        ({"protocol": "all"}, 400, "all has no ports"),
        ({"cidr": "10.0.0.1/8"}, 400, "'10.0.0.1/8' is no block"),
        ({"cidr": ""}, 400, "cidr"),
        ({}, 409, "has this rule already: ingress tcp 443-443 0.0.0.0/0"),
    ],
)
def test_wrong_rule_is_refused_and_changes_nothing(scene, group, fields, status, says):
    scene.rule(group)
    before = scene.row(group)
    answered, _, message = scene.refused("POST", f"/security-groups/{group['id']}/rules", {**HTTPS, **fields})
    assert (answered, says in message) == (status, True), message
    assert scene.row(group) == before


def test_two_callers_who_add_the_same_rule_at_once_make_one(scene, group):
    add = lambda: scene.send("POST", f"/security-groups/{group['id']}/rules", json=HTTPS).status  # noqa: E731
    scene.world.driver.latency(0.01)
    assert sorted(scene.moving.clock.run_together([add, add])) == [201, 409]


@pytest.mark.parametrize("name", ["", "  ", "-a", "x" * 65, "attach", "rules"])
def test_wrong_name_is_refused(scene, vpc, name):
    body = {"vpc_id": vpc["id"], "name": name}
    assert scene.refused("POST", "/security-groups", body)[:2] == (400, "INVALID_INPUT")


def test_name_is_unique_in_its_vpc_until_its_group_is_gone(scene, vpc, group):
    body = {"vpc_id": "production", "name": "web"}
    assert scene.refused("POST", "/security-groups", body)[0] == 409
    other = scene.vpc("other", "10.5.0.0/16")
    assert scene.group(other)["name"] == "web"
    assert scene.ask("DELETE", f"/security-groups/{group['id']}") is None
    scene.reach(group, State.GONE)
    assert scene.group(vpc)["id"] != group["id"]


def test_group_is_found_by_its_name_in_its_vpc_alone(scene, vpc, group):
    assert scene.ask("GET", f"/security-groups/web?vpc_id={vpc['name']}")["id"] == group["id"]
    assert scene.refused("GET", "/security-groups/web")[:2] == (400, "INVALID_INPUT")
    assert scene.refused("GET", f"/security-groups/other?vpc_id={vpc['id']}")[0] == 404
    assert scene.refused("GET", f"/security-groups/web?vpc_id={NOTHING}")[0] == 404


def test_list_has_all_groups_or_those_of_a_vpc(scene, vpc, group):
    other = scene.group(scene.vpc("other", "10.5.0.0/16"))
    assert {each["id"] for each in scene.ask("GET", "/security-groups")} == {group["id"], other["id"]}
    assert [each["id"] for each in scene.ask("GET", f"/security-groups?vpc_id={vpc['id']}")] == [group["id"]]
    assert scene.refused("GET", f"/security-groups?vpc_id={NOTHING}")[0] == 404


def test_vpc_that_is_not_there_or_going_takes_no_group(scene, vpc):
    assert scene.refused("POST", "/security-groups", {"vpc_id": NOTHING, "name": "web"})[0] == 404
    scene.ask("DELETE", f"/vpcs/{vpc['id']}")
    assert scene.refused("POST", "/security-groups", {"vpc_id": vpc["id"], "name": "web"})[0] == 409


def test_vpc_is_not_deleted_before_its_groups(scene, vpc, group):
    assert scene.refused("DELETE", f"/vpcs/{vpc['id']}")[0] == 409
    scene.ask("DELETE", f"/security-groups/{group['id']}")
    scene.reach(group, State.GONE)
    scene.ask("DELETE", f"/vpcs/{vpc['id']}")
    scene.reach(vpc, State.GONE)
    assert scene.ec2.alive_parts() == []


def test_rules_that_change_in_aws_are_told_and_made_good_by_the_next_change(scene, group):
    strange = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    external = scene.row(group).external["id"]
    scene.ec2.authorize_security_group_ingress(GroupId=external, IpPermissions=[strange])
    scene.reach(group, State.FAILED)
    told = shown(scene, group)
    assert (told["status"], "were changed in AWS" in told["status_reason"]) == ("failed", True)
    scene.rule(group)
    scene.reach(group, State.READY)
    assert at_ec2(scene, group) == [("tcp", 443, 443, "IpRanges", "0.0.0.0/0")]


def test_default_group_of_a_vpc_is_made_once_however_many_ask(scene, vpc):
    groups, by = scene.cloud.security_groups, Principal(id="key-of-a-test", kind=PrincipalKind.KEY)
    scene.world.driver.latency(0.01)
    ask = lambda: groups.default_of(by, vpc["id"]).id  # noqa: E731
    found = set(scene.moving.clock.run_together([ask, ask, ask]))
    assert len(found) == 1
    assert [each["name"] for each in scene.ask("GET", "/security-groups")] == ["default"]
    assert ask() in found
