"""Instances in the networks of their tenant, and their security groups: by the API, on a strict EC2."""

from ipaddress import ip_address, ip_network

import pytest

from chalicelib.platform.provisioning.model import State
from tests.support.cloud import EVE
from tests.support.denying import denying
from tests.support.networks import LaunchScene, NetworkScene

NOTHING = "01900000-0000-7000-8000-0000000000ff"


@pytest.fixture
def scene():
    return LaunchScene()


@pytest.fixture
def network(scene):
    return scene.network()


@pytest.fixture
def instance(scene, network):
    """One that runs in the subnet."""
    return scene.running(subnet_id=network[1]["id"])


@pytest.fixture
def group(scene, network):
    """One that is there."""
    made = scene.group(network[0])
    scene.reach(made, State.READY)
    return made


def group_named(scene, name):
    (found,) = [each for each in scene.ask("GET", "/security-groups") if each["name"] == name]
    return found


class TestLaunch:
    def test_instance_in_a_subnet_has_its_address_and_the_default_group(self, scene, network):
        vpc, subnet = network
        made = scene.running(subnet_id=subnet["id"])
        shown, default = scene.shown(made), group_named(scene, "default")
        assert (shown["vpc_id"], shown["subnet_id"], shown["status"]) == (vpc["id"], subnet["id"], "RUNNING")
        assert shown["security_group_ids"] == [default["id"]]
        assert ip_address(shown["private_ip"]) in ip_network(subnet["cidr_block"])
        assert shown["public_ip"] is None
        assert scene.groups_at_ec2(made) == {default["id"]}
        assert scene.machine(made).request["SubnetId"] == scene.row(subnet).external["id"]

    def test_vpc_alone_leads_to_its_oldest_subnet(self, scene, network):
        vpc, subnet = network
        scene.moving.clock.advance(1)
        scene.subnet(vpc, "later", "10.4.2.0/24")
        assert scene.launch(vpc_id=vpc["name"])["subnet_id"] == subnet["id"]

    def test_parts_are_found_by_their_names_in_the_vpc(self, scene, network, group):
        _vpc, subnet = network
        made = scene.launch(vpc_id="production", subnet_id="shops", security_group_ids=["web", group["id"]])
        assert (made["subnet_id"], made["security_group_ids"]) == (subnet["id"], [group["id"]])

    def test_launch_right_after_the_subnet_was_asked_for_says_to_wait(self, scene):
        vpc = scene.vpc()
        wanted = {"name": "a", "image": "ubuntu-24.04", "vpc_id": vpc["id"]}
        status, _, message = scene.refused("POST", "/instances", wanted)
        assert (status, f"POST /vpcs/{vpc['id']}/subnets" in message) == (409, True)
        scene.subnet(vpc)
        status, _, message = scene.refused("POST", "/instances", wanted)
        assert (status, "wait until it is available" in message) == (409, True)

    def test_subnet_with_a_zone_is_waited_for_by_its_instance(self, scene):
        vpc = scene.vpc()
        body = {"name": "a", "cidr_block": "10.4.1.0/24", "availability_zone": "eu-central-1b"}
        subnet = scene.ask("POST", f"/vpcs/{vpc['id']}/subnets", body)
        made = scene.running(subnet_id=subnet["id"])
        assert scene.ec2.zone_of(scene.machine(made)) == "eu-central-1b"
        assert scene.row(made).spec["zone"] == "eu-central-1b"

    @pytest.mark.parametrize(
        ("values", "status", "says"),
        [
            ({"vpc_id": NOTHING}, 404, "not found"),
            ({"subnet_id": NOTHING}, 404, "not found"),
            ({"vpc_id": "production", "subnet_id": "unknown"}, 404, "not found"),
            ({"vpc_id": "other", "subnet_id": "SUBNET"}, 400, "is not in the VPC other"),
            ({"vpc_id": "production", "security_group_ids": [NOTHING]}, 404, "not found"),
            ({"vpc_id": "production", "security_group_ids": ["OTHER"]}, 400, "is not of the instance's VPC"),
            ({"vpc_id": "production", "security_group_ids": list("abcdef")}, 400, "security_group_ids"),
            ({"security_group_ids": ["web"]}, 400, "name vpc_id or subnet_id"),
        ],
    )
    def test_parts_that_do_not_fit_are_refused_and_make_nothing(self, scene, network, values, status, says):
        other = scene.group(scene.vpc("other", "10.5.0.0/16"))
        known = {"SUBNET": network[1]["id"], "OTHER": other["id"]}
        sent = {
            name: known.get(value, value) if isinstance(value, str) else [known.get(each, each) for each in value]
            for name, value in values.items()
        }
        body = {"name": "a", "image": "ubuntu-24.04", **sent}
        answered, _, message = scene.refused("POST", "/instances", body)
        assert (answered, says in message) == (status, True), message
        assert scene.ask("GET", "/instances") == []

    def test_networks_of_another_tenant_are_not_found(self, scene, network, group):
        tenant = scene.tenant()
        scene.join(tenant, EVE, "owner")
        scene.request("set_quotas", variables={"tenant_id": tenant}, json={"max_instances": 1, "max_vpcs": 1})
        for named in ({"vpc_id": network[0]["id"]}, {"subnet_id": network[1]["id"]}):
            body = {"name": "a", "image": "ubuntu-24.04", **named}
            assert scene.refused("POST", "/instances", body, key=scene.keys[EVE])[0] == 404

    def test_launches_at_once_share_one_default_group(self, scene, network):
        scene.world.driver.latency(0.01)
        launch = lambda: scene.launch(subnet_id=network[1]["id"])["security_group_ids"]  # noqa: E731
        found = scene.moving.clock.run_together([launch, launch])
        assert found[0] == found[1]
        assert len(scene.ask("GET", "/security-groups")) == 1

    def test_repeat_with_its_key_makes_no_second_instance_nor_group(self, scene, network):
        body = {"name": "a", "image": "ubuntu-24.04", "subnet_id": network[1]["id"]}
        answers = [
            scene.send("POST", "/instances", json=body, headers={"idempotency-key": "once-0123456789"})
            for _ in range(2)
        ]
        assert answers[0].json["data"] == answers[1].json["data"]
        assert (len(scene.ask("GET", "/instances")), len(scene.ask("GET", "/security-groups"))) == (1, 1)

    def test_group_that_has_failed_takes_no_new_instance(self, scene, network, group):
        scene.ec2.parts[scene.row(group).external["id"]].gone_at = scene.moving.clock.now()
        scene.reach(group, State.FAILED)
        body = {"name": "a", "image": "ubuntu-24.04", "subnet_id": network[1]["id"]}
        status, _, message = scene.refused("POST", "/instances", {**body, "security_group_ids": [group["id"]]})
        assert (status, "the security group web has failed" in message) == (409, True)

    def test_process_of_this_machine_has_its_network_noted_and_holds_it(self):
        scene = NetworkScene(machine_providers=("local",))
        subnet = scene.subnet(scene.vpc())
        scene.reach(subnet, State.READY)
        body = {"name": "a", "image": "ubuntu-24.04", "subnet_id": subnet["id"]}
        made = scene.ask("POST", "/instances", body)
        row = scene.row(made)
        assert (row.spec["provider"], row.spec["zone"]) == ("local", "eu-central-1a")
        assert row.parents == (subnet["id"], *made["security_group_ids"])
        assert scene.refused("DELETE", f"/subnets/{subnet['id']}")[0] == 409

    def test_network_is_held_until_its_instance_is_gone(self, scene, network, instance):
        vpc, subnet = network
        default = group_named(scene, "default")
        paths = (f"/security-groups/{default['id']}", f"/subnets/{subnet['id']}", f"/vpcs/{vpc['id']}")
        assert [scene.refused("DELETE", path)[0] for path in paths] == [409, 409, 409]
        scene.ask("DELETE", f"/instances/{instance['id']}")
        scene.reach(instance, State.GONE)
        for path, thing in zip(paths, (default, subnet, vpc), strict=True):
            scene.ask("DELETE", path)
            scene.reach(thing, State.GONE)
        assert (scene.ec2.alive(), scene.ec2.alive_parts()) == ([], [])


class TestGroups:
    def test_attached_group_holds_at_ec2_while_the_instance_runs_and_costs_on(self, scene, instance, group):
        default = group_named(scene, "default")
        changed = scene.moving.clock.now()
        scene.change_groups("attach", instance, group)
        assert scene.shown(instance)["status"] == "RUNNING"
        scene.reach(instance, State.READY)
        assert (scene.moving.clock.now() - changed).total_seconds() < 30
        assert scene.groups_at_ec2(instance) == {default["id"], group["id"]}
        assert scene.shown(instance)["security_group_ids"] == [default["id"], group["id"]]
        statuses = {state for _, state in scene.machine(instance).states}
        assert statuses == {"pending", "running"}

    def test_detached_group_holds_no_more_and_can_be_deleted_then(self, scene, instance, group):
        default = group_named(scene, "default")
        scene.change_groups("attach", instance, group)
        assert scene.refused("DELETE", f"/security-groups/{group['id']}")[0] == 409
        scene.change_groups("detach", instance, default)
        scene.reach(instance, State.READY)
        assert scene.groups_at_ec2(instance) == {group["id"]}
        scene.ask("DELETE", f"/security-groups/{default['id']}")
        scene.reach(default, State.GONE)

    def test_instance_that_is_off_gets_groups_and_stays_off(self, scene, instance, group):
        scene.ask("POST", f"/instances/{instance['id']}/stop")
        scene.reach(instance, State.READY)
        scene.change_groups("attach", instance, group)
        assert scene.shown(instance)["status"] == "STOPPED"
        scene.reach(instance, State.READY)
        assert group["id"] in scene.groups_at_ec2(instance)
        assert scene.machine(instance).state(scene.moving.clock.now()) == "stopped"

    def test_stop_right_after_an_attachment_is_shown_and_done(self, scene, instance, group):
        scene.change_groups("attach", instance, group)
        scene.ask("POST", f"/instances/{instance['id']}/stop")
        assert scene.shown(instance)["status"] == "STOPPING"
        scene.reach(instance, State.READY)
        assert scene.shown(instance)["status"] == "STOPPED"
        assert group["id"] in scene.groups_at_ec2(instance)

    def test_group_attached_while_the_instance_is_made_holds_once_it_runs(self, scene, network, group):
        made = scene.launch(subnet_id=network[1]["id"])
        scene.change_groups("attach", made, group)
        assert scene.shown(made)["status"] == "STARTING"
        scene.reach(made, State.READY)
        assert scene.groups_at_ec2(made) == {group["id"], group_named(scene, "default")["id"]}

    def test_group_that_is_not_made_yet_is_waited_for(self, scene, network, instance):
        group = scene.group(network[0])
        scene.change_groups("attach", instance, group)
        scene.reach(instance, State.READY)
        assert group["id"] in scene.groups_at_ec2(instance)

    def test_group_that_cannot_be_made_leaves_the_instance_as_it_was(self, scene, network, instance):
        scene.ec2.group_limit = 1
        group = scene.group(network[0])
        scene.change_groups("attach", instance, group)
        scene.reach(group, State.FAILED)
        scene.reach(instance, State.READY)
        assert (scene.shown(instance)["status"], len(scene.groups_at_ec2(instance))) == ("RUNNING", 1)

    def test_same_group_again_is_left_as_it_is(self, scene, instance):
        default, before = group_named(scene, "default"), scene.row(instance)
        scene.change_groups("attach", instance, default)
        assert scene.row(instance) == before

    def test_only_group_of_an_instance_stays(self, scene, instance, group):
        body = {"instance_id": "web-1", "group_id": "default"}
        status, _, message = scene.refused("POST", "/security-groups/detach", body)
        assert (status, "attach another one first" in message) == (409, True)
        status, _, message = scene.refused("POST", "/security-groups/detach", {**body, "group_id": "web"})
        assert (status, "has no security group web" in message) == (409, True)

    def test_sixth_group_is_refused(self, scene, network, instance):
        for number in range(4):
            scene.change_groups("attach", instance, scene.group(network[0], f"g{number}"))
        body = {"instance_id": instance["id"], "group_id": scene.group(network[0], "g4")["id"]}
        status, _, message = scene.refused("POST", "/security-groups/attach", body)
        assert (status, "detach one first" in message) == (409, True)

    def test_groups_and_instances_of_different_networks_do_not_go_together(self, scene, instance, group):
        strange = scene.group(scene.vpc("other", "10.5.0.0/16"))
        outside = scene.running(name="outside")
        for machine, wanted, says in (
            (instance, strange, "of another VPC"),
            (outside, group, "in the installation's network"),
        ):
            body = {"instance_id": machine["id"], "group_id": wanted["id"]}
            status, _, message = scene.refused("POST", "/security-groups/attach", body)
            assert (status, says in message) == (409, True), message

    def test_instances_and_groups_of_another_tenant_are_not_found(self, scene, instance, group):
        scene.join(scene.tenant(), EVE, "owner")
        body = {"instance_id": instance["id"], "group_id": group["id"]}
        assert scene.refused("POST", "/security-groups/attach", body, key=scene.keys[EVE])[0] == 404
        assert scene.refused("POST", "/security-groups/attach", {**body, "group_id": NOTHING})[0] == 404

    def test_groups_that_change_in_aws_are_told_and_made_good_by_the_next_change(self, scene, instance, group):
        strange = scene.row(group).external["id"]
        scene.ec2.modify_instance_attribute(InstanceId=scene.machine(instance).id, Groups=[strange])
        scene.reach(instance, State.FAILED)
        told = scene.shown(instance)
        assert (told["status"], "were changed at its provider" in told["status_reason"]) == ("ERROR", True)
        scene.change_groups("attach", instance, group)
        scene.reach(instance, State.READY)
        assert scene.groups_at_ec2(instance) == {group["id"], group_named(scene, "default")["id"]}

    def test_attachments_at_once_all_hold(self, scene, network, instance):
        groups = [scene.group(network[0], f"g{number}") for number in range(3)]
        scene.world.driver.latency(0.01)
        scene.moving.clock.run_together(
            [lambda each=each: scene.change_groups("attach", instance, each) for each in groups]
        )
        scene.reach(instance, State.READY)
        assert scene.groups_at_ec2(instance) >= {each["id"] for each in groups}

    @pytest.mark.parametrize("trouble", ["lost", "fail"])
    def test_attachment_whose_call_fails_or_is_unanswered_holds_in_the_end(self, scene, instance, group, trouble):
        if trouble == "lost":
            scene.ec2.lose_answer("ModifyInstanceAttribute")
        else:
            scene.ec2.fail("ModifyInstanceAttribute", "InternalError", 500)
        scene.change_groups("attach", instance, group)
        scene.reach(instance, State.READY)
        assert group["id"] in scene.groups_at_ec2(instance)


def test_denied_group_is_reached_neither_by_a_rule_nor_by_a_name_in_a_body(scene, network, group):
    rule = scene.rule(group)["id"]
    launch = {"name": "a", "image": "ubuntu-24.04", "vpc_id": "production", "security_group_ids": ["web"]}
    for action, method, path, body in (
        ("sg:update", "DELETE", f"/security-groups/rules/{rule}", None),
        ("instance:launch", "POST", "/instances", launch),
    ):
        with denying(scene.world, action, group["id"]):
            assert scene.refused(method, path, body)[0] == 403
