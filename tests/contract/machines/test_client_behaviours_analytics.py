"""What clients of the analytics API rely on, one test for each."""

import json

import pytest

from chalicelib.kit.errors import bad_request, not_found
from chalicelib.machines.api import ANALYTICS_API
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.model import NewApiKey
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import root
from tests.contract.machines.behaviours import PAGES, relied_on
from tests.support.client import MASTER_KEY, Client
from tests.support.operations.machines import MachinesScene

ANALYTICS = "Analytics"
UNKNOWN = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee"
QUESTION = {
    "instanceId": UNKNOWN,
    "dataset": "topics",
    "from": "2026-11-21T00:00:00Z",
    "to": "2026-11-22T00:00:00Z",
}
LIMITS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


@pytest.fixture
def scene():
    return MachinesScene()


def query(scene, **options):
    return scene.request("query_analytics", **{"json": QUESTION, **options})


def client(scene):
    return Client(ANALYTICS_API.groups(), scene.world.platform.container(Machines), api=ANALYTICS_API, key=None)


def broken(scene):
    """The answer to a body that is not JSON."""
    headers = {"x-api-key": MASTER_KEY, "content-type": "application/json"}
    return client(scene).post("/v1/query", body="{", headers=headers)


def refusal(answer):
    """The code, the message and the details of a refusal, which is an object of a fixed form."""
    assert answer.json.keys() == {"success", "error"}
    assert answer.json["success"] is False
    assert answer.error.keys() == {"code", "message", "details"}
    return answer.error["code"], answer.error["message"], answer.error["details"]


@relied_on(
    ANALYTICS,
    PAGES,
    "every answer is a JSON object: `GET /v1/instances` is `{elements, pagination}`, by default of 50 from the first",
)
def test_instances_are_an_object_of_elements_and_pagination_and_no_bare_list(scene):
    answer = scene.request("list_instances_with_history")

    assert answer.json == {"elements": [], "pagination": {"total": 0, "limit": 50, "offset": 0}}


@relied_on(
    ANALYTICS,
    PAGES,
    "an `instanceId` that is not a UUID is `VALIDATION_ERROR` 400: `Invalid uuid` at the path `instanceId`",
)
def test_instance_id_that_is_not_a_uuid_is_a_validation_error_with_its_path(scene):
    answer = query(scene, json={**QUESTION, "instanceId": "i-0123"})

    assert answer.status == 400
    assert refusal(answer) == (
        "VALIDATION_ERROR",
        bad_request({}).message,
        [{"path": "instanceId", "message": "Invalid uuid"}],
    )


@relied_on(ANALYTICS, PAGES, '`details` of a validation are a list of `{path: "a.0.b", message}`')
def test_path_of_a_wrong_value_names_objects_and_places_in_lists(scene):
    answer = query(scene, json={**QUESTION, "filter": {"topics": ["command.failed", "nothing"]}})

    (problem,) = refusal(answer)[2]
    assert problem["path"] == "filter.topics.1"
    assert problem["message"].startswith('Invalid value for enum: "nothing". Allowed: node.enrolled, ')


@relied_on(ANALYTICS, PAGES, "`details` of any other error are an object")
def test_details_of_other_errors_are_an_object(scene):
    assert refusal(query(scene)) == ("NOT_FOUND", not_found().message, {})
    answer = broken(scene)
    code, _, details = refusal(answer)
    assert (answer.status, code) == (400, "BAD_REQUEST")
    assert details["problems"][0].startswith("Invalid JSON at line 1")


@relied_on(ANALYTICS, PAGES, "a request without `x-api-key` is `MISSING_API_KEY` 401")
def test_request_without_a_key_is_missing_api_key(scene):
    answer = query(scene, key=None)

    assert answer.status == 401
    assert refusal(answer) == ("MISSING_API_KEY", "The header x-api-key is missing", {})


def test_bearer_is_not_the_key_that_this_api_wants(scene):
    answer = query(scene, key=None, headers={"authorization": f"Bearer {MASTER_KEY}"})

    assert refusal(answer)[0] == "MISSING_API_KEY"


@relied_on(ANALYTICS, PAGES, "a wrong key is `INVALID_API_KEY` 401")
@pytest.mark.parametrize("key", ["wrong", "edge_0000000000000000000000_wrong", ""])
def test_wrong_key_is_invalid_api_key(scene, key):
    answer = query(scene, key=key)

    assert answer.status == 401
    assert refusal(answer) == ("INVALID_API_KEY", "The API key is invalid, inactive or expired", {})


@relied_on(ANALYTICS, PAGES, "an inactive or expired key is `INVALID_API_KEY` 401")
def test_revoked_and_expired_keys_are_invalid_api_keys(scene):
    keys, clock = scene.world.platform.api_keys, scene.world.clock
    revoked = keys.create(NewApiKey(name="revoked", role=KeyRole.VIEWER, restrictions={}), root(""))
    keys.revoke(revoked.key.id)
    ends = clock.now().replace(hour=11)
    expired = keys.create(NewApiKey(name="expired", role=KeyRole.VIEWER, restrictions={}, expires_at=ends), root(""))
    assert query(scene, key=expired.text.reveal()).status == 404
    clock.set(ends)

    for text in (revoked.text, expired.text):
        assert refusal(query(scene, key=text.reveal()))[0] == "INVALID_API_KEY"


@relied_on(ANALYTICS, PAGES, "errors are `{success: false, error: {code, message, details}}` with the published codes")
def test_key_without_the_permission_is_forbidden(scene):
    answer = query(scene, key=scene.world.key_with(permissions=("templates:read",)))

    assert (answer.status, refusal(answer)[0]) == (403, "FORBIDDEN")


@relied_on(ANALYTICS, PAGES, "`X-RateLimit-Limit`, `-Remaining` and `-Reset` are on errors too")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"key": None},
        {"key": "wrong"},
        {"json": {}},
    ],
    ids=["not found", "no key", "wrong key", "validation"],
)
def test_limit_headers_are_on_every_error(scene, options):
    answer = query(scene, **options)

    assert answer.status >= 400
    assert {*LIMITS} <= answer.headers.keys()


def test_limit_headers_are_on_the_refusal_of_what_is_not_json(scene):
    assert {*LIMITS} <= broken(scene).headers.keys()


@relied_on(ANALYTICS, PAGES, "1,000 requests a second, with the reset in Unix time")
def test_limit_is_a_thousand_requests_a_second_with_the_reset_in_unix_time(scene):
    now = int(scene.world.clock.now().timestamp())
    answer = scene.request("list_instances_with_history")

    limit, remaining, reset = (int(answer.headers[name]) for name in LIMITS)
    assert limit == 1000
    assert 0 < remaining <= 1000
    assert now <= reset <= now + 1


@relied_on(ANALYTICS, PAGES, "429 above the limit; its code is `RATE_LIMITED`, ours")
def test_request_above_the_limit_is_rate_limited_with_the_seconds_to_wait(scene):
    answers = (scene.request("list_instances_with_history", checked=False) for _ in range(1100))
    refused = next(answer for answer in answers if answer.status != 200)

    assert (refused.status, refusal(refused)[0]) == (429, "RATE_LIMITED")
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    scene.world.clock.advance(1)
    assert scene.request("list_instances_with_history").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("POST", "/v1/instances", 405), ("DELETE", "/v1/query", 405)],
)
def test_unknown_path_or_method_is_answered_in_this_protocol_with_the_headers(scene, method, path, status):
    answer = client(scene).request(method, path, headers={"x-api-key": MASTER_KEY}, checked=False)

    assert (answer.status, answer.json["success"]) == (status, False)
    assert {*LIMITS} <= answer.headers.keys()


@relied_on(ANALYTICS, PAGES, "`Accept: application/json` is answered in JSON")
def test_json_is_accepted_and_answered(scene):
    answer = scene.request("list_instances_with_history", headers={"accept": "application/json"})

    assert answer.headers["content-type"] == "application/json"
    assert isinstance(json.loads(answer.text), dict)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 10_001}, "limit"),
        ({"offset": -1}, "offset"),
        ({"to": QUESTION["from"]}, "to"),
        ({"from": "2026-11-21"}, "from"),
        ({"dataset": "everything"}, "dataset"),
        ({"dataset": "gaps", "interval": "hour"}, "interval"),
        ({"dataset": "usage", "filter": {"topics": []}}, "filter"),
        ({"instance": UNKNOWN}, "instance"),
    ],
    ids=str,
)
def test_value_out_of_bounds_or_place_is_refused_by_its_path(scene, given, path):
    answer = query(scene, json={**QUESTION, **given})

    assert answer.status == 400
    code, _, details = refusal(answer)
    assert (code, [problem["path"] for problem in details]) == ("VALIDATION_ERROR", [path])


@relied_on(ANALYTICS, PAGES, "`limit` from 1 to 10,000, `offset` from 0")
@pytest.mark.parametrize("limit", [1, 10_000])
def test_limits_at_the_bounds_are_taken(scene, limit):
    answer = scene.request("list_instances_with_history", query={"limit": str(limit), "offset": "3"})

    assert answer.json["pagination"] == {"total": 0, "limit": limit, "offset": 3}


def test_page_query_is_refused_with_its_path(scene):
    answer = scene.request("list_instances_with_history", query={"limit": "0"})

    assert refusal(answer)[2] == [{"path": "limit", "message": "0 is smaller than inclusive minimum 1"}]


def test_summary_of_a_wrong_id_is_refused_and_of_an_unknown_one_404(scene):
    wrong = scene.request("get_instance_summary", variables={"instance_id": "i-0123"})
    assert (wrong.status, refusal(wrong)[2]) == (400, [{"path": "id", "message": "Invalid uuid"}])
    missing = scene.request("get_instance_summary", variables={"instance_id": UNKNOWN})
    assert (missing.status, refusal(missing)[0]) == (404, "NOT_FOUND")
