"""Refusals of named keys in the audit log."""

import pytest

from chalicelib.platform.access.key_text import parse
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.audit.store import LONGEST_ID
from chalicelib.platform.audit.store import TABLE as AUDIT_EVENTS
from tests.support.callers import operator
from tests.support.world import World

LOG = "/api/v1/audit_events"
CLUSTERS = "/api/v1/clusters"


@pytest.fixture
def world():
    return World()


@pytest.fixture
def client(world):
    return operator(world)


@pytest.fixture
def held(world):
    """A key that may do none of what these tests ask."""
    return world.key_with(permissions=("metrics:read",))


def refused(client, key, method="GET", path=CLUSTERS):
    answer = client.request(method, path, key=key, checked=False)
    assert answer.status == 403
    return answer


def listed(client, **query):
    return client.get(LOG, query=query).data


def test_refusal_of_a_named_key_tells_the_thing_that_was_aimed_at(client, world):
    viewer = world.key_with(role=KeyRole.VIEWER)
    answer = refused(client, viewer, "DELETE", f"{CLUSTERS}/north")
    (event,) = listed(client, outcome="refused")
    assert event["principal"] == {"kind": "key", "id": parse(viewer).id, "name": "a key of a test"}
    assert event["operation"] == "cluster.delete"
    assert event["thing"] == {"kind": "cluster", "id": "north", "name": None}
    assert event["request_id"] == answer.headers["x-request-id"]


def test_refused_read_is_named_by_method_and_path(client, held):
    refused(client, held, path=f"{CLUSTERS}/north")
    (event,) = listed(client)
    assert (event["operation"], event["thing"]["kind"]) == ("GET /api/v1/clusters/{name}", "clusters")


def test_refused_id_that_is_long_is_cut(client, held):
    refused(client, held, "DELETE", f"{CLUSTERS}/{'x' * 3000}")
    (event,) = listed(client)
    assert event["thing"]["id"] == "x" * LONGEST_ID


def test_key_that_is_refused_often_has_one_event_a_second(client, world, held):
    for _ in range(3):
        for _ in range(5):
            refused(client, held)
        world.clock.advance(1)
    assert len(listed(client)) == 3


def test_keys_that_are_refused_within_a_second_have_an_event_each(client, world, held):
    refused(client, held)
    refused(client, world.key_with(permissions=("metrics:read",)))
    assert len(listed(client)) == 2


def test_refusals_in_several_containers_within_a_second_are_one_event(client, world, held):
    for _ in range(3):
        vars(world.platform).pop("audit", None)  # another container remembers nothing
        refused(client, held)
    assert len(listed(client)) == 1


def test_container_asks_the_table_once_a_second_for_a_refused_key(client, world, held):
    def asked():
        return [call.operation for call in world.driver.meter.calls if call.table == AUDIT_EVENTS.name]

    refused(client, held)
    assert asked() == ["PutItem"]
    refused(client, held)
    assert asked() == []


def test_callers_without_a_named_key_leave_no_event(client):
    assert client.get(CLUSTERS, key="a-wrong-key").status == 401
    refused(client, "master-key", "POST", f"{CLUSTERS}/default/enrollment_keys")
    assert listed(client) == []


def test_refusal_that_cannot_be_noted_is_answered_all_the_same(client, world, held):
    expected = refused(client, held).error["message"]
    world.clock.advance(5)
    world.driver.partition_limit(0.5)
    before = world.clock.now()
    assert refused(client, held).error["message"] == expected
    assert world.clock.now() == before
    assert any("audit_failed" in line for line in world.lines.texts)
