"""Key pairs: named keys in two halves."""

import pytest

from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.limits.service import MAILS_PER_HOUR
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_auth import ADDRESS, a_session


@pytest.fixture
def scene():
    return MachinesScene()


def create(scene, token, **body):
    answer = scene.request("create_key_pair", key=token, json={"name": "build server", "days": 90, **body})
    assert answer.status == 200, answer.text
    scene.world.settle()
    return answer.json


def verify(scene, pair, address=ADDRESS):
    body = {"verificationCodeID": pair["verificationCodeID"], "code": scene.world.mailer.code_for(address)}
    return scene.request("verify_key_pair", key=None, json=body)


def as_pair(scene, pair, view="get_key_pair", **options):
    headers = {"api-key": pair["apiKey"], "api-secret": pair["apiSecret"]}
    return scene.request(view, key=None, headers=headers, **options)


@pytest.fixture
def token(scene):
    return a_session(scene)


def test_pair_of_a_user_is_good_once_the_mailed_code_has_come_back(scene, token):
    pair = create(scene, token)
    assert (pair["verified"], pair["keyName"]) == (False, "build server")
    refused = as_pair(scene, pair)
    assert (refused.status, refused.error["code"]) == (401, "not_verified")
    assert verify(scene, pair).json == {"message": "acknowledged"}
    shown = as_pair(scene, pair).json
    user_id = scene.request("get_session", key=token).json["userID"]
    assert shown == {
        "apiKey": pair["apiKey"],
        "keyID": pair["keyID"],
        "keyName": "build server",
        "expireAt": pair["expireAt"],
        "verified": True,
        "userID": user_id,
        "userName": "Ada Lovelace",
        "userAlias": "ada",
        "roles": ["operator"],
        "groups": [],
    }


def test_halves_of_a_pair_are_a_named_key_of_the_users_tenant(scene, token):
    pair = create(scene, token)
    verify(scene, pair)
    text = f"{pair['apiKey']}_{pair['apiSecret']}"
    by_session = scene.world.platform.identities.identify(token, (), "", sessions=True)
    by_key = scene.world.platform.identities.identify(text, (), "")
    assert (by_key.tenant, by_key.user, by_key.owner, by_key.role) == (
        by_session.tenant,
        by_session.user,
        by_session.user,
        KeyRole.OPERATOR,
    )
    assert by_key.actor == f"key:{pair['keyID']}"


def test_pair_ends_after_its_days(scene, token):
    pair = create(scene, token, days=1)
    verify(scene, pair)
    scene.world.clock.advance(86_399)
    assert as_pair(scene, pair).status == 200
    scene.world.clock.advance(1)
    assert as_pair(scene, pair).status == 401


@pytest.mark.parametrize(("field", "value"), [("days", 0), ("days", 3651), ("days", "x"), ("name", ""), ("name", " ")])
def test_value_outside_its_bounds_is_refused_by_name(scene, token, field, value):
    answer = scene.request("create_key_pair", key=token, json={"name": "n", "days": 1, field: value})
    assert (answer.status, answer.error["param"]) == (400, field)


def test_pairs_of_the_user_are_listed_newest_first_without_secrets(scene, token):
    first = create(scene, token, name="one")
    scene.world.clock.advance(1)
    second = create(scene, token, name="two")
    verify(scene, second)
    answer = scene.request("list_key_pairs", key=token)
    told = [(one["keyID"], one["id"], one["keyName"], one["name"], one["verified"]) for one in answer.json["keys"]]
    assert told == [
        (second["keyID"], second["keyID"], "two", "two", True),
        (first["keyID"], first["keyID"], "one", "one", False),
    ]
    assert first["apiSecret"] not in answer.text


def test_revoked_pair_is_refused_and_no_longer_listed(scene, token):
    pair = create(scene, token)
    verify(scene, pair)
    for _ in range(2):
        ended = scene.request("revoke_key_pair", key=token, variables={"key_id": pair["keyID"]})
        assert (ended.status, ended.json) == (200, {"message": "acknowledged"})
    assert as_pair(scene, pair).status == 401
    assert scene.request("list_key_pairs", key=token).json == {"keys": []}


def test_pair_that_was_revoked_before_its_code_came_back_stays_revoked(scene, token):
    pair = create(scene, token)
    scene.request("revoke_key_pair", key=token, variables={"key_id": pair["keyID"]})
    assert verify(scene, pair).status == 400
    assert as_pair(scene, pair).status == 401


def test_pair_of_another_user_is_neither_listed_nor_revoked(scene, token):
    other = a_session(scene, "bob@example.com")
    pair = create(scene, other)
    assert scene.request("list_key_pairs", key=token).json == {"keys": []}
    answer = scene.request("revoke_key_pair", key=token, variables={"key_id": pair["keyID"]})
    assert answer.status == 404
    assert verify(scene, pair, "bob@example.com").status == 200


def test_named_key_that_is_no_pair_is_not_revoked_here(scene):
    held = scene.world.key_with(role=KeyRole.VIEWER)
    key_id = scene.world.platform.identities.identify(held, (), "").id
    assert scene.request("revoke_key_pair", variables={"key_id": key_id}).status == 404


def test_key_without_a_user_makes_a_pair_that_is_good_at_once_and_can_no_more(scene):
    held = scene.world.key_with(permissions=("templates:read", "key_pairs:write"), requests_per_minute=100)
    pair = create(scene, held)
    assert (pair["verified"], pair["verificationCodeID"]) == (True, None)
    assert as_pair(scene, pair, "list_templates").status == 200
    assert as_pair(scene, pair, "list_sessions").status == 403
    assert scene.world.mailer.sent == []
    assert [
        one["keyID"]
        for one in scene.request("list_key_pairs", key=scene.world.key_with(role=KeyRole.VIEWER)).json["keys"]
    ] == []


def test_pair_of_the_master_key_is_an_operators_and_listed_under_it(scene):
    pair = create(scene, "master-key")
    assert as_pair(scene, pair).json["roles"] == ["operator"]
    assert as_pair(scene, pair).json["userID"] is None
    assert [one["keyID"] for one in scene.request("list_key_pairs").json["keys"]] == [pair["keyID"]]


def test_pair_cannot_make_one_that_outlives_it(scene, token):
    pair = create(scene, token, days=10)
    verify(scene, pair)
    longer = as_pair(scene, pair, "create_key_pair", json={"name": "n", "days": 11})
    assert (longer.status, "a life beyond" in longer.error["message"]) == (403, True)
    assert as_pair(scene, pair, "create_key_pair", json={"name": "n", "days": 9}).status == 200


def test_session_is_refused_where_a_key_is_meant(scene, token):
    answer = scene.request("get_key_pair", key=token)
    assert (answer.status, answer.error["code"]) == (401, "key_needed")


def test_mails_for_pairs_count_with_those_for_sessions(scene, token):
    left = MAILS_PER_HOUR - 1
    answers = [scene.request("create_key_pair", key=token) for _ in range(left + 1)]
    assert [answer.status for answer in answers] == [200] * left + [429]
    assert len(scene.request("list_key_pairs", key=token).json["keys"]) == left


def test_creation_writes_key_and_code_in_one_transaction(scene, token):
    scene.request("create_key_pair", key=token)
    writes = [call.table for call in scene.world.driver.meter.calls if call.operation == "TransactWriteItems"]
    assert writes == ["api_keys,verifications"]
