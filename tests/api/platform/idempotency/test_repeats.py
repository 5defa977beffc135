"""Repeats with an Idempotency-Key over HTTP: the first answer again, one effect, and refusals of other requests."""

import json

import pytest

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.commands.store import COMMANDS
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.nodes.exclusion_store import EXCLUSIONS
from chalicelib.kit.tables import BusyError
from chalicelib.platform.idempotency import service
from chalicelib.platform.idempotency.store import ANSWER, KEPT, TABLE
from tests.support.builders import a_cluster
from tests.support.callers import operator
from tests.support.fakes.dynamo import Crash
from tests.support.world import World

CALLERS = 20
COMMAND = {"command_text": "uptime", "targeting": {"type": "all"}}
KEY = {"Idempotency-Key": "3f0c5a52-9d2b-4d5e-8a53-0d9f0a4f3c11"}
NODE = "01900000-0000-7000-8000-000000000001"
OTHER_KEY = "another-key-of-an-operator"


def run(client, headers=KEY, **changes):
    return client.post("/api/v1/commands", json={**COMMAND, **changes}, headers=headers)


def together(world, calls):
    """The outcomes of the calls, which interleave between all their calls of DynamoDB. The data key has been read: that
    excludes other threads."""
    world.platform.sealer.keys.newest()
    world.driver.latency(0.01)
    return world.clock.run_together(calls)


def commands(world):
    return [row["id"] for row in world.driver.rows(COMMANDS)]


def test_repeat_gets_the_first_answer_again(client, world):
    first = run(client)
    world.clock.advance(3600)
    again = run(client)
    assert (again.status, again.text) == (first.status, first.text) == (201, first.text)
    assert again.headers["location"] == first.headers["location"] == f"/api/v1/commands/{first.data['id']}"
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert commands(world) == [first.data["id"]]


def test_requests_without_a_key_are_carried_out_each(client, world):
    assert run(client, headers={}).data["id"] != run(client, headers={}).data["id"]
    assert len(commands(world)) == 2
    assert world.driver.rows(TABLE) == []


def test_body_with_members_in_another_order_is_the_same(client):
    first = run(client)
    text = json.dumps(dict(reversed(COMMAND.items())), indent=1)
    again = client.post("/api/v1/commands", body=text, headers={**KEY, "content-type": "application/json"})
    assert again.text == first.text


def test_key_with_another_body_is_refused_and_changes_nothing(client, world):
    first = run(client)
    refused = run(client, command_text="reboot")
    assert (refused.status, refused.error["code"]) == (409, "idempotency_key_reused")
    assert commands(world) == [first.data["id"]]
    assert run(client).text == first.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/clusters/north/enrollment_keys", {"name": "x"}),
        ("/api/v1/clusters/default/enrollment_keys", {"name": "lab"}),
    ],
    ids=["path", "operation"],
)
def test_key_with_another_path_or_operation_is_refused(client, world, path, body):
    a_cluster(world, "south")
    first = client.post("/api/v1/clusters/south/enrollment_keys", json={"name": "x"}, headers=KEY)
    refused = client.post(path, json=body, headers=KEY)
    assert (first.status, refused.status, refused.error["code"]) == (201, 409, "idempotency_key_reused")


def test_same_key_of_another_principal_is_independent():
    world = World(api_key=OTHER_KEY)
    ours, theirs = operator(world), operator(world).with_key(OTHER_KEY)
    one, other = run(ours), run(theirs, command_text="reboot")
    assert (one.status, other.status) == (201, 201)
    assert run(ours).text == one.text
    assert run(theirs, command_text="reboot").text == other.text
    assert len(commands(world)) == 2


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("a b", "character 2 is none of these"),
        ("ключ", "character 1 is none of these"),
        ("x" * 256, "it has 256 characters"),
        (["a", "b"], "it was sent 2 times"),
    ],
)
def test_invalid_key_is_refused_by_the_name_of_its_header(client, world, sent, reason):
    refused = run(client, headers={"Idempotency-Key": sent})
    expected = f"Invalid value for header: idempotency-key. Expected 1 to 255 visible ASCII characters: {reason}"
    assert (refused.status, refused.error["details"]) == (400, {"": [expected]})
    assert commands(world) == []


@pytest.mark.parametrize("sent", ["!", "~" * 255, '"7c1f5a0e"'])
def test_visible_characters_make_a_key(client, sent):
    assert run(client, headers={"Idempotency-Key": sent}).text == run(client, headers={"idempotency-key": sent}).text


def test_header_is_not_looked_at_by_operations_that_take_no_key(client, world):
    invalid = {"Idempotency-Key": "not a key"}
    assert client.get("/api/v1/commands", headers=invalid).status == 200
    verified = client.post("/api/v1/agents/enrollment_keys/verify", json={"key": "unknown"}, headers=invalid, key=None)
    assert (verified.status, verified.data["verified"]) == (200, False)
    assert world.driver.rows(TABLE) == []


def test_refused_request_keeps_no_answer_and_its_key_may_be_used_again(client, world):
    refused = run(client, command_text=" ")
    assert refused.status == 422
    assert world.driver.rows(TABLE) == []
    assert run(client).status == 201


def test_answer_is_kept_for_a_day_even_if_its_row_is_there_longer(client, world):
    first = run(client)
    world.clock.advance(KEPT.total_seconds() - 1)
    assert run(client).text == first.text
    world.clock.advance(1)
    anew = run(client)
    assert anew.status == 201
    assert anew.data["id"] != first.data["id"]
    assert run(client).text == anew.text
    assert len(world.driver.rows(TABLE)) == 1


def test_record_that_ended_is_removed_by_its_time(client, world):
    run(client)
    world.clock.advance(KEPT.total_seconds() + 1)
    world.driver.collect_expired()
    assert world.driver.rows(TABLE) == []


def test_repeat_of_a_creation_is_never_told_that_the_name_is_taken(client, world):
    made = client.post("/api/v1/clusters", json={"name": "south"}, headers=KEY)
    again = client.post("/api/v1/clusters", json={"name": "south"}, headers=KEY)
    assert (again.status, again.text) == (201, made.text)
    assert client.post("/api/v1/clusters", json={"name": "south"}).status == 409


def test_secret_comes_again_to_the_same_repeat_and_is_sealed_at_rest(client, world):
    path = "/api/v1/clusters/north/enrollment_keys"
    made = client.post(path, json={"name": "x"}, headers=KEY)
    (row,) = world.driver.rows(TABLE)
    assert made.data["key"].encode() not in row[ANSWER]
    assert set(row) == {"id", ANSWER, "expires_epoch", "version", "changed_by"}
    assert client.post(path, json={"name": "x"}, headers=KEY).data["key"] == made.data["key"]
    refused = client.post(path, json={"name": "y"}, headers=KEY)
    assert made.data["key"] not in refused.text
    assert len(world.driver.rows(ENROLLMENT_KEYS)) == 1


def test_request_with_nothing_to_change_is_not_carried_out_later(client, world):
    path = f"/api/v1/nodes/{NODE}"
    first = client.post(f"{path}/unblock", headers=KEY)
    assert client.post(f"{path}/block").status == 200
    assert client.post(f"{path}/unblock", headers=KEY).text == first.text
    assert len(world.driver.rows(EXCLUSIONS)) == 1, "the late repeat lifted nothing"


def test_cluster_that_is_made_on_the_side_is_not_taken_for_the_answer():
    world = World(default_cluster_name="home")
    client = operator(world)
    path = "/api/v1/clusters/default/enrollment_keys"
    first = client.post(path, json={}, headers=KEY)
    assert (first.status, first.data["cluster_name"]) == (201, "home")
    assert client.post(path, json={}, headers=KEY).text == first.text
    assert [row["name"] for row in world.driver.rows(CLUSTERS)] == ["home"]
    assert len(world.driver.rows(ENROLLMENT_KEYS)) == 1


def test_repeat_is_answered_while_new_work_is_refused(client, world, monkeypatch):
    body = {"name": "south"}
    made = client.post("/api/v1/clusters", json=body, headers=KEY)
    monkeypatch.setattr(type(world.fleet), "degraded", lambda _: True)
    assert client.post("/api/v1/clusters", json={"name": "west"}).status == 503
    assert client.post("/api/v1/clusters", json=body, headers=KEY).text == made.text


def test_log_tells_an_answer_that_was_given_again(client, world):
    run(client)
    run(client)
    first, again = [line for line in map(json.loads, world.lines.texts) if line.get("event") == "request"][-2:]
    assert "is_replayed" not in first
    assert again["is_replayed"] is True


def test_answer_too_large_to_keep_is_not_given_again(client, world, monkeypatch):
    monkeypatch.setattr(service, "MOST_KEPT_BYTES", 100)
    first, again = run(client), run(client)
    assert (first.status, again.status, again.error["code"]) == (201, 409, "already_answered")
    assert commands(world) == [first.data["id"]]


# -- several at once, crashes, lost answers ---------------------------------------------------------------------------


def test_twenty_callers_with_one_key_make_one_command(client, world):
    answers = together(world, [lambda: run(client)] * CALLERS)
    assert [answer.status for answer in answers] == [201] * CALLERS
    assert len({answer.text for answer in answers}) == 1
    assert commands(world) == [answers[0].data["id"]]
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


def test_twenty_callers_that_contend_for_a_name_get_the_same_cluster(client, world):
    body = {"name": "south"}
    answers = together(world, [lambda: client.post("/api/v1/clusters", json=body, headers=KEY)] * CALLERS)
    assert {(answer.status, answer.text) for answer in answers} == {(201, answers[0].text)}


def test_second_body_under_a_key_at_once_is_refused(client, world):
    texts = ["uptime", "reboot"] * 5
    answers = together(world, [lambda text=text: run(client, command_text=text) for text in texts])
    assert sorted(answer.status for answer in answers) == [201] * 5 + [409] * 5
    assert len(commands(world)) == 1


def crash_before_call(driver, number):
    for _ in range(number - 1):
        driver.before_next(lambda: None)

    def die():
        raise Crash

    driver.before_next(die)


@pytest.mark.parametrize("place", ["before a call", "after a write"])
def test_crash_between_any_two_calls_and_twenty_repeats_make_one_command(place):
    crashes = 0
    for number in range(1, 12):
        world = World()
        client = operator(world)
        if place == "before a call":
            crash_before_call(world.driver, number)
        else:
            world.driver.crash_after(number)
        try:
            run(client)
        except Crash:
            crashes += 1
        else:
            break
        answers = together(world, [lambda client=client: run(client)] * CALLERS)
        assert {(answer.status, answer.text) for answer in answers} == {(201, answers[0].text)}
        assert commands(world) == [answers[0].data["id"]]
    else:
        pytest.fail("it never came to an end")
    assert crashes >= 2


@pytest.mark.parametrize("tokens_honoured", [True, False])
def test_lost_answer_of_the_transaction_counts_as_done(client, world, tokens_honoured):
    world.driver.tokens_honoured = tokens_honoured
    world.driver.fail_next(1, "lost_answer", operation="TransactWriteItems")
    first = run(client)
    assert (first.status, "idempotency-replayed" in first.headers) == (201, False)
    assert run(client).text == first.text
    assert commands(world) == [first.data["id"]]


def test_conflicts_of_the_transaction_are_repeated(client, world):
    world.driver.fail_next(3, "conflict", operation="TransactWriteItems")
    first = run(client)
    assert first.status == 201
    assert run(client).text == first.text


def test_transaction_whose_answer_never_comes_is_found_by_the_call_itself(client, world):
    real = world.driver.transact

    def lose(writes, token):
        if not world.driver.rows(TABLE):
            real(writes, token)
        raise BusyError("the answer is lost")

    world.driver.transact = lose
    answer = run(client)
    assert (answer.status, answer.headers["idempotency-replayed"]) == (201, "true")
    assert commands(world) == [answer.data["id"]]
