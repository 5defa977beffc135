"""The routes of self-update requests, operators' and agents', through the real edge."""

import json
import os
from pathlib import Path

import pytest
from openapi_schema_validator import OAS30Validator

from chalicelib.api.operator.self_update_requests import SelfUpdateRequestListQuery
from chalicelib.kit.listing import filter_names
from chalicelib.updates.store import FIELDS
from tests.builders import a_cluster, machines
from tests.callers import operator
from tests.world import World

PATH = "/api/v1/self_update_requests"
CHECK = "/api/v1/agents/self_updates/check"
NOBODY = "00000000-0000-4000-8000-000000000000"
CONTRACT = os.environ.get("EDGE_CONTRACT_DIR")


@pytest.fixture
def world():
    world = World()
    a_cluster(world, "north")
    (world.machine,) = machines(world, 1, self_update_enabled=True)
    world.settle()
    return world


@pytest.fixture
def client(world):
    return operator(world)


def create(client, **targeting):
    return client.post(PATH, json={"targeting": targeting or {"type": "all"}})


def complete(world):
    world.settle()
    world.clock.advance(10_801)
    world.sweep("sweep_commands")
    world.settle()


def test_a_request_is_made_carried_out_and_removed(client, world):
    made = create(client, type="nodes", node_ids=[world.machine.id])

    assert (made.status, made.headers["location"]) == (201, f"{PATH}/{made.data['id']}")
    assert made.data | {"id": ""} == {
        "id": "",
        "targeting": {"type": "nodes", "node_ids": [world.machine.id]},
        "status": "pending",
        "summary": None,
        "inserted_at": "2026-11-21T10:00:00Z",
        "updated_at": "2026-11-21T10:00:00Z",
    }
    refused = client.delete(f"{PATH}/{made.data['id']}")
    assert refused.error["message"] == (
        "cannot delete self-update request with status 'pending' - only completed requests can be deleted"
    )
    complete(world)
    shown = client.get(f"{PATH}/{made.data['id']}").data
    assert (shown["status"], shown["summary"]) == ("completed", {"total": 1, "triggered": 0, "failed": 1})
    assert client.delete(f"{PATH}/{made.data['id']}").status == 204
    assert client.get(f"{PATH}/{made.data['id']}").status == 404
    assert client.delete(f"{PATH}/{made.data['id']}").status == 404


def test_an_agent_asks(client, world):
    def check():
        return client.get(CHECK, key=world.machine.token)

    assert check().data == {"including_me": False, "inserted_at": None}
    create(client)
    world.settle()
    assert check().data == {"including_me": True, "inserted_at": "2026-11-21T10:00:00Z"}
    assert client.get(CHECK).status == 401


@pytest.mark.parametrize(
    ("targeting", "status", "field"),
    [
        ({"type": "nodes"}, 422, "node_ids"),
        ({"type": "clusters", "cluster_names": []}, 422, "cluster_names"),
        ({"type": "some"}, 400, "targeting/type"),
        ({"type": "all", "node_filters": {"bogus": 1}}, 400, "targeting/node_filters/bogus"),
        ({"type": "nodes", "node_ids": ["x"]}, 400, "targeting/node_ids/0"),
    ],
)
def test_wrong_targeting(client, targeting, status, field):
    answer = create(client, **targeting)

    assert (answer.status, list(answer.error["details"])) == (status, [field])


def test_none_is_made_in_degraded_mode(world):
    world.services.degraded = lambda: True
    client = operator(world)

    assert (create(client).status, client.get(PATH).status) == (503, 200)


def test_lists_by_status(client, world):
    create(client)
    complete(world)
    create(client)

    assert [row["status"] for row in client.get(PATH).data] == ["pending", "completed"]
    assert len(client.get(PATH, query={"status": "completed"}).data) == 1
    assert [row["status"] for row in client.get(PATH, query={"order_by": "inserted_at"}).data] == [
        "completed",
        "pending",
    ]
    assert client.get(PATH, query={"status": "done"}).status == 400
    assert client.get(f"{PATH}/{NOBODY}").status == 404


def test_the_query_names_the_filters_that_fields_know():
    paging = {"page", "page_size", "order_by", "order_directions"}

    assert set(SelfUpdateRequestListQuery.model_fields) - paging <= filter_names(FIELDS)


@pytest.mark.skipif(CONTRACT is None, reason="EDGE_CONTRACT_DIR names no folder with the contract")
def test_answers_fit_the_published_contract(client, world):
    document = json.loads((Path(CONTRACT) / "edge-admin-openapi-v0.2.0.json").read_text())
    components = document["components"]
    made = create(client)
    complete(world)
    for schema, answer in (
        ("SelfUpdateRequestSingleResponse", made),
        ("SelfUpdateRequestSingleResponse", client.get(f"{PATH}/{made.data['id']}")),
        ("SelfUpdateRequestPaginatedResponse", client.get(PATH)),
    ):
        OAS30Validator({**components["schemas"][schema], "components": components}).validate(answer.json)
