"""Elastic IPs: by the API, on a strict EC2."""

from random import Random

import pytest

from chalicelib.cloud.network.names import INTERNET_GATEWAY
from chalicelib.kit.errors import EdgeError
from chalicelib.machines.public import INSTANCE
from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.provisioning.model import Changes, State
from chalicelib.platform.provisioning.store import RESOURCES
from tests.support.cloud import ADA, BOB, EVE, CloudScene
from tests.support.instances import InstanceWorld
from tests.support.operations.cloud_compute import instance_in

NOTHING = "01900000-0000-7000-8000-0000000000ff"
QUOTAS = {"max_instances": 3, "max_vcpus": 4, "max_memory_gb": 5, "max_elastic_ips": 2}


@pytest.fixture
def scene():
    return CloudScene(InstanceWorld())


@pytest.fixture
def granted(scene, team):
    scene.request("set_quotas", json=QUOTAS)
    return team


def ask(scene, view, address=BOB, names=None, **options):
    return scene.request(view, variables=names or {}, key=scene.keys[address], **options)


def allocate(scene):
    answer = ask(scene, "allocate_elastic_ip")
    assert answer.status == 201, answer.text
    return answer.json["data"]["id"]


def show(scene, address):
    return ask(scene, "get_elastic_ip", names={"elastic_ip_id": address}).json["data"]


def until(scene, address, status):
    """The address once it is at rest with that status."""
    for _ in range(100):
        scene.world.settle()
        shown = show(scene, address)
        row = next(each for each in scene.world.rows() if each.id == address)
        if shown["status"] == status and row.state in {State.READY, State.FAILED}:
            return shown
        scene.world.pass_time(5)
    raise AssertionError(f"{status} is not reached: {shown}")


def running(scene, name="web-1"):
    made = ask(scene, "launch_instance", json={"name": name, "image": "ubuntu-24.04"}).json["data"]["id"]
    for _ in range(100):
        scene.world.settle()
        shown = ask(scene, "get_cloud_instance", names={"instance_id": made}).json["data"]
        if shown["status"] == "RUNNING":
            return shown
        scene.world.pass_time(5)
    raise AssertionError(shown)


def associate(scene, address, instance):
    return ask(scene, "associate_elastic_ip", names={"elastic_ip_id": address}, json={"instance_id": instance})


def disassociate(scene, address):
    return ask(scene, "disassociate_elastic_ip", names={"elastic_ip_id": address})


def release(scene, address):
    return ask(scene, "release_elastic_ip", names={"elastic_ip_id": address})


def used(scene):
    return scene.request("get_quotas").json["data"]["used_elastic_ips"]


def machine_of(scene, address):
    """The machine at EC2 that has the address."""
    row = next(each for each in scene.world.rows() if each.id == address)
    return scene.world.ec2.machine_of(row.external["id"])


class TestAllocation:
    def test_new_address_is_creating_and_then_allocated(self, scene, granted):
        made = ask(scene, "allocate_elastic_ip").json["data"]
        assert (made["status"], made["public_ip"], made["instance_id"]) == ("creating", None, None)
        assert made["arn"] == f"arn:thecloud:vpc:local:{granted}:eip/{made['id']}"
        shown = until(scene, made["id"], "allocated")
        (part,) = scene.world.ec2.alive_parts("elastic-ip")
        assert (shown["public_ip"], part.tags["edge-admin:resource"]) == (part.shown["PublicIp"], made["id"])

    def test_released_address_is_gone_with_its_quota(self, scene, granted):
        address = allocate(scene)
        until(scene, address, "allocated")
        assert (used(scene), release(scene, address).status) == (1, 200)
        scene.world.pass_time(60)
        assert (used(scene), scene.world.ec2.alive_parts()) == (0, [])
        assert ask(scene, "get_elastic_ip", names={"elastic_ip_id": address}).status == 404
        assert ask(scene, "list_elastic_ips").json["data"] == []

    def test_beyond_the_quota_it_is_429_and_makes_nothing(self, scene, granted):
        for _ in range(2):
            allocate(scene)
        refused = ask(scene, "allocate_elastic_ip")
        assert (refused.status, refused.json["error"]["code"], used(scene)) == (429, "QUOTA_EXCEEDED", 2)

    def test_lost_answer_makes_one_address(self, scene, granted):
        scene.world.ec2.lose_answer("AllocateAddress")
        until(scene, allocate(scene), "allocated")
        assert len(scene.world.ec2.alive_parts("elastic-ip")) == 1

    def test_tenant_with_an_address_is_not_deleted(self, scene, granted):
        allocate(scene)
        ask(scene, "remove_member", ADA, {"user_id": scene.variables["bob"]})
        answer = scene.request("delete_tenant", variables={"tenant_id": granted})
        assert answer.status == 409

    def test_address_is_in_the_bill_from_when_it_is_there(self, scene, granted):
        until(scene, allocate(scene), "allocated")
        scene.world.pass_time(3600, step=60)
        types = ask(scene, "get_bill", ADA).json["data"]["usage_by_type"]
        assert set(types) == {"eip"}
        assert types["eip"] > 0


class TestAssociation:
    def test_instance_gets_the_address_and_gives_it_back(self, scene, granted):
        instance, address = running(scene), allocate(scene)
        until(scene, address, "allocated")
        made = associate(scene, address, "web-1").json["data"]
        assert (made["status"], made["instance_id"]) == ("associated", instance["id"])
        until(scene, address, "associated")
        assert machine_of(scene, address) == instance["container_id"]
        assert disassociate(scene, address).json["data"]["instance_id"] is None
        assert until(scene, address, "allocated")["status_reason"] is None
        assert machine_of(scene, address) == ""

    def test_instance_shows_the_address_within_a_minute(self, scene, granted):
        instance, address = running(scene)["id"], allocate(scene)
        public_ip = until(scene, address, "allocated")["public_ip"]
        shown = lambda: ask(scene, "get_cloud_instance", names={"instance_id": instance}).json["data"]  # noqa: E731
        associate(scene, address, instance)
        scene.world.pass_time(60)
        assert shown()["public_ip"] == public_ip
        disassociate(scene, address)
        scene.world.pass_time(60)
        assert shown()["public_ip"] not in {None, public_ip}

    def test_same_instance_again_changes_nothing(self, scene, granted):
        instance, address = running(scene)["id"], allocate(scene)
        first = associate(scene, address, instance).json["data"]
        assert associate(scene, address, instance).json["data"] == first

    def test_second_address_and_second_instance_are_409(self, scene, granted):
        first, second = (running(scene, name)["id"] for name in ("web-1", "web-2"))
        one, other = allocate(scene), allocate(scene)
        associate(scene, one, first)
        assert associate(scene, one, second).status == 409
        refused = associate(scene, other, first)
        assert (refused.status, "has an address already" in refused.text) == (409, True)

    def test_associated_address_is_not_released(self, scene, granted):
        instance, address = running(scene)["id"], allocate(scene)
        associate(scene, address, instance)
        assert (release(scene, address).status, used(scene)) == (409, 1)
        disassociate(scene, address)
        assert release(scene, address).status == 200
        scene.world.pass_time(120)
        assert scene.world.ec2.alive_parts() == []

    def test_release_of_an_address_that_is_associated_at_the_same_moment_is_409(self, scene, granted):
        instance, address = running(scene)["id"], allocate(scene)
        associating = lambda: scene.cloud.addresses.associate(granted, address, instance)  # noqa: E731
        scene.world.driver.before_next(associating, operation="UpdateItem", table=RESOURCES)
        assert (release(scene, address).status, show(scene, address)["status"]) == (409, "associated")

    def test_free_address_is_400_for_a_disassociation(self, scene, granted):
        assert disassociate(scene, allocate(scene)).status == 400

    def test_instance_that_goes_frees_its_address(self, scene, granted):
        instance, address = running(scene)["id"], allocate(scene)
        associate(scene, address, instance)
        until(scene, address, "associated")
        ask(scene, "terminate_instance", names={"instance_id": instance})
        shown = until(scene, address, "allocated")
        assert (shown["instance_id"], shown["status_reason"]) == (None, None)
        assert associate(scene, address, running(scene, "web-2")["id"]).status == 200
        until(scene, address, "associated")

    def test_instance_that_is_going_takes_no_address(self, scene, granted):
        instance, address = running(scene)["id"], allocate(scene)
        ask(scene, "terminate_instance", names={"instance_id": instance})
        assert associate(scene, address, instance).status == 409

    def test_address_taken_away_elsewhere_has_failed_until_it_is_disassociated(self, scene, granted):
        instance, address = running(scene)["id"], allocate(scene)
        associate(scene, address, instance)
        until(scene, address, "associated")
        (part,) = scene.world.ec2.alive_parts("elastic-ip")
        scene.world.ec2.take_address(part.id)
        scene.world.pass_time(2 * 3600, step=30)
        assert "disassociate it" in until(scene, address, "failed")["status_reason"]
        assert disassociate(scene, address).status == 200
        until(scene, address, "allocated")

    def test_address_that_somebody_releases_in_aws_fails_and_can_be_released(self, scene, granted):
        instance, address = running(scene)["id"], allocate(scene)
        associate(scene, address, instance)
        until(scene, address, "associated")
        (part,) = scene.world.ec2.alive_parts("elastic-ip")
        part.gone_at = scene.world.clock.now()
        scene.world.pass_time(2 * 3600, step=30)
        assert (show(scene, address)["status"], used(scene)) == ("failed", 0)
        assert release(scene, address).status == 200
        scene.world.pass_time(60)
        assert ask(scene, "list_elastic_ips").json["data"] == []
        assert associate(scene, allocate(scene), instance).status == 200

    def test_things_of_another_tenant_are_404_wherever_they_are_named(self, scene, granted):
        instance, address = running(scene)["id"], allocate(scene)
        scene.join(other := scene.tenant("other"), EVE, "owner")
        scene.request("set_quotas", variables={"tenant_id": other}, json=QUOTAS)
        own = ask(scene, "allocate_elastic_ip", EVE).json["data"]["id"]
        for wanted, body in ((address, instance), (own, instance), (own, NOTHING)):
            names, sent = {"elastic_ip_id": wanted}, {"instance_id": body}
            assert ask(scene, "associate_elastic_ip", EVE, names, json=sent).status == 404
        for view in ("get_elastic_ip", "release_elastic_ip", "disassociate_elastic_ip"):
            assert ask(scene, view, EVE, {"elastic_ip_id": address}).status == 404

    @pytest.mark.parametrize("seed", range(2))
    def test_parallel_associations_never_share_an_address_or_an_instance(self, scene, granted, seed):
        instances = [running(scene, name)["id"] for name in ("web-1", "web-2")]
        addresses = [allocate(scene) for _ in range(2)]
        chance, codes, world = Random(seed), [], scene.world
        world.driver.latency(0.01)

        def caller():
            for _ in range(3):
                world.clock.sleep(chance.random())
                address = chance.choice(addresses)
                try:
                    if chance.random() < 0.3:
                        scene.cloud.addresses.disassociate(granted, address)
                    else:
                        scene.cloud.addresses.associate(granted, address, chance.choice(instances))
                except EdgeError as error:
                    codes.append(error.code)

        assert not [each for each in world.clock.run_together([caller for _ in range(5)]) if each is not None]
        assert set(codes) <= {"conflict", "bad_request"}
        world.driver.latency(0)
        world.pass_time(120)
        shown = [show(scene, each) for each in addresses]
        given = [each["instance_id"] for each in shown if each["instance_id"]]
        assert len(set(given)) == len(given)
        rows = {row.id: row for row in world.rows()}
        for each in shown:
            machine = rows[each["instance_id"]].external["id"] if each["instance_id"] else ""
            assert machine_of(scene, each["id"]) == machine


class TestAssociationInAVpc:
    """With the row of an instance as it stands once it is there."""

    @pytest.fixture
    def instance(self, scene):
        scene.request("create_vpc", json={"name": "production"})
        vpc = scene.request("get_vpc", variables={"vpc_id": "production"}).json["data"]["id"]
        body = {"name": "shops", "cidr_block": "10.0.1.0/24"}
        subnet = scene.request("create_subnet", variables={"vpc_id": vpc}, json=body).json["data"]["id"]
        machine = instance_in(scene, State.READY)
        in_it = lambda row: Changes(spec={**row.spec, "subnet_id": subnet}, is_note=True)  # noqa: E731
        return scene.world.platform.resources(DEFAULT_TENANT).change(INSTANCE, machine.id, in_it, "test.placed"), vpc

    def gateway(self, scene, vpc):
        made = scene.request("create_internet_gateway").json["data"]["id"]
        names = {"gateway_id": made}
        assert scene.request("attach_internet_gateway", variables=names, json={"vpc_id": vpc}).status == 200
        return made

    def test_vpc_without_a_gateway_is_409_with_the_remedy(self, scene, instance):
        address = scene.request("allocate_elastic_ip").json["data"]["id"]
        names, body = {"elastic_ip_id": address}, {"instance_id": instance[0].id}
        refused = scene.request("associate_elastic_ip", variables=names, json=body)
        assert (refused.status, "attach one first" in refused.text) == (409, True)

    def test_gateway_that_is_detached_at_the_same_moment_is_409(self, scene, instance):
        gateway = self.gateway(scene, instance[1])
        address = scene.request("allocate_elastic_ip").json["data"]["id"]
        detach = lambda: scene.request("detach_internet_gateway", variables={"gateway_id": gateway})  # noqa: E731
        scene.world.driver.before_next(detach, operation="TransactWriteItems")
        names, body = {"elastic_ip_id": address}, {"instance_id": instance[0].id}
        refused = scene.request("associate_elastic_ip", variables=names, json=body)
        assert (refused.status, "attach one first" in refused.text) == (409, True)

    def test_address_refers_to_the_gateway_of_the_vpc(self, scene, instance):
        machine, vpc = instance
        gateway = self.gateway(scene, vpc)
        address = scene.request("allocate_elastic_ip").json["data"]["id"]
        names, body = {"elastic_ip_id": address}, {"instance_id": machine.id}
        assert scene.request("associate_elastic_ip", variables=names, json=body).json["data"]["vpc_id"] == vpc
        own = scene.world.platform.resources(DEFAULT_TENANT)
        assert own.get(INTERNET_GATEWAY, gateway).references == 1
        refused = scene.request("detach_internet_gateway", variables={"gateway_id": gateway})
        assert refused.status == 409
        scene.request("disassociate_elastic_ip", variables=names)
        assert own.get(INTERNET_GATEWAY, gateway).references == 0
        assert own.get(INSTANCE, machine.id).references == 0
