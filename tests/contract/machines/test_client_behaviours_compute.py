"""What clients of the compute API rely on, driven as they do: raw requests, in the shapes that they can read."""

import json
from uuid import UUID

import pytest

from chalicelib.kit.errors import Kind
from chalicelib.machines.api import COMPUTE_API
from chalicelib.platform.access.key_text import parse
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.provisioning.model import Power, State
from tests.contract.machines.behaviours import GO, JS, PAGES, relied_on
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_compute import instance_in
from tests.support.world import World

COMPUTE = "Compute"


@relied_on(COMPUTE, GO, "`GET /templates` answers a bare list; `diskSizeGb` is an integer, all else are strings")
def test_templates_are_a_bare_list_with_whole_numbers():
    (template,) = MachinesScene().request("list_templates").json

    assert type(template["diskSizeGb"]) is int
    texts = ("id", "name", "description", "machineType", "diskType", "image", "region")
    assert all(isinstance(template[name], str) for name in texts)


@relied_on(COMPUTE, GO, "`GET /templates/{id}/zones` answers a bare list of names")
def test_zones_are_a_bare_list_of_names():
    assert MachinesScene().request("list_zones").json == ["local-a", "local-b"]


@pytest.fixture
def scene():
    return MachinesScene()


def no_error(answer):
    """The parsed answer of a success, as the Go client reads it: every 2xx but 204 is a JSON value."""
    assert 200 <= answer.status < 300, answer.text
    return None if answer.status == 204 else answer.json


def told(answer):
    """The error as clients tell it, from the headers."""
    assert answer.status >= 400
    assert str(UUID(answer.headers["x-error-id"])) == answer.headers["x-error-id"]
    assert answer.headers["x-error"]
    return answer.json["error"]


@relied_on(COMPUTE, f"{GO}, {PAGES}", "create takes `templateID` and answers `templateId` and 201 with `PROVISIONING`")
def test_create_takes_and_answers_the_two_spellings(scene):
    answer = scene.request("create_instance", json={"templateID": "local-small", "zone": "local-a"})

    assert (answer.status, answer.json["templateId"], answer.json["status"]) == (201, "local-small", "PROVISIONING")


@relied_on(COMPUTE, GO, "`GET /instances` answers a bare list, also an empty one")
def test_instances_are_a_bare_list(scene):
    assert scene.request("list_instances").text == "[]"
    instance_in(scene, State.READY)
    assert isinstance(scene.request("list_instances").json, list)


@relied_on(COMPUTE, GO, "ids, addresses and times of an instance are strings or null, never numbers")
def test_fields_of_an_instance_are_texts_or_null(scene):
    found = instance_in(scene, State.READY, observed={"external_ip": "203.0.113.9", "internal_ip": "10.0.0.9"})
    shown = scene.request("get_instance", variables={"instance_id": found.id}).json

    fields = {"id", "userID", "customerID", "name", "zone", "machineType", "externalIp", "internalIp", "status"}
    assert fields | {"templateId", "createdAt"} <= set(shown)
    assert {type(value) for value in shown.values()} <= {str, type(None)}


@relied_on(COMPUTE, GO, "power operations answer 202 with a JSON object, never an empty body")
@pytest.mark.parametrize("view", ["stop_instance", "start_instance", "restart_instance", "reset_instance"])
@pytest.mark.parametrize("prefix", ["", "admin_"])
def test_power_operations_answer_an_object(scene, prefix, view):
    power = Power.OFF if view == "start_instance" else Power.ON
    variables = {"instance_id": instance_in(scene, State.READY, power=power).id}
    answer = scene.request(f"{prefix}{view}", variables=variables)

    assert answer.status == 202
    assert isinstance(no_error(answer), dict)


@relied_on(COMPUTE, f"{GO}, {PAGES}", "`DELETE /instances/{id}` answers 204 without a body")
def test_delete_answers_nothing(scene):
    answer = scene.request("delete_instance", variables={"instance_id": instance_in(scene, State.READY).id})

    assert (answer.status, answer.text) == (204, "")


@relied_on(COMPUTE, GO, "the operator's list is `{pages, items, instances}`; `limit` is 10 by default")
def test_operators_list_is_a_page_of_ten(scene):
    for _ in range(11):
        instance_in(scene, State.READY)
    page = scene.request("admin_list_instances").json

    assert (page["pages"], page["items"], len(page["instances"])) == (2, 11, 10)
    assert len(scene.request("admin_list_instances", query={"page": 2}).json["instances"]) == 1


@relied_on(COMPUTE, GO, "filters by status are sent in lower case; answers are in upper case")
def test_status_in_lower_case_filters(scene):
    instance_in(scene, State.READY)
    page = scene.request("admin_list_instances", query={"status": "running", "limit": 10, "page": 1}).json

    assert [one["status"] for one in page["instances"]] == ["RUNNING"]


@relied_on(COMPUTE, f"{GO}, {JS}", "paths are those below `https://host/api/compute/v1`, which the client is given")
def test_paths_below_the_base_are_those_of_the_client():
    paths = {(one.method, one.shown_path.removeprefix("/api/compute/v1")) for one in COMPUTE_API.endpoints()}

    one = "/instances/{id}"
    on_one = {
        ("GET", one),
        ("DELETE", one),
        *(("POST", f"{one}/{name}") for name in ("start", "stop", "restart", "reset")),
    }
    admin = {(method, f"/admin{path}") for method, path in on_one}
    lists = {("GET", "/instances"), ("POST", "/instances"), ("GET", "/admin/instances"), ("GET", "/templates")}
    assert on_one | admin | lists | {("GET", "/templates/{template_id}/zones")} <= paths


@relied_on(COMPUTE, GO, "a key pair is sent as the headers `Api-Key` and `Api-Secret`, in any case of their letters")
@pytest.mark.parametrize("names", [("Api-Key", "Api-Secret"), ("api-key", "api-secret"), ("API-KEY", "API-SECRET")])
def test_key_pair_authenticates_in_two_headers(scene, names):
    key = parse(scene.world.key_with(role=KeyRole.OPERATOR))
    halves = (key.public, key.secret)
    answer = scene.request("list_instances", key=None, headers=dict(zip(names, halves, strict=True)))

    assert answer.status == 200


@relied_on(COMPUTE, f"{GO}, {JS}", "errors tell their message in `x-error`, and a canonical UUID in `x-error-id`")
@pytest.mark.parametrize(
    ("view", "options", "status"),
    [
        ("create_instance", {"json": {"templateID": "nothing", "zone": "local-a"}}, 400),
        ("list_instances", {"key": None}, 401),
        ("get_instance", {}, 404),
    ],
)
def test_errors_tell_themselves_in_headers_and_body(scene, view, options, status):
    answer = scene.request(view, **options)
    error = told(answer)

    assert answer.status == status
    assert (error["error_id"], error["type"]) == (answer.headers["x-error-id"], "WARNING")
    assert error["message"] == answer.headers["x-error"]


@relied_on(COMPUTE, PAGES, "a wrong field is named by `param`, and `code` is a stable word")
def test_wrong_field_is_named(scene):
    error = told(scene.request("create_instance", json={"templateID": "local-small", "zone": "moon"}))

    assert (error["param"], error["code"]) == ("zone", "validation_failed")


@relied_on(COMPUTE, PAGES, "an error of ours has the type `ERROR` and says nothing of its cause")
def test_error_of_ours_has_the_type_error():
    scene = MachinesScene(World())
    scene.world.platform.identity.change_tenant("default", tier="gold")
    answer = scene.request("create_instance")
    error = told(answer)

    assert (answer.status, error["type"], "gold" in answer.text) == (500, "ERROR", False)


@relied_on(COMPUTE, GO, "429 has `Retry-After` in whole seconds, at least 1: 0 falls back to the client's own pauses")
def test_refusal_for_the_rate_tells_whole_seconds():
    scene = MachinesScene(World(operation_limits_enabled=True))
    scene.world.platform.identity.change_tenant("default", tier="free")
    answers = [scene.request("create_instance", checked=False) for _ in range(11)]

    assert answers[-1].status == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert told(answers[-1])["code"] == "rate_limited"


@relied_on(COMPUTE, PAGES, "403 of an ordinary operation is the quota; another's instance is 404")
def test_forbidden_is_the_quota_and_another_s_instance_is_not_found():
    scene = MachinesScene(World())
    scene.world.platform.identity.change_tenant("default", tier="free")
    answers = [scene.request("create_instance") for _ in range(3)]
    other = instance_in(scene, State.READY, tenant="acme")

    assert [one.status for one in answers] == [201, 201, 403]
    assert told(answers[-1])["code"] == "quota_exceeded"
    assert scene.request("get_instance", variables={"instance_id": other.id}).status == 404


@relied_on(COMPUTE, f"{GO}, {JS}", "paths and methods that there are not answer 404 in the same form")
@pytest.mark.parametrize(("method", "path"), [("GET", "/machines"), ("POST", "/verify"), ("PATCH", "/instances")])
def test_unknown_path_is_not_found_in_the_form_of_errors(scene, method, path):
    answer = scene.send("Compute", method, f"/api/compute/v1{path}")

    assert (answer.status, told(answer)["type"]) == (404, "WARNING")


@relied_on(COMPUTE, f"{GO}, {JS}", "errors that the gateway makes have both headers and the same body")
@pytest.mark.parametrize(
    "kind", [Kind.FORBIDDEN, Kind.NOT_FOUND, Kind.PAYLOAD_TOO_LARGE, Kind.RATE_LIMITED, Kind.INTERNAL]
)
def test_errors_of_the_gateway_have_the_form_of_errors(kind):
    made = COMPUTE_API.protocol.gateway_error(kind, "Something")
    error = json.loads(made.body)["error"]

    assert made.headers == {"x-error": "'Something'", "x-error-id": "context.requestId"}
    assert (error["message"], error["error_id"]) == ("Something", "$context.requestId")
    assert error["type"] == ("ERROR" if kind is Kind.INTERNAL else "WARNING")


@relied_on(COMPUTE, PAGES, "a body that is no JSON is a 400 in the form of errors")
def test_body_that_is_no_json_is_a_bad_request(scene):
    json_type = {"content-type": "application/json"}
    answer = scene.send("Compute", "POST", "/api/compute/v1/instances", body="{", headers=json_type)

    assert (answer.status, told(answer)["type"]) == (400, "WARNING")
