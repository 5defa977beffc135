"""Metrics of nodes over HTTP: pushed by agents, read by operators and by a Prometheus."""

import json
import os

import pytest
from openapi_schema_validator import OAS30Validator

from chalicelib.fleet.metrics.discovery import LISTED, MOST_TARGETS
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, unavailable
from tests.support.callers import Agent, a_key, connect, enrolled, operator
from tests.support.client import API_KEY, METRICS_KEY
from tests.support.published import OPENAPI, published
from tests.support.world import World
from tests.unit.fleet.metrics.texts import AGENT, BOOTED, HOST

CONTRACT_DIR = os.environ.get("EDGE_CONTRACT_DIR", "")
NOWHERE = "01900000-0000-7000-8000-0000000000ff"
PUSH = "/api/v1/agents/metrics/push"
TEXT_FORMAT = "text/plain; version=0.0.4"
JSON_VIEWS = ("metrics", "metrics/host", "metrics/agent")
RAW_VIEWS = tuple(f"metrics/{each}/raw" for each in MetricsType)


@pytest.fixture
def world():
    return World(api_key=API_KEY, metrics_key=METRICS_KEY)


@pytest.fixture
def client(world):
    client = operator(world)
    client.post("/api/v1/clusters", json={"name": "north"})
    return client.with_key(METRICS_KEY)


@pytest.fixture
def agent(client):
    return enrolled(client.with_key("master-key"), 1)[0]


def push(client, agent, metrics_type, text):
    answer = client.post(PUSH, json={"metrics_type": metrics_type, "metrics_text": text}, key=agent.token)
    assert answer.status == 200
    return answer.data


def path(node_id, view):
    return f"/api/v1/nodes/{node_id}/{view}"


def check_contract(view, instance):
    if not CONTRACT_DIR:
        return
    contract = published(OPENAPI)
    operation = contract["paths"][f"/api/v1/nodes/{{node_id}}/{view}"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    OAS30Validator({"allOf": [schema], "components": contract["components"]}).validate(instance)


class TestPush:
    def test_push_response_shows_what_was_stored(self, client, agent):
        first = push(client, agent, "host", HOST)
        assert first == {
            "id": first["id"],
            "node_id": agent.id,
            "metrics_type": "host",
            "updated_at": "2026-11-21T10:00:00Z",
        }
        client.services.platform.clock.advance(5)
        again = push(client, agent, "host", HOST)
        assert (again["id"], again["updated_at"]) == (first["id"], "2026-11-21T10:00:05Z")
        assert push(client, agent, "agent", AGENT)["id"] != first["id"]

    def test_push_costs_two_calls_and_one_where_a_family_is_told(self, client, agent):
        agent.heartbeat()  # that it was heard is noted once in a while
        push(client, agent, "host", HOST)
        meter = client.services.platform.tables.meter
        assert [call.operation for call in meter.calls] == ["BatchGetItem", "UpdateItem", "PutItem"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"metrics_type": "disk", "metrics_text": "up 1"}, "metrics_type"),
            ({"metrics_type": "host"}, "metrics_text"),
            ({"metrics_type": "host", "metrics_text": ""}, "metrics_text"),
            ({"metrics_type": "host", "metrics_text": 5}, "metrics_text"),
        ],
    )
    def test_malformed_push_is_400_and_names_the_field(self, client, agent, body, field):
        answer = client.post(PUSH, json=body, key=agent.token)
        assert (answer.status, list(answer.error["details"])) == (400, [field])

    def test_push_with_an_operator_key_is_401(self, client, agent):
        body = {"metrics_type": "host", "metrics_text": "up 1"}
        assert client.post(PUSH, json=body, key="master-key").status == 401

    @pytest.mark.parametrize("text", ["x" * 1024 * 1024, bytes(range(256)).hex()])
    def test_oversized_push_is_413_and_keeps_the_previous_text(self, client, agent, text):
        push(client, agent, "host", "up 1\n")
        text = text if len(text) > 1000 else client.services.platform.ids.token_bytes(450_000).hex()
        answer = client.post(PUSH, json={"metrics_type": "host", "metrics_text": text}, key=agent.token)
        assert (answer.status, answer.error["code"]) == (413, "payload_too_large")
        assert client.get(path(agent.id, "metrics/host/raw")).text == "up 1\n"


@pytest.mark.parametrize("seconds", [None, 120])
def test_registration_response_shows_the_metrics_push_interval(seconds):
    client = operator(World(metrics_push_seconds=seconds))
    client.post("/api/v1/clusters", json={"name": "north"})
    agent = Agent(client, 0)
    registered = agent.enrol(a_key(client, "north"), "north")[-1]
    assert (registered.status, registered.data["metrics_push_seconds"]) == (201, seconds)


class TestJson:
    def test_host_metrics_are_shown_as_json(self, world, client, agent):
        push(client, agent, "host", HOST)
        answer = client.get(path(agent.id, "metrics/host"))
        assert answer.status == 200
        assert answer.data["memory"]["usage_percent"] == 67.24
        assert answer.data["uptime"]["seconds"] == int(world.clock.now().timestamp()) - BOOTED
        assert {name: answer.data[name] for name in ("node_id", "cluster_name", "timestamp")} == {
            "node_id": agent.id,
            "cluster_name": "north",
            "timestamp": "2026-11-21T10:00:00Z",
        }
        check_contract("metrics/host", answer.data)

    def test_agent_metrics_are_shown_as_json(self, client, agent):
        push(client, agent, "agent", AGENT)
        answer = client.get(path(agent.id, "metrics/agent"))
        assert (answer.status, answer.data["commands"]["synced_total"]) == (200, 156)
        check_contract("metrics/agent", answer.json)

    def test_node_metrics_combine_host_and_agent(self, world, client, agent):
        push(client, agent, "host", HOST)
        world.clock.advance(10)
        push(client, agent, "agent", AGENT)
        world.clock.advance(10)
        answer = client.get(path(agent.id, "metrics"))
        host, own = (client.get(path(agent.id, f"metrics/{half}")).data for half in ("host", "agent"))
        assert answer.data == {
            "node_id": agent.id,
            "cluster_name": "north",
            "timestamp": "2026-11-21T10:00:20Z",
            "host": {"available": True, **host},
            "agent": {"available": True, **own},
        }
        assert (host["timestamp"], own["timestamp"]) == ("2026-11-21T10:00:00Z", "2026-11-21T10:00:10Z")
        check_contract("metrics", answer.json)

    def test_missing_half_of_node_metrics_is_unavailable(self, client, agent):
        push(client, agent, "agent", AGENT)
        answer = client.get(path(agent.id, "metrics"))
        assert answer.status == 200
        assert answer.data["host"] == {"available": False, "error": "unavailable"}
        assert answer.data["agent"]["available"] is True
        check_contract("metrics", answer.json)

    def test_unknown_node_is_shown_without_metrics(self, client):
        answer = client.get(path(NOWHERE, "metrics"))
        assert (answer.status, answer.data["cluster_name"]) == (200, None)
        assert answer.data["host"] == answer.data["agent"] == {"available": False, "error": "unavailable"}


class TestRaw:
    @pytest.mark.parametrize("each", MetricsType)
    def test_raw_metrics_return_the_pushed_text(self, client, agent, each):
        text = f'up{{of="{each} é"}} 1\n'
        push(client, agent, each.value, text)
        answer = client.get(path(agent.id, f"metrics/{each}/raw"))
        assert (answer.status, answer.text, answer.headers["content-type"]) == (200, text, TEXT_FORMAT)

    def test_raw_metrics_wake_a_connected_agent_for_fresh_text(self, world, client, agent):
        connect(world, agent, "socket-1")
        world.socket_client.after_post = lambda frame: push(client, agent, *frame["metrics_types"], "up 2\n")
        assert client.get(path(agent.id, "metrics/wireguard/raw")).text == "up 2\n"
        assert world.socket_client.frames["socket-1"] == [{"type": "metrics", "metrics_types": ["wireguard"]}]


@pytest.mark.parametrize("view", [*JSON_VIEWS[1:], *RAW_VIEWS])
class TestNothingToShow:
    def test_metrics_view_of_an_unknown_node_is_404(self, client, view):
        answer = client.get(path(NOWHERE, view))
        assert (answer.status, answer.error["code"]) == (404, "not_found")
        assert answer.headers["content-type"] == "application/json"

    def test_node_without_metrics_is_503(self, client, agent, view):
        answer = client.get(path(agent.id, view))
        assert (answer.status, answer.error) == (
            503,
            {"code": "service_unavailable", "message": unavailable().message},
        )


@pytest.mark.parametrize("view", [*JSON_VIEWS, *RAW_VIEWS])
class TestAccess:
    def test_node_metrics_open_to_the_metrics_and_master_keys_only(self, client, agent, view):
        for each in MetricsType:
            push(client, agent, each.value, "up 1\n")
        keys = {METRICS_KEY: 200, "master-key": 200, API_KEY: 401, agent.token: 401, "wrong": 401, None: 401}
        assert {key: client.get(path(agent.id, view), key=key).status for key in keys} == keys

    def test_malformed_node_id_is_400(self, client, view):
        assert client.get(path("1", view)).status == 400

    def test_unknown_metrics_query_is_400(self, client, agent, view):
        assert client.get(path(agent.id, view), query={"surprise": 1}).status == 400


class TestDiscovery:
    def url(self, each):
        return f"/api/v1/nodes/metrics/{each}/discovery"

    @pytest.mark.parametrize("each", MetricsType)
    def test_discovery_returns_prometheus_targets(self, client, agent, each):
        answer = client.get(self.url(each))
        assert answer.headers["content-type"] == "application/json"
        assert answer.json == [
            {
                "targets": ["api.test"],
                "labels": {
                    "cluster": "north",
                    "job": f"node-{each}-metrics",
                    "__metrics_path__": f"/api/v1/nodes/{agent.id}/metrics/{each}/raw",
                    "node_id": agent.id,
                },
            }
        ]

    @pytest.mark.parametrize(
        ("settings", "target", "prefix", "scheme"),
        [
            ({"metrics_base_url": "admin.test:44000"}, "admin.test:44000", "", None),
            ({"metrics_base_url": "https://admin.test/"}, "admin.test", "", "https"),
            ({"public_url": "https://x.amazonaws.com/api"}, "x.amazonaws.com", "/api", "https"),
        ],
    )
    def test_discovery_target_follows_the_public_url(self, settings, target, prefix, scheme):
        client = operator(World(**settings))
        client.post("/api/v1/clusters", json={"name": "north"})
        [agent] = enrolled(client, 1)
        [entry] = client.get(self.url("host")).json
        assert entry["targets"] == [target]
        assert entry["labels"]["__metrics_path__"] == f"{prefix}/api/v1/nodes/{agent.id}/metrics/host/raw"
        assert entry["labels"].get("__scheme__") == scheme

    def test_discovery_without_a_public_url_is_503(self):
        assert operator(World(public_url="")).get(self.url("host")).status == 503

    def test_discovery_omits_unreachable_nodes(self, world, client):
        agents = enrolled(client.with_key("master-key"), 3)
        world.clock.advance(301)
        agents[0].heartbeat()
        client.request(
            "PATCH",
            "/api/v1/agents/nodes/me/health_check",
            json={"status": "unhealthy"},
            key=agents[1].token,
        )
        world.sweep("check_health")
        found = {entry["labels"]["node_id"] for entry in client.get(self.url("host")).json}
        assert found == {agents[0].id, agents[1].id}

    def test_discovery_filters_by_cluster(self, client):
        master = client.with_key("master-key")
        master.post("/api/v1/clusters", json={"name": "south"})
        north, south = enrolled(master, 2), enrolled(master, 3, "south")

        def nodes(**query):
            return [entry["labels"]["node_id"] for entry in client.get(self.url("agent"), query=query).json]

        assert nodes(cluster_name="south") == sorted(agent.id for agent in south)
        assert nodes() == [*sorted(agent.id for agent in north), *sorted(agent.id for agent in south)]
        assert nodes(cluster_name="west") == []

    def test_discovery_reads_index_entries_and_no_rows(self, client, agent):
        client.get(self.url("host"))
        meter = client.services.platform.tables.meter
        assert [call.operation for call in meter.calls] == ["Query"] * 8

    def test_discovery_above_its_limit_is_refused_with_the_filter_named(self, client):
        enrolled(client.with_key("master-key"), 3)
        nodes = client.services.nodes
        assert len(nodes.reading.summaries_by_status(LISTED, None, 3, reach=EVERYWHERE)) == 3
        for cluster_name in (None, "north"):
            with pytest.raises(EdgeError) as refused:
                nodes.reading.summaries_by_status(LISTED, cluster_name, 2, reach=EVERYWHERE)
            assert refused.value.details == {"cluster_name": ["add this filter: there are more than 2 nodes"]}

    def test_largest_discovery_list_fits_a_response(self, client, agent):
        [entry] = client.get(self.url("wireguard")).json
        entry["labels"]["cluster"] = "n" * 24
        entry["targets"] = ["abcdefghij.execute-api.ap-southeast-1.amazonaws.com"]
        escaped = json.dumps(json.dumps(entry, separators=(",", ":")))
        assert len(escaped) * MOST_TARGETS < 6 * 1024 * 1024

    @pytest.mark.parametrize(("key", "status"), [(METRICS_KEY, 200), ("master-key", 200), (API_KEY, 401), (None, 401)])
    def test_discovery_is_open_to_its_keys_only(self, client, key, status):
        assert client.get(self.url("host"), key=key).status == status

    def test_discovery_of_an_unknown_type_is_404(self, client):
        assert client.get(self.url("disk")).status == 404
