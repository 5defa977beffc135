"""What API Gateway and the edge make of requests that no client of ours sends."""

import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.e2e.api import Api

MIB = 1024 * 1024
CLUSTERS = "/api/v1/clusters"


@pytest.fixture(scope="module")
def before(api):
    """Clusters and commands as they were before the bad requests."""
    return _everything(api)


BAD = {
    "above 1 MiB": (413, "payload_too_large", "POST", CLUSTERS, {"raw": b'{"name": "' + b"x" * MIB + b'"}'}),
    "above 10 MB": (413, "payload_too_large", "POST", CLUSTERS, {"raw": b'"' + b"x" * (10 * MIB) + b'"'}),
    "no JSON": (400, "bad_request", "POST", CLUSTERS, {"raw": b'{"name": "x"'}),
    "no UTF-8": (400, "bad_request", "POST", CLUSTERS, {"raw": b'{"name": "\xff"}'}),
    "replaced bytes": (
        400,
        "bad_request",
        "POST",
        "/api/v1/commands",
        {"raw": b'{"command_text": "printf gr\xfcn", "targeting": {"type": "all"}}'},
    ),
    "no object": (400, "bad_request", "POST", CLUSTERS, {"body": ["x"]}),
    "no body": (400, "bad_request", "POST", "/api/v1/commands", {}),
    "wrong type": (400, "bad_request", "POST", CLUSTERS, {"body": {"name": {}}}),
    "unknown field": (400, "bad_request", "POST", CLUSTERS, {"body": {"name": "x", "colour": "red"}}),
    "bad name": (400, "bad_request", "POST", CLUSTERS, {"body": {"name": "Not A Name"}}),
    "reserved name": (422, "validation_failed", "POST", CLUSTERS, {"body": {"name": "default"}}),
    "a form": (
        400,
        "bad_request",
        "POST",
        CLUSTERS,
        {"raw": b"name=x", "content_type": "application/x-www-form-urlencoded"},
    ),
    "text": (415, "unsupported_media_type", "POST", CLUSTERS, {"raw": b"{}", "content_type": "text/plain"}),
    "no content type": (400, "bad_request", "POST", CLUSTERS, {"raw": b"{}", "content_type": None}),
    "unknown route": (404, "not_found", "GET", "/api/v1/surprises", {}),
    "unknown method": (405, "method_not_allowed", "PUT", CLUSTERS, {"body": {"name": "x"}}),
    "bad id": (400, "bad_request", "GET", "/api/v1/nodes/1", {}),
    "unknown id": (404, "not_found", "GET", "/api/v1/nodes/01933b5c-7d1e-7a01-8000-00000000dead", {}),
    "unknown query": (400, "bad_request", "GET", "/api/v1/nodes?colour=red", {}),
    "bad query": (400, "bad_request", "GET", "/api/v1/nodes?page=0", {}),
    "no default cluster": (404, "not_found", "GET", f"{CLUSTERS}/default", {}),
    "encoded blank": (400, "bad_request", "DELETE", f"{CLUSTERS}/a%20b", {}),
    "no key": (401, "unauthorized", "POST", CLUSTERS, {"body": {"name": "x"}, "authorization": None}),
    "wrong key": (401, "unauthorized", "POST", CLUSTERS, {"body": {"name": "x"}, "authorization": "Bearer x"}),
    "wrong scheme": (401, "unauthorized", "GET", CLUSTERS, {"authorization": "Basic eDp4"}),
    "agents' route": (401, "unauthorized", "GET", "/api/v1/agents/command_executions?status=pending", {}),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_request_gets_the_error_envelope_and_changes_nothing(api, before, case):
    status, code, method, path, given = BAD[case]

    answer = api.call(method, path, **given)

    assert (answer.status, answer.code) == (status, code), answer.text
    assert answer.json["meta"].get("request_id")
    assert answer.headers["content-type"].startswith("application/json")
    assert _everything(api) == before


def test_percent_encoded_path_and_query_values_are_decoded(api):
    assert api.call("POST", CLUSTERS, {"name": "plain-name"}).status == 201

    assert api.get(f"{CLUSTERS}/plain%2Dname").data["name"] == "plain-name"
    assert [each["name"] for each in api.items(f"{CLUSTERS}?name=pl%61in%2Dn*")] == ["plain-name"]
    assert api.call("DELETE", f"{CLUSTERS}/pl%61in-name").status == 204


def test_request_id_of_the_caller_is_in_body_and_header(api):
    answer = api.call("GET", "/api/v1/surprises", x_request_id="my-own-id-of-this-request")

    assert answer.json["meta"]["request_id"] == answer.headers["x-request-id"]


def test_malformed_http_request_does_not_affect_later_requests(cloud, api):
    address = urlsplit(cloud.url)
    with socket.create_connection((address.hostname, address.port), 10) as raw:
        raw.sendall(b"HELLO\r\n\r\n")
        assert raw.recv(1024).startswith(b"HTTP/1.")

    assert api.get("/livez").status == 200


def test_undeclared_method_is_405_and_head_and_options_are_answered(cloud):
    stranger = Api(cloud.url, "")
    try:
        heads = {path: stranger.call("HEAD", path) for path in ("/livez", "/healthz", "/", "/api/openapi")}
        assert {path: (head.status, head.text) for path, head in heads.items()} == dict.fromkeys(heads, (200, ""))
        wrong, asked = stranger.call("PUT", CLUSTERS), stranger.call("OPTIONS", CLUSTERS)
        assert (wrong.status, wrong.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
        assert (asked.status, asked.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
        assert stranger.call("HEAD", CLUSTERS).status == 401
    finally:
        stranger.close()


def test_open_routes_are_200_without_a_key(cloud):
    stranger = Api(cloud.url, "")
    try:
        answers = {
            path: stranger.get(path).status for path in ("/livez", "/ping", "/healthz", "/readyz", "/api/openapi")
        }
    finally:
        stranger.close()
    assert set(answers.values()) == {200}, answers


def _everything(api):
    return [json.dumps(api.items(path), sort_keys=True) for path in (CLUSTERS, "/api/v1/commands")]
