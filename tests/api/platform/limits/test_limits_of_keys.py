"""Limits of named keys, over the API and in several containers."""

import pytest

from chalicelib.fleet.api import API
from chalicelib.platform.limits.store import LIMITS
from tests.support.callers import operator
from tests.support.client import Client
from tests.support.world import World, fleet_of

KEYS = "/api/v1/api_keys"
NODES = "/api/v1/nodes"


@pytest.fixture
def world():
    return World()


@pytest.fixture
def client(world):
    return operator(world)


def create(client, **fields):
    answer = client.post(KEYS, json={"name": "nightly report", "role": "viewer", **fields})
    assert answer.status == 201, answer.text
    return answer.data


def containers(world, count):
    """Clients of so many containers on the same tables."""
    return [Client(API.groups(), fleet_of(world.platform.settings, world)) for _ in range(count)]


def statuses(client, key, requests):
    return [client.get(NODES, key=key).status for _ in range(requests)]


def test_named_key_is_held_to_its_own_limit(client):
    key = create(client, requests_per_minute=3)["key"]

    assert statuses(client, key, 5) == [200, 200, 200, 429, 429]
    assert client.get(NODES).status == 200  # of the master key


def test_named_key_is_held_to_its_limit_in_all_containers_together(world, client):
    key = create(client, requests_per_minute=10)["key"]
    answered = [status for each in containers(world, 4) for status in statuses(each, key, 5)]

    assert answered == [200] * 10 + [429] * 10


def test_rotated_key_has_used_what_it_used_before(client):
    made = create(client, requests_per_minute=3)
    statuses(client, made["key"], 2)
    rotated = client.post(f"{KEYS}/{made['id']}/rotate", json={}).data["key"]

    assert statuses(client, rotated, 2) == [200, 429]


def test_refused_request_is_no_use_of_the_table_again(world, client):
    key = create(client, requests_per_minute=2)["key"]
    statuses(client, key, 3)
    client.get(NODES, key=key)

    assert [call.table for call in world.driver.meter.calls] == ["api_keys"]


def test_limit_is_kept_by_the_id_of_the_key(world, client):
    made = create(client, requests_per_minute=2)
    statuses(client, made["key"], 1)
    (row,) = world.driver.rows(LIMITS)

    assert row["subject"] == f"key:{made['id']}"
    assert made["key"] not in str(row)
