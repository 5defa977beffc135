"""Requests that the published SDK repeats after a failure, without a key of their own: one effect, one answer."""

import pytest

from chalicelib.cloud.api.protocol import REPEATS_SECONDS
from chalicelib.platform.access.store import API_KEYS
from chalicelib.platform.idempotency.rules import reused
from chalicelib.platform.idempotency.store import TABLE
from chalicelib.web.operation_table import every_operation
from tests.support.cloud import ADA, BOB, EVE
from tests.support.fakes.dynamo import Crash

KEY = {"name": "build server"}


def create(scene, address=BOB, body=None, **options):
    return scene.request("create_user_key", json=body or KEY, key=scene.keys[address], **options)


def die_after_the_effect(scene, address=BOB):
    """A request that is killed between its effect and its answer, as after a time-out of the function."""
    scene.world.driver.crash_after(1)
    with pytest.raises(Crash):
        create(scene, address)


def keys_of(scene, name):
    return [row["id"] for row in scene.world.driver.rows(API_KEYS) if row["name"] == name]


def test_repeat_after_a_failure_gets_the_earlier_object(scene, team):
    die_after_the_effect(scene)
    (made,) = keys_of(scene, KEY["name"])
    for _ in range(3):
        again = create(scene)
        assert (again.status, again.json["data"]["id"]) == (201, made)
        assert again.headers["idempotency-replayed"] == "true"
    assert keys_of(scene, KEY["name"]) == [made]
    assert scene.request("get_own_user", key=again.json["data"]["key"]).status == 200


def test_repeat_with_a_key_in_another_tenant_is_409_and_makes_nothing(scene, team):
    headers = {"Idempotency-Key": "9e0f6f0a-1b2c-4c5d-8e7f-1a2b3c4d5e6f"}
    second = scene.request("create_tenant", json={"name": "Second", "slug": "second"}, key=scene.keys[ADA])
    assert create(scene, ADA, headers=headers).status == 201
    other = {"tenant_id": second.json["data"]["id"]}
    assert scene.request("switch_tenant", variables=other, key=scene.keys[ADA]).status == 200
    assert create(scene, ADA, headers=headers).json["error"]["message"] == reused().message
    assert len(keys_of(scene, KEY["name"])) == 1


def test_act_is_never_answered_by_one_that_another_act_has_undone(scene, team):
    body = {"name": "no reading", "statements": [{"effect": "Deny", "action": ["tenant:read"], "resource": ["*"]}]}
    made = scene.request("create_policy", json=body, key=scene.keys[ADA]).json["data"]["id"]
    asked = {"variables": {"user_id": scene.variables["bob"], "policy_id": made}, "key": scene.keys[ADA]}
    scene.world.driver.crash_after(1)
    with pytest.raises(Crash):
        scene.request("attach_user_policy", **asked)
    for view in ("detach_user_policy", "attach_user_policy"):
        answer = scene.request(view, **asked)
        assert (answer.status, "idempotency-replayed" in answer.headers) == (200, False)
    assert scene.request("get_tenant", key=scene.keys[BOB]).status == 403


def test_creations_alone_are_known_by_their_repeats():
    asked = [row.endpoint for row in every_operation() if row.family == "cloud" and row.takes_idempotency_key]
    known = {each.view.__name__ for each in asked if each.is_creation and each.status == 200}
    assert known == {"rotate_user_key", "regenerate_user_key", "rotate_account_secret", "complete_upload"}
    assert {each.status for each in asked if each.is_creation} == {200, 201, 202}


def test_request_that_was_answered_is_another_one_when_it_comes_again(scene, team):
    first, second = create(scene), create(scene)
    assert first.json["data"]["id"] != second.json["data"]["id"]
    assert scene.world.driver.rows(TABLE) == []


def test_lost_answer_of_the_transaction_is_no_second_effect(scene, team):
    scene.world.driver.fail_next(1, "lost_answer", operation="TransactWriteItems", table=TABLE)
    assert create(scene).status == 201
    assert len(keys_of(scene, KEY["name"])) == 1


def test_other_body_other_caller_and_later_repeat_are_other_requests(scene, team):
    die_after_the_effect(scene)
    (made,) = keys_of(scene, KEY["name"])
    assert create(scene, body={"name": "another"}).json["data"]["id"] != made
    assert create(scene, ADA).json["data"]["id"] != made
    scene.world.clock.advance(seconds=REPEATS_SECONDS)
    assert create(scene).json["data"]["id"] != made


def test_same_user_in_another_tenant_asks_for_something_else(scene, team):
    other = scene.tenant("other")
    scene.join(other, EVE, "owner")
    body = {"name": "db.password", "value": "kept"}
    scene.world.driver.crash_after(1)
    with pytest.raises(Crash):
        scene.request("create_secret", json=body, key=scene.keys[BOB])
    elsewhere = scene.request("create_secret", json=body, key=scene.keys[EVE])
    again = scene.request("create_secret", json=body, key=scene.keys[BOB])
    assert {elsewhere.json["data"]["tenant_id"], again.json["data"]["tenant_id"]} == {other, team}
    assert again.status == 201  # and not 409: the name is its own


def test_refusal_is_kept_by_nobody(scene, team):
    body = {"name": "db.password", "value": "kept"}
    assert [scene.request("create_secret", json=body, key=scene.keys[BOB]).status for _ in range(2)] == [201, 409]
    assert scene.world.driver.rows(TABLE) == []


def test_note_that_cannot_be_removed_ends_by_itself(scene, team):
    scene.world.driver.fail_next(1, "throttle", operation="DeleteItem", table=TABLE)
    first = create(scene)
    assert first.status == 201
    (row,) = scene.world.driver.rows(TABLE)
    assert row["expires_epoch"] - scene.world.clock.now().timestamp() == REPEATS_SECONDS
    assert first.json["data"]["key"].encode() not in row["answer_sealed"]


def test_parallel_requests_alike_each_have_an_answer_with_an_effect(scene, team):
    scene.world.platform.sealer.keys.newest()
    scene.world.driver.latency(0.01)
    answers = scene.world.clock.run_together([lambda: create(scene)] * 4)
    assert {answer.status for answer in answers} == {201}
    assert {answer.json["data"]["id"] for answer in answers} == set(keys_of(scene, KEY["name"]))


def test_creating_takes_a_read_and_a_write_more(scene, team):
    scene.world.driver.meter.reset()
    create(scene)
    calls = [call.operation for call in scene.world.driver.meter.calls if TABLE.name in call.table.split(",")]
    assert calls == ["GetItem", "TransactWriteItems", "DeleteItem"]
