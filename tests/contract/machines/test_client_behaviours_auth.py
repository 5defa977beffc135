"""What clients of the auth API rely on, driven as they do: raw requests, in the shapes that they can read."""

import json

import pytest

from tests.contract.machines.behaviours import GO, JS, PAGES, relied_on
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_auth import ADDRESS, a_session, registered

AUTH = "Auth"
AS_GO = {"user-agent": "threatwinds-go-sdk"}
AS_JS = {"user-agent": "threatwinds-js-sdk/1.0.0"}


@pytest.fixture
def scene():
    return MachinesScene()


@relied_on(
    AUTH, f"{GO}, {JS}", "codes go to `PUT /session/verification` and `PUT /keypair/verification`, without a credential"
)
def test_codes_are_taken_at_the_verification_paths(scene):
    started = registered(scene)
    body = {"verificationCodeID": started.json["verificationCodeID"], "code": scene.world.mailer.code_for(ADDRESS)}
    answer = scene.any("PUT", "/api/auth/v2/session/verification", json=body, key=None)
    assert (answer.status, answer.json) == (200, {"message": "acknowledged"})
    pair = scene.request("create_key_pair", key=started.json["bearer"]).json
    scene.world.settle()
    body = {"verificationCodeID": pair["verificationCodeID"], "code": scene.world.mailer.code_for(ADDRESS)}
    answer = scene.any("PUT", "/api/auth/v2/keypair/verification", json=body, key=None)
    assert (answer.status, answer.json) == (200, {"message": "acknowledged"})


@relied_on(AUTH, GO, "every 2xx but 204 has a JSON object, or a list where a list is meant")
@pytest.mark.parametrize(
    "view", ["extend_session", "get_session", "list_sessions", "list_key_pairs", "create_key_pair"]
)
def test_success_always_has_json(scene, view):
    answer = scene.request(view, key=a_session(scene), headers=AS_JS)
    assert isinstance(json.loads(answer.text), dict)


@relied_on(AUTH, GO, "lists are bare and `expireAt` is a text; a number is an error there")
@pytest.mark.parametrize(
    ("view", "names"),
    [
        ("list_sessions", {"sessionID", "userID", "roles", "verified", "expireAt"}),
        ("list_key_pairs", {"id", "name", "verified", "expireAt"}),
    ],
)
def test_go_client_gets_bare_lists_with_texts(scene, view, names):
    token = a_session(scene)
    scene.request("create_key_pair", key=token)
    (item,) = scene.request(view, key=token, headers=AS_GO).json
    assert names <= item.keys()
    assert isinstance(item["expireAt"], str)


@relied_on(
    AUTH, f"{JS}, {PAGES}", "`GET /sessions` answers `{sessions}`, `GET /keypairs` `{keys}`, with `expireAt` in seconds"
)
@pytest.mark.parametrize(
    ("view", "name", "names"),
    [
        ("list_sessions", "sessions", {"sessionID", "ip", "userAgent", "expireAt", "current", "kind"}),
        ("list_key_pairs", "keys", {"apiKey", "keyID", "keyName", "expireAt", "verified"}),
    ],
)
def test_javascript_client_gets_objects_with_numbers(scene, view, name, names):
    token = a_session(scene)
    scene.request("create_key_pair", key=token)
    (item,) = scene.request(view, key=token, headers=AS_JS).json[name]
    assert names <= item.keys()
    assert type(item["expireAt"]) is int


@relied_on(AUTH, PAGES, "`POST /session` needs `email` alone; `kind` is `standard` then")
def test_session_is_started_by_an_address_alone(scene):
    answer = scene.request("start_session", key=None, json={"email": ADDRESS}).json
    assert answer["kind"] == "standard"
    assert {"bearer", "sessionID", "expireAt", "verificationCodeID", "ip", "userAgent"} <= answer.keys()


@relied_on(AUTH, JS, "`GET /session` without a good session is 401 or 403, which the client takes for none")
@pytest.mark.parametrize("key", [None, "wrong"])
def test_missing_session_is_unauthorized(scene, key):
    assert scene.request("get_session", key=key).status == 401
