"""Instances in the cloud's dialect, on a strict EC2: launched, switched, given another type, noted and deleted."""

from random import Random

import pytest

from chalicelib.cloud.compute.model import Launch
from chalicelib.cloud.compute.types import TYPES
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.kit.errors import EdgeError
from chalicelib.machines.instances.rules import status_of
from chalicelib.machines.instances.service import NewInstance
from chalicelib.machines.public import NODE_ID
from chalicelib.machines.wiring import Machines
from chalicelib.platform.billing.prices import price_of
from chalicelib.platform.provisioning.model import State
from chalicelib.platform.provisioning.store import RESOURCES
from chalicelib.platform.quotas.store import TABLE as COUNTERS
from tests.support.builders import a_cluster, machines
from tests.support.cloud import ADA, BOB, EVE, CloudScene
from tests.support.instances import InstanceWorld
from tests.support.operations.cloud_compute import HOST_TEXT, instance_in
from tests.support.ssh_keys import ed25519_key

SDK_BODY = {
    "name": "web-1",
    "image": "ubuntu-24.04",
    **dict.fromkeys(("ports", "vpc_id", "subnet_id", "ssh_key_id", "instance_type"), ""),
    **dict.fromkeys(("volumes", "metadata", "labels", "cmd", "env"), None),
}
"""A launch as the public SDK sends it."""


@pytest.fixture
def scene():
    return CloudScene(InstanceWorld())


@pytest.fixture
def granted(scene, team):
    scene.request("set_quotas", json={"max_instances": 3, "max_vcpus": 4, "max_memory_gb": 5})
    return team


def ask(scene, view, instance=None, address=BOB, **options):
    names = {} if instance is None else {"instance_id": instance}
    return scene.request(view, variables=names, key=scene.keys[address], **options)


def launch(scene, **values):
    answer = ask(scene, "launch_instance", json={"name": "web-1", "image": "ubuntu-24.04", **values})
    assert answer.status == 202, answer.text
    return answer.json["data"]


def show(scene, instance):
    return ask(scene, "get_cloud_instance", instance).json["data"]


def reach(scene, instance, status):
    """The instance once it has that status."""
    for _ in range(100):
        scene.world.settle()
        shown = show(scene, instance)
        if shown["status"] == status:
            return shown
        scene.world.pass_time(5)
    raise AssertionError(f"{status} is not reached: {shown}")


def used(scene):
    told = scene.request("get_quotas").json["data"]
    return {name: told[f"used_{name}"] for name in ("instances", "vcpus", "memory_gb")}


def machine_of(scene, shown):
    return scene.world.ec2.machines[shown["container_id"]]


class TestLaunch:
    def test_body_of_the_sdk_makes_the_default_type_in_the_installations_network(self, scene, granted):
        made = ask(scene, "launch_instance", json=SDK_BODY)
        assert (made.status, made.json["data"]["status"]) == (202, "STARTING")
        running = reach(scene, made.json["data"]["id"], "RUNNING")
        assert (running["instance_type"], running["image"], running["vpc_id"]) == ("basic-2", "ubuntu-24.04", None)
        assert running["private_ip"]
        assert machine_of(scene, running).request["InstanceType"] == "t3.micro"

    def test_quotas_are_taken_together_and_returned_when_it_is_gone(self, scene, granted):
        made = launch(scene, instance_type="standard-2")
        assert used(scene) == {"instances": 1, "vcpus": 2, "memory_gb": 4}
        reach(scene, made["id"], "RUNNING")
        assert ask(scene, "terminate_instance", made["id"]).status == 200
        assert show(scene, made["id"])["status"] == "DELETING"
        scene.world.pass_time(600)
        assert ask(scene, "get_cloud_instance", made["id"]).status == 404
        assert used(scene) == {"instances": 0, "vcpus": 0, "memory_gb": 0}

    @pytest.mark.parametrize(("instance_type", "quota"), [("standard-4", "memory_mb"), ("performance-2", "vcpus")])
    def test_quota_that_is_too_small_is_429_and_makes_nothing(self, scene, granted, instance_type, quota):
        body = {"name": "web-1", "image": "ubuntu-24.04", "instance_type": instance_type}
        refused = ask(scene, "launch_instance", json=body)
        assert (refused.status, refused.json["error"]["code"]) == (429, "QUOTA_EXCEEDED")
        assert f"quota {quota} of" in refused.json["error"]["message"]
        assert (scene.world.driver.rows(RESOURCES), used(scene)["instances"]) == ([], 0)

    def test_tenant_without_a_grant_launches_nothing(self, scene, team):
        refused = ask(scene, "launch_instance", json={"name": "web-1", "image": "ubuntu-24.04"})
        assert (refused.status, refused.json["error"]["code"]) == (429, "QUOTA_EXCEEDED")

    def test_instance_that_could_not_be_made_returns_its_share(self, scene, granted):
        scene.world.ec2.fail("RunInstances", "InvalidParameterValue", times=1)
        made = launch(scene)
        assert reach(scene, made["id"], "ERROR")["status_reason"]
        scene.world.pass_time(600)
        assert used(scene) == {"instances": 0, "vcpus": 0, "memory_gb": 0}

    @pytest.mark.parametrize(
        ("values", "status", "told"),
        [
            ({"instance_type": "huge-1"}, 400, "it is one of basic-1"),
            ({"image": "windows"}, 400, "it is one of ubuntu-24.04"),
            ({"name": "web 1"}, 400, "name"),
            ({"ports": "80"}, 400, "host:container"),
            ({"ports": "80:70000"}, 400, "host:container"),
            ({"ports": ",".join(["80:80"] * 11)}, 409, "more than 10"),
            ({"ssh_key_id": "unknown"}, 404, "not found"),
            ({"subnet_id": "unknown"}, 404, "not found"),
            ({"vpc_id": "unknown"}, 404, "not found"),
        ],
    )
    def test_bad_body_is_refused_and_named(self, scene, granted, values, status, told):
        refused = ask(scene, "launch_instance", json={"name": "web-1", "image": "ubuntu-24.04", **values})
        assert (refused.status, told in refused.text) == (status, True)
        assert scene.world.driver.rows(RESOURCES) == []

    def test_ssh_key_stands_in_the_first_script_of_the_machine(self, scene, granted):
        ask(scene, "add_ssh_key", json={"name": "laptop", "public_key": ed25519_key()})
        running = reach(scene, launch(scene, ssh_key_id="laptop")["id"], "RUNNING")
        assert ed25519_key() in machine_of(scene, running).request["UserData"]

    def test_alias_of_the_published_sample_is_a_type(self, scene, granted):
        assert launch(scene, instance_type="basic-4")["instance_type"] == "standard-2"

    @pytest.mark.parametrize("seed", range(2))
    def test_parallel_launches_never_exceed_a_quota(self, scene, granted, seed):
        world, highest, codes, chance = scene.world, [], set(), Random(seed)

        def watch(_operation, plan):
            highest.extend(
                row["used"]
                for write, _key, _old, row in plan
                if write.table.name == COUNTERS.name and row and str(row["quota"]).endswith("|memory_mb")
            )

        world.driver.on_write = watch
        world.driver.latency(0.01)
        instances = scene.cloud.instances
        caller = world.platform.identities.identify(scene.keys[BOB], (), "")

        def launches():
            for _ in range(2):
                world.clock.sleep(chance.random())
                try:
                    instances.launch(caller, Launch(name="web-1", image="ubuntu-24.04", instance_type="standard-1"))
                except EdgeError as error:
                    codes.add(error.code)

        outcomes = world.clock.run_together([launches for _ in range(6)])
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert (max(highest), codes) == (2 * 2_048, {"quota_exceeded"})


class TestCluster:
    @pytest.fixture
    def owning(self, scene, granted):
        scene.cluster("north")
        scene.request("give_clusters", json={"clusters": ["north"]})
        return granted

    def test_instance_joins_the_tenants_cluster_and_runs_before_it_has(self, scene, owning):
        running = reach(scene, launch(scene)["id"], "RUNNING")
        assert (running["cluster"], running["node_id"]) == ("north", None)
        assert "END_OF_KEY" in machine_of(scene, running).request["UserData"]

    def test_image_without_the_agents_python_joins_no_cluster(self, scene, owning):
        running = reach(scene, launch(scene, image="ubuntu-22.04")["id"], "RUNNING")
        assert (running["cluster"], "UserData" in machine_of(scene, running).request) == (None, False)


class TestPower:
    def test_stop_and_start_answer_at_once_and_the_status_tells_when_they_are_done(self, scene, granted):
        instance = reach(scene, launch(scene)["id"], "RUNNING")["id"]
        assert ask(scene, "stop_cloud_instance", instance).status == 200
        assert show(scene, instance)["status"] == "STOPPING"
        reach(scene, instance, "STOPPED")
        assert ask(scene, "stop_cloud_instance", instance).status == 200
        assert ask(scene, "update_instance", instance, json={"status": "RUNNING"}).status == 200
        reach(scene, instance, "RUNNING")

    def test_image_that_hibernates_is_paused_and_goes_on(self, scene, granted):
        made = reach(scene, launch(scene, image="ubuntu-22.04")["id"], "RUNNING")
        assert ask(scene, "pause_instance", made["id"]).status == 200
        assert reach(scene, made["id"], "PAUSED")["status"] == "PAUSED"
        stops = [request for operation, request in scene.world.ec2.calls if operation == "StopInstances"]
        assert stops[-1]["Hibernate"] is True
        assert ask(scene, "resize_instance", made["id"], json={"instance_type": "basic-1"}).status == 409
        assert ask(scene, "resume_instance", made["id"]).status == 200
        reach(scene, made["id"], "RUNNING")
        assert ask(scene, "resume_instance", made["id"]).status == 409

    @pytest.mark.parametrize("values", [{}, {"image": "ubuntu-22.04", "instance_type": "basic-1"}])
    def test_machine_that_cannot_be_paused_is_409_with_the_reason(self, scene, granted, values):
        made = reach(scene, launch(scene, **values)["id"], "RUNNING")
        refused = ask(scene, "pause_instance", made["id"])
        assert (refused.status, "Stop it instead" in refused.text) == (409, True)

    @pytest.mark.parametrize("view", ["pause_instance", "resume_instance", "stop_cloud_instance"])
    def test_starting_instance_is_409(self, scene, granted, view):
        assert ask(scene, view, launch(scene)["id"]).status == 409


class TestResize:
    def test_running_one_is_stopped_changed_and_started_with_its_new_share(self, scene, granted):
        instance = reach(scene, launch(scene)["id"], "RUNNING")
        answer = ask(scene, "resize_instance", instance["id"], json={"instance_type": "standard-1"})
        assert answer.json["data"] == {
            "message": "instance resize accepted",
            "instance_type": "standard-1",
            "status": "STARTING",
        }
        assert used(scene) == {"instances": 1, "vcpus": 2, "memory_gb": 2}
        again = reach(scene, instance["id"], "RUNNING")
        assert (again["instance_type"], again["container_id"]) == ("standard-1", instance["container_id"])
        assert machine_of(scene, again).request["InstanceType"] == "t3.small"

    def test_stopped_one_is_changed_and_stays_off(self, scene, granted):
        instance = reach(scene, launch(scene)["id"], "RUNNING")["id"]
        ask(scene, "stop_cloud_instance", instance)
        reach(scene, instance, "STOPPED")
        assert ask(scene, "resize_instance", instance, json={"instance_type": "standard-1"}).status == 200
        again = reach(scene, instance, "STOPPED")
        assert machine_of(scene, again).request["InstanceType"] == "t3.small"

    def test_beyond_a_quota_it_is_429_and_nothing_changes(self, scene, granted):
        instance = reach(scene, launch(scene)["id"], "RUNNING")
        refused = ask(scene, "resize_instance", instance["id"], json={"instance_type": "performance-2"})
        assert (refused.status, used(scene)["vcpus"]) == (429, 1)
        assert show(scene, instance["id"]) == instance

    def test_type_that_ec2_refuses_leaves_an_error_that_another_type_mends(self, scene, granted):
        instance = reach(scene, launch(scene)["id"], "RUNNING")["id"]
        scene.world.ec2.fail("ModifyInstanceAttribute", "Unsupported")
        ask(scene, "resize_instance", instance, json={"instance_type": "standard-1"})
        failed = reach(scene, instance, "ERROR")
        assert failed["status_reason"]
        assert ask(scene, "resize_instance", instance, json={"instance_type": "standard-2"}).status == 200
        assert machine_of(scene, reach(scene, instance, "RUNNING")).request["InstanceType"] == "t3.medium"


class TestNotes:
    def test_metadata_and_labels_are_merged_without_a_word_to_ec2(self, scene, granted):
        made = reach(scene, launch(scene, metadata={"a": "1", "b": "2"}, labels={"role": "web"})["id"], "RUNNING")
        calls = len(scene.world.ec2.calls)
        sent = {"metadata": {"a": "", "c": "3"}, "labels": {"zone": "x"}}
        assert ask(scene, "change_instance_metadata", made["id"], json=sent).status == 200
        shown = show(scene, made["id"])
        assert (shown["status"], shown["metadata"]) == ("RUNNING", {"b": "2", "c": "3"})
        assert shown["labels"] == {"role": "web", "zone": "x"}
        scene.world.settle()
        assert len(scene.world.ec2.calls) == calls

    def test_tags_are_the_labels_by_which_lists_find_instances(self, scene, granted):
        web = launch(scene, labels={"role": "web"})
        scene.world.clock.advance(1)
        db = launch(scene, name="db-1")
        assert ask(scene, "add_instance_tags", db["id"], json={"tags": {"role": "db"}}).status == 200
        assert ask(scene, "get_instance_tags", db["id"]).json["data"] == {"role": "db"}
        for tag, names in (("role", ["db-1", "web-1"]), ("role:web", ["web-1"]), ("role:web,x", [])):
            found = ask(scene, "list_cloud_instances", query={"tag": tag}).json["data"]
            assert [each["name"] for each in found] == names
        names = {"instance_id": web["id"], "key": "role"}
        assert scene.request("remove_instance_tag", variables=names, key=scene.keys[BOB]).status == 200
        assert ask(scene, "get_instance_tags", web["id"]).json["data"] == {}


class TestAddress:
    def test_name_and_beginning_of_an_id_lead_to_one_and_those_of_several_to_400(self, scene, granted):
        first = launch(scene)
        assert show(scene, "web-1")["id"] == show(scene, first["id"][:23])["id"] == first["id"]
        launch(scene)
        refused = ask(scene, "get_cloud_instance", "web-1")
        assert (refused.status, "is that of several" in refused.text) == (400, True)

    def test_instance_of_another_tenant_is_404_by_id_and_name(self, scene, granted):
        made = launch(scene)
        scene.join(scene.tenant("other"), EVE, "owner")
        for wanted_id in (made["id"], "web-1"):
            assert ask(scene, "get_cloud_instance", wanted_id, address=EVE).status == 404
        assert ask(scene, "list_cloud_instances", address=EVE).json["data"] == []

    def test_slice_has_the_shape_that_the_sdk_reads(self, scene, granted):
        for name in ("a", "b", "c"):
            launch(scene, name=name)
            scene.world.clock.advance(1)
        sliced = ask(scene, "list_cloud_instances", query={"limit": "2", "offset": "1"}).json["data"]
        assert ([each["name"] for each in sliced["data"]], sliced["total_count"]) == (["b", "a"], 3)
        assert sliced["has_more"] is False


class TestBothDialects:
    def test_each_api_shows_the_instances_of_the_other(self, scene, granted):
        instances = scene.world.platform.container(Machines).instances
        theirs = instances.create(
            granted, "u", NewInstance(template_id="ubuntu-small", zone="eu-central-1a", name="old")
        )
        ours = launch(scene)
        assert {each.id for each in instances.every(granted)} == {theirs.id, ours["id"]}
        shown = reach(scene, theirs.id, "RUNNING")
        assert (shown["name"], shown["instance_type"], shown["image"]) == ("old", "ubuntu-small", "ubuntu-24.04")
        ask(scene, "stop_cloud_instance", theirs.id)
        assert str(status_of(instances.get(granted, theirs.id))) == "STOPPING"
        assert set(instances.get(granted, theirs.id).spec) == {
            *("template_id", "zone", "provider", "cluster_name", "machine")
        }


class TestConsole:
    def test_output_is_text_and_the_console_has_an_address(self, scene, granted):
        made = launch(scene)
        assert ask(scene, "read_instance_logs", made["id"]).status == 409
        running = reach(scene, made["id"], "RUNNING")
        machine_of(scene, running).console = "it has started\n"
        answer = ask(scene, "read_instance_logs", made["id"])
        assert (answer.text, answer.headers["content-type"]) == ("it has started\n", "text/plain")
        console = ask(scene, "get_instance_console", made["id"]).json["data"]
        assert console["url"] == console["console_url"]
        assert running["container_id"] in console["url"]


class TestStats:
    def test_use_is_what_the_agent_tells_and_409_without_one(self, scene, granted):
        made = launch(scene)
        assert ask(scene, "get_instance_stats", made["id"]).status == 409
        a_cluster(scene.world, "engines")
        (machine,) = machines(scene.world, 1, "engines")
        told = instance_in(scene, State.READY, tenant=granted, observed={NODE_ID: machine.id})
        assert ask(scene, "get_instance_stats", told.id).status == 409
        scene.world.fleet.metrics.nodes.push(machine.id, MetricsType.HOST, HOST_TEXT)
        assert ask(scene, "get_instance_stats", told.id).json["data"] == {
            "cpu_percentage": 25.0,
            "memory_usage_bytes": 268_435_456,
            "memory_limit_bytes": 1_073_741_824,
            "memory_percentage": 25.0,
        }


@pytest.mark.parametrize("one", TYPES, ids=lambda one: one.id)
def test_price_of_a_type_is_that_of_the_bill(one):
    price = price_of("instance", one.id, "2026-11-29T00:00:00Z")
    assert (price.size, str(price.per_hour)) == (one.id, one.price_per_hour)


def test_owner_sees_types_with_prices(scene, granted):
    shown = ask(scene, "list_instance_types", address=ADA).json["data"]
    assert [one["id"] for one in shown] == [one.id for one in TYPES]
    assert shown[0]["price_per_hour"] == 0.005
