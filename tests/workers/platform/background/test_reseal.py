"""A new data key: what older ones have sealed is sealed again by the clean-up, and an older key can be dropped."""

import json

import pytest

from chalicelib.fleet.nodes.store import NODES
from chalicelib.kit.crypto import associated_data, key_id_of
from chalicelib.kit.data_keys import DATA_KEYS
from chalicelib.kit.tables import Set, Table, Update, put_new
from chalicelib.platform.context import Context, Family
from chalicelib.platform.families import Families
from chalicelib.platform.sealing.resealing import ROWS_PER_MESSAGE, SUFFIX
from infra.data_key import DataKeyRotation, NotYetError
from infra.deployables import CORE
from infra.rotate import seal_again
from tests.support.callers import a_key, enrolled, operator
from tests.support.declared import FAMILIES, TABLES
from tests.support.world import World

SECRET = "s" * 40


class Scans:
    """The paginator of boto3's client over the world's tables."""

    def __init__(self, world):
        self._world = world

    def get_paginator(self, operation):
        assert operation == "scan"
        return self

    def paginate(self, *, TableName, ConsistentRead, ProjectionExpression, ExpressionAttributeNames):  # noqa: N803
        assert ConsistentRead
        assert ProjectionExpression.split(", ") == list(ExpressionAttributeNames)
        (table,) = [table for table in TABLES if f"edge-{table.name}" == TableName]
        for row in self._world.driver.rows(table):
            kept = {name: row[name] for name in ExpressionAttributeNames.values() if row.get(name) is not None}
            types = {bytes: "B", str: "S"}
            yield {"Items": [{name: {types[type(value)]: value} for name, value in kept.items()}]}


@pytest.fixture
def world():
    return World(reveal_node_secrets=True)


@pytest.fixture
def client(world):
    client = operator(world)
    client.post("/api/v1/clusters", json={"name": "north"})
    return client


@pytest.fixture
def fleet(client, world):
    """Machines, keys and webhooks with secrets of every kind."""
    agents = enrolled(client, 3)
    body = {
        "url": "https://93.184.216.34/hook",
        "secret": SECRET,
        "headers": {"x-token": "t"},
        "subscribed_events": ["edge.node.registered"],
    }
    webhook = client.post("/api/v1/webhooks", json=body, headers={"Idempotency-Key": "1"}).data["id"]
    assert client.post(f"/api/v1/webhooks/{webhook}/rotate_secret", json={"secret": "n" * 40}).status == 200
    a_key(client, "north")
    assert client.post("/api/v1/api_keys", json={"name": "dashboard", "role": "viewer"}).status == 201
    assert client.request("PUT", "/api/v1/secrets/db-password", json={"value": SECRET}).status == 200
    world.settle()
    return agents


@pytest.fixture
def rotation(world):
    services = world.fleet
    return DataKeyRotation(
        Scans(world), "edge-", TABLES, services.platform.sealer.keys, services.platform.queues, world.clock
    )


def sealed_values(world):
    return [
        value
        for table in TABLES
        for row in world.driver.rows(table)
        for name, value in row.items()
        if name.endswith(SUFFIX) and value is not None
    ]


def test_sealed_attributes_are_all_listed_for_resealing(world, fleet):
    found = {
        (table, name) for table in TABLES for row in world.driver.rows(table) for name in row if name.endswith(SUFFIX)
    }
    sealed = {table: names for table, names in FAMILIES.sealed.items() if world.driver.rows(table)}
    assert found == {(table, name) for table, names in sealed.items() for name in names}


def test_resealed_values_use_the_new_key_and_open_as_before(world, client, fleet, rotation):
    before = {row["id"]: row["api_token"] for row in client.get("/api/v1/nodes").data}
    keys_before = {row["id"]: row["key"] for row in client.get("/api/v1/enrollment_keys").data}
    events = len(world.bus_client.entries)
    new = world.platform.sealer.keys.rotate()

    assert sum(rotation.left().values.values()) == len(sealed_values(world)) == 14
    rotation.queue(rotation.left())
    world.settle(twice=True)

    assert {key_id_of(value) for value in sealed_values(world)} == {new}
    assert rotation.left().values == {}
    assert {row["id"]: row["api_token"] for row in client.get("/api/v1/nodes").data} == before
    assert {row["id"]: row["key"] for row in client.get("/api/v1/enrollment_keys").data} == keys_before
    assert [agent.poll().status for agent in fleet] == [200, 200, 200]
    assert world.fleet.secrets.values(["db-password"])["db-password"].reveal() == SECRET
    assert len(world.bus_client.entries) == events


@pytest.mark.parametrize("writes", range(1, 7))
def test_resealing_with_a_crash_after_any_write_completes(world, fleet, rotation, writes):
    new = world.platform.sealer.keys.rotate()
    rotation.queue(rotation.left())
    world.settle(crash_after=writes)

    assert {key_id_of(value) for value in sealed_values(world)} == {new}


def test_row_changed_during_resealing_is_kept(world, client, fleet):
    services = world.fleet
    services.platform.sealer.keys.rotate()
    agent = fleet[0]
    again = services.platform.sealer.seal("changed", f"{NODES.name}/{agent.id}/api_token")

    def change():
        services.platform.tables.write(
            Update(NODES, {"id": agent.id}, (Set("api_token_sealed", again),)), "node.changed"
        )

    world.driver.before_next(change, operation="UpdateItem")
    assert services.platform.resealing.reseal("nodes", [agent.id]) == 0
    (row,) = [row for row in world.driver.rows(NODES) if row["id"] == agent.id]
    assert row["api_token_sealed"] == again
    assert services.platform.resealing.reseal("nodes", [agent.id]) == 1


def test_damaged_value_is_reported_and_others_are_resealed(world, fleet, rotation):
    damaged, *others = (agent.id for agent in fleet)
    services = world.fleet
    services.platform.tables.write(
        Update(NODES, {"id": damaged}, (Set("api_token_sealed", b"x" * 60),)), "node.damaged"
    )
    new = services.platform.sealer.keys.rotate()

    answer = world.call(
        "chalicelib.platform.workers.clean_up.handler",
        {"Records": [_record({"kind": "reseal", "id": "nodes", "ids": [damaged, *others]})]},
    )

    assert answer["batchItemFailures"] == [{"itemIdentifier": "m-1"}]
    rows = {row["id"]: row for row in world.driver.rows(NODES)}
    assert {key_id_of(rows[node_id]["api_token_sealed"]) for node_id in others} == {new}
    assert "UnsealError" in "".join(world.lines.texts)


def test_resealing_of_deleted_or_resealed_rows_writes_nothing(world, fleet):
    services = world.fleet
    services.platform.sealer.keys.rotate()
    ids = ["01900000-0000-7000-8000-000000000001", fleet[0].id]
    assert services.platform.resealing.reseal("nodes", ids) == 1
    assert services.platform.resealing.reseal("nodes", ids) == 0


def test_resealing_messages_hold_a_bounded_number_of_rows(world, fleet, rotation):
    world.platform.sealer.keys.rotate()
    left = rotation.left()
    many = type(left)({NODES: [f"id-{number}" for number in range(2 * ROWS_PER_MESSAGE + 1)]}, {})

    assert rotation.queue(many) == 3


class TestDropping:
    def test_older_data_key_without_values_is_dropped(self, world, client, fleet, rotation):
        world.platform.sealer.keys.rotate()
        rotation.queue(rotation.left())
        world.settle()
        world.clock.advance(900)

        assert len(rotation.drop()) == 1
        assert [row["id"] for row in world.driver.rows(DATA_KEYS)] == ["current"]
        assert rotation.drop() == []
        assert client.get("/api/v1/nodes").status == 200

    def test_older_data_key_with_values_is_not_dropped(self, world, fleet, rotation):
        world.platform.sealer.keys.rotate()
        world.clock.advance(900)

        with pytest.raises(NotYetError, match="14 of key"):
            rotation.drop()
        assert len(world.driver.rows(DATA_KEYS)) == 2

    def test_recently_replaced_data_key_is_not_dropped(self, world, fleet, rotation):
        world.platform.sealer.keys.rotate()
        rotation.queue(rotation.left())
        world.settle()
        world.clock.advance(899)

        with pytest.raises(NotYetError, match="was replaced at"):
            rotation.drop()


def test_reseal_command_queues_once_and_waits_until_done(world, fleet, rotation, monkeypatch):
    world.platform.sealer.keys.rotate()
    told = []

    def say(text):
        told.append(text)
        if len(told) == 3:
            world.settle()

    seal_again(rotation, world.clock, say)

    assert told == ["14 values are sealed with older keys"] * 3
    assert rotation.left().values == {}


def test_rotation_unwraps_no_data_key(world, fleet, rotation):
    unwrapped = world.key_service.unwrapped
    rotation.drop()
    rotation.queue(rotation.left())
    assert world.key_service.unwrapped == unwrapped


def test_reseal_command_gives_up_after_bounded_time(world, fleet, rotation):
    world.platform.sealer.keys.rotate()
    with pytest.raises(NotYetError, match="14 values are left"):
        seal_again(rotation, world.clock, lambda _: None)


def test_secret_of_a_tenant_is_sealed_again_in_its_place():
    safes = Table("safes", "id", tenanted=True)
    context = Context("safes", tables=(safes,), sealed={safes: ("code_sealed",)})
    world = World(families=Families((*FAMILIES.each, Family("bank", contexts=(context,)))))
    place = associated_data(safes, "one", "code")
    view = world.platform.tables.scoped("a")
    view.write(put_new(safes, {"id": "one", "code_sealed": world.platform.sealer.seal("1234", place)}), "safe.created")
    newest = world.platform.sealer.keys.rotate()
    assert world.platform.resealing.reseal("safes", [str(row["id"]) for row in world.driver.rows(safes)]) == 1
    sealed = view.get(safes, {"id": "one"})["code_sealed"]
    assert key_id_of(sealed) == newest
    assert world.platform.sealer.open(sealed, place).reveal() == "1234"


def _record(body):
    return {
        "messageId": "m-1",
        "body": json.dumps(body),
        "receiptHandle": "r",
        "attributes": {},
        "messageAttributes": {},
    }


def test_only_tables_of_the_stage_are_read(world, fleet):
    """A family that is not deployed there has none: the rotation would fail after it has made its key."""
    read = []

    class Noted(Scans):
        def paginate(self, **asked):
            read.append(asked["TableName"])
            return super().paginate(**asked)

    services = world.fleet
    keys, queues = services.platform.sealer.keys, services.platform.queues
    left = DataKeyRotation(Noted(world), "edge-", CORE.tables, keys, queues, world.clock).left()

    assert left.values == {}
    assert "edge-nodes" in read
    assert set(read) <= {f"edge-{table.name}" for table in CORE.tables}
