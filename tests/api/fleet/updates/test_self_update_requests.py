"""The routes of self-update requests, operators' and agents', through the real edge."""

import json
import os
from pathlib import Path

import pytest
from openapi_schema_validator import OAS30Validator

from chalicelib.fleet.api.operator.self_update_requests import SelfUpdateRequestListQuery
from chalicelib.fleet.updates.model import RequestStatus
from chalicelib.fleet.updates.rules import delete_refused
from chalicelib.fleet.updates.store import FIELDS
from chalicelib.kit.listing import filter_names
from chalicelib.web.list_query import PAGING
from infra.agent_bundle import Bundle
from infra.agent_release import publish
from tests.support.builders import a_cluster, machines
from tests.support.callers import operator
from tests.support.world import BUCKET, World

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


def create(client, **targeting):
    return client.post(PATH, json={"targeting": targeting or {"type": "all"}})


def complete(world):
    world.settle()
    world.clock.advance(10_801)
    world.sweep("sweep_commands")
    world.settle()


def test_self_update_request_is_created_completed_and_deleted(client, world):
    made = create(client, type="nodes", node_ids=[world.machine.id])

    assert (made.status, made.headers["location"]) == (201, f"{PATH}/{made.data['id']}")
    assert made.data | {"id": ""} == {
        "id": "",
        "targeting": {"type": "nodes", "node_ids": [world.machine.id]},
        "version": None,
        "status": "pending",
        "summary": None,
        "inserted_at": "2026-11-21T10:00:00Z",
        "updated_at": "2026-11-21T10:00:00Z",
    }
    refused = client.delete(f"{PATH}/{made.data['id']}")
    assert refused.error["message"] == delete_refused(RequestStatus.PENDING).message
    complete(world)
    shown = client.get(f"{PATH}/{made.data['id']}").data
    assert (shown["status"], shown["summary"]) == ("completed", {"total": 1, "triggered": 0, "failed": 1, "updated": 0})
    assert client.delete(f"{PATH}/{made.data['id']}").status == 204
    assert client.get(f"{PATH}/{made.data['id']}").status == 404
    assert client.delete(f"{PATH}/{made.data['id']}").status == 404


def test_self_update_check_tells_an_agent_whether_it_is_included(client, world):
    def check():
        return client.get(CHECK, key=world.machine.token)

    assert check().data == {"including_me": False, "inserted_at": None, "request_id": None, "version": None}
    made = create(client)
    world.settle()
    assert check().data == {
        "including_me": True,
        "inserted_at": "2026-11-21T10:00:00Z",
        "request_id": made.data["id"],
        "version": None,
    }
    assert client.get(CHECK).status == 401


def test_self_update_result_and_running_version_are_shown_to_operators(client, world):
    (machine,) = machines(world, 1, self_update_enabled=True, agent_version="0.2.0+b1")
    publish(world.object_client, BUCKET, [Bundle("0.3.0+b2", "x86_64", ("3.11",), b"archive")])
    world.settle()
    wanted = {"targeting": {"type": "nodes", "node_ids": [machine.id]}, "version": "0.3.0+b2"}
    made = client.post(PATH, json=wanted)
    assert (made.status, made.data["version"]) == (201, "0.3.0+b2")
    world.settle()
    path = f"/api/v1/agents/self_updates/{made.data['id']}/outcome"
    said = {"status": "updated", "version": "0.3.0+b2"}
    assert client.patch(path, key=machine.token, json=said).status == 409, "nobody has told it yet"
    assert client.get(CHECK, key=machine.token).data["version"] == "0.3.0+b2"
    taken = client.patch(path, key=machine.token, json=said)
    assert (taken.status, taken.data["status"], taken.data["version"]) == (200, "updated", "0.3.0+b2")
    assert client.patch(path, key=world.machine.token, json=said).status == 404
    assert client.patch(path, key=machine.token, json={**said, "status": "triggered"}).status == 400
    assert client.patch(path, json=said).status == 401
    nodes = client.get(f"{PATH}/{made.data['id']}/nodes").data
    assert [(row["node_id"], row["status"], row["version_before"], row["version"]) for row in nodes] == [
        (machine.id, "updated", "0.2.0+b1", "0.3.0+b2")
    ]
    assert client.get(f"{PATH}/{made.data['id']}/nodes", query={"status": "failed"}).data == []
    assert client.get(f"{PATH}/{NOBODY}/nodes").status == 404


def test_self_update_to_an_unserved_version_is_422_and_creates_nothing(client):
    answer = client.post(PATH, json={"targeting": {"type": "all"}, "version": "9.9.9"})
    assert (answer.status, answer.error["details"]) == (
        422,
        {"version": ["is no version of the agent that this stack serves"]},
    )
    assert client.get(PATH).data == []


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
def test_wrong_self_update_targeting_is_refused_by_field(client, targeting, status, field):
    answer = create(client, **targeting)

    assert (answer.status, list(answer.error["details"])) == (status, [field])


def test_self_update_request_in_degraded_mode_is_503(world):
    world.fleet.degraded = lambda: True
    client = operator(world)

    assert (create(client).status, client.get(PATH).status) == (503, 200)


def test_self_update_request_list_filters_by_status(client, world):
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


def test_self_update_query_offers_only_known_filters():
    assert set(SelfUpdateRequestListQuery.model_fields) - PAGING <= filter_names(FIELDS)


@pytest.mark.skipif(CONTRACT is None, reason="EDGE_CONTRACT_DIR names no folder with the contract")
def test_self_update_responses_fit_the_contract(client, world):
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
