"""Volumes that an instance is launched with: taken with it or not at all, and attached once it has a machine."""

from random import Random

import pytest

from chalicelib.kit.errors import EdgeError
from tests.api.cloud.test_volumes import ask, attach, make, show, until, used
from tests.support.cloud import EVE, CloudScene
from tests.support.instances import InstanceWorld

BODY = {"name": "web-1", "image": "ubuntu-24.04"}


@pytest.fixture
def scene():
    return CloudScene(InstanceWorld())


@pytest.fixture
def volumes(scene, team):
    """Two volumes of a tenant that may have three instances."""
    scene.request("set_quotas", json={"max_instances": 3, "max_vcpus": 4, "max_memory_gb": 5, "max_storage_gb": 50})
    for name in ("database", "backups"):
        until(scene, make(scene, name, 10)["id"], "AVAILABLE")
    return ["database", "backups"]


def mounts(*names):
    return [{"volume_id": name, "mount_path": f"/mnt/{name}"} for name in names]


def launch(scene, *names, status=202, **values):
    answer = ask(scene, "launch_instance", json={**BODY, "volumes": mounts(*names), **values})
    assert answer.status == status, answer.text
    return answer.json.get("data") or answer.json["error"]


def instances(scene):
    return ask(scene, "list_cloud_instances").json["data"]


class TestLaunch:
    def test_volumes_are_taken_at_once_and_attached_in_their_order(self, scene, volumes):
        made = launch(scene, *volumes)
        shown = [show(scene, name) for name in volumes]
        assert {(one["status"], one["instance_id"]) for one in shown} == {("IN-USE", made["id"])}
        assert [one["device_path"] for one in shown] == ["/dev/sdf", "/dev/sdg"]
        scene.world.pass_time(120)
        shown = [show(scene, name) for name in volumes]
        assert [(one["status"], one["status_reason"], one["mount_path"]) for one in shown] == [
            ("IN-USE", None, "/mnt/database"),
            ("IN-USE", None, "/mnt/backups"),
        ]
        assert len({disk.machine for disk in scene.world.ec2.volumes_there()} - {""}) == 1

    def test_launch_is_one_transaction_with_its_volumes(self, scene, volumes):
        scene.world.driver.meter.reset()
        launch(scene, *volumes)
        writes = [call for call in scene.world.driver.meter.calls if call.operation == "TransactWriteItems"]
        assert len(writes) == 1

    def test_no_volumes_as_the_sdk_says_it_is_none(self, scene, volumes):
        launch(scene, volumes=None)
        assert show(scene, "database")["status"] == "AVAILABLE"

    @pytest.mark.parametrize(
        ("sent", "status", "told"),
        [
            (mounts("database", "unknown"), 404, "not found"),
            ([*mounts("database"), *mounts("database")], 400, "named before"),
            ([{"volume_id": "database", "mount_path": "data"}], 400, "not absolute"),
            ([{"volume_id": "database"}], 400, "mount_path"),
            (mounts(*map(str, range(12))), 400, "volumes"),
        ],
    )
    def test_bad_volumes_are_refused_and_nothing_is_taken(self, scene, volumes, sent, status, told):
        refused = ask(scene, "launch_instance", json={**BODY, "volumes": sent})
        assert (refused.status, told in refused.text) == (status, True)
        assert (instances(scene), show(scene, "database")["status"]) == ([], "AVAILABLE")

    def test_volume_in_use_new_or_of_another_zone_is_409(self, scene, volumes):
        launch(scene, "database")
        assert "IN-USE" in launch(scene, "backups", "database", status=409)["message"]
        make(scene, "brand-new", 1)
        assert "CREATING" in launch(scene, "brand-new", status=409)["message"]
        make(scene, "elsewhere", 1, availability_zone="eu-central-1b")
        until(scene, "elsewhere", "AVAILABLE")
        assert "eu-central-1b" in launch(scene, "elsewhere", status=409)["message"]
        assert (len(instances(scene)), show(scene, "backups")["status"]) == (1, "AVAILABLE")

    def test_volume_of_another_tenant_is_404_by_id_and_name(self, scene, volumes):
        volume = show(scene, "database")["id"]
        other = scene.tenant("other")
        scene.join(other, EVE, "owner")
        scene.request("set_quotas", variables={"tenant_id": other}, json={"max_instances": 1, "max_vcpus": 1})
        for name in (volume, "database"):
            body = {**BODY, "volumes": mounts(name)}
            assert ask(scene, "launch_instance", EVE, json=body).status == 404
        assert show(scene, "database")["status"] == "AVAILABLE"


class TestAfterwards:
    def test_instance_that_could_not_be_made_frees_its_volumes(self, scene, volumes):
        scene.world.ec2.fail("RunInstances", "InvalidParameterValue", times=1)
        launch(scene, "database")
        shown = until(scene, "database", "AVAILABLE")
        assert (shown["instance_id"], shown["status_reason"]) == (None, None)

    def test_instance_that_goes_before_it_has_a_machine_frees_its_volumes(self, scene, volumes):
        made = launch(scene, "database")
        assert ask(scene, "terminate_instance", names={"instance_id": made["id"]}).status == 200
        until(scene, "database", "AVAILABLE")
        assert instances(scene) == []

    def test_volume_waits_as_long_as_its_machine_and_says_why(self, scene, volumes):
        scene.world.ec2.full_subnets.add("subnet-0a")
        launch(scene, "database")
        scene.world.pass_time(12 * 60, step=20)
        shown = show(scene, "database")
        assert (shown["status"], "is not made yet" in shown["status_reason"]) == ("IN-USE", True)
        scene.world.ec2.full_subnets.clear()
        scene.world.pass_time(180, step=5)
        assert (instances(scene)[0]["status"], show(scene, "database")["status_reason"]) == ("RUNNING", None)

    @pytest.mark.parametrize("seed", range(2))
    def test_parallel_callers_give_a_volume_to_one_instance(self, scene, volumes, seed):
        running = launch(scene, name="web-0")["id"]
        scene.world.pass_time(60)
        chance, world = Random(seed), scene.world
        world.driver.latency(0.01)

        def caller(number):
            def call():
                world.clock.sleep(chance.random() / 100)
                if number == 0:
                    return attach(scene, "database", running).status
                return ask(scene, "launch_instance", json={**BODY, "volumes": mounts("database")}).status

            return call

        outcomes = world.clock.run_together([caller(number) for number in range(3)])
        assert not [each for each in outcomes if isinstance(each, EdgeError)]
        assert sorted(outcomes)[1:] == [409, 409], outcomes
        world.pass_time(120)
        assert show(scene, "database")["status"] == "IN-USE"
        assert used(scene) == 20
