"""Conflicts that come from the state of a thing alone: a bucket that has failed, a thing that is going."""

import pytest

from chalicelib.kit.tables import Put
from chalicelib.platform.provisioning.model import Desired, State
from chalicelib.platform.provisioning.store import RESOURCES, from_whole, to_item
from tests.support.cloud import CloudScene
from tests.support.instances import InstanceWorld
from tests.support.networks import NetworkScene
from tests.support.operations.cloud_compute import instance_in
from tests.support.storage import StorageScene

NOBODY = "01900000-0000-7000-8000-0000000000fe"


def place(scene, **values):
    """The bucket as if its provider had brought it there."""
    (row,) = [from_whole(each) for each in scene.world.driver.rows(RESOURCES)]
    placed = row.model_copy(update={"due_at": "2099-01-01T00:00:00Z", "reason": "it is broken", **values})
    tables = scene.world.platform.tables.scoped(scene.tenant_id)
    tables.write(Put(RESOURCES, to_item(placed)), "test.placed")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/storage/presign/photos/a", {"method": "GET"}),
        ("GET", "/storage/photos", None),
        ("GET", "/storage/photos/a", None),
        ("DELETE", "/storage/photos/a", None),
        ("GET", "/storage/versions/photos/a", None),
    ],
)
def test_bucket_that_is_lost_is_409_wherever_it_is_named(method, path, body):
    scene = StorageScene()
    scene.bucket("photos")
    place(scene, state=State.FAILED, is_released=True)
    answer = scene.ask(method, path, **({} if body is None else {"json": body}))
    assert answer.status == 409, answer.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("PATCH", "versioning", {"enabled": True}), ("DELETE", f"lifecycle/{NOBODY}", None)],
)
def test_bucket_whose_deletion_failed_is_409_for_changes(method, path, body):
    scene = StorageScene()
    scene.bucket("photos")
    place(scene, state=State.FAILED, desired=Desired.ABSENT)
    answer = scene.ask(method, f"/storage/buckets/photos/{path}", **({} if body is None else {"json": body}))
    assert answer.status == 409, answer.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "", {"status": "STOPPED"}),
        ("PUT", "/metadata", {"metadata": {"owner": "bob"}}),
        ("DELETE", "/tags/role", None),
    ],
)
def test_instance_that_is_going_is_409_for_changes(method, path, body):
    scene = CloudScene(InstanceWorld())
    going = instance_in(scene, State.DELETING, desired=Desired.ABSENT)
    sent = {} if body is None else {"json": body}
    assert scene.send(method, f"/instances/{going.id}{path}", **sent).status == 409


def test_console_of_a_machine_that_is_not_made_yet_is_409():
    scene = CloudScene(InstanceWorld())
    made = instance_in(scene, State.PENDING, external={})
    assert scene.send("GET", f"/instances/{made.id}/console").status == 409


@pytest.fixture
def networks():
    return NetworkScene()


@pytest.fixture
def vpc(networks):
    vpc = networks.vpc()
    networks.reach(vpc, State.READY)
    return vpc


def test_rule_of_a_group_that_is_going_is_409(networks, vpc):
    group = networks.ask("POST", "/security-groups", {"vpc_id": vpc["id"], "name": "shops"})
    networks.reach(group, State.READY)
    (rule,) = networks.ask("GET", f"/security-groups/{group['id']}")["rules"]
    networks.ask("DELETE", f"/security-groups/{group['id']}")
    assert networks.refused("DELETE", f"/security-groups/rules/{rule['id']}")[0] == 409


def test_unknown_instance_or_group_is_404_for_detaching(networks):
    body = {"instance_id": NOBODY, "group_id": NOBODY}
    assert networks.refused("POST", "/security-groups/detach", body)[0] == 404


def test_local_route_and_main_association_are_409(networks, vpc):
    subnet = networks.subnet(vpc)
    (main,) = networks.ask("GET", "/route-tables", query={"vpc_id": vpc["id"]})
    (local,) = main["routes"]
    path = f"/route-tables/{main['id']}"
    assert networks.refused("DELETE", f"{path}/routes", query={"route_id": local["id"]})[0] == 409
    assert networks.refused("DELETE", f"{path}/associations/{subnet['id']}")[0] == 409
