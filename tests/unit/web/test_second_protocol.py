"""The edge answers in the protocol of the API that a request belongs to, at whatever stage the request ends."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from chalicelib.fleet.api import API as EDGE_ADMIN
from chalicelib.kit.errors import Kind, invalid
from chalicelib.web import fallback
from chalicelib.web.application import Application
from chalicelib.web.openapi import document_of
from infra.apis import gateway_response
from tests.support import edge_routes
from tests.support.client import MASTER_KEY, Client, edge_services, settings
from tests.support.other_protocol import API, LIMIT, OTHER, routes

KEY = {"x-api-key": MASTER_KEY}


@dataclass
class Shelves:
    """Fails on demand."""

    failure: Exception | None = None

    def visit(self) -> None:
        if self.failure is not None:
            raise self.failure


def client(failure: Exception | None = None, **attributes: Any) -> Client:
    shelves = Shelves(failure)
    services = edge_services(visit=shelves.visit, page=edge_routes.Numbers(1, 10, 1), **attributes)
    return Client([routes], services, key=None, api=API)


def refusal(answer):
    """Status and code of an error, which is in the shape of the other protocol."""
    body = answer.json
    assert set(body) == {"error_code", "message"}
    assert answer.headers["x-error"] == body["message"]
    assert answer.headers["x-error-id"] == answer.headers["x-request-id"]
    assert "www-authenticate" not in answer.headers
    return answer.status, body["error_code"]


def test_results_have_no_envelope():
    caller = client()
    made = caller.post("/other/shelves", json={"width": 5}, headers=KEY)
    assert (made.status, made.json, made.headers["location"]) == (201, {"id": "1", "width": 5}, "/other/shelves/1")
    listed = caller.get("/other/shelves", headers=KEY)
    assert listed.json == {"elements": [{"id": "1", "width": 2}], "total": 1}


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"Authorization": f"Bearer {MASTER_KEY}"}], ids=str)
def test_request_without_the_protocols_own_key_is_401(headers):
    assert refusal(client().get("/other/shelves", headers=headers)) == (401, "UNAUTHORIZED")


def test_key_names_the_actor_in_the_log_and_requests_are_counted():
    caller = client()
    for left in ("2", "1", "0"):
        assert caller.get("/other/shelves", headers=KEY).headers["x-ratelimit-remaining"] == left
    refused = caller.get("/other/shelves", headers=KEY)
    assert refusal(refused) == (429, "RATE_LIMITED")
    assert (refused.headers["retry-after"], refused.headers["x-ratelimit-remaining"]) == ("20", "0")
    assert "ratelimit" not in refused.headers
    lines = caller.services.lines.records
    assert [(line["actor"], line["plan"]) for line in lines] == [("MASTER_KEY", "small")] * (LIMIT + 1)


@pytest.mark.parametrize(
    ("request_of", "expected"),
    [
        (lambda c: c.get("/other/shelves/not-an-id", headers=KEY), (400, "BAD_REQUEST")),
        (lambda c: c.get("/other/shelves?page=2", headers=KEY), (400, "BAD_REQUEST")),
        (lambda c: c.post("/other/shelves", json={}, headers=KEY), (400, "BAD_REQUEST")),
        (lambda c: c.post("/other/shelves", body="{", headers=KEY), (400, "BAD_REQUEST")),
        (
            lambda c: c.post("/other/shelves", body="<a/>", headers={**KEY, "content-type": "text/xml"}),
            (415, "UNSUPPORTED_MEDIA_TYPE"),
        ),
        (lambda c: c.post("/other/shelves", body="x" * 1_048_577, headers=KEY), (413, "PAYLOAD_TOO_LARGE")),
        (lambda c: c.get("/other/shelves/0192e4a0-0000-7000-8000-000000000001", headers=KEY), (404, "NOT_FOUND")),
        (lambda c: c.get("/other/nothing"), (404, "NOT_FOUND")),
        (lambda c: c.delete("/other/shelves"), (405, "METHOD_NOT_ALLOWED")),
    ],
    ids=["path", "query", "body", "syntax", "media type", "size", "view", "unknown path", "method"],
)
def test_error_of_each_stage_has_the_protocols_shape(request_of, expected):
    assert refusal(request_of(client())) == expected


def test_bad_request_tells_field_and_text_in_the_protocols_header():
    answer = client().post("/other/shelves", json={"width": "wide"}, headers=KEY)
    assert answer.headers["x-error"] == "width: Invalid integer. Got: string"


def test_method_that_is_not_allowed_names_those_that_are():
    assert client().delete("/other/shelves").headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_protocol_maps_kinds_of_errors_to_its_own_statuses():
    caller = client(invalid("width", "is too wide"))
    assert refusal(caller.get("/other/shelves", headers=KEY)) == (400, "VALIDATION_FAILED")


def test_unexpected_failure_is_500_that_tells_nothing():
    caller = client(RuntimeError("secret"))
    answer = caller.get("/other/shelves", headers=KEY)
    assert refusal(answer) == (500, "INTERNAL_SERVER_ERROR")
    assert "secret" not in answer.text


def test_container_that_cannot_start_answers_in_the_protocol(capsys):
    def broken():
        raise RuntimeError("no settings")

    caller = client()
    caller.app = Application("other-test")
    routes.register(caller.app, OTHER, broken)
    assert refusal(caller.get("/other/shelves", headers=KEY, checked=False)) == (500, "INTERNAL_SERVER_ERROR")
    assert json.loads(capsys.readouterr().err)["error"] == "no settings"


def test_address_beyond_the_rate_of_public_routes_is_429():
    caller = client(settings=settings(public_burst=1))
    assert caller.get("/other/open").status == 200
    assert refusal(caller.get("/other/open")) == (429, "RATE_LIMITED")


def test_browser_may_read_the_protocols_own_headers():
    caller = client(settings=settings(cors_allowed_origins=("https://console.example",)))
    answer = caller.get("/other/open", headers={"Origin": "https://console.example"})
    assert answer.headers["access-control-expose-headers"] == "retry-after, x-error, x-error-id"
    preflight = caller.request("OPTIONS", "/other/shelves", headers={"Origin": "https://console.example"})
    assert preflight.headers["access-control-allow-methods"] == "GET, POST, PUT, PATCH, DELETE, OPTIONS"


def test_document_shows_the_protocols_errors_keys_and_bare_results():
    document = document_of(API)
    assert [error.message for error in OpenAPIV30SpecValidator(document).iter_errors()] == []
    assert document["components"]["securitySchemes"] == {
        "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"}
    }
    made = document["paths"]["/other/shelves"]["post"]
    assert set(made["responses"]) == {"201", "400", "401", "409", "413", "415", "429", "500", "503"}
    assert made["responses"]["201"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Shelf"}
    refused = made["responses"]["401"]
    assert refused["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/OtherError"}
    assert set(refused["headers"]) == {"x-error"}
    assert set(made["responses"]["429"]["headers"]) == {"x-error", "Retry-After"}
    example = document["components"]["examples"]["unauthorized"]["value"]
    assert example == {"error_code": "UNAUTHORIZED", "message": "Unauthorized"}
    assert "Meta" not in document["components"]["schemas"]


def test_two_apis_of_one_application_answer_each_in_its_protocol():
    caller = client()
    both = Application("both-test")
    routes.register(both, OTHER, lambda: caller.services)
    edge_routes.routes.register(both, EDGE_ADMIN.protocol, lambda: caller.services)
    fallback.register(both, [EDGE_ADMIN, API], lambda _api: caller.services)
    caller.app = both
    assert refusal(caller.get("/other/shelves")) == (401, "UNAUTHORIZED")
    assert refusal(caller.delete("/other/shelves")) == (405, "METHOD_NOT_ALLOWED")
    assert refusal(caller.get("/other/nothing")) == (404, "NOT_FOUND")
    for path, code in (("/things", "unauthorized"), ("/nothing", "not_found")):
        assert caller.get(path).error["code"] == code
    assert caller.delete("/things").error["code"] == "method_not_allowed"


def test_gateway_errors_are_those_of_the_protocol():
    def deployed(protocol):
        response = gateway_response(protocol, 404, Kind.NOT_FOUND, "there is none")
        return json.loads(response["responseTemplates"]["application/json"]), response["responseParameters"]

    body, headers = deployed(EDGE_ADMIN.protocol)
    assert body == {
        "error": {"code": "not_found", "message": "there is none"},
        "meta": {"request_id": "$context.requestId"},
    }
    assert headers == {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}
    body, headers = deployed(OTHER)
    assert body == {"error_code": "NOT_FOUND", "message": "there is none"}
    assert headers["gatewayresponse.header.x-error"] == "'there is none'"
    assert headers["gatewayresponse.header.x-error-id"] == "context.requestId"
