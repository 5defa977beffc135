"""What is looked at first, and what a caller is told."""

import pytest

from chalicelib.fleet.api import health
from chalicelib.fleet.api.protocol import NEEDS_CAPACITY
from chalicelib.kit.errors import (
    EdgeError,
    Kind,
    bad_request,
    conflict,
    forbidden,
    invalid,
    not_found,
    rate_limited,
    unavailable,
)
from chalicelib.platform.access.keys import load_keys
from chalicelib.platform.access.stage_secret import StageSecret
from chalicelib.platform.limits.wrong_keys import WRONG_KEYS_BURST
from chalicelib.web.validation import NOT_A_UUID
from tests.support.client import API_KEY, MASTER_KEY, METRICS_KEY, Client, FakeServices, edge_services, settings
from tests.support.edge_routes import Agents, Things, routes

ID = "0192E4A0-1111-7000-8000-000000000009"
DEGRADED = NEEDS_CAPACITY.example().message


@pytest.fixture
def services():
    return edge_services(things=Things(), nodes=Agents())


@pytest.fixture
def client(services):
    return Client([routes, health.routes], services)


def test_valid_request_reaches_the_view_as_typed_values(client, services):
    answer = client.post(f"/things/{ID}?page=2", json={"name": "a", "size": "7"})
    assert answer.status == 201
    assert answer.headers["location"] == f"/things/{ID.lower()}"
    assert answer.data == {"name": "a", "size": 7, "note": None}
    (request,) = services.things.seen
    assert (request.path.thing_id, request.query.page, request.body.size) == (ID.lower(), 2, 7)
    assert request.address == client.address


def test_authentication_is_checked_before_the_request(client, services):
    answer = client.post("/things/not-a-uuid?bad=1", body="{", key=None)
    assert (answer.status, answer.error) == (401, {"code": "unauthorized", "message": "Unauthorized"})
    assert answer.headers["www-authenticate"] == "Bearer"
    assert services.things.seen == []


def test_path_is_checked_before_the_query(client):
    answer = client.post("/things/not-a-uuid?bad=1", json={})
    assert answer.status == 400
    assert answer.error == {
        "code": "bad_request",
        "message": bad_request({}).message,
        "details": {"id": [NOT_A_UUID]},
    }


def test_query_is_checked_before_the_body(client):
    answer = client.post(f"/things/{ID}?bad=1", json={})
    assert answer.error["details"] == {"bad": ["Unexpected field: bad"]}


def test_body_is_checked_before_degraded_mode(client, services):
    services.is_degraded = True
    answer = client.post(f"/things/{ID}", json={})
    assert (answer.status, answer.error["details"]) == (400, {"name": ["Missing field: name"]})


def test_degraded_mode_is_checked_before_the_view(client, services):
    services.is_degraded = True
    services.things.failure = not_found()
    answer = client.post(f"/things/{ID}", json={"name": "a"})
    assert (answer.status, answer.error) == (503, {"code": "degraded_mode", "message": DEGRADED})
    assert services.things.seen == []


def test_degraded_mode_does_not_block_unguarded_routes(client, services):
    services.is_degraded = True
    assert client.get("/things").status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("path", ["/api/v2/nothing", "/"])
def test_unknown_route_is_404_before_authentication(client, method, path):
    answer = client.request(method, path, key=None)
    assert answer.status == 404
    if method != "HEAD":
        assert answer.error == {"code": "not_found", "message": not_found().message}


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/things", "PUT", "GET, HEAD, OPTIONS, PATCH"),
        ("/things", "PROPFIND", "GET, HEAD, OPTIONS, PATCH"),
        ("/public", "GET", "OPTIONS, POST"),
        ("/public", "HEAD", "OPTIONS, POST"),
        ("/named/edge", "PATCH", "DELETE, OPTIONS"),
    ],
)
def test_undeclared_method_is_405_before_authentication(client, services, path, method, allowed):
    answer = client.request(method, path, key=None, query={"whatever": "1"}, body="{")
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        message = f"Method not allowed here. Allowed: {allowed}"
        assert answer.error == {"code": "method_not_allowed", "message": message}
    assert services.things.seen == []
    (line,) = services.lines.records
    assert (line["method"], line["route"], line["status"]) == (method, path.replace("edge", "{cluster_name}"), 405)


@pytest.mark.parametrize("query", [{}, {"page": "x"}])
@pytest.mark.parametrize("key", ["master-key", "wrong", None])
def test_head_response_is_get_without_the_body(client, services, key, query):
    got = client.get("/things", key=key, query=query)
    head = client.request("HEAD", "/things", key=key, query=query)
    assert (head.status, head.text) == (got.status, "")
    assert {**head.headers, "x-request-id": ""} == {**got.headers, "x-request-id": ""}
    assert [line["method"] for line in services.lines.records] == ["GET", "HEAD"]


def test_options_response_lists_the_methods_of_a_path(client):
    answer = client.request("OPTIONS", "/things", key=None)
    assert (answer.status, answer.text, answer.headers["allow"]) == (204, "", "GET, HEAD, OPTIONS, PATCH")


def test_route_without_query_parameters_refuses_any(client):
    answer = client.delete("/named/edge?verbose=1")
    assert (answer.status, answer.error["details"]) == (400, {"verbose": ["Unexpected field: verbose"]})


def test_repeated_query_parameter_takes_its_last_value(client, services):
    assert client.get("/things", query=[("page", "x"), ("page", "2")]).status == 200
    assert services.things.seen[0].query.page == 2


def test_path_variables_are_decoded_once(client, services):
    assert client.delete("/named/%65dge").status == 204
    assert services.things.seen[0].path.cluster_name == "edge"
    twice = client.delete("/named/%2565dge")
    assert list(twice.error["details"]) == ["cluster_name"]
    assert len(services.things.seen) == 1


@pytest.mark.parametrize(
    ("failure", "status", "error"),
    [
        (not_found(), 404, {"code": "not_found", "message": not_found().message}),
        (conflict("taken"), 409, {"code": "conflict", "message": "taken"}),
        (forbidden(), 403, {"code": "forbidden", "message": "Forbidden"}),
        (unavailable(), 503, {"code": "service_unavailable", "message": unavailable().message}),
        (
            invalid("name", "is reserved"),
            422,
            {"code": "validation_failed", "message": invalid("", "").message, "details": {"name": ["is reserved"]}},
        ),
        (
            RuntimeError("text that stays inside"),
            500,
            {"code": "internal_server_error", "message": "Internal Server Error"},
        ),
    ],
)
def test_error_of_a_view_becomes_its_status_and_envelope(client, services, failure, status, error):
    services.things.failure = failure
    answer = client.post(f"/things/{ID}", json={"name": "a"})
    assert (answer.status, answer.error) == (status, error)
    assert answer.json["meta"]["request_id"] == answer.headers["x-request-id"]
    assert "stays inside" not in answer.text


def test_error_kind_has_a_status(client, services):
    for kind in Kind:
        services.things.failure = EdgeError(kind, "said", retry_after_seconds=3)
        path = f"/things/{ID}"
        answer = Client([routes], services).request("POST", path, json={"name": "a"}, checked=False)
        assert 400 <= answer.status < 600
        assert answer.error == {"code": kind.value, "message": "said"}
        assert answer.headers["retry-after"] == "3"


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/things", MASTER_KEY, 200),
        ("/things", API_KEY, 200),
        ("/things", METRICS_KEY, 401),
        ("/things", "wrong", 401),
        ("/things", None, 401),
        ("/metrics", MASTER_KEY, 200),
        ("/metrics", METRICS_KEY, 200),
        ("/metrics", API_KEY, 401),
        ("/metrics", "node-token", 401),
    ],
)
def test_route_accepts_only_keys_of_its_audience(client, path, key, status):
    assert client.get(path, key=key).status == status


def test_two_authorization_headers_are_401(client):
    both = {"Authorization": [f"Bearer {MASTER_KEY}", f"Bearer {MASTER_KEY}"]}
    assert client.get("/things", headers=both, key=None).status == 401


def test_disabled_authentication_still_applies_to_agents(services):
    services.platform.settings = settings(auth_enabled=False)
    client = Client([routes], services, key=None)
    assert client.get("/things").status == 200
    assert client.get("/metrics").status == 200
    assert client.post("/agent/result", json={"name": "a"}).status == 401


def test_wrong_keys_of_an_address_are_limited_but_not_valid_ones(services):
    client = Client([routes], services)
    statuses = [client.get("/things", key="wrong").status for _ in range(WRONG_KEYS_BURST + 5)]
    assert statuses == [401] * WRONG_KEYS_BURST + [429] * 5
    refused = client.get("/things", key="wrong")
    assert (refused.error["code"], refused.headers["retry-after"]) == ("rate_limited", "1")
    assert client.get("/things").status == 200  # from the same address
    assert client.get("/things", key="wrong", address="203.0.113.8").status == 401
    assert client.get("/things", key=None).status == 401
    services.platform.clock.advance(2)
    assert client.get("/things", key="wrong").status == 401


def test_request_without_a_stored_master_key_is_500():
    class WithoutKeys(FakeServices):
        @property
        def keys(self):
            secret = StageSecret("", lambda arn: "{}", self.clock, self.log)
            return load_keys(None, None, None, secret, self.clock, self.log)

    services = WithoutKeys(things=Things(), nodes=Agents())
    answer = Client([routes], services).get("/things", key="")
    assert (answer.status, answer.error["code"]) == (500, "internal_server_error")
    assert services.lines.records[0]["error_type"] == "MissingMasterKeyError"


def test_agent_is_identified_by_its_token_and_touched_before_the_view(client, services):
    answer = client.post("/agent/result", json={"name": "a"}, key="node-token")
    node_id = "0192e4a0-0000-7000-8000-000000000001"
    assert (answer.status, answer.data["name"]) == (200, node_id)
    assert services.nodes.touched == [(node_id, f"node:{node_id}")]


@pytest.mark.parametrize("key", ["wrong", MASTER_KEY, None])
def test_request_without_a_node_token_is_401_on_agent_routes(client, services, key):
    assert client.post("/agent/result", json={"name": "a"}, key=key).status == 401
    assert services.nodes.touched == []


def test_view_sees_the_key_name_as_the_actor(client, services):
    answer = client.get("/things", key=API_KEY)
    (origin,) = services.things.origins
    assert (origin.actor, origin.address) == ("API_KEY", client.address)
    assert origin.request_id == answer.headers["x-request-id"]


def test_public_route_accepts_any_or_no_key(client):
    answer = client.post("/public", json={"name": "a"}, key="some-token", address="198.51.100.1")
    assert (answer.status, answer.data) == (201, {"name": "some-token", "size": 1, "note": "198.51.100.1"})
    assert client.post("/public", json={"name": "a"}, key=None).data["name"] == "nobody"


def test_public_routes_beyond_the_rate_of_an_address_are_429(services):
    services = edge_services(settings=settings(public_burst=2, public_rate_per_second=0.1), things=Things())
    client = Client([routes], services, key=None)
    assert [client.post("/public", json={"name": "a"}).status for _ in range(3)] == [201, 201, 429]
    refused = client.post("/public", body="not even looked at")
    assert (refused.status, refused.error) == (429, {"code": "rate_limited", "message": rate_limited(1).message})
    assert refused.headers["retry-after"] == "10"
    assert client.post("/public", json={"name": "a"}, address="198.51.100.2").status == 201
    services.platform.clock.advance(10)
    assert client.post("/public", json={"name": "a"}).status == 201


def test_routes_that_are_not_public_have_no_rate_limit(services):
    services = edge_services(settings=settings(public_burst=1), things=Things())
    client = Client([routes, health.routes], services)
    assert {client.get("/things").status for _ in range(5)} == {200}
    assert {client.get("/livez").status for _ in range(5)} == {200}
    assert {client.get("/nothing").status for _ in range(5)} == {404}


def test_list_response_has_pagination(client):
    answer = client.get("/things?page=2")
    assert answer.json["meta"]["pagination"] == {
        "page": 2,
        "page_size": 1,
        "total_count": 3,
        "total_pages": 3,
        "has_next": True,
        "has_prev": True,
        "next_page": 3,
        "prev_page": 1,
    }
