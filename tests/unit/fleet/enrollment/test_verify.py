import base64
import json

import pytest

from chalicelib.fleet.enrollment.store import TABLE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.events.store import TABLE as OCCURRENCES
from tests.support.fakes.dynamo import Crash
from tests.unit.fleet.enrollment.world import World

NODE, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def world():
    world = World()
    world.cluster()
    return world


def events(world):
    return [json.loads(row["data"]) for row in world.fake.rows(OCCURRENCES)]


def uses(world, key):
    return world.enrollment.get(key.id, reach=EVERYWHERE).uses_remaining


def error_of(world, blob, node_id=None):
    answer = world.enrollment.verify(blob, node_id)
    assert (answer.verified, answer.registration_token, answer.network_name) == (False, "", "")
    return answer.error


def test_valid_key_is_exchanged_for_a_registration_token(world):
    key, blob = world.key(name="rollout", uses_remaining=2)
    world.clock.advance(5)

    answer = world.enrollment.verify(blob, None)

    assert (answer.verified, answer.error, answer.network_name) == (True, "", "cluster-prod")
    assert len(answer.registration_token) == 43
    assert answer.registration_token not in repr(answer)
    assert answer.registration_token not in repr(world.fake.snapshot())
    kept = world.enrollment.get(key.id, reach=EVERYWHERE)
    assert (kept.uses_remaining, kept.last_used_at) == (1, "2026-11-21T10:00:05Z")
    assert kept.updated_at == key.updated_at
    assert events(world) == [
        {
            "enrollment_key_id": key.id,
            "cluster_name": "prod",
            "name": "rollout",
            "uses_remaining": 1,
            "result": "verified",
            "verified_at": "2026-11-21T10:00:05.000000Z",
        }
    ]


def test_verification_takes_two_reads_and_one_transaction(world):
    _, blob = world.key()
    world.tables.meter.reset()

    world.enrollment.verify(blob, NODE)

    operations = [call.operation for call in world.tables.meter.calls]
    assert operations == ["BatchGetItem", "GetItem", "TransactWriteItems"]


def altered(blob):
    content = json.loads(base64.b64decode(blob))
    content["admin_urls"] = ["https://elsewhere.example"]
    return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


def wrong_secret(blob):
    content = json.loads(base64.b64decode(blob))
    nonce = content["nonce"]
    content["nonce"] = nonce[:-2] + ("A" if nonce[-2] != "A" else "B") + nonce[-1]
    return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


@pytest.mark.parametrize("spoil", [altered, wrong_secret, lambda blob: blob + "\n", lambda blob: "nonsense"])
def test_altered_key_is_invalid_and_tells_nothing_of_the_key(world, spoil):
    key, blob = world.key(name="secret name")

    assert error_of(world, spoil(blob), NODE) == "invalid_key"

    assert uses(world, key) == 1
    assert events(world) == [
        {
            "enrollment_key_id": None,
            "cluster_name": None,
            "name": None,
            "uses_remaining": None,
            "result": "invalid_key",
            "verified_at": "2026-11-21T10:00:00.000000Z",
        }
    ]


def test_deleted_key_is_invalid(world):
    key, blob = world.key()
    world.enrollment.delete(key.id, reach=EVERYWHERE)

    assert error_of(world, blob) == "invalid_key"


@pytest.mark.parametrize("recreate", [False, True])
def test_key_of_deleted_or_recreated_cluster_is_invalid(world, recreate):
    _, blob = world.key()
    world.clusters.delete("prod", reach=EVERYWHERE)
    if recreate:
        world.cluster()

    assert error_of(world, blob, NODE) == "invalid_key"
    assert events(world)[0]["enrollment_key_id"] is None


def test_verification_refusals_follow_the_documented_order(world):
    key, blob = world.key(uses_remaining=1, expired_at="2026-11-21T10:00:10Z")
    cluster = world.clusters.get("prod", reach=EVERYWHERE)
    world.clusters.change_node_limit("prod", 1, reach=EVERYWHERE)
    world.enrol(cluster)

    assert error_of(world, blob) == "node_limit_reached"
    world.leave(cluster)
    assert world.enrollment.verify(blob, None).verified
    world.enrol(cluster)
    assert error_of(world, blob) == "key_spent"
    world.clock.advance(11)
    assert error_of(world, blob) == "key_expired"

    results = sorted(event["result"] for event in events(world))
    assert results == ["key_expired", "key_spent", "node_limit_reached", "verified"]
    assert {event["enrollment_key_id"] for event in events(world)} == {key.id}


def test_spent_key_with_a_new_use_verifies_again(world):
    key, blob = world.key()
    world.enrollment.verify(blob, None)
    assert error_of(world, blob) == "key_spent"

    world.enrollment.change(key.id, {"uses_remaining": 1}, reach=EVERYWHERE)

    assert world.enrollment.verify(blob, None).verified


# -- the same machine again --------------------------------------------------------------------------------------------


def test_repeated_verification_of_a_node_takes_one_use(world):
    key, blob = world.key(uses_remaining=2)

    first = world.enrollment.verify(blob, NODE)
    world.clock.advance(14 * 60)
    second = world.enrollment.verify(blob, NODE)

    assert first.verified
    assert second.verified
    assert first.registration_token != second.registration_token
    assert uses(world, key) == 1
    assert [event["uses_remaining"] for event in events(world)] == [1, 1]


def test_repeated_verification_after_a_day_takes_another_use(world):
    key, blob = world.key(uses_remaining=2)

    world.enrollment.verify(blob, NODE)
    world.clock.advance(24 * 3600)
    world.enrollment.verify(blob, NODE)

    assert uses(world, key) == 0
    assert error_of(world, blob, OTHER) == "key_spent"
    assert world.enrollment.verify(blob, NODE).verified


def test_verification_of_an_enrolled_node_passes_in_a_full_cluster(world):
    world.clusters.change_node_limit("prod", 1, reach=EVERYWHERE)
    _, blob = world.key()
    world.enrollment.verify(blob, NODE)
    world.enrol(world.clusters.get("prod", reach=EVERYWHERE))

    assert world.enrollment.verify(blob, NODE).verified
    assert error_of(world, blob, OTHER) == "key_spent"


def test_verifications_without_a_node_id_take_one_use_each(world):
    key, blob = world.key(uses_remaining=2)

    assert world.enrollment.verify(blob, None).verified
    assert world.enrollment.verify(blob, None).verified

    assert uses(world, key) == 0
    assert error_of(world, blob) == "key_spent"


def test_verification_repeated_after_a_crash_gives_a_valid_token(world):
    key, blob = world.key()
    world.fake.crash_after(1)
    with pytest.raises(Crash):
        world.enrollment.verify(blob, NODE)

    answer = world.enrollment.verify(blob, NODE)

    assert answer.verified
    assert uses(world, key) == 0
    assert world.enrollment.redeem_token(answer.registration_token, NODE).cluster_name == "prod"


@pytest.mark.parametrize("honoured", [True, False])
def test_verification_with_a_lost_answer_takes_one_use_and_one_event(world, honoured):
    world.fake.tokens_honoured = honoured
    key, blob = world.key(uses_remaining=5)
    world.fake.fail_next(1, "lost_answer", operation="TransactWriteItems")

    answer = world.enrollment.verify(blob, NODE)

    assert world.enrollment.redeem_token(answer.registration_token, NODE).key_id == key.id
    assert uses(world, key) == 4
    assert len(events(world)) == 1


def test_concurrent_verifications_of_one_node_take_one_use(world):
    key, blob = world.key(uses_remaining=5)
    world.fake.latency(0.005)

    answers = world.clock.run_together([lambda: world.enrollment.verify(blob, NODE)] * 4)

    assert all(answer.verified for answer in answers)
    assert uses(world, key) == 4


# -- many at once ------------------------------------------------------------------------------------------------------


def test_concurrent_verifications_of_the_last_use_admit_one(world):
    key, blob = world.key()
    world.fake.latency(0.005)
    world.fake.transaction_seconds(0.01)

    answers = world.clock.run_together(
        [lambda node=node: world.enrollment.verify(blob, node) for node in (NODE, OTHER, None)]
    )

    assert sorted(answer.error for answer in answers) == ["", "key_spent", "key_spent"]
    assert uses(world, key) == 0


def test_verification_events_carry_the_remaining_uses(world):
    _, blob = world.key(uses_remaining=12)
    world.fake.latency(0.005)
    world.fake.transaction_seconds(0.01)

    answers = world.clock.run_together([lambda n=n: world.enrollment.verify(blob, f"node-{n}") for n in range(12)])

    assert all(answer.verified for answer in answers)
    assert sorted(event["uses_remaining"] for event in events(world)) == list(range(12))


def test_unlimited_key_verifies_a_hundred_nodes_within_a_second(world):
    key, blob = world.key(uses_remaining=None)
    world.fake.latency(0.01)
    world.fake.transaction_seconds(0.02)
    started = world.clock.now()

    answers = world.clock.run_together([lambda n=n: world.enrollment.verify(blob, f"node-{n}") for n in range(100)])

    assert all(answer.verified for answer in answers)
    assert (world.clock.now() - started).total_seconds() < 1
    assert world.enrollment.get(key.id, reach=EVERYWHERE).last_used_at == "2026-11-21T10:00:00Z"
    assert {event["uses_remaining"] for event in events(world)} == {None}


def test_verification_of_a_busy_key_is_unavailable_after_bounded_time(world):
    _, blob = world.key()
    world.fake.conflicts(1.0)
    started = world.clock.now()

    with pytest.raises(EdgeError) as caught:
        world.enrollment.verify(blob, NODE)

    assert caught.value.kind is Kind.UNAVAILABLE
    assert 20 <= (world.clock.now() - started).total_seconds() <= 26
    assert events(world) == []


def test_verification_waits_for_a_key_busy_for_eight_seconds(world):
    key, blob = world.key()
    world.fake.conflicts(1.0)
    started = world.clock.now()

    def calm_down_after_eight_seconds():
        if (world.clock.now() - started).total_seconds() > 8:
            world.fake.conflicts(0)
        else:
            world.fake.before_next(calm_down_after_eight_seconds, operation="BatchGetItem")

    calm_down_after_eight_seconds()

    assert world.enrollment.verify(blob, NODE).verified
    assert uses(world, key) == 0


def test_verification_uses_a_limit_set_meanwhile(world):
    key, blob = world.key(uses_remaining=None)
    world.fake.before_next(
        lambda: world.enrollment.change(key.id, {"uses_remaining": 1}, reach=EVERYWHERE),
        operation="TransactWriteItems",
        table=TABLE,
    )

    assert world.enrollment.verify(blob, NODE).verified

    assert uses(world, key) == 0
    assert events(world)[0]["uses_remaining"] == 0
