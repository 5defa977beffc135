"""Request ids, security headers, CORS."""

import re

import pytest

from chalicelib.web.application import ANY
from chalicelib.web.fallback import GREEDY
from chalicelib.web.headers import LIMIT_HEADERS
from tests.support.client import Client, edge_services, settings
from tests.support.edge_routes import Things, routes

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
PAGE = "https://console.example"
EXPOSED = ", ".join(["idempotency-replayed", "link", "location", "retry-after", "x-request-id", *LIMIT_HEADERS])


def client(**values):
    return Client([routes], edge_services(things=Things(), settings=settings(**values)))


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("GET", "/things", "master-key"),
        ("GET", "/things", None),
        ("GET", "/nothing", None),
        ("DELETE", "/named/a", "api-key"),
    ],
)
def test_response_has_its_own_request_id_and_security_headers(method, path, key):
    caller = client()
    first, second = (
        caller.request(method, path, key=key, headers={"X-Request-Id": "0192e4a0-1111-7000-8000-000000000009"})
        for _ in range(2)
    )
    assert UUID7.fullmatch(first.headers["x-request-id"])
    assert first.headers["x-request-id"] not in (second.headers["x-request-id"], "0192e4a0-1111-7000-8000-000000000009")
    if first.text:
        assert first.json["meta"]["request_id"] == first.headers["x-request-id"]
        assert first.headers["content-type"] == "application/json"
    assert first.headers["x-content-type-options"] == "nosniff"
    assert first.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in first.headers["content-security-policy"]


def test_response_timestamp_has_microseconds():
    assert client().get("/things").json["meta"]["timestamp"] == "2026-11-21T10:00:00.000000Z"


def test_response_without_content_has_an_empty_body():
    answer = client().delete("/named/edge")
    assert (answer.status, answer.text) == (204, "")
    assert "content-type" not in answer.headers


def cors_headers(answer):
    return {
        name: value for name, value in answer.headers.items() if name.startswith("access-control") or name == "vary"
    }


def test_cors_origins_are_refused_by_default():
    assert cors_headers(client().get("/things", headers={"Origin": PAGE})) == {}
    preflight = client().request("OPTIONS", "/things", headers={"Origin": PAGE}, key=None)
    assert cors_headers(preflight) == {}


def test_configured_origin_may_read_responses_and_errors():
    caller = client(cors_allowed_origins=(PAGE,))
    for answer in (
        caller.get("/things", headers={"Origin": PAGE}),
        caller.get("/things", headers={"Origin": PAGE}, key=None),
    ):
        assert cors_headers(answer) == {
            "access-control-allow-origin": PAGE,
            "access-control-expose-headers": EXPOSED,
            "vary": "origin",
        }


@pytest.mark.parametrize("headers", [{"Origin": "https://other.example"}, {"Origin": "null"}, {}])
def test_origin_outside_the_settings_gets_no_cors_headers(headers):
    assert cors_headers(client(cors_allowed_origins=(PAGE,)).get("/things", headers=headers)) == {"vary": "origin"}


def test_wildcard_setting_allows_any_origin():
    answer = client(cors_allowed_origins=("*",)).get("/things", headers={"Origin": PAGE})
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/things", "/named/edge", "/nothing", "/"])
def test_preflight_needs_no_key_and_no_valid_query(path):
    caller = client(cors_allowed_origins=(PAGE,), cors_allowed_headers=("authorization", "x-own"))
    answer = caller.request("OPTIONS", path, query={"whatever": "1"}, headers={"Origin": PAGE}, key=None)
    assert (answer.status, answer.text) == (204, "")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-methods"] == "GET, POST, PATCH, DELETE, OPTIONS"
    assert answer.headers["access-control-allow-headers"] == "authorization, x-own"
    assert answer.headers["access-control-max-age"] == "600"


def test_undeclared_methods_have_one_route_per_path():
    registered = client().app.routes
    assert all(ANY in methods for methods in registered.values())
    assert set(registered[GREEDY]) == {ANY}
    assert all(route.content_types == ["*/*"] for methods in registered.values() for route in methods.values())
