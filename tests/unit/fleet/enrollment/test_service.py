import base64
import json
from functools import partial

import pytest

from chalicelib.fleet.clusters.model import DefaultCluster
from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.enrollment.store import TABLE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from tests.unit.fleet.enrollment.world import World


def refusal(kind, call, *arguments):
    with pytest.raises(EdgeError) as caught:
        call(*arguments)
    assert caught.value.kind is kind
    return caught.value


@pytest.fixture
def world():
    world = World()
    world.cluster()
    return world


def test_enrollment_key_is_single_use_without_expiry_by_default(world):
    key, blob = world.key()

    assert (key.cluster_name, key.name, key.uses_remaining) == ("prod", None, 1)
    assert (key.expired_at, key.last_used_at) == (None, None)
    assert json.loads(base64.b64decode(blob))["admin_urls"] == ["https://edge.example"]
    assert world.enrollment.get(key.id, reach=EVERYWHERE) == key


def test_enrollment_key_keeps_the_given_values(world):
    key, _ = world.key(name="rollout", uses_remaining=None, expired_at="2027-01-01T00:00:00Z")

    assert (key.name, key.uses_remaining, key.expired_at) == ("rollout", None, "2027-01-01T00:00:00Z")


def test_enrollment_key_with_an_empty_name_has_none(world):
    key, _ = world.key(name="")

    assert key.name is None
    assert world.enrollment.change(key.id, {"name": "a"}, reach=EVERYWHERE).name == "a"
    assert world.enrollment.change(key.id, {"name": ""}, reach=EVERYWHERE).name is None


def test_enrollment_blob_is_not_stored_in_clear(world):
    _, blob = world.key()
    nonce = json.loads(base64.b64decode(blob))["nonce"]

    assert blob not in repr(world.fake.snapshot())
    assert nonce not in repr(world.fake.snapshot())


def test_enrollment_key_of_unknown_or_deleted_cluster_is_not_found(world):
    refusal(Kind.NOT_FOUND, world.key, "none")
    world.fake.before_next(
        lambda: world.clusters.delete("prod", reach=EVERYWHERE), operation="TransactWriteItems", table=TABLE
    )

    refusal(Kind.NOT_FOUND, world.key)

    assert world.fake.rows(TABLE) == []


@pytest.mark.parametrize("honoured", [True, False])
def test_enrollment_key_creation_with_a_lost_answer_succeeds(world, honoured):
    world.fake.tokens_honoured = honoured
    world.fake.fail_next(1, "lost_answer", operation="TransactWriteItems")

    key, _ = world.key()

    assert [row["id"] for row in world.fake.rows(TABLE)] == [key.id]


def test_enrollment_key_change_touches_given_fields_only(world):
    key, blob = world.key(name="a", uses_remaining=3, expired_at="2027-01-01T00:00:00Z")
    world.clock.advance(60)

    unlimited = world.enrollment.change(key.id, {"uses_remaining": None}, reach=EVERYWHERE)
    unchanged = world.enrollment.change(key.id, {}, reach=EVERYWHERE)

    assert unlimited == unchanged
    assert (unlimited.name, unlimited.uses_remaining, unlimited.expired_at) == ("a", None, "2027-01-01T00:00:00Z")
    assert unlimited.updated_at == "2026-11-21T10:01:00Z"
    assert world.enrollment.reveal(unlimited).reveal() == blob
    cleared = world.enrollment.change(key.id, {"name": None, "expired_at": None, "uses_remaining": 9}, reach=EVERYWHERE)
    assert (cleared.name, cleared.uses_remaining, cleared.expired_at) == (None, 9, None)


def test_enrollment_key_deleted_during_a_change_stays_deleted(world):
    key, _ = world.key()
    world.fake.before_next(
        lambda: world.enrollment.delete(key.id, reach=EVERYWHERE), operation="UpdateItem", table=TABLE
    )

    refusal(Kind.NOT_FOUND, partial(world.enrollment.change, reach=EVERYWHERE), key.id, {"name": "a"})

    assert world.fake.rows(TABLE) == []


def test_deleted_enrollment_key_is_not_found(world):
    key, _ = world.key()
    world.fake.fail_next(1, "lost_answer", operation="DeleteItem")

    world.enrollment.delete(key.id, reach=EVERYWHERE)

    for call in (world.enrollment.get, world.enrollment.delete):
        refusal(Kind.NOT_FOUND, partial(call, reach=EVERYWHERE), key.id)


def test_key_of_unconfigured_default_cluster_is_forbidden(world):
    refusal(Kind.FORBIDDEN, partial(world.enrollment.create_for_default, reach=EVERYWHERE), {})
    refusal(Kind.FORBIDDEN, world.enrollment.create_public)


def test_key_of_the_default_cluster_keeps_the_given_values():
    world = World(default=DefaultCluster(name="home"))

    key = world.enrollment.create_for_default({"uses_remaining": 5, "name": "x"}, reach=EVERYWHERE)

    assert (key.cluster_name, key.uses_remaining, key.name) == ("home", 5, "x")
    refusal(Kind.FORBIDDEN, world.enrollment.create_public)


def test_public_enrollment_key_is_single_use_for_one_day():
    world = World(default=DefaultCluster(name="home"), public_keys=True)

    key = world.enrollment.create_public()

    assert (key.cluster_name, key.uses_remaining, key.name) == ("home", 1, None)
    assert key.expired_at == "2026-11-22T10:00:00Z"
    world.clusters.delete("home", reach=EVERYWHERE)
    refusal(Kind.NOT_FOUND, world.enrollment.create_public)


def test_expired_public_keys_are_collected_and_others_kept():
    world = World(default=DefaultCluster(name="home"), public_keys=True)
    kept = [
        world.enrollment.create_for_default({"expired_at": "2026-11-21T11:00:00Z"}, reach=EVERYWHERE),
        world.enrollment.create_for_default({}, reach=EVERYWHERE),
        world.enrollment.create_public(),
    ]
    world.enrollment.change(kept[-1].id, {"expired_at": None}, reach=EVERYWHERE)
    world.enrollment.create_public()
    world.clock.advance(2 * 24 * 3600 + 1)

    world.fake.collect_expired()

    assert {row["id"] for row in world.fake.rows(TABLE)} == {key.id for key in kept}


def test_public_key_without_a_default_cluster_is_forbidden():
    world = World(public_keys=True)

    refusal(Kind.FORBIDDEN, world.enrollment.create_public)


# -- clean-up ----------------------------------------------------------------------------------------------------------


def test_clean_up_removes_keys_of_one_cluster_in_chunks(world):
    other = world.cluster("other")
    kept, _ = world.key("other")
    for _ in range(205):
        world.key()
    cluster_id = world.clusters.get("prod", reach=EVERYWHERE).id
    world.clusters.delete("prod", reach=EVERYWHERE)

    cursors = [None]
    while (cursor := world.enrollment.clean_up_chunk(cluster_id, cursors[-1])) is not None:
        cursors.append(cursor)

    assert len(cursors) == 3
    assert [row["id"] for row in world.fake.rows(TABLE)] == [kept.id]
    assert world.enrollment.clean_up_chunk(other.id, None) is None
    assert world.fake.rows(TABLE) == []


def test_repeated_clean_up_chunk_changes_nothing_more(world):
    for _ in range(150):
        world.key()
    cluster_id = world.clusters.get("prod", reach=EVERYWHERE).id
    world.fake.index_lag(60)

    first = world.enrollment.clean_up_chunk(cluster_id, None)
    again = world.enrollment.clean_up_chunk(cluster_id, None)
    last = world.enrollment.clean_up_chunk(cluster_id, first)

    assert first == again
    assert last is None
    assert world.fake.rows(TABLE) == []


def test_clean_up_of_a_cluster_without_keys_takes_one_query(world):
    world.tables.meter.reset()

    assert world.enrollment.clean_up_chunk("none", None) is None
    assert [call.operation for call in world.tables.meter.calls] == ["Query"]


def test_clean_up_keeps_keys_of_a_cluster_with_the_same_name(world):
    old = world.clusters.get("prod", reach=EVERYWHERE)
    world.key()
    world.clusters.delete("prod", reach=EVERYWHERE)
    world.cluster()
    new, _ = world.key()

    assert world.enrollment.clean_up_chunk(old.id, None) is None

    assert [row["id"] for row in world.fake.rows(TABLE)] == [new.id]
    assert world.fake.rows(CLUSTERS)[0]["id"] == new.cluster_id
