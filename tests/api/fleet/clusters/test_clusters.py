import json
import os
from pathlib import Path

import pytest
from openapi_schema_validator import OAS30Validator

from chalicelib.fleet.api.operator import clusters
from chalicelib.fleet.clusters.model import own_range
from chalicelib.fleet.clusters.rules import (
    below_count,
    check_capacity,
    check_name,
    name_taken,
    not_empty,
    overlapping,
    parse_range,
)
from chalicelib.fleet.clusters.store import FIELDS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.listing import filter_names
from chalicelib.web.list_query import PAGING
from tests.support.builders import machines
from tests.support.client import Client
from tests.support.refusals import refusal
from tests.support.world import World

NAME_PATTERN = "Invalid format. Expected a-z, 0-9 and -, neither first nor last a -"
CONTRACT_DIR = os.environ.get("EDGE_CONTRACT_DIR", "")


@pytest.fixture
def world():
    return World()


@pytest.fixture
def client(world):
    return Client([clusters.routes], world.fleet)


def create(client, name="prod", **fields):
    answer = client.post("/api/v1/clusters", json={"name": name, **fields})
    assert answer.status == 201, answer.text
    return answer.data


def test_created_cluster_has_a_location_that_shows_it(client):
    answer = client.post("/api/v1/clusters", json={"name": "prod", "node_limit": "50"})

    assert answer.status == 201
    assert answer.headers["location"] == "/api/v1/clusters/prod"
    assert {name: value for name, value in answer.data.items() if name != "id"} == {
        "name": "prod",
        "ipv4_range": "100.64.0.0/24",
        "ipv6_range": own_range(answer.data["id"]),
        "node_limit": 50,
        "node_count": 0,
        "nodes": [],
        "nodes_truncated": False,
        "network_name": "cluster-prod",
        "vpn_domain": "cluster-prod.nm.internal",
        "inserted_at": "2026-11-21T10:00:00Z",
        "updated_at": "2026-11-21T10:00:00Z",
    }
    assert client.get("/api/v1/clusters/prod").data == answer.data


def test_cluster_fields_of_null_count_as_omitted(client):
    data = create(client, ipv4_range=None, node_limit=None)

    assert (data["ipv4_range"], data["node_limit"]) == ("100.64.0.0/24", None)


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"name": ["Missing field: name"]}),
        ({"name": "a" * 25}, {"name": ["String length is larger than maxLength: 24"]}),
        ({"name": "-a"}, {"name": [NAME_PATTERN]}),
        ({"name": "a\n"}, {"name": [NAME_PATTERN]}),
        ({"name": 7}, {"name": ["Invalid string. Got: integer"]}),
        ({"name": "a", "node_limit": 0}, {"node_limit": ["0 is smaller than inclusive minimum 1"]}),
        (
            {"name": "a", "node_limit": 2**31},
            {"node_limit": ["2147483648 is larger than inclusive maximum 2147483647"]},
        ),
        ({"name": "a", "ipv4_range": 5}, {"ipv4_range": ["Invalid string. Got: integer"]}),
    ],
)
def test_malformed_cluster_is_400_without_any_call(world, client, body, details):
    answer = client.post("/api/v1/clusters", json=body)

    assert (answer.status, answer.error["code"]) == (400, "bad_request")
    assert answer.error["details"] == details
    assert world.platform.tables.meter.count == 0


@pytest.mark.parametrize("cidr", ["8.0.0.0", "8.0.0/24", "text", "", "8.0.0.0/24/1", "8.0.0.0/240"])
def test_malformed_cluster_range_is_400(client, cidr):
    answer = client.post("/api/v1/clusters", json={"name": "a", "ipv4_range": cidr})

    assert (answer.status, list(answer.error["details"])) == (400, ["ipv4_range"])


def test_cluster_with_an_unknown_field_is_400(client):
    assert client.post("/api/v1/clusters", json={"name": "a", "other": 1}).status == 400


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"name": "default"}, refusal(check_name, "default")),
        ({"name": "a", "ipv4_range": "999.1.1.1/8"}, refusal(parse_range, "999.1.1.1/8")),
        ({"name": "a", "ipv4_range": "10.0.0.0/24"}, refusal(parse_range, "10.0.0.0/24")),
        ({"name": "a", "ipv4_range": "8.0.0.0/31"}, refusal(parse_range, "8.0.0.0/31")),
        ({"name": "a", "node_limit": 237}, refusal(check_capacity, 237, 24, 20)),
    ],
)
def test_cluster_that_breaks_a_rule_is_422_and_changes_nothing(world, client, body, error):
    before = world.driver.snapshot()

    answer = client.post("/api/v1/clusters", json=body)

    assert (answer.status, answer.error["code"], answer.error["message"]) == (
        422,
        "validation_failed",
        error.message,
    )
    assert answer.error["details"] == error.details
    assert world.driver.snapshot() == before


def test_taken_cluster_name_or_range_is_409(client):
    create(client, "prod", ipv4_range="8.0.0.0/24")

    name = client.post("/api/v1/clusters", json={"name": "prod"})
    cidr = client.post("/api/v1/clusters", json={"name": "other", "ipv4_range": "8.0.0.9/16"})

    assert (name.status, name.error) == (409, {"code": "conflict", "message": name_taken().message})
    assert (cidr.status, cidr.error["message"]) == (409, overlapping("8.0.0.9/16").message)


def test_exhausted_range_pool_is_503():
    client = Client([clusters.routes], World(cluster_auto_generated_ranges="8.0.0.0/24").fleet)
    create(client, "one")

    answer = client.post("/api/v1/clusters", json={"name": "two"})

    assert (answer.status, answer.error["code"]) == (503, "service_unavailable")


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
@pytest.mark.parametrize(
    ("name", "status"), [("none", 404), ("default", 404), ("Upper", 400), ("a" * 25, 400), ("%2Fetc", 400)]
)
def test_unknown_cluster_name_is_404_and_malformed_is_400(client, method, name, status):
    options = {"json": {"node_limit": 5}} if method == "patch" else {}

    assert getattr(client, method)(f"/api/v1/clusters/{name}", **options).status == status


def test_cluster_update_changes_only_given_fields(world, client):
    create(client, node_limit=5)
    world.clock.advance(60)

    untouched = client.patch("/api/v1/clusters/prod", json={})
    changed = client.patch("/api/v1/clusters/prod", json={"node_limit": 9})
    lifted = client.patch("/api/v1/clusters/prod", json={"node_limit": None})

    assert [answer.status for answer in (untouched, changed, lifted)] == [200, 200, 200]
    assert [answer.data["node_limit"] for answer in (untouched, changed, lifted)] == [5, 9, None]
    assert untouched.data["updated_at"] == "2026-11-21T10:00:00Z"
    assert lifted.data["updated_at"] == "2026-11-21T10:01:00Z"


@pytest.mark.parametrize("body", [{"name": "other"}, {"ipv4_range": "8.0.0.0/24"}, {"node_limit": "x"}])
def test_update_of_another_cluster_field_is_400(client, body):
    create(client)

    assert client.patch("/api/v1/clusters/prod", json=body).status == 400


def test_cluster_with_nodes_shows_them_and_is_not_deletable(world, client):
    create(client)
    first, second = machines(world, 2, "prod")

    shown = client.get("/api/v1/clusters/prod").data
    below = client.patch("/api/v1/clusters/prod", json={"node_limit": 1})
    refused = client.delete("/api/v1/clusters/prod")

    assert (shown["node_count"], shown["nodes_truncated"]) == (2, False)
    assert {node["id"]: node for node in shown["nodes"]}[first.id] == {
        "id": first.id,
        "status": "healthy",
        "id_type": "persistent",
        "enrollment_key_id": None,
        "vpn_hostname": f"node-{first.id}.cluster-prod.nm.internal",
    }
    assert below.status == 422
    assert below.error["details"] == below_count(2).details
    assert refused.status == 409
    assert refused.error["message"] == not_empty(2).message
    for machine in (first, second):
        world.fleet.nodes.placing.delete(machine.id, reach=EVERYWHERE)
    assert client.delete("/api/v1/clusters/prod").status == 204
    assert client.get("/api/v1/clusters/prod").status == 404


def test_cluster_list_truncates_many_nodes_and_says_so(world, client):
    create(client)
    create(client, "empty")
    machines(world, 101, "prod")

    listed = {cluster["name"]: cluster for cluster in client.get("/api/v1/clusters").data}
    whole = client.get("/api/v1/clusters/prod").data

    assert (len(listed["prod"]["nodes"]), listed["prod"]["nodes_truncated"]) == (100, True)
    assert (listed["empty"]["nodes"], listed["empty"]["nodes_truncated"]) == ([], False)
    assert (len(whole["nodes"]), whole["nodes_truncated"]) == (101, False)
    assert whole["node_count"] == listed["prod"]["node_count"] == 101


def test_cluster_list_is_paged(world, client):
    for name in ("a", "b", "c"):
        create(client, name)
        world.clock.advance(1)

    answer = client.get("/api/v1/clusters", query={"page": 2, "page_size": 2})

    assert [cluster["name"] for cluster in answer.data] == ["a"]
    assert answer.json["meta"]["pagination"] == {
        "page": 2,
        "page_size": 2,
        "total_count": 3,
        "total_pages": 2,
        "has_next": False,
        "has_prev": True,
        "next_page": None,
        "prev_page": 1,
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"name": "a*"}, ["a2", "a1"]),
        ({"node_limit": 5}, ["a1"]),
        ({"has_node_limit": "false"}, ["b1", "a2"]),
        ({"node_limit__gte": 1, "node_limit__lte": 5}, ["a1"]),
        ({"node_count__gte": 0, "node_count__lte": 0}, ["b1", "a2", "a1"]),
        ({"ipv4_range": "100.64.2.*"}, ["b1"]),
        ({"order_by": "name", "order_directions": "asc"}, ["a1", "a2", "b1"]),
        ({"inserted_at__gte": "2026-11-22"}, []),
    ],
)
def test_cluster_list_filters_rows(world, client, query, names):
    for name, limit in (("a1", 5), ("a2", None), ("b1", None)):
        create(client, name, node_limit=limit)
        world.clock.advance(1)

    assert [cluster["name"] for cluster in client.get("/api/v1/clusters", query=query).data] == names


@pytest.mark.parametrize(
    "query",
    [
        {"page_size": 101},
        {"page": 0},
        {"node_limit": 0},
        {"node_count__gte": -1},
        {"has_node_limit": "yes"},
        {"inserted_at__gte": "yesterday"},
        {"node_count": 1},
        {"unknown": 1},
    ],
)
def test_unknown_or_bad_cluster_list_parameter_is_400(client, query):
    answer = client.get("/api/v1/clusters", query=query)

    assert (answer.status, list(answer.error["details"])) == (400, list(query))


def test_cluster_query_offers_exactly_the_known_filters():
    offered = set(clusters.ClusterListQuery.model_fields) - PAGING

    assert offered == (filter_names(FIELDS) | {"node_id__in"}) - {"node_count"}  # the contract has only its bounds


def test_cluster_list_takes_four_calls_and_one_per_cluster(world, client):
    for n in range(5):
        create(client, f"c{n}")

    client.get("/api/v1/clusters")

    assert world.platform.tables.meter.count <= 4 + 5


def test_reading_a_cluster_takes_two_calls(world, client):
    create(client)

    client.get("/api/v1/clusters/prod")

    assert world.platform.tables.meter.count == 2


REQUESTS = [
    ("get", "/api/v1/clusters", {}),
    ("get", "/api/v1/clusters/prod", {}),
    ("post", "/api/v1/clusters", {"json": {"name": "new"}}),
    ("patch", "/api/v1/clusters/prod", {"json": {"node_limit": 1}}),
    ("delete", "/api/v1/clusters/prod", {}),
]


@pytest.mark.parametrize("key", [None, "wrong"])
@pytest.mark.parametrize(("method", "path", "options"), REQUESTS)
def test_cluster_routes_without_a_valid_key_are_401(client, method, path, options, key):
    create(client)

    assert getattr(client, method)(path, key=key, **options).status == 401


@pytest.mark.parametrize(("method", "path", "options"), REQUESTS)
def test_cluster_writes_in_degraded_mode_are_503(world, client, method, path, options):
    create(client)
    world.fleet.degraded = lambda: True

    answer = getattr(client, method)(path, **options)

    assert answer.status == (200 if method == "get" else 503)
    assert method == "get" or answer.error["code"] == "degraded_mode"


def test_default_cluster_is_listed_from_the_start():
    client = Client([clusters.routes], World(default_cluster_name="home", default_cluster_node_limit=9).fleet)

    assert [(one["name"], one["node_limit"]) for one in client.get("/api/v1/clusters").data] == [("home", 9)]


@pytest.mark.skipif(not CONTRACT_DIR, reason="EDGE_CONTRACT_DIR names no folder with the contract")
def test_cluster_responses_fit_the_contract(world, client):
    components = json.loads((Path(CONTRACT_DIR) / "edge-admin-openapi-v0.2.0.json").read_text())["components"]
    created = client.post("/api/v1/clusters", json={"name": "prod"})
    machines(world, 2, "prod")
    answers = [
        (created, "ClusterSingleResponse"),
        (client.get("/api/v1/clusters/prod"), "ClusterSingleResponse"),
        (client.patch("/api/v1/clusters/prod", json={"node_limit": 9}), "ClusterSingleResponse"),
        (client.get("/api/v1/clusters"), "ClusterPaginatedResponse"),
        (client.get("/api/v1/clusters", query={"page": 0}), "BadRequestResponse"),
        (client.get("/api/v1/clusters/none"), "NotFoundResponse"),
        (client.delete("/api/v1/clusters/prod"), "ConflictResponse"),
        (client.post("/api/v1/clusters", json={"name": "default"}), "ChangesetErrorResponse"),
    ]

    for answer, schema in answers:
        OAS30Validator({**components["schemas"][schema], "components": components}).validate(answer.json)
    assert [answer.status for answer, _ in answers] == [201, 200, 200, 200, 400, 404, 409, 422]
