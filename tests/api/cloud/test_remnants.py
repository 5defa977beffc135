"""The resources of a deleted tenant that had failed with nothing there: their rows go with it."""

import pytest

from chalicelib.cloud import gone
from chalicelib.platform.provisioning.model import State
from chalicelib.platform.provisioning.store import RESOURCES, from_whole
from tests.support.cloud import ADA, CloudScene
from tests.support.instances import InstanceWorld

HOUR = 3600


@pytest.fixture
def scene(monkeypatch):
    monkeypatch.setattr(gone, "MOST", 2)
    return CloudScene(InstanceWorld())


@pytest.fixture
def granted(scene, team):
    scene.request("set_quotas", json={"max_vpcs": 9})
    scene.request("remove_member", variables={"user_id": scene.variables["bob"]}, key=scene.keys[ADA])
    return team


def ask(scene, view, names=None, **options):
    answer = scene.request(view, variables=names or {}, key=scene.keys[ADA], **options)
    assert answer.status < 300, answer.text
    return answer.json["data"] if answer.text else None


def make_vpc(scene, name):
    return ask(scene, "create_vpc", json={"name": name, "cidr_block": "10.4.0.0/16"})["id"]


def rows(scene):
    return [from_whole(row) for row in scene.world.driver.rows(RESOURCES)]


def states(scene):
    return {row.state for row in rows(scene)}


def delete_tenant(scene):
    """With its task, which has a second pass, and all that follows."""
    assert scene.request("delete_tenant", key=scene.keys[ADA]).status == 204
    scene.world.pass_time(HOUR, 5)
    scene.world.sweep("sweep_commands")
    scene.world.pass_time(2 * HOUR, 5)


def test_rows_of_what_could_not_be_made_go_with_their_tenant(scene, granted):
    scene.world.ec2.fail("CreateVpc", "VpcLimitExceeded", times=5)
    for number in range(5):
        make_vpc(scene, f"vpc-{number}")
    scene.world.pass_time(HOUR)
    assert {row.state for row in rows(scene) if row.kind == "vpc"} == {State.FAILED}
    delete_tenant(scene)
    assert rows(scene) == []


@pytest.mark.parametrize("hours", [0, 3])
def test_rows_of_a_network_that_was_lost_go_though_one_refers_to_another(scene, granted, hours):
    """Also where its tenant is deleted before the parts of the network are found to be lost."""
    vpc = make_vpc(scene, "production")
    scene.world.pass_time(60)
    subnet = {"name": "a", "cidr_block": "10.4.1.0/24", "availability_zone": ""}
    ask(scene, "create_subnet", {"vpc_id": vpc}, json=subnet)
    scene.world.pass_time(60)
    assert states(scene) == {State.READY}
    for part in scene.world.ec2.alive_parts():
        part.gone_at = scene.world.clock.now()
    resources = scene.world.platform.resources(granted)
    for _ in range(100):
        resources.wake(vpc)
        scene.world.pass_time(5)
        if resources.get("vpc", vpc).is_released:
            break
    scene.world.pass_time(hours * HOUR, 5)
    assert (State.READY in states(scene)) is (hours == 0)
    delete_tenant(scene)
    assert rows(scene) == []


def test_rows_of_another_tenant_stay(scene, granted):
    scene.world.ec2.fail("CreateVpc", "VpcLimitExceeded", times=1)
    make_vpc(scene, "lost")
    scene.world.pass_time(HOUR)
    other = {"tenant_id": scene.tenant("other")}
    before = rows(scene)
    assert scene.request("delete_tenant", variables=other).status == 204
    scene.world.pass_time(3 * HOUR)
    assert [row.state for row in rows(scene)] == [row.state for row in before]
