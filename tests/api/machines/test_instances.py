"""Instances over HTTP: what is answered, what is refused, and what a creation costs."""

import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.provisioning.model import Desired, Power, State
from chalicelib.platform.quotas.rules import INSTANCES
from chalicelib.platform.quotas.store import TABLE as QUOTAS
from tests.support.builders import a_customer
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_compute import BODIES, instance_in

WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}
NEW = BODIES["create_instance"]


@pytest.fixture
def scene():
    return MachinesScene()


def key_of(scene, tenant):
    return scene.world.key_with(role=KeyRole.OPERATOR, tenant=tenant)


def created(scene, **options):
    answer = scene.request("create_instance", **options)
    assert answer.status == 201, answer.text
    return answer.json


def test_new_instance_is_provisioning_and_has_all_fields(scene):
    answer = scene.request("create_instance")

    made = answer.json
    assert answer.headers["location"] == f"/api/compute/v1/instances/{made['id']}"
    assert made == {
        "id": made["id"],
        "userID": "MASTER_KEY",
        "customerID": "default",
        "name": made["name"],
        "zone": "local-a",
        "machineType": "process",
        "externalIp": None,
        "internalIp": None,
        "status": "PROVISIONING",
        "statusReason": None,
        "templateId": "local-small",
        "providerId": None,
        "nodeId": None,
        "clusterName": None,
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
    }
    assert scene.request("get_instance", variables={"instance_id": made["id"]}).json == made
    assert scene.request("list_instances").json == [made]


def test_instance_has_the_name_that_it_was_given(scene):
    assert created(scene, json={**NEW, "name": "build-3"})["name"] == "build-3"


@pytest.mark.parametrize(
    ("change", "param", "told"),
    [
        ({"templateID": "huge"}, "templateID", "Allowed: local-small"),
        ({"zone": "local-z"}, "zone", "Allowed: local-a, local-b"),
        ({"clusterName": "nowhere"}, "clusterName", "no cluster of that name"),
        ({"name": "bad\nname"}, "name", ""),
        ({"templateID": None}, "templateID", ""),
        ({"size": 3}, "size", ""),
    ],
)
def test_wrong_field_is_refused_with_its_name_and_changes_nothing(scene, change, param, told):
    before = scene.world.state()
    answer = scene.request("create_instance", json={**NEW, **change})

    assert (answer.status, answer.json["error"]["param"]) == (400, param)
    assert told in answer.json["error"]["message"]
    assert scene.world.state() == before


def test_creation_reads_little_and_writes_one_transaction(scene):
    scene.request("create_instance")
    scene.request("create_instance")

    calls = scene.world.driver.meter.calls
    assert [call.operation for call in calls if call.operation in WRITES] == ["TransactWriteItems"]
    assert len(calls) <= 2


def test_repeat_with_an_idempotency_key_makes_no_second_instance(scene):
    headers = {"Idempotency-Key": "6f6a4f1e-8a1c-4c42-9c11-2d6fd2f0a001"}
    first = scene.request("create_instance", headers=headers)
    again = scene.request("create_instance", headers=headers)

    assert (again.status, again.json, again.headers["idempotency-replayed"]) == (201, first.json, "true")
    assert len(scene.request("list_instances").json) == 1


def test_instance_of_another_customer_is_not_found_by_any_operation(scene):
    own, other = key_of(scene, "acme"), key_of(scene, "umbrella")
    made = created(scene, key=own)
    variables = {"instance_id": made["id"]}
    before = scene.world.state()

    for view in (
        "get_instance",
        "delete_instance",
        "stop_instance",
        "start_instance",
        "restart_instance",
        "reset_instance",
    ):
        answer = scene.request(view, variables=variables, key=other)
        assert (view, answer.status) == (view, 404)
    assert scene.request("list_instances", key=other).json == []
    assert scene.world.state() == before
    assert scene.request("get_instance", variables=variables, key=own).json == made


def test_customer_may_use_the_clusters_that_it_was_granted_and_no_other(scene):
    for name in ("north", "south"):
        scene.world.fleet.clusters.create(name, None, None)
    acme = key_of(scene, "acme")
    a_customer(scene.world, "acme", clusters=["north", "gone"])

    assert created(scene, key=acme, json={**NEW, "clusterName": "north"})["clusterName"] == "north"
    foreign, unknown = (
        scene.request("create_instance", key=acme, json={**NEW, "clusterName": name}) for name in ("south", "nowhere")
    )
    assert (foreign.status, foreign.json["error"]["code"]) == (403, "cluster_forbidden")
    assert {**foreign.json["error"], "error_id": ""} == {**unknown.json["error"], "error_id": ""}
    gone = scene.request("create_instance", key=acme, json={**NEW, "clusterName": "gone"})
    assert (gone.status, gone.json["error"]["param"]) == (400, "clusterName")
    assert created(scene, json={**NEW, "clusterName": "south"})["clusterName"] == "south"


def test_quota_of_the_tier_bounds_the_instances_of_a_customer(scene):
    a_customer(scene.world, "acme", tier="free")
    acme = key_of(scene, "acme")
    first, _ = created(scene, key=acme), created(scene, key=acme)

    refused = scene.request("create_instance", key=acme)
    assert (refused.status, refused.json["error"]["code"]) == (403, "quota_exceeded")
    assert created(scene)["status"] == "PROVISIONING"
    assert scene.request("delete_instance", variables={"instance_id": first["id"]}, key=acme).status == 204


def test_room_for_what_makes_an_instance_later_ends_with_the_quota(scene):
    a_customer(scene.world, "acme", tier="free")
    acme = key_of(scene, "acme")
    created(scene, key=acme)
    scene.machines.instances.check_room("acme")
    created(scene, key=acme)
    with pytest.raises(EdgeError) as refused:
        scene.machines.instances.check_room("acme")
    assert (refused.value.kind, refused.value.code) == (Kind.FORBIDDEN, "quota_exceeded")


@pytest.mark.parametrize(
    ("view", "state", "power", "status"),
    [
        ("stop_instance", State.READY, Power.ON, "STOPPING"),
        ("start_instance", State.READY, Power.OFF, "STARTING"),
        ("restart_instance", State.READY, Power.ON, "RESTARTING"),
        ("reset_instance", State.READY, Power.ON, "RESTARTING"),
    ],
)
def test_power_operation_is_accepted_once_and_its_repeat_has_no_second_effect(scene, view, state, power, status):
    variables = {"instance_id": instance_in(scene, state, power=power).id}
    first = scene.request(view, variables=variables)
    before = scene.world.state()
    again = scene.request(view, variables=variables)

    assert (first.status, first.json["status"]) == (202, status)
    assert (again.status, again.json) == (202, first.json)
    assert scene.world.state() == before


@pytest.mark.parametrize(
    ("view", "values"),
    [
        ("stop_instance", {"state": State.CREATING}),
        ("start_instance", {"state": State.READY, "power": Power.ON}),
        ("restart_instance", {"state": State.READY, "power": Power.OFF}),
        ("reset_instance", {"state": State.FAILED}),
        ("start_instance", {"state": State.DELETING, "desired": Desired.ABSENT}),
        ("stop_instance", {"state": State.GONE, "desired": Desired.ABSENT}),
    ],
)
def test_power_operation_in_a_status_that_does_not_allow_it_is_a_conflict(scene, view, values):
    variables = {"instance_id": instance_in(scene, **values).id}
    before = scene.world.state()

    answer = scene.request(view, variables=variables)
    assert (answer.status, answer.json["error"]["code"]) == (409, "conflict")
    assert scene.world.state() == before


@pytest.mark.parametrize("state", [State.PENDING, State.CREATING, State.READY, State.CHANGING, State.FAILED])
def test_instance_can_be_deleted_whatever_it_does_and_twice(scene, state):
    variables = {"instance_id": instance_in(scene, state).id}

    assert scene.request("delete_instance", variables=variables).status == 204
    before = scene.world.state()
    assert scene.request("delete_instance", variables=variables).status == 204
    assert scene.world.state() == before
    assert scene.request("get_instance", variables=variables).json["status"] == "TERMINATING"


def test_failed_instance_tells_its_reason(scene):
    made = instance_in(scene, State.FAILED, reason="No capacity in local-a. Try another zone")

    shown = scene.request("get_instance", variables={"instance_id": made.id}).json
    assert (shown["status"], shown["statusReason"]) == ("FAILED", "No capacity in local-a. Try another zone")


def test_instance_of_a_template_that_is_gone_is_still_shown(scene):
    made = instance_in(scene, State.READY, spec={"template_id": "old", "zone": "a", "provider": "ec2"})

    shown = scene.request("get_instance", variables={"instance_id": made.id}).json
    assert (shown["templateId"], shown["zone"], shown["machineType"]) == ("old", "a", "")


def test_two_hundred_creations_against_a_quota_of_fifty_make_exactly_fifty(scene):
    world = scene.world
    a_customer(world, "acme", tier="pro")
    acme = key_of(scene, "acme")
    world.driver.latency(0.01)

    def client():
        for _ in range(60):
            answer = scene.request("create_instance", key=acme)
            if answer.status != 503:
                return answer.status, answer.json.get("error", {}).get("code", "")
            world.clock.sleep(1)
        raise AssertionError("it never ended")

    ended = world.clock.run_together([client] * 200)

    assert sorted(set(ended)) == [(201, ""), (403, "quota_exceeded")]
    assert ended.count((201, "")) == 50
    assert len(scene.request("list_instances", key=acme).json) == 50
    (counter,) = [row for row in world.driver.rows(QUOTAS) if row["quota"] == f"acme|{INSTANCES}"]
    assert counter["used"] == 50
