"""Whose history is whose: an instance belongs to its tenant, with the events of its node."""

import json

import pytest

from chalicelib.fleet.facts import LOGIN_REFUSED
from chalicelib.kit.clock import to_microseconds_text
from chalicelib.machines.analytics.queues import ANALYTICS
from chalicelib.machines.instances.model import INSTANCE
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.provisioning.changes import RESOURCE_CHANGED
from chalicelib.platform.provisioning.model import NewResource, Power
from tests.support.client import MASTER_KEY
from tests.support.declared import WORKERS
from tests.support.operations.machines import MachinesScene
from tests.support.world import sqs_record

TENANT = "0192e4a0-0000-7000-8000-00000000face"
WHOLE = {"from": "2026-11-21T00:00:00Z", "to": "2026-11-22T00:00:00Z"}


@pytest.fixture
def scene():
    return MachinesScene()


@pytest.fixture
def instance(scene):
    new = NewResource(kind=INSTANCE, name="builder-3", owner="user-1", spec={}, power=Power.ON)
    return scene.world.platform.resources(TENANT).create(new)


def record(scene, *facts):
    """Have the deployed worker record facts, each a type and its data, in one batch."""
    at = to_microseconds_text(scene.world.clock.now())
    records = []
    for number, (kind, data) in enumerate(facts):
        fact_id = f"{kind}-{number}-{json.dumps(data)}"
        detail = {"id": fact_id, "type": kind, "time": at, "data": data}
        records.append(sqs_record({"detail": detail}, f"m-{number}"))
    assert scene.world.call(WORKERS[ANALYTICS], {"Records": records}) == {"batchItemFailures": []}


def refused_login(instance):
    return LOGIN_REFUSED, {"node_id": instance.id, "auth_method": "password"}


def changed(instance, before, after, **more):
    known = {"tenant": instance.tenant, "kind": INSTANCE, "id": instance.id, "name": instance.name}
    return RESOURCE_CHANGED, {**known, "previous_state": before, "state": after, "reason": "", **more}


def key_of(scene, tenant):
    return scene.world.key_with(role=KeyRole.VIEWER, tenant=tenant)


def query(scene, instance, key, dataset="topics"):
    return scene.request("query_analytics", key=key, json={"instanceId": instance.id, "dataset": dataset, **WHOLE})


def test_event_of_the_node_of_an_instance_belongs_to_the_tenant_of_the_instance(scene, instance):
    record(scene, refused_login(instance))

    own = query(scene, instance, key_of(scene, TENANT))
    assert [(one["topic"], one["count"]) for one in own.json["elements"]] == [("login.refused", 1)]
    for other in (MASTER_KEY, key_of(scene, "0192e4a0-0000-7000-8000-00000000beef")):
        assert query(scene, instance, other).status == 404
        assert scene.request("list_instances_with_history", key=other).json["elements"] == []
        summary = scene.request("get_instance_summary", key=other, variables={"instance_id": instance.id})
        assert summary.status == 404


def test_changes_of_state_are_signals_with_their_reasons(scene, instance):
    record(
        scene,
        changed(instance, None, "pending"),
        changed(instance, "pending", "failed", reason="no capacity in local-a: try another zone"),
        changed(instance, "failed", "failed", power="off"),
    )

    texts = {one["text"] for one in query(scene, instance, key_of(scene, TENANT), "signals").json["elements"]}
    assert texts == {
        "the instance was asked for",
        "state changed from pending to failed: no capacity in local-a: try another zone",
    }
    (shown,) = scene.request("list_instances_with_history", key=key_of(scene, TENANT)).json["elements"]
    assert (shown["kind"], shown["name"]) == ("instance", "builder-3")


def test_history_of_a_deleted_instance_stays_readable_for_its_time(scene, instance):
    key = key_of(scene, TENANT)
    record(scene, changed(instance, "deleting", "gone"), refused_login(instance))
    scene.world.clock.advance(399 * 24 * 3600)
    scene.world.driver.collect_expired()

    (shown,) = scene.request("list_instances_with_history", key=key).json["elements"]
    assert (shown["id"], shown["state"], shown["deletedAt"]) == (instance.id, None, "2026-11-21T10:00:00Z")
    assert query(scene, instance, key).json["elements"] != []
    scene.world.clock.advance(24 * 3600)
    assert query(scene, instance, key).status == 404


def test_fact_that_comes_when_the_instance_is_gone_still_belongs_to_its_tenant(scene, instance):
    record(scene, changed(instance, None, "pending"))
    scene.world.platform.all_resources.__dict__["find"] = lambda *_: None
    record(scene, refused_login(instance))

    own = query(scene, instance, key_of(scene, TENANT)).json["elements"]
    assert {one["topic"] for one in own} == {"instance.state_changed", "login.refused"}
    assert query(scene, instance, MASTER_KEY).status == 404


def test_node_that_was_taken_for_none_is_the_instance_once_that_is_told(scene):
    new = NewResource(kind=INSTANCE, name="late", owner="user-1", spec={}, power=Power.ON)
    scene.world.driver.index_lag(5)
    late = scene.world.platform.resources(TENANT).create(new)
    record(scene, refused_login(late))
    assert query(scene, late, MASTER_KEY).status == 200
    record(scene, changed(late, None, "pending"))
    record(scene, (LOGIN_REFUSED, {"node_id": late.id, "auth_method": "public_key"}))

    own = query(scene, late, key_of(scene, TENANT)).json["elements"]
    assert {one["topic"]: one["count"] for one in own} == {"instance.state_changed": 1, "login.refused": 1}


def test_other_kinds_of_resources_have_no_history(scene, instance):
    record(scene, (RESOURCE_CHANGED, {**changed(instance, None, "pending")[1], "kind": "bucket"}))

    assert query(scene, instance, key_of(scene, TENANT)).status == 404
