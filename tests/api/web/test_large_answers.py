"""No answer is larger than Lambda sends: whatever operators and agents have stored, a list of it can be read.

`tests.support.client` holds every answer to the limit as this runtime encodes it; here both encodings are.
"""

import pytest

from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.platform.access.principal import Scope
from chalicelib.web import page_bytes
from chalicelib.web.endpoint import Bare, Endpoints, PlainText, Request
from chalicelib.web.validation import NOT_A_UUID, NoBody, NoPath, NoQuery
from tests.support import runtime_answer
from tests.support.builders import a_command
from tests.support.callers import enrolled, operator
from tests.support.client import Client, edge_services
from tests.support.edge_routes import THINGS_READ, ThingOut
from tests.support.runtime_answer import MOST_BYTES, sent_bytes
from tests.support.world import World

CYRILLIC = "Служба остановлена: нет места на диске\n" * 820
"""60 KB of a journal."""

TEXTS = {
    "cyrillic": CYRILLIC,
    "json": '{"level":"error","text":"no space"}\n' * 1700,
    "control characters": "\u0001" * 60_000,
    "emoji": "\U0001f525" * 15_000,
    "line separators": "one" + "\u2028" * 20_000,
}

HOOK = {"url": "https://hooks.example/a", "secret": "s" * 40, "subscribed_events": ["edge.node.registered"]}


@pytest.fixture(params=[False, True], autouse=True, ids=["UTF-8", "only ASCII"])
def ascii_only(request, monkeypatch):
    monkeypatch.setattr(page_bytes, "ASCII_ONLY", request.param)
    monkeypatch.setattr(runtime_answer, "ASCII_ONLY", request.param)
    return request.param


@pytest.fixture
def world():
    return World()


@pytest.fixture
def client(world):
    client = operator(world)
    client.post("/api/v1/clusters", json={"name": "north"})
    world.settle()
    return client


def sent(answer):
    whole = {"statusCode": answer.status, "headers": dict(answer.headers), "body": answer.text}
    return sent_bytes(whole)


MANY = [
    pytest.param(text, id=name, marks=pytest.mark.slow if name in {"json", "line separators"} else ())
    for name, text in TEXTS.items()
]


@pytest.mark.parametrize("text", MANY)
def test_hundred_long_executions_fit_polls_and_lists(client, world, text):
    (agent,) = enrolled(client, 1)
    for _ in range(100):
        a_command(world, text)
    world.settle()

    taken: list[str] = []
    while page := agent.poll():
        assert sent(page) <= MOST_BYTES
        if not page.data:
            break
        for row in page.data:
            assert row["command_text"] == text
            assert agent.acknowledge(row["id"]).status == 200
            taken.append(row["id"])
    assert len(taken) == len(set(taken)) == 100
    for execution_id in taken:
        assert agent.report(execution_id, output=text, exit_code=0).status == 200
    listed = client.get("/api/v1/command_executions", query={"page_size": 100})

    assert (listed.status, len(listed.data)) == (200, 100)
    assert sent(listed) <= MOST_BYTES
    assert all(row["output"].startswith(text[:1000]) for row in listed.data)


def test_shortened_page_says_that_more_follows(client, world):
    (agent,) = enrolled(client, 1)
    for _ in range(100):
        a_command(world, "x" * 120_000)
    world.settle()

    page = agent.poll()

    assert 0 < len(page.data) < 100
    numbers = page.json["meta"]["pagination"]
    assert (numbers["total_count"], numbers["has_next"], numbers["next_page"]) == (100, True, 1)


def test_list_too_large_for_a_response_is_refused_with_a_fitting_page_size(client, world):
    for _ in range(100):
        a_command(world, CYRILLIC * 2)
    world.settle()

    refused = client.get("/api/v1/commands", query={"page_size": 100})

    assert (refused.status, list(refused.error["details"])) == (400, ["page_size"])
    fits = refused.error["details"]["page_size"][0].rpartition(" ")[2]
    answer = client.get("/api/v1/commands", query={"page_size": fits})
    assert answer.status == 200
    assert sent(answer) <= MOST_BYTES


def test_other_response_too_large_is_an_error_with_a_message():
    routes = Endpoints(tag="Large")

    @routes.get(
        "/plain",
        auth=OPERATOR,
        permission=THINGS_READ,
        scope=Scope.INSTALLATION,
        summary="s",
        media_type="text/plain",
        enveloped=False,
    )
    def plain(_request: Request[NoPath, NoQuery, NoBody], services):
        return PlainText("я" * 3_500_000)

    @routes.get(
        "/bare",
        auth=OPERATOR,
        permission=THINGS_READ,
        scope=Scope.INSTALLATION,
        summary="s",
        answer=ThingOut,
        enveloped=False,
    )
    def bare(_request: Request[NoPath, NoQuery, NoBody], services):
        return Bare('"' * 3_500_000)

    client = Client([routes], edge_services())
    for path in ("/plain", "/bare"):
        answer = client.get(path, checked=False)
        assert (answer.status, answer.error["code"]) == (500, "internal_server_error")
        assert "bytes" in answer.error["message"]
        assert sent(answer) < 10_000


def test_response_that_fits_as_utf8_is_sent_whole():
    routes = Endpoints(tag="Large")

    @routes.get(
        "/plain",
        auth=OPERATOR,
        permission=THINGS_READ,
        scope=Scope.INSTALLATION,
        summary="s",
        media_type="text/plain",
        enveloped=False,
    )
    def plain(_request: Request[NoPath, NoQuery, NoBody], services):
        return PlainText("я" * 900_000)

    answer = Client([routes], edge_services()).get("/plain")

    assert (answer.status, len(answer.text)) == (200, 900_000)


def test_docs_pages_fit_a_response(client):
    for path in ("/api/openapi", "/api/asyncapi", "/swaggerui", "/redoc", "/asyncdoc", "/"):
        answer = client.get(path, checked=False)
        assert answer.status == 200
        assert sent(answer) <= MOST_BYTES


def test_error_with_many_problems_names_the_first_hundred(client):
    targeting = {"type": "nodes", "node_ids": ["x"] * 2000}

    answer = client.post("/api/v1/self_update_requests", json={"targeting": targeting})

    details = answer.error["details"]
    assert (answer.status, len(details)) == (400, 101)
    assert details["targeting/node_ids/99"] == [NOT_A_UUID]
    assert details[""] == ["and 1900 more problems"]
    assert len(answer.text) < 20_000


@pytest.mark.parametrize(
    ("path", "body", "field", "text"),
    [
        (
            "/api/v1/commands",
            {"command_text": "true", "targeting": {"type": "nodes", "node_ids": ["x"] * 50_000}},
            "targeting/node_ids",
            "Array length 50000 is larger than maxItems: 2000",
        ),
        (
            "/api/v1/self_update_requests",
            {"targeting": {"type": "clusters", "cluster_names": [1] * 50_000}},
            "targeting/cluster_names",
            "Array length 50000 is larger than maxItems: 2000",
        ),
        (
            "/api/v1/webhooks",
            {**HOOK, "subscribed_events": [1] * 50_000},
            "subscribed_events",
            "Array length 50000 is larger than maxItems: 20",
        ),
        (
            "/api/v1/webhooks",
            {**HOOK, "headers": {str(number): 1 for number in range(50_000)}},
            "headers",
            "Object property count 50000 is greater than maxProperties: 20",
        ),
    ],
)
def test_too_long_list_is_refused_without_checking_its_items(client, path, body, field, text):
    answer = client.post(path, json=body)

    assert (answer.status, answer.error["details"]) == (400, {field: [text]})


@pytest.mark.parametrize("name", ["x" * 500_000, "я" * 150_000])
def test_error_does_not_quote_long_input(client, name):
    answer = client.post("/api/v1/commands", json={"command_text": "true", name: 1})

    assert answer.status == 400
    assert len(answer.text.encode()) < 10_000
