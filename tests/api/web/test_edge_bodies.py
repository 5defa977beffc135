"""Content types, sizes and syntax of bodies."""

import base64
import json

import pytest

from tests.support.client import Client, edge_services
from tests.support.edge_routes import Agents, Things, routes

PATH = "/things/0192e4a0-1111-7000-8000-000000000009"
JSON = {"Content-Type": "application/json"}
GOOD = '{"name":"a"}'
REPLACED = "U+FFFD stands where the bytes were no UTF-8: send UTF-8, or \\ufffd where that character is meant"
BAD_JSON = {"code": "bad_request", "message": "Bad Request"}
NO_TYPE = "Missing header: content-type. Expected application/json"
WRONG_TYPE = "Invalid value for header: content-type. Expected application/json"


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
def test_json_content_type_is_accepted(client, content_type):
    assert client.post(PATH, body=GOOD, headers={"Content-Type": content_type}).status == 201


@pytest.mark.parametrize("body", [GOOD, "", None])
def test_required_body_without_content_type_is_400(client, body):
    answer = client.post(PATH, body=body)
    assert (answer.status, answer.error["details"]) == (
        400,
        {"": [NO_TYPE]},
    )


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/merge-patch+json"],
)
def test_form_or_other_json_content_type_is_400(client, content_type):
    answer = client.post(PATH, body=GOOD, headers={"Content-Type": content_type})
    assert (answer.status, answer.error["details"]) == (
        400,
        {"": [WRONG_TYPE]},
    )


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/octet-stream", "json", ";"])
def test_other_content_type_is_415(client, content_type):
    answer = client.post(PATH, body=GOOD, headers={"Content-Type": content_type})
    assert (answer.status, answer.error) == (
        415,
        {"code": "unsupported_media_type", "message": "Unsupported Media Type. Expected application/json"},
    )


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("{", "Invalid JSON at line 1, column 2: Expecting property name enclosed in double quotes"),
        ("name=a", "Invalid JSON at line 1, column 1: Expecting value"),
        ('{\n  "name": "ä",\n  "size": x}', "Invalid JSON at line 3, column 11: Expecting value"),
        ('{"name":"a"} {}', "Invalid JSON at line 1, column 14: Extra data"),
        ('{"name":"a\nb"}', "Invalid JSON at line 1, column 11: Invalid control character at"),
        ('{"name":NaN}', "Invalid JSON: NaN is no number of JSON"),
        ('{"size":-Infinity,"name":"a"}', "Invalid JSON: -Infinity is no number of JSON"),
        ("[" * 200_000, "Invalid JSON: nested too deeply"),
        ('{"name":"\\ud800"}', "Invalid JSON: half of a surrogate pair is no text"),
        ('{"name":"a","size":' + "9" * 5000 + "}", "Invalid JSON: a number is too long"),
        ("\ud800", "Invalid UTF-8 at byte 1"),
        ('{"name":"gr\ufffdn"}', f"Invalid text at line 1, column 12: {REPLACED}"),
        ('{\n"name":\n"\ufffd"}', f"Invalid text at line 3, column 2: {REPLACED}"),
    ],
)
def test_malformed_json_is_400_with_position_and_reason(client, services, body, problem):
    answer = client.post(PATH, body=body, headers=JSON)
    assert (answer.status, answer.error) == (400, {**BAD_JSON, "details": {"": [problem]}})
    assert answer.json["meta"]["request_id"] == answer.headers["x-request-id"]
    assert services.things.seen == []


def test_leading_byte_order_mark_is_ignored(client, services):
    assert client.post(PATH, body="\ufeff" + GOOD, headers=JSON).status == 201
    encoded = base64.b64encode(b"\xef\xbb\xbf" + GOOD.encode()).decode()
    assert client.post(PATH, body=encoded, headers=JSON, body_is_base64=True).status == 201
    assert client.post(PATH, body="\ufeff\ufeff" + GOOD, headers=JSON).status == 400
    assert client.post(PATH, body="\ufeff", headers=JSON).error["details"] == {"name": ["Missing field: name"]}
    assert len(services.things.seen) == 2


def test_escaped_replacement_character_is_accepted(client):
    assert client.post(PATH, body='{"name":"gr\\ufffdn"}', headers=JSON).data["name"] == "gr\ufffdn"


def test_raw_replacement_character_is_400_on_public_but_not_on_agent_routes(client, services):
    body = '{"name":"gr\ufffdn"}'
    assert client.post("/public", body=body, headers=JSON, key=None).status == 400
    assert client.post("/agent/result", body=body, headers=JSON, key="node-token").status == 200
    assert services.things.seen[0].body.name == "gr\ufffdn"


def test_escaped_surrogate_pair_is_accepted(client, services):
    assert client.post(PATH, body='{"name":"\\ud83d\\ude00"}', headers=JSON).data["name"] == "😀"


@pytest.mark.parametrize(
    ("body", "got"), [("[]", "Invalid object. Got: array"), ("null", "null value where object expected")]
)
def test_json_body_other_than_an_object_is_400(client, body, got):
    answer = client.post(PATH, body=body, headers=JSON)
    assert (answer.status, answer.error["details"]) == (400, {"": [got]})


def test_empty_required_body_reports_missing_fields(client):
    answer = client.post(PATH, body="", headers=JSON)
    assert answer.error["details"] == {"name": ["Missing field: name"]}


def test_optional_body_may_be_absent_but_needs_a_content_type(client):
    assert client.patch("/things").error["details"] == {"name": ["Missing field: name"]}
    assert client.patch("/things", body=GOOD).error["details"] == {"": [NO_TYPE]}
    assert client.patch("/things", body="{", headers=JSON).error["message"] == "Bad Request"


def test_unexpected_body_is_ignored(client):
    assert client.delete("/named/edge", body="{", headers={"Content-Type": "text/plain"}).status == 204


@pytest.mark.parametrize(
    ("path", "limit", "key"), [(PATH, 1024 * 1024, "master-key"), ("/agent/result", 100, "node-token")]
)
def test_body_above_the_byte_limit_is_413(client, services, path, limit, key):
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


def test_base64_body_is_decoded(client, services):
    encoded = base64.b64encode('{"name":"größe"}'.encode()).decode()
    assert client.post(PATH, body=encoded, headers=JSON, body_is_base64=True).data["name"] == "größe"
    answer = client.post(PATH, body="no base64!", headers=JSON, body_is_base64=True)
    assert (answer.status, answer.error["message"]) == (400, "Bad Request")


def test_body_with_invalid_utf8_is_400(client):
    encoded = base64.b64encode(b'{"name":"\xff"}').decode()
    answer = client.post(PATH, body=encoded, headers=JSON, body_is_base64=True)
    assert (answer.status, answer.error["details"]) == (400, {"": ["Invalid UTF-8 at byte 10"]})


def test_repeated_json_member_takes_its_last_value(client):
    assert client.post(PATH, body='{"name":"a","name":"b"}', headers=JSON).data["name"] == "b"
