"""Volumes and snapshots of a tenant, on a strict EC2: made, attached, copied, restored and removed."""

from random import Random

import pytest

from chalicelib.kit.errors import EdgeError
from chalicelib.platform.provisioning.store import RESOURCES
from tests.support.cloud import ADA, BOB, EVE, CloudScene
from tests.support.instances import InstanceWorld


@pytest.fixture
def scene():
    return CloudScene(InstanceWorld())


@pytest.fixture
def granted(scene, team):
    scene.request("set_quotas", json={"max_instances": 3, "max_vcpus": 4, "max_memory_gb": 5, "max_storage_gb": 50})
    return team


def ask(scene, view, address=BOB, names=None, **options):
    return scene.request(view, variables=names or {}, key=scene.keys[address], **options)


def make(scene, name="database", size_gb=20, **values):
    answer = ask(scene, "create_volume", json={"name": name, "size_gb": size_gb, **values})
    assert answer.status == 201, answer.text
    return answer.json["data"]


def show(scene, volume):
    return ask(scene, "get_volume", names={"volume_id": volume}).json["data"]


def until(scene, volume, status):
    """The volume once it has that status."""
    for _ in range(100):
        scene.world.settle()
        shown = show(scene, volume)
        if shown["status"] == status:
            return shown
        scene.world.pass_time(5)
    raise AssertionError(f"{status} is not reached: {shown}")


def running(scene, name="web-1", **values):
    body = {"name": name, "image": "ubuntu-24.04", **values}
    made = ask(scene, "launch_instance", json=body).json["data"]["id"]
    for _ in range(100):
        scene.world.settle()
        shown = ask(scene, "get_cloud_instance", names={"instance_id": made}).json["data"]
        if shown["status"] == "RUNNING":
            return shown
        scene.world.pass_time(5)
    raise AssertionError(shown)


def attach(scene, volume, instance, mount_path="/data"):
    body = {"instance_id": instance, "mount_path": mount_path}
    return ask(scene, "attach_volume", names={"volume_id": volume}, json=body)


def detach(scene, volume):
    return ask(scene, "detach_volume", names={"volume_id": volume})


def used(scene):
    return scene.request("get_quotas").json["data"]["used_storage_gb"]


class TestVolume:
    def test_volume_is_encrypted_with_our_tags_and_found_by_its_name(self, scene, granted):
        made = make(scene)
        assert (made["status"], made["size_gb"], used(scene)) == ("CREATING", 20, 20)
        shown = until(scene, "database", "AVAILABLE")
        disk = scene.world.ec2.disks[shown["backend_path"]]
        assert (shown["id"], disk.request["Encrypted"], disk.request["Size"]) == (made["id"], True, 20)

    def test_taken_name_is_409_and_one_of_a_volume_that_is_gone_is_free(self, scene, granted):
        until(scene, make(scene)["id"], "AVAILABLE")
        body = {"name": "database", "size_gb": 1}
        assert ask(scene, "create_volume", json=body).status == 409
        assert ask(scene, "delete_volume", names={"volume_id": "database"}).status == 200
        scene.world.pass_time(120)
        assert (used(scene), scene.world.ec2.volumes_there()) == (0, [])
        assert ask(scene, "create_volume", json=body).status == 201

    def test_beyond_the_quota_of_storage_it_is_429_and_makes_nothing(self, scene, granted):
        make(scene, size_gb=31)
        refused = ask(scene, "create_volume", json={"name": "another", "size_gb": 20})
        assert (refused.status, refused.json["error"]["code"], used(scene)) == (429, "QUOTA_EXCEEDED", 31)

    @pytest.mark.parametrize("values", [{"size_gb": 0}, {"size_gb": 16_001}, {"name": "ab"}, {"name": "a b c"}])
    def test_bad_body_is_400_and_makes_nothing(self, scene, granted, values):
        answer = ask(scene, "create_volume", json={"name": "database", "size_gb": 1, **values})
        assert (answer.status, scene.world.driver.rows(RESOURCES)) == (400, [])

    def test_lost_answer_makes_one_volume(self, scene, granted):
        scene.world.ec2.lose_answer("CreateVolume")
        until(scene, make(scene)["id"], "AVAILABLE")
        assert len(scene.world.ec2.volumes_there()) == 1

    def test_volume_of_another_tenant_is_404_wherever_it_is_named(self, scene, granted):
        made = make(scene)["id"]
        scene.join(scene.tenant("other"), EVE, "owner")
        names = {"volume_id": made}
        assert ask(scene, "get_volume", EVE, names).status == 404
        assert ask(scene, "detach_volume", EVE, names).status == 404
        assert ask(scene, "create_snapshot", EVE, json={"volume_id": made}).status == 404
        assert ask(scene, "get_volume", EVE, {"volume_id": "database"}).status == 404


class TestAttach:
    def test_volume_is_attached_as_the_next_free_device_and_detached(self, scene, granted):
        instance = running(scene)["id"]
        for name, device in (("first", "/dev/sdf"), ("second", "/dev/sdg")):
            until(scene, make(scene, name, 1)["id"], "AVAILABLE")
            assert attach(scene, name, instance).json["data"] == {
                "message": "volume is being attached",
                "device_path": device,
            }
            scene.world.pass_time(30)
            shown = show(scene, name)
            assert (shown["status"], shown["device_path"], shown["status_reason"]) == ("IN-USE", device, None)
        assert detach(scene, "first").status == 200
        assert until(scene, "first", "AVAILABLE")["instance_id"] is None
        assert attach(scene, "first", instance).json["data"]["device_path"] == "/dev/sdf"

    def test_attached_volume_is_409_for_another_and_for_a_deletion(self, scene, granted):
        instance, other = running(scene)["id"], running(scene, "web-2")["id"]
        until(scene, make(scene)["id"], "AVAILABLE")
        attach(scene, "database", instance)
        assert attach(scene, "database", other).status == 409
        assert ask(scene, "delete_volume", names={"volume_id": "database"}).status == 409

    def test_instance_in_another_zone_is_409_with_a_hint(self, scene, granted):
        instance = running(scene)["id"]
        until(scene, make(scene, availability_zone="eu-central-1b")["id"], "AVAILABLE")
        refused = attach(scene, "database", instance)
        assert (refused.status, "make a snapshot" in refused.text) == (409, True)

    def test_relative_mount_path_is_400_and_a_volume_that_is_not_attached_409(self, scene, granted):
        instance = running(scene)["id"]
        until(scene, make(scene)["id"], "AVAILABLE")
        assert attach(scene, "database", instance, "data").status == 400
        assert detach(scene, "database").status == 409

    def test_instance_that_goes_releases_its_volumes(self, scene, granted):
        instance = running(scene)["id"]
        until(scene, make(scene)["id"], "AVAILABLE")
        attach(scene, "database", instance)
        scene.world.pass_time(30)
        ask(scene, "terminate_instance", names={"instance_id": instance})
        shown = until(scene, "database", "AVAILABLE")
        assert (shown["instance_id"], shown["status_reason"]) == (None, None)
        again = running(scene, "web-2")["id"]
        assert attach(scene, "database", again).status == 200
        scene.world.pass_time(30)
        assert show(scene, "database")["status"] == "IN-USE"

    def test_instance_that_somebody_ends_elsewhere_releases_its_volumes(self, scene, granted):
        instance = running(scene)
        until(scene, make(scene)["id"], "AVAILABLE")
        attach(scene, "database", instance["id"])
        scene.world.pass_time(30)
        scene.world.ec2.end(instance["container_id"])
        scene.world.pass_time(2 * 3600, step=30)
        assert show(scene, "database")["status"] == "AVAILABLE"

    def test_volume_detached_elsewhere_is_an_error_that_detaching_mends(self, scene, granted):
        instance = running(scene)["id"]
        until(scene, make(scene)["id"], "AVAILABLE")
        attach(scene, "database", instance)
        scene.world.pass_time(30)
        (disk,) = scene.world.ec2.volumes_there()
        scene.world.ec2.detach(disk)
        scene.world.pass_time(2 * 3600, step=30)
        assert "detach it" in until(scene, "database", "ERROR")["status_reason"]
        assert detach(scene, "database").status == 200
        until(scene, "database", "AVAILABLE")

    def test_volume_that_is_lost_while_it_is_attached_can_be_deleted(self, scene, granted):
        instance, volume = running(scene)["id"], make(scene)["id"]
        until(scene, "database", "AVAILABLE")
        attach(scene, "database", instance)
        scene.world.pass_time(30)
        (disk,) = scene.world.ec2.volumes_there()
        disk.ends = scene.world.clock.now()
        scene.world.pass_time(2 * 3600, step=30)
        assert until(scene, volume, "ERROR")["instance_id"] == instance
        assert detach(scene, volume).status == 409
        assert ask(scene, "delete_volume", names={"volume_id": volume}).status == 200
        assert used(scene) == 0

    @pytest.mark.parametrize("seed", range(3))
    def test_parallel_attachments_never_share_a_device_or_a_volume(self, scene, granted, seed):
        instances = [running(scene, name)["id"] for name in ("web-1", "web-2")]
        names = ("one", "two", "three")
        for name in names:
            until(scene, make(scene, name, 1)["id"], "AVAILABLE")
        chance, codes, world = Random(seed), [], scene.world
        world.driver.latency(0.01)

        def caller():
            for _ in range(3):
                world.clock.sleep(chance.random())
                try:
                    scene.cloud.volumes.attach(granted, chance.choice(names), chance.choice(instances), "/data")
                except EdgeError as error:
                    codes.append(error.code)

        outcomes = world.clock.run_together([caller for _ in range(6)])
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert set(codes) == {"conflict"}
        world.pass_time(120)
        shown = [show(scene, name) for name in names]
        places = [(one["instance_id"], one["device_path"]) for one in shown if one["instance_id"]]
        assert {one["status"] for one in shown} == {"IN-USE"}
        assert len(set(places)) == len(places) == 3


class TestSnapshot:
    @pytest.fixture
    def snapshot(self, scene, granted):
        until(scene, make(scene)["id"], "AVAILABLE")
        body = {"volume_id": "database", "description": "before"}
        made = ask(scene, "create_snapshot", json=body)
        assert (made.status, made.json["data"]["status"]) == (201, "CREATING")
        return made.json["data"]["id"]

    def restore(self, scene, snapshot, name="copy", **values):
        body = {"new_volume_name": name, **values}
        return ask(scene, "restore_snapshot", names={"snapshot_id": snapshot}, json=body)

    def test_snapshot_is_restored_once_it_is_whole_also_in_another_zone(self, scene, snapshot):
        assert self.restore(scene, snapshot).status == 409
        scene.world.pass_time(60)
        shown = ask(scene, "get_snapshot", names={"snapshot_id": snapshot}).json["data"]
        assert (shown["status"], shown["volume_name"], shown["size_gb"]) == ("AVAILABLE", "database", 20)
        assert self.restore(scene, snapshot, availability_zone="eu-central-1b").status == 201
        volume = until(scene, "copy", "AVAILABLE")
        request = scene.world.ec2.disks[volume["backend_path"]].request
        assert request["SnapshotId"] in scene.world.ec2.copies
        assert (request["AvailabilityZone"], used(scene)) == ("eu-central-1b", 40)

    def test_restore_beyond_the_quota_is_429(self, scene, snapshot):
        scene.world.pass_time(60)
        make(scene, "more", 25)
        assert self.restore(scene, snapshot).status == 429

    def test_tenant_that_has_a_snapshot_cannot_be_deleted(self, scene, granted, snapshot):
        scene.world.pass_time(60)
        ask(scene, "delete_volume", names={"volume_id": "database"})
        scene.world.pass_time(120)
        scene.request("remove_member", variables={"user_id": scene.variables["bob"]})
        refused = scene.request("delete_tenant", key=scene.keys[ADA])
        assert (refused.status, "still has snapshots" in refused.json["error"]["message"]) == (409, True)

    def test_snapshot_outlives_its_volume_and_is_deleted(self, scene, snapshot):
        scene.world.pass_time(60)
        ask(scene, "delete_volume", names={"volume_id": "database"})
        scene.world.pass_time(120)
        assert len(ask(scene, "list_snapshots").json["data"]) == 1
        assert ask(scene, "delete_snapshot", names={"snapshot_id": snapshot}).status == 200
        scene.world.pass_time(120)
        assert ask(scene, "get_snapshot", names={"snapshot_id": snapshot}).status == 404
        assert scene.world.ec2.copies == {}

    def test_volume_stays_until_its_snapshot_is_begun(self, scene, snapshot):
        refused = ask(scene, "delete_volume", names={"volume_id": "database"})
        assert (refused.status, "wait until" in refused.text) == (409, True)
        scene.world.pass_time(10)
        assert ask(scene, "delete_volume", names={"volume_id": "database"}).status == 200
        scene.world.pass_time(60)
        assert ask(scene, "get_snapshot", names={"snapshot_id": snapshot}).json["data"]["status"] == "AVAILABLE"

    def test_snapshot_stays_until_the_volume_of_it_is_made(self, scene, snapshot):
        scene.world.pass_time(60)
        self.restore(scene, snapshot)
        assert ask(scene, "delete_snapshot", names={"snapshot_id": snapshot}).status == 409
        until(scene, "copy", "AVAILABLE")
        assert ask(scene, "delete_snapshot", names={"snapshot_id": snapshot}).status == 200

    def test_lost_answer_makes_one_snapshot(self, scene, granted):
        until(scene, make(scene)["id"], "AVAILABLE")
        scene.world.ec2.lose_answer("CreateSnapshot")
        ask(scene, "create_snapshot", json={"volume_id": "database"})
        scene.world.pass_time(600)
        (shown,) = ask(scene, "list_snapshots").json["data"]
        assert (shown["status"], len(scene.world.ec2.copies)) == ("AVAILABLE", 1)


def test_volumes_and_snapshots_are_in_the_bill_by_their_size(scene, granted):
    until(scene, make(scene, size_gb=10)["id"], "AVAILABLE")
    ask(scene, "create_snapshot", json={"volume_id": "database"})
    scene.world.pass_time(3600, step=60)
    types = ask(scene, "get_bill", ADA).json["data"]["usage_by_type"]
    assert set(types) == {"volume", "snapshot"}
    assert types["volume"] > types["snapshot"] > 0


def test_dashboard_counts_instances_and_volumes_by_their_status(scene, granted):
    instance = running(scene)["id"]
    for name in ("database", "backups"):
        make(scene, name)
        until(scene, name, "AVAILABLE")
    ask(scene, "attach_volume", names={"volume_id": "database"}, json={"instance_id": instance, "mount_path": "/data"})
    counts = ask(scene, "get_dashboard_summary").json["data"]
    assert (counts["running_instances"], counts["stopped_instances"]) == (1, 0)
    assert (counts["total_volumes"], counts["attached_volumes"]) == (2, 1)
