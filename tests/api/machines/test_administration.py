"""The operator's view of all customers' instances, and what a customer may do."""

import pytest

from chalicelib.machines.api import COMPUTE_API
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.provisioning.model import Power, State
from tests.support.builders import a_customer
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_compute import PREPARED, instance_in

ADMIN = [one.view.__name__ for one in COMPUTE_API.endpoints() if one.scope is Scope.INSTALLATION]


@pytest.fixture
def scene():
    return MachinesScene()


def listed(scene, **query):
    answer = scene.request("admin_list_instances", query=query)
    assert answer.status == 200, answer.text
    return answer.json


@pytest.mark.parametrize("view", ADMIN)
def test_administration_is_forbidden_to_principals_of_other_customers(scene, view):
    options = PREPARED[view](scene)
    before = scene.world.state()
    key = scene.world.key_with(role=KeyRole.ADMIN, tenant="acme")
    before = scene.world.state()

    answer = scene.request(view, **{**options, "key": key})
    assert (answer.status, answer.json["error"]["type"]) == (403, "WARNING")
    assert scene.world.state() == before


def test_page_has_ten_instances_by_default_and_tells_how_many_there_are(scene):
    made = []
    for number in range(12):
        made.append(instance_in(scene, State.READY, tenant=f"customer-{number % 3}").id)
        scene.world.clock.advance(1)

    first, second = listed(scene), listed(scene, page=2)
    assert (first["pages"], first["items"], len(first["instances"])) == (2, 12, 10)
    assert [one["id"] for one in [*first["instances"], *second["instances"]]] == made[::-1]
    assert listed(scene, page=3)["instances"] == []
    assert listed(scene, limit=5)["pages"] == 3


@pytest.mark.parametrize("text", ["running", "RUNNING", "Running"])
def test_filter_by_status_ignores_case(scene, text):
    running = instance_in(scene, State.READY).id
    instance_in(scene, State.READY, power=Power.OFF)
    instance_in(scene, State.FAILED)

    page = listed(scene, status=text)
    assert ([one["id"] for one in page["instances"]], page["items"], page["pages"]) == ([running], 1, 1)


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"zone": "LOCAL-A"}, 3),
        ({"zone": "local-b"}, 0),
        ({"templateID": "Local-Small"}, 3),
        ({"customerID": "acme"}, 2),
        ({"userID": "key-of-a-test", "customerID": "ACME", "status": "stopped"}, 1),
        ({"userID": "somebody"}, 0),
    ],
)
def test_filters_of_the_list_must_all_fit(scene, query, number):
    instance_in(scene, State.READY)
    instance_in(scene, State.READY, tenant="acme")
    instance_in(scene, State.READY, tenant="acme", power=Power.OFF)

    page = listed(scene, **query)
    assert (len(page["instances"]), page["items"]) == (number, number)


@pytest.mark.parametrize(
    ("query", "param", "told"),
    [
        ({"status": "sleeping"}, "status", "Allowed: PROVISIONING, RUNNING"),
        ({"limit": 0}, "limit", ""),
        ({"limit": 101}, "limit", ""),
        ({"page": 0}, "page", ""),
        ({"colour": "red"}, "colour", ""),
    ],
)
def test_wrong_query_is_refused_with_its_name(scene, query, param, told):
    answer = scene.request("admin_list_instances", query=query)

    assert (answer.status, answer.json["error"]["param"]) == (400, param)
    assert told in answer.json["error"]["message"]


def test_operator_works_on_the_instance_of_a_customer(scene):
    variables = {"instance_id": instance_in(scene, State.READY, tenant="acme").id}

    assert scene.request("admin_get_instance", variables=variables).json["customerID"] == "acme"
    assert scene.request("get_instance", variables=variables).status == 404
    assert scene.request("admin_stop_instance", variables=variables).json["status"] == "STOPPING"
    assert scene.request("admin_delete_instance", variables=variables).status == 204
    assert scene.request("admin_get_instance", variables=variables).json["status"] == "TERMINATING"


@pytest.mark.parametrize("view", [view for view in ADMIN if "_instance" in view and "list" not in view])
def test_unknown_instance_is_not_found(scene, view):
    assert scene.request(view).status == 404


def test_customer_has_the_tier_and_the_clusters_that_the_operator_sets(scene):
    scene.world.fleet.clusters.create("north", None, None)
    a_customer(scene.world, "acme")
    variables = {"customer_id": "acme"}

    changed = scene.request("change_customer", variables=variables, json={"tier": "pro", "clusters": ["north"]})
    assert changed.json == {"id": "acme", "name": "acme", "tier": "pro", "clusters": ["north"]}
    again = scene.request("change_customer", variables=variables, json={"clusters": []})
    assert again.json == {"id": "acme", "name": "acme", "tier": "pro", "clusters": []}


@pytest.mark.parametrize("body", [{"tier": "pro"}, {}])
def test_unknown_customer_is_not_found_and_is_not_made(scene, body):
    before = scene.world.state()
    answer = scene.request("change_customer", json=body)

    assert (answer.status, answer.json["error"]["type"]) == (404, "WARNING")
    assert scene.world.state() == before


@pytest.mark.parametrize(
    ("body", "param", "told"),
    [
        ({"tier": "gold"}, "tier", "Allowed: free, pro, operator"),
        ({"clusters": ["nowhere"]}, "clusters", "not found: nowhere"),
        ({"quota": 3}, "quota", ""),
    ],
)
def test_wrong_change_of_a_customer_is_refused_and_changes_nothing(scene, body, param, told):
    before = scene.world.state()
    answer = scene.request("change_customer", json=body)

    assert (answer.status, answer.json["error"]["param"]) == (400, param)
    assert told in answer.json["error"]["message"]
    assert scene.world.state() == before
