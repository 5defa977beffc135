"""Content types, sizes and syntax of bodies."""

import base64
import json

import pytest

from tests.api.client import Client, edge_services
from tests.api.edge_routes import Agents, Things, routes

PATH = "/things/0192e4a0-1111-7000-8000-000000000009"
JSON = {"Content-Type": "application/json"}
GOOD = '{"name":"a"}'


@pytest.fixture
def services():
    return edge_services(things=Things(), nodes=Agents())


@pytest.fixture
def client(services):
    return Client([routes], services)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", " application/json ;x=y"],
)
def test_json_is_taken(client, content_type):
    assert client.post(PATH, body=GOOD, headers={"Content-Type": content_type}).status == 201


@pytest.mark.parametrize("body", [GOOD, "", None])
def test_a_required_body_needs_a_content_type(client, body):
    answer = client.post(PATH, body=body)
    assert (answer.status, answer.error["details"]) == (400, {"": ["Missing header: content-type"]})


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/merge-patch+json"],
)
def test_a_form_or_another_json_is_a_wrong_header(client, content_type):
    answer = client.post(PATH, body=GOOD, headers={"Content-Type": content_type})
    assert (answer.status, answer.error["details"]) == (400, {"": ["Invalid value for header: content-type"]})


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/octet-stream", "json", ";"])
def test_any_other_type_is_unsupported(client, content_type):
    answer = client.post(PATH, body=GOOD, headers={"Content-Type": content_type})
    assert (answer.status, answer.error) == (
        415,
        {"code": "unsupported_media_type", "message": "Unsupported Media Type"},
    )


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "name=a",
        '{"name":NaN}',
        '{"size":Infinity,"name":"a"}',
        '{"name":"a",}',
        "[" * 200_000,
        '{"name":"\\ud800"}',
        '{"name":"a","size":' + "9" * 5000 + "}",
        "\ud800",
    ],
)
def test_what_is_no_json_is_a_bad_request_without_details(client, services, body):
    answer = client.post(PATH, body=body, headers=JSON)
    assert (answer.status, answer.error) == (400, {"code": "bad_request", "message": "Bad Request"})
    assert answer.json["meta"]["request_id"] == answer.headers["x-request-id"]
    assert services.things.seen == []


def test_escaped_text_beyond_the_basic_plane_is_taken(client, services):
    assert client.post(PATH, body='{"name":"\\ud83d\\ude00"}', headers=JSON).data["name"] == "😀"


@pytest.mark.parametrize(
    ("body", "got"), [("[]", "Invalid object. Got: array"), ("null", "null value where object expected")]
)
def test_json_that_is_no_object(client, body, got):
    answer = client.post(PATH, body=body, headers=JSON)
    assert (answer.status, answer.error["details"]) == (400, {"": [got]})


def test_an_empty_required_body_lacks_its_fields(client):
    answer = client.post(PATH, body="", headers=JSON)
    assert answer.error["details"] == {"name": ["Missing field: name"]}


def test_an_optional_body_may_be_absent_but_not_untyped(client):
    assert client.patch("/things").error["details"] == {"name": ["Missing field: name"]}
    assert client.patch("/things", body=GOOD).error["details"] == {"": ["Missing header: content-type"]}
    assert client.patch("/things", body="{", headers=JSON).error["message"] == "Bad Request"


def test_a_body_where_none_is_expected_is_not_looked_at(client):
    assert client.delete("/named/edge", body="{", headers={"Content-Type": "text/plain"}).status == 204


@pytest.mark.parametrize(
    ("path", "limit", "key"), [(PATH, 1024 * 1024, "master-key"), ("/agent/result", 100, "node-token")]
)
def test_a_body_is_bounded_in_bytes(client, services, path, limit, key):
    fitting = json.dumps({"name": "a" * (limit - 12)})
    assert len(fitting) == limit
    assert client.post(path, body=fitting, headers=JSON, key=key).status in (200, 201)
    answer = client.post(path, body=fitting + " ", headers=JSON, key=key)
    assert (answer.status, answer.error) == (
        413,
        {"code": "payload_too_large", "message": f"Request body is larger than {limit} bytes"},
    )
    wide = json.dumps({"name": "ä" * (limit // 2)}, ensure_ascii=False)
    assert len(wide) < limit < len(wide.encode())
    assert client.post(path, body=wide, headers=JSON, key=key).status == 413
    assert len(services.things.seen) == 1


def test_a_body_in_base64_is_decoded(client, services):
    encoded = base64.b64encode('{"name":"größe"}'.encode()).decode()
    assert client.post(PATH, body=encoded, headers=JSON, body_is_base64=True).data["name"] == "größe"
    answer = client.post(PATH, body="no base64!", headers=JSON, body_is_base64=True)
    assert (answer.status, answer.error["message"]) == (400, "Bad Request")


def test_bytes_that_are_no_utf8_are_a_bad_request(client):
    encoded = base64.b64encode(b'{"name":"\xff"}').decode()
    assert client.post(PATH, body=encoded, headers=JSON, body_is_base64=True).error["message"] == "Bad Request"


def test_of_a_repeated_member_the_last_counts(client):
    assert client.post(PATH, body='{"name":"a","name":"b"}', headers=JSON).data["name"] == "b"
