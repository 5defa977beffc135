"""The life of an instance as its owner sees it: by the API alone, on a strict EC2 and the fake host of local ones."""

import json

import pytest

from chalicelib.machines.api.compute.event_description import InstanceStatusChangedEvent
from chalicelib.machines.catalogue.service import packaged
from chalicelib.machines.instances.changes import STATUS_CHANGED
from tests.support.instances import InstanceWorld
from tests.support.operations.machines import MachinesScene

ZONE = {"ec2": "eu-central-1a", "local": "local-a"}


@pytest.fixture
def scene():
    return MachinesScene(InstanceWorld())


def show(scene, made):
    return scene.request("get_instance", variables={"instance_id": made["id"]}).json


def reach(scene, made, status):
    """The instance once it has that status."""
    for _ in range(200):
        scene.world.settle()
        shown = show(scene, made)
        if shown["status"] == status:
            return shown
        scene.world.pass_time(5)
    raise AssertionError(f"{status} is not reached: {shown}")


def told(scene):
    """The statuses that the published events tell, with those before."""
    events = [json.loads(entry["Detail"]) for entry in scene.world.bus_client.entries]
    data = [InstanceStatusChangedEvent.model_validate(one["data"]) for one in events if one["type"] == STATUS_CHANGED]
    return [(one.previous_status, one.status) for one in data]


@pytest.mark.parametrize("template", packaged().templates, ids=lambda one: one.id)
def test_every_template_of_the_catalogue_makes_a_machine_that_runs(scene, template):
    body = {"templateID": template.id, "zone": ZONE[template.provider]}
    made = scene.request("create_instance", json=body).json

    running = reach(scene, made, "RUNNING")
    assert running["machineType"] == template.machine_type
    assert running["providerId"]


def test_owner_sees_each_status_and_events_tell_the_same(scene):
    made = scene.request("create_instance", json={"templateID": "ubuntu-small", "zone": "eu-central-1b"}).json
    variables = {"instance_id": made["id"]}
    running = reach(scene, made, "RUNNING")
    assert running["internalIp"]
    for view, under_way, rest in (
        ("stop_instance", "STOPPING", "STOPPED"),
        ("start_instance", "STARTING", "RUNNING"),
        ("restart_instance", "RESTARTING", "RUNNING"),
    ):
        assert scene.request(view, variables=variables).json["status"] == under_way
        assert reach(scene, made, rest)["providerId"] == running["providerId"]
    scene.request("delete_instance", variables=variables)
    reach(scene, made, "TERMINATED")

    statuses = [status for _, status in told(scene)]
    assert statuses == [
        "PROVISIONING",
        "RUNNING",
        "STOPPING",
        "STOPPED",
        "STARTING",
        "RUNNING",
        "RESTARTING",
        "RUNNING",
        "TERMINATING",
        "TERMINATED",
    ]
    assert [before for before, _ in told(scene)] == [None, *statuses[:-1]]


def test_terminated_instance_stays_readable_for_an_hour(scene):
    made = scene.request("create_instance", json={"templateID": "local-small", "zone": "local-a"}).json
    reach(scene, made, "RUNNING")
    scene.request("delete_instance", variables={"instance_id": made["id"]})
    reach(scene, made, "TERMINATED")

    scene.world.clock.advance(3500)
    assert show(scene, made)["status"] == "TERMINATED"
    scene.world.clock.advance(200)
    assert scene.request("get_instance", variables={"instance_id": made["id"]}).status == 404
    assert scene.request("list_instances").json == []


def test_provider_that_lacks_capacity_ends_in_a_reason_with_a_remedy(scene):
    scene.world.ec2.fail("RunInstances", "InsufficientInstanceCapacity", 500, times=1000)
    made = scene.request("create_instance", json={"templateID": "ubuntu-small", "zone": "eu-central-1a"}).json
    failed = reach(scene, made, "FAILED")

    assert "capacity" in failed["statusReason"].lower()
    quota = scene.request("get_quota_usage").json["services"]["compute"]["features"][0]
    assert quota["currentUsage"] == 0
