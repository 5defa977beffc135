"""What every operation does with what it should never be sent: the envelope, the right status, and no trace."""

import json
import re

import pytest

from chalicelib.fleet.api import API
from chalicelib.fleet.api.protocol import AGENT, LEAVING
from chalicelib.kit.errors import bad_request, not_found, unauthorized
from chalicelib.web.endpoint import OPEN, PUBLIC
from chalicelib.web.fallback import allowed_methods
from chalicelib.web.results import MethodNotAllowedError
from chalicelib.web.validation import read
from tests.contract.application import Application
from tests.contract.flaws import UNKNOWN, Shape
from tests.support.world import MASTER_KEY

JSON = {"Content-Type": "application/json"}
CODES = {
    400: "bad_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    415: "unsupported_media_type",
}
UNAUTHORIZED = {"code": "unauthorized", "message": unauthorized().message}
NOT_FOUND = {"code": "not_found", "message": not_found().message}
BAD_JSON = {"code": "bad_request", "message": bad_request().message}

ENDPOINTS = API.endpoints()


def every(condition):
    """A parameter: each endpoint for which the condition holds."""
    chosen = [endpoint for endpoint in ENDPOINTS if condition(endpoint)]
    return pytest.mark.parametrize(
        "endpoint", chosen, ids=[f"{endpoint.method} {endpoint.route}" for endpoint in chosen]
    )


def has_body(endpoint):
    return endpoint.has_body


@pytest.fixture(scope="module")
def app():
    """One for the module: none of these requests may change anything."""
    return Application()


def good(endpoint):
    return Shape(endpoint.body).good()


def needed_query(endpoint):
    shape = Shape(endpoint.query)
    return {name: shape.good()[name] for name in shape.required}


def sent_with(endpoint):
    """The rest of a request whose fault lies elsewhere."""
    return {"json": good(endpoint)} if endpoint.has_body else {}


def refused(answer, status):
    """The error of an answer that has this status and is the envelope, exactly."""
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert "location" not in answer.headers
    body = answer.json
    assert set(body) == {"error", "meta"}
    assert set(body["meta"]) == {"request_id", "timestamp"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", body["meta"]["timestamp"])
    assert body["meta"]["request_id"] == answer.headers["x-request-id"]
    assert set(body["error"]) - {"details"} == {"code", "message"}
    assert body["error"]["code"] == CODES[status]
    return body["error"]


def refused_by_field(answer, *fields):
    error = refused(answer, 400)
    assert error["message"] == bad_request({}).message
    assert list(error["details"]) == list(fields)
    assert all(texts and all(isinstance(text, str) and text for text in texts) for texts in error["details"].values())
    return error["details"]


@every(has_body)
def test_unchanged_example_body_is_accepted(endpoint):
    shape = Shape(endpoint.body)
    read(endpoint.body, shape.good())
    assert set(shape.good()) == set(shape.names)
    assert len(list(shape.body_flaws())) >= 7


@every(lambda endpoint: endpoint.auth not in (OPEN, PUBLIC))
def test_request_without_the_right_key_is_401(app, endpoint):
    right = app.key_for(endpoint)
    headers = [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {right}x"},
        {"Authorization": f"Bearer {right[:-1]}"},
        {"Authorization": f"Bearer{right}"},
        {"Authorization": f"Bearer {right} x"},
        {"Authorization": f"Basic {right}"},
        {"Authorization": right},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer \u00e4\u00f6"},
        {"Authorization": [f"Bearer {right}", f"Bearer {right}"]},
        {"Authorization": f"Bearer {MASTER_KEY if endpoint.auth in (AGENT, LEAVING) else app.token}"},
        {"X-Api-Key": right},
    ]
    with app.unchanged():
        for sent in headers:
            # Neither path, query nor body is looked at before the key. Wrong keys are limited by address.
            answer = app.call(endpoint, key=None, headers=sent, query={UNKNOWN: "1"}, body="{", address=endpoint.route)
            assert refused(answer, 401) == UNAUTHORIZED, sent


@every(lambda endpoint: "{" in endpoint.route)
def test_malformed_path_variable_is_400_by_name(app, endpoint):
    shape = Shape(endpoint.path)
    shown = re.findall(r"{(\w+)}", endpoint.shown_path)
    for name, public_name in zip(shape.names, shown, strict=True):
        flaws = list(shape.text_flaws(name))
        assert len(flaws) >= 4
        for text in flaws:
            with app.unchanged():
                answer = app.call(endpoint, path=app.path_of(endpoint, **{name: text}), **sent_with(endpoint))
                refused_by_field(answer, public_name)


@every(lambda endpoint: True)
def test_unknown_query_name_is_400_by_name(app, endpoint):
    required = needed_query(endpoint)
    for name in (UNKNOWN, "page[size]", "inserted_at", "__proto__", ""):
        with app.unchanged():
            answer = app.call(endpoint, query={**required, name: "1"}, **sent_with(endpoint))
            refused_by_field(answer, name)


@every(lambda endpoint: Shape(endpoint.query).names)
def test_malformed_query_value_is_400_by_name(app, endpoint):
    shape = Shape(endpoint.query)
    required = needed_query(endpoint)
    tried = 0
    for name in shape.names:
        for text in shape.text_flaws(name):
            tried += 1
            with app.unchanged():
                answer = app.call(endpoint, query={**required, name: text})
                refused_by_field(answer, name)
    assert tried >= 2


@every(has_body)
def test_malformed_body_field_is_400_by_name(app, endpoint):
    for flaw in Shape(endpoint.body).body_flaws():
        with app.unchanged():
            answer = app.call(endpoint, json=flaw.value)
            assert answer.status == 400, (flaw.label, answer.text)
            refused_by_field(answer, flaw.field)


@every(has_body)
def test_several_wrong_body_fields_are_all_named(app, endpoint):
    wrong = dict.fromkeys(good(endpoint), 1.5)
    with app.unchanged():
        refused_by_field(app.call(endpoint, json=wrong), *wrong)


@every(has_body)
def test_body_of_another_json_type_is_400(app, endpoint):
    for value in (None, True, 5, 1.5, "text", [], [good(endpoint)]):
        with app.unchanged():
            refused_by_field(app.call(endpoint, json=value), "")


@every(has_body)
def test_malformed_json_body_is_400_with_its_position(app, endpoint):
    text = json.dumps(good(endpoint))
    for body in (text[:-1], text + text, "{", "nothing", "{'a': 1}", text.replace("{", "{,", 1), "\ufeff\ufeff" + text):
        with app.unchanged():
            error = refused(app.call(endpoint, body=body, headers=JSON), 400)
            assert re.fullmatch(r"Invalid JSON at line 1, column \d+: .+", *error.pop("details")[""])
            assert error == BAD_JSON


@every(has_body)
def test_repeated_body_member_is_checked_by_its_last_value(app, endpoint):
    """The last counts, as in every JSON parser that clients meet: a bad last one is refused."""
    text = json.dumps(good(endpoint))
    name = next(iter(good(endpoint)))
    with app.unchanged():
        answer = app.call(endpoint, body=f'{text[:-1]}, "{name}": 1.5}}', headers=JSON)
        refused_by_field(answer, name)


@every(has_body)
def test_wrong_content_type_is_400_or_415(app, endpoint):
    text = json.dumps(good(endpoint))
    with app.unchanged():
        (said,) = refused_by_field(app.call(endpoint, body=text), "")[""]
        assert "Missing header: content-type" in said
        for form in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/ld+json"):
            (said,) = refused_by_field(app.call(endpoint, body=text, headers={"Content-Type": form}), "")[""]
            assert "Invalid value for header: content-type" in said
        for other in ("text/plain", "application/xml", "text/json", "json"):
            error = refused(app.call(endpoint, body=text, headers={"Content-Type": other}), 415)
            assert "details" not in error
            assert "application/json" in error["message"]


@every(has_body)
def test_body_above_the_size_limit_is_413(app, endpoint):
    text = json.dumps(good(endpoint))
    too_long = text + " " * (endpoint.max_body_bytes - len(text) + 1)
    with app.unchanged():
        error = refused(app.call(endpoint, body=too_long, headers=JSON), 413)
        assert f" {endpoint.max_body_bytes} bytes" in error["message"]
        # The size is looked at before the content is.
        refused(app.call(endpoint, body="x" * len(too_long), headers={"Content-Type": "text/plain"}), 413)


@every(lambda endpoint: True)
def test_undeclared_method_of_a_path_is_405(app, endpoint):
    declared = {other.method for other in ENDPOINTS if other.route == endpoint.route}
    path, allowed = app.path_of(endpoint), allowed_methods(declared)
    with app.unchanged():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - declared:
            for key in (None, "wrong", app.key_for(endpoint)):
                answer = app.client.request(method, path, key=key, body="{", checked=False)
                assert refused(answer, 405)["message"] == MethodNotAllowedError(allowed).message
                assert answer.headers["allow"] == ", ".join(allowed)


@every(lambda endpoint: endpoint.method == "GET")
def test_head_request_has_the_status_of_get(app, endpoint):
    got, head = app.call(endpoint), app.client.request("HEAD", app.path_of(endpoint), key=app.key_for(endpoint))
    assert (head.status, head.text) == (got.status, "")


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/v1", "/api/v1/unknown", "/api/v2/clusters", "/api/v1/clusters/north/nodes", "/health_", "//"],
)
def test_unknown_path_is_404(app, path):
    with app.unchanged():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            for key in (None, MASTER_KEY):
                answer = app.client.request(method, path, key=key, query={"a": "b"}, body="{", checked=False)
                assert refused(answer, 404) == NOT_FOUND
