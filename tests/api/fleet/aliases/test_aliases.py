"""The routes of aliases, operators' and agents', through the real edge."""

import json
import os
from pathlib import Path

import pytest
from openapi_schema_validator import OAS30Validator

from chalicelib.fleet.aliases.rules import check_name
from chalicelib.fleet.aliases.store import FIELDS
from chalicelib.fleet.api.operator import aliases as routes
from chalicelib.kit.errors import taken
from chalicelib.kit.listing import filter_names
from chalicelib.web.list_query import PAGING, ListQuery
from tests.support.builders import a_cluster, machines
from tests.support.refusals import refusal
from tests.support.world import World

NOBODY = "00000000-0000-4000-8000-000000000000"
CONTRACT = os.environ.get("EDGE_CONTRACT_DIR")
OWN = "/api/v1/agents/aliases"


@pytest.fixture
def world():
    world = World(reveal_node_secrets=True)
    a_cluster(world, "north")
    world.one, world.two = machines(world, 2)
    return world


def create(client, machine, name="web"):
    return client.post(f"/api/v1/nodes/{machine.id}/aliases", json={"name": name})


def test_alias_is_created_shown_on_its_node_and_deleted(client, world):
    answer = create(client, world.one)

    assert (answer.status, "location" in answer.headers) == (201, False)
    alias = answer.data
    assert alias | {"id": ""} == {
        "id": "",
        "name": "web",
        "vpn_hostname": "node-web.cluster-north.nm.internal",
        "node_id": world.one.id,
        "cluster_name": "north",
        "inserted_at": "2026-11-21T10:00:00Z",
        "updated_at": "2026-11-21T10:00:00Z",
    }
    assert client.get(f"/api/v1/aliases/{alias['id']}").data == alias
    shown = [{name: alias[name] for name in ("id", "name", "vpn_hostname")}]
    assert client.get(f"/api/v1/nodes/{world.one.id}").data["aliases"] == shown
    assert client.get("/api/v1/nodes").json["data"][1]["aliases"] in ([], shown)

    assert client.delete(f"/api/v1/aliases/{alias['id']}").status == 204
    assert client.get(f"/api/v1/nodes/{world.one.id}").data["aliases"] == []
    assert client.delete(f"/api/v1/aliases/{alias['id']}").status == 404
    assert client.get(f"/api/v1/aliases/{alias['id']}").status == 404


@pytest.mark.parametrize("name", ["", "Web", "a_b", "-a", "a" * 64])
def test_malformed_alias_name_is_400_for_operators(client, world, name):
    answer = create(client, world.one, name)

    assert (answer.status, answer.error["code"], list(answer.error["details"])) == (400, "bad_request", ["name"])


def test_alias_name_like_a_node_id_is_422_for_operators_and_agents(client, world):
    details = refusal(check_name, world.two.id).details
    answer = create(client, world.one, world.two.id)
    own = client.post(OWN, json={"name": world.two.id}, key=world.one.token)

    assert (answer.status, answer.error["details"]) == (422, details)
    assert (own.status, own.error["details"]) == (422, details)


def test_taken_alias_name_is_409_and_unknown_node_404(client, world):
    create(client, world.one)
    second = create(client, world.two)

    assert (second.status, second.error["message"]) == (409, taken("name").message)
    assert client.post(f"/api/v1/nodes/{NOBODY}/aliases", json={"name": "web"}).status == 404
    assert client.post("/api/v1/nodes/no-uuid/aliases", json={"name": "web"}).status == 400
    assert client.get("/api/v1/aliases/no-uuid").status == 400


def test_agent_creates_an_alias_for_itself_once(client, world):
    answer = client.post(OWN, json={"name": "web"}, key=world.one.token)

    assert answer.status == 201
    assert answer.data | {"id": ""} == {"id": "", "name": "web", "node_id": world.one.id}
    assert client.post(OWN, json={"name": "web"}, key=world.one.token).status == 409
    assert client.post(OWN, json={"name": "web"}).status == 401


@pytest.mark.parametrize("name", ["Web", "", "a" * 64])
def test_malformed_alias_name_is_422_for_agents(client, world, name):
    answer = client.post(OWN, json={"name": name}, key=world.one.token)

    assert (answer.status, answer.error["details"]) == (422, refusal(check_name, name).details)


def test_malformed_alias_body_of_an_agent_is_400(client, world):
    assert client.post(OWN, json={}, key=world.one.token).status == 400
    assert client.post(OWN, json={"name": "web", "more": 1}, key=world.one.token).status == 400


def test_alias_list_filters_and_orders_rows(client, world):
    for machine, name in ((world.one, "web-1"), (world.two, "web-2"), (world.two, "db")):
        create(client, machine, name)

    def names(**query):
        return [alias["name"] for alias in client.get("/api/v1/aliases", query=query).data]

    assert names(order_by="name", order_directions="desc") == ["web-2", "web-1", "db"]
    assert names(name="web*", order_by="name") == ["web-1", "web-2"]
    assert names(node_id=world.two.id, order_by="name") == ["db", "web-2"]
    assert len(names(cluster_name="north")) == 3
    assert names(cluster_name="south,nowhere") == []
    assert names(node_id=NOBODY) == []
    assert client.get("/api/v1/aliases", query={"bogus": "1"}).status == 400


def test_alias_query_offers_only_known_filters():
    wanted = set(routes.AliasListQuery.model_fields) - PAGING
    assert wanted <= filter_names(FIELDS)
    assert set(ListQuery.model_fields) <= set(routes.AliasListQuery.model_fields)


@pytest.mark.skipif(CONTRACT is None, reason="EDGE_CONTRACT_DIR names no folder with the contract")
def test_alias_responses_fit_the_contract(client, world):
    document = json.loads((Path(CONTRACT) / "edge-admin-openapi-v0.2.0.json").read_text())
    made = create(client, world.one)

    for schema, answer in (
        ("AliasSingleResponse", made),
        ("AliasSingleResponse", client.get(f"/api/v1/aliases/{made.data['id']}")),
        ("AliasPaginatedResponse", client.get("/api/v1/aliases")),
        ("NodePaginatedResponse", client.get("/api/v1/nodes")),
    ):
        components = document["components"]
        OAS30Validator({**components["schemas"][schema], "components": components}).validate(answer.json)
