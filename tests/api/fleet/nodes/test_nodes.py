"""The operators' routes of nodes, through the real edge."""

import json
import os
from pathlib import Path

import pytest
from openapi_schema_validator import OAS30Validator

from chalicelib.fleet.api.operator import nodes as routes
from chalicelib.fleet.nodes.filtering import LIST_FIELDS
from chalicelib.fleet.nodes.rules import already_there, full_cluster
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import not_found
from chalicelib.kit.listing import filter_names
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.web.list_query import PAGING, ListQuery
from chalicelib.web.validation import NOT_A_UUID
from tests.support.builders import a_cluster, machines
from tests.support.client import Client
from tests.support.world import World

NOBODY = "00000000-0000-4000-8000-000000000000"
CONTRACT = os.environ.get("EDGE_CONTRACT_DIR")


@pytest.fixture
def world():
    world = World(reveal_node_secrets=True)
    a_cluster(world, "north")
    a_cluster(world, "south", node_limit=1)
    world.machines = machines(world, 3)
    return world


@pytest.fixture
def client(world):
    return Client([routes.routes], world.fleet)


def ids(answer):
    return [node["id"] for node in answer.data]


def test_node_is_shown_with_the_fields_of_the_contract(client, world):
    machine = world.machines[0]

    answer = client.get(f"/api/v1/nodes/{machine.id}")

    assert answer.status == 200
    assert answer.data | {"proxy_password": ""} == {
        "id": machine.id,
        "node_name": f"node-{machine.id}",
        "cluster_name": "north",
        "netmaker_host_id": None,
        "vpn_host_id": None,
        "enrollment_key_id": answer.data["enrollment_key_id"],
        "id_type": "persistent",
        "status": "healthy",
        "vpn_hostname": f"node-{machine.id}.cluster-north.nm.internal",
        "mdns_hostname": f"node-{machine.id}.local",
        "http_port": 44000,
        "ssh_port": 40022,
        "host_metrics_port": 49100,
        "wireguard_metrics_port": 49586,
        "agent_metrics_port": 44000,
        "http_proxy_port": 43128,
        "socks5_proxy_port": 41080,
        "api_token": machine.token,
        "proxy_password": "",
        "version": "1.0.0",
        "self_update_enabled": False,
        **dict.fromkeys(("hostname", "os_name", "os_version", "architecture", "kernel", "booted_at")),
        "addresses": [],
        "ssh_host_keys": [],
        "labels": {},
        "features": [],
        "aliases": [],
        "blocked_at": None,
        "identity_conflict_at": None,
        "identity_conflict_instances": [],
        "last_seen_at": "2026-11-21T10:00:00Z",
        "inserted_at": "2026-11-21T10:00:00Z",
        "updated_at": "2026-11-21T10:00:00Z",
    }
    assert len(answer.data["proxy_password"]) == 43


@pytest.mark.skipif(CONTRACT is None, reason="EDGE_CONTRACT_DIR names no folder with the contract")
@pytest.mark.parametrize(
    ("path", "schema"), [("/api/v1/nodes", "NodePaginatedResponse"), ("/api/v1/nodes/{id}", "NodeSingleResponse")]
)
def test_node_responses_fit_the_contract(client, world, path, schema):
    document = json.loads((Path(CONTRACT) / "edge-admin-openapi-v0.2.0.json").read_text())
    components = document["components"]

    answer = client.get(path.format(id=world.machines[0].id))

    OAS30Validator({**components["schemas"][schema], "components": components}).validate(answer.json)


@pytest.mark.parametrize(
    ("is_on", "principal", "is_shown"),
    [
        (True, {"role": KeyRole.ADMIN}, True),
        (True, {"permissions": ("nodes:read", "nodes:write", "nodes:reveal")}, True),
        (True, {"permissions": ("nodes:read", "nodes:write")}, False),
        (True, {"role": KeyRole.OPERATOR}, False),
        (None, {"role": KeyRole.ADMIN}, False),
        (False, {"role": KeyRole.ADMIN}, False),
    ],
)
def test_node_secrets_are_shown_where_setting_and_permission_allow_it(is_on, principal, is_shown):
    world = World(**({} if is_on is None else {"reveal_node_secrets": is_on}))
    a_cluster(world, "north")
    a_cluster(world, "south")
    [machine] = machines(world, 1)
    key = world.key_with(**principal)
    client = Client([routes.routes], world.fleet, key=key)
    moved = f"/api/v1/nodes/{machine.id}/change_cluster"

    answers = [client.get(f"/api/v1/nodes/{machine.id}"), client.get("/api/v1/nodes")]
    if principal.get("role") is not KeyRole.OPERATOR:
        answers.append(client.patch(moved, json={"cluster_name": "south"}))

    nodes = [answer.data[0] if isinstance(answer.data, list) else answer.data for answer in answers]
    assert {node["api_token"] for node in nodes} == {machine.token if is_shown else None}
    assert {node["proxy_password"] is not None for node in nodes} == {is_shown}


def test_reading_a_node_takes_one_call_and_a_note_of_its_secrets(client, world):
    client.get(f"/api/v1/nodes/{world.machines[0].id}")  # the data key is read once per container

    client.get(f"/api/v1/nodes/{world.machines[0].id}")

    calls = [(call.operation, call.table) for call in world.platform.tables.meter.calls]
    assert calls == [("BatchGetItem", "nodes,presence"), ("PutItem", "audit_events")]


def test_first_page_of_nodes_takes_eight_calls_at_most(client, world):
    client.get("/api/v1/nodes")

    client.get("/api/v1/nodes")

    assert world.platform.tables.meter.count <= 4 + 3 + 1


def test_node_list_is_paged_and_filtered(client, world):
    first = client.get("/api/v1/nodes", query={"page_size": 2})
    last = client.get("/api/v1/nodes", query={"page_size": 2, "page": 2})

    assert first.json["meta"]["pagination"]["total_count"] == 3
    assert sorted(ids(first) + ids(last)) == sorted(machine.id for machine in world.machines)
    assert ids(client.get("/api/v1/nodes", query={"cluster_name": "south"})) == []
    assert len(ids(client.get("/api/v1/nodes", query={"cluster_name": "n*", "status": "healthy"}))) == 3
    assert ids(client.get("/api/v1/nodes", query={"last_seen_at__gte": "2026-11-22"})) == []


def test_node_query_offers_only_known_filters():
    assert set(routes.NodeListQuery.model_fields) - PAGING <= filter_names(LIST_FIELDS)
    assert set(ListQuery.model_fields) < set(routes.NodeListQuery.model_fields)


@pytest.mark.parametrize(
    "query",
    [
        {"status": "fine"},
        {"id_type": ""},
        {"self_update_enabled": "yes"},
        {"page_size": 101},
        {"page": 0},
        {"last_seen_at__gte": "yesterday"},
        {"bogus": 1},
    ],
)
def test_bad_node_list_query_is_400_by_name(client, query):
    answer = client.get("/api/v1/nodes", query=query)

    assert (answer.status, answer.error["code"]) == (400, "bad_request")
    assert list(answer.error["details"]) == list(query)


def test_node_is_moved_to_another_cluster(client, world):
    machine = world.machines[0]

    answer = client.patch(f"/api/v1/nodes/{machine.id}/change_cluster", json={"cluster_name": "south"})

    assert (answer.status, answer.data["cluster_name"]) == (200, "south")
    assert answer.data["vpn_hostname"] == f"node-{machine.id}.cluster-south.nm.internal"
    assert answer.data == client.get(f"/api/v1/nodes/{machine.id}").data


@pytest.mark.parametrize(
    ("node", "body", "status", "code", "said"),
    [
        (None, {"cluster_name": "north"}, 409, "conflict", already_there().message),
        (None, {"cluster_name": "gone"}, 422, "validation_failed", {"cluster_name": ["not found"]}),
        (None, {"cluster_name": "No"}, 400, "bad_request", None),
        (None, {"cluster_name": "south", "force": True}, 400, "bad_request", None),
        (None, {}, 400, "bad_request", {"cluster_name": ["Missing field: cluster_name"]}),
        (NOBODY, {"cluster_name": "south"}, 404, "not_found", not_found().message),
        (
            "nonsense",
            {"cluster_name": "south"},
            400,
            "bad_request",
            {"id": [NOT_A_UUID]},
        ),
    ],
)
def test_refused_node_move_changes_nothing(client, world, node, body, status, code, said):
    before = world.driver.snapshot()

    answer = client.patch(f"/api/v1/nodes/{node or world.machines[0].id}/change_cluster", json=body)

    assert (answer.status, answer.error["code"]) == (status, code)
    assert said in (None, answer.error["message"], answer.error.get("details"))
    assert world.driver.snapshot() == before


def test_moving_a_node_to_a_full_cluster_is_409(client, world):
    client.patch(f"/api/v1/nodes/{world.machines[0].id}/change_cluster", json={"cluster_name": "south"})

    answer = client.patch(f"/api/v1/nodes/{world.machines[1].id}/change_cluster", json={"cluster_name": "south"})

    assert (answer.status, answer.error["message"]) == (409, full_cluster(1).message)


def test_deleted_node_is_404_and_not_listed(client, world):
    path = f"/api/v1/nodes/{world.machines[0].id.upper()}"

    assert client.delete(path).status == 204
    assert client.get(path).status == client.delete(path).status == 404
    assert len(ids(client.get("/api/v1/nodes"))) == 2
    assert world.fleet.clusters.get("north", reach=EVERYWHERE).node_count == 2


@pytest.mark.parametrize("key", [None, "wrong", "metrics-key"])
def test_node_routes_without_an_operator_key_are_401(client, world, key):
    stranger = client.with_key(key)
    path = f"/api/v1/nodes/{world.machines[0].id}"

    answers = [
        stranger.get("/api/v1/nodes"),
        stranger.get(path),
        stranger.delete(path),
        stranger.patch(f"{path}/change_cluster", json={"cluster_name": "south"}),
        stranger.with_key(world.machines[0].token).get(path),
    ]

    assert {answer.status for answer in answers} == {401}
    assert world.fleet.nodes.reading.get(world.machines[0].id, reach=EVERYWHERE).node.cluster_name == "north"


def test_node_writes_in_degraded_mode_are_503(client, world):
    world.fleet.degraded = lambda: True
    path = f"/api/v1/nodes/{world.machines[0].id}"

    assert client.delete(path).error["code"] == "degraded_mode"
    moved = client.patch(f"{path}/change_cluster", json={"cluster_name": "south"})
    assert (moved.status, moved.error["code"]) == (503, "degraded_mode")
    assert client.get(path).status == 200
