"""The transport: versions, headers, messages that are none, and who may call."""

import json

import pytest

from chalicelib.fleet.api import API
from chalicelib.web.mcp.messages import NO_BATCH
from chalicelib.web.mcp.tools import tools_in
from tests.support.client import Client
from tests.support.world import MASTER_KEY, World

TOOLS = tools_in(API.tools_document)
MODERN = "2026-07-28"
META = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}


@pytest.fixture
def world():
    return World(cors_allowed_origins=("https://console.example",), api_key="the-api-key")


@pytest.fixture
def client(world):
    return Client(API.groups(), world.fleet, key=MASTER_KEY)


def message(method, params=None, **fields):
    return {"jsonrpc": "2.0", "id": 1, "method": method, **({} if params is None else {"params": params}), **fields}


def modern(method, params=None, **headers):
    sent = {"mcp-protocol-version": MODERN, "mcp-method": method, **headers}
    return {"json": message(method, {**(params or {}), "_meta": META}), "headers": sent}


def result(answer):
    assert answer.status == 200, answer.text
    return answer.json["result"]


class TestHandshake:
    @pytest.mark.parametrize("version", ["2025-03-26", "2025-06-18", "2025-11-25"])
    def test_known_version_is_agreed_upon(self, client, version):
        answered = result(client.post("/mcp", json=message("initialize", {"protocolVersion": version})))

        assert answered["protocolVersion"] == version
        assert answered["capabilities"] == {"tools": {}, "prompts": {}}
        assert answered["serverInfo"]["name"] == "edge-admin"

    @pytest.mark.parametrize("version", ["2024-11-05", "2099-01-01", None])
    def test_unknown_version_is_answered_by_the_newest_with_a_handshake(self, client, version):
        answered = result(client.post("/mcp", json=message("initialize", {"protocolVersion": version})))

        assert answered["protocolVersion"] == "2025-11-25"

    def test_ping_is_answered_by_nothing(self, client):
        assert result(client.post("/mcp", json=message("ping"))) == {}

    def test_notification_and_answer_get_no_body(self, client):
        for sent in (
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "id": 1, "result": {}},
        ):
            answer = client.post("/mcp", json=sent)
            assert (answer.status, answer.text) == (202, "")


class TestRequestVersion:
    def test_discovery_names_versions_and_capabilities(self, client):
        answered = result(client.post("/mcp", **modern("server/discover")))

        assert answered["supportedVersions"] == [MODERN]
        assert (answered["resultType"], answered["cacheScope"]) == ("complete", "private")

    @pytest.mark.parametrize(
        ("headers", "code"),
        [
            ({"mcp-method": "tools/call"}, -32020),
            ({"mcp-protocol-version": "2026-01-01"}, -32020),
            ({"mcp-protocol-version": "2025-99-99", "mcp-method": "ping"}, -32020),
        ],
    )
    def test_header_that_contradicts_the_message_is_refused(self, client, headers, code):
        asked = modern("tools/list", **headers)
        answer = client.post("/mcp", **asked)

        assert (answer.status, answer.json["error"]["code"]) == (400, code)

    def test_name_in_a_header_is_compared_also_when_encoded(self, client):
        asked = {"name": "no_such_tool"}
        right = client.post("/mcp", **modern("tools/call", asked, **{"mcp-name": "=?base64?bm9fc3VjaF90b29s?="}))
        wrong = client.post("/mcp", **modern("tools/call", asked, **{"mcp-name": "get_node"}))

        assert (right.status, right.json["error"]["code"]) == (400, -32602)
        assert (wrong.status, wrong.json["error"]["code"]) == (400, -32020)

    def test_version_that_is_not_served_is_refused_with_those_that_are(self, client):
        answer = client.post("/mcp", json=message("tools/list"), headers={"mcp-protocol-version": "2099-01-01"})

        assert (answer.status, answer.json["error"]["code"]) == (400, -32022)
        assert answer.json["error"]["data"]["supported"] == ["2025-03-26", "2025-06-18", "2025-11-25", MODERN]

    def test_method_that_is_unknown_is_404_as_this_version_has_it(self, client):
        answer = client.post("/mcp", **modern("resources/list"))

        assert (answer.status, answer.json["error"]["code"]) == (404, -32601)


class TestMessages:
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("{", -32700),
            ("[]", -32600),
            ("1", -32600),
            ('{"jsonrpc": "1.0", "id": 1, "method": "ping"}', -32600),
            ('{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600),
            ('{"jsonrpc": "2.0", "id": true, "method": "ping"}', -32600),
            ('{"jsonrpc": "2.0", "id": 1, "method": 1}', -32600),
            ('{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}', -32600),
        ],
    )
    def test_body_that_is_no_message_is_refused(self, client, body, code):
        answer = client.post("/mcp", body=body, headers={"content-type": "application/json"})

        assert (answer.status, answer.json["error"]["code"], answer.json["id"]) == (400, code, None)

    def test_batch_is_refused_in_words(self, client):
        answer = client.post("/mcp", json=[message("ping"), message("ping")])

        assert answer.json["error"]["message"] == NO_BATCH

    def test_body_of_another_type_is_refused_as_such(self, client):
        assert client.post("/mcp", body="ping", headers={"content-type": "text/plain"}).status == 415

    @pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
    def test_other_methods_are_refused(self, client, method):
        answer = client.request(method, "/mcp")

        assert (answer.status, answer.headers["allow"]) == (405, "OPTIONS, POST")

    @pytest.mark.parametrize(
        ("method", "params"),
        [
            ("tools/call", {"name": "list_nodez"}),
            ("tools/call", {}),
            ("tools/call", {"name": "list_nodes", "arguments": []}),
            ("tools/list", {"cursor": "next"}),
            ("prompts/get", {"name": "unknown"}),
            ("prompts/get", {"name": "run_on_group", "arguments": {"command": "true"}}),
            ("prompts/get", {"name": "unhealthy_nodes", "arguments": {"colour": "red"}}),
            ("prompts/get", {"name": "unhealthy_nodes", "arguments": {"scope": 1}}),
        ],
    )
    def test_wrong_parameters_are_an_error_of_the_protocol(self, client, method, params):
        answer = client.post("/mcp", json=message(method, params))

        assert (answer.status, answer.json["error"]["code"]) == (200, -32602)

    def test_misspelt_tool_is_told_the_near_ones(self, client):
        error = client.post("/mcp", json=message("tools/call", {"name": "list_nodez"})).json["error"]

        assert "list_nodes" in error["message"]


class TestCallers:
    @pytest.mark.parametrize("key", [None, "wrong"])
    def test_caller_without_a_key_is_refused(self, client, key):
        answer = client.post("/mcp", json=message("ping"), key=key)

        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")

    def test_page_of_an_allowed_origin_alone_may_call(self, client):
        for origin, status in (("https://console.example", 200), ("https://evil.example", 403), ("null", 403)):
            assert client.post("/mcp", json=message("ping"), headers={"origin": origin}).status == status

    def test_unknown_name_in_the_query_is_refused(self, client):
        assert client.post("/mcp", json=message("ping"), query={"readonly": "true"}).status == 400

    def test_call_of_a_tool_counts_once_against_the_limit_of_the_key(self, world, client):
        key = world.key_with(permissions=("nodes:read",), requests_per_minute=60)

        def left():
            answer = client.post("/mcp", json=message("tools/call", {"name": "list_nodes"}), key=key)
            assert not result(answer)["isError"]
            return int(answer.headers["x-ratelimit-remaining"])

        assert left() - left() == 1

    def test_key_above_its_limit_is_told_to_wait(self, world, client):
        key = world.key_with(permissions=("nodes:read",), requests_per_minute=1)
        answers = [client.post("/mcp", json=message("ping"), key=key) for _ in range(3)]

        assert answers[-1].status == 429
        assert int(answers[-1].headers["retry-after"]) > 0

    def test_tools_are_those_that_the_permissions_of_the_key_allow(self, world, client):
        key = world.key_with(permissions=("nodes:read",))
        listed = {tool["name"] for tool in result(client.post("/mcp", json=message("tools/list"), key=key))["tools"]}

        assert listed == {name for name, tool in TOOLS.items() if tool.permission in ("", "nodes:read")}

    def test_prompts_are_those_whose_tools_are_there(self, world, client):
        key = world.key_with(permissions=("nodes:read",))
        prompts = result(client.post("/mcp", json=message("prompts/list"), key=key))["prompts"]

        assert [prompt["name"] for prompt in prompts] == ["unhealthy_nodes"]


class TestPrompts:
    def test_prompt_is_filled_with_what_was_given(self, client):
        asked = {"name": "run_on_group", "arguments": {"command": "uptime", "group": "north $x"}}
        (filled,) = result(client.post("/mcp", json=message("prompts/get", asked)))["messages"]

        assert filled["role"] == "user"
        assert "uptime -- on these nodes: north $x." in filled["content"]["text"]

    def test_every_prompt_is_filled_from_its_required_arguments(self, client):
        for prompt in result(client.post("/mcp", json=message("prompts/list")))["prompts"]:
            given = {each["name"]: "word" for each in prompt["arguments"] if each["required"]}
            filled = result(
                client.post("/mcp", json=message("prompts/get", {"name": prompt["name"], "arguments": given}))
            )
            assert "$" not in json.dumps(filled)


def test_key_that_reads_no_metrics_is_offered_no_tool_for_them(client):
    listed = result(client.post("/mcp", json=message("tools/list"), key="the-api-key"))["tools"]

    assert {tool["name"] for tool in listed} == {name for name, tool in TOOLS.items() if tool.audience != "metrics"}
