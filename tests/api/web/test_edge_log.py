"""One line a request, and nothing in it that must not be."""

import json

import pytest

from chalicelib.fleet.api import API
from chalicelib.kit.clock import to_microseconds_text
from chalicelib.kit.errors import not_found
from chalicelib.kit.tables import Put, Table, Tables
from chalicelib.web.application import Application
from tests.support.client import MASTER_KEY, Client, edge_services
from tests.support.edge_routes import Agents, Things, routes
from tests.support.fakes.dynamo import FakeDynamo

PATH = "/things/0192e4a0-1111-7000-8000-000000000009"


@pytest.fixture
def services():
    return edge_services(things=Things(), nodes=Agents())


def test_request_is_logged_as_one_line(services):
    answer = Client([routes], services).get("/things")
    assert services.lines.records == [
        {
            "timestamp": to_microseconds_text(services.platform.clock.now()),
            "level": "info",
            "event": "request",
            "request_id": answer.headers["x-request-id"],
            "method": "GET",
            "route": "/things",
            "status": 200,
            "milliseconds": 0.0,
            "dynamodb_calls": 0,
            "read_units": 0,
            "write_units": 0,
            "actor": "MASTER_KEY",
        }
    ]


def test_request_log_line_shows_the_duration(services):
    class Slow(Things):
        def visit(self, request):
            services.platform.clock.advance(0.0123)

    services.things = Slow()
    Client([routes], services).get("/things")
    assert services.lines.records[0]["milliseconds"] == 12.3


def test_request_log_line_names_the_node_of_a_refused_request(services):
    Client([routes], services).post("/agent/result", json={}, key="node-token")
    (line,) = services.lines.records
    node_id = "0192e4a0-0000-7000-8000-000000000001"
    assert (line["status"], line["actor"], line["node_id"]) == (400, f"node:{node_id}", node_id)


def test_unexpected_failure_is_logged_with_its_stack(services):
    services.things.failure = RuntimeError("what happened")
    answer = Client([routes], services).get("/things")
    failure, line = services.lines.records
    assert (failure["event"], failure["error_type"], failure["error"]) == (
        "request_failed",
        "RuntimeError",
        "what happened",
    )
    assert failure["stack"][-1].endswith("visit")
    assert failure["request_id"] == line["request_id"] == answer.headers["x-request-id"]
    assert (line["level"], line["status"]) == ("error", 500)


def test_refusal_in_degraded_mode_is_logged_as_a_warning(services):
    services.is_degraded = True
    Client([routes], services).post(PATH, json={"name": "a"})
    assert [(line["status"], line["level"]) for line in services.lines.records] == [(503, "warn")]


def test_expected_refusal_is_logged_without_a_stack(services):
    services.things.failure = not_found()
    Client([routes], services).delete("/named/edge")
    assert [line["status"] for line in services.lines.records] == [404]


@pytest.mark.parametrize("failure", [None, RuntimeError("x"), not_found()])
def test_request_log_holds_no_key_query_path_value_or_body(services, failure):
    services.things.failure = failure
    client = Client([routes], services)
    client.post(PATH, query={"name": "q-s3cret"}, json={"name": "b-s3cret"})
    client.post(PATH, query={"name": "q-s3cret"}, json={"name": "b-s3cret"}, key="k-s3cret")
    client.post(PATH, query={"page": "q-s3cret"}, json={"name": "b-s3cret"})
    client.post(PATH, json={"name": "a", "size": "b-s3cret"}, headers={"X-Own": "h-s3cret"})
    client.post("/agent/result", json={"name": "b-s3cret"}, key="node-token")
    text = "".join(services.lines.texts)
    assert text.count('"event":"request"') == 5
    for hidden in ("s3cret", MASTER_KEY, "node-token", PATH):
        assert hidden not in text


def test_request_log_line_counts_dynamodb_calls(services):
    table = Table("things", "id")
    services.platform.tables = Tables(
        FakeDynamo([table], services.platform.clock), services.platform.clock, services.platform.ids
    )

    class Reading(Things):
        def visit(self, request):
            services.platform.tables.write(Put(table, {"id": "a"}), "thing.created")
            services.platform.tables.get(table, {"id": "a"})

    services.things = Reading()
    client = Client([routes], services)
    client.get("/things")
    client.get("/things")
    for line in services.lines.records:
        assert (line["dynamodb_calls"], line["read_units"], line["write_units"]) == (2, 1.0, 1.0)


def test_container_that_cannot_start_is_an_enveloped_500(capsys):
    def provide():
        raise RuntimeError("no settings")

    app = Application("edge-admin-test")
    routes.register(app, API.protocol, provide)
    client = Client([routes], edge_services())
    client.app = app
    answer = client.get("/things")
    assert (answer.status, answer.error["code"]) == (500, "internal_server_error")
    failure = json.loads(capsys.readouterr().err)
    assert (failure["event"], failure["error"]) == ("start_failed", "no settings")
    assert failure["request_id"] == answer.headers["x-request-id"] == answer.json["meta"]["request_id"]


def test_services_that_fail_to_load_are_an_enveloped_500(services):
    class Broken:
        @property
        def meter(self):
            raise RuntimeError("no TABLE_PREFIX")

    services.platform.tables = Broken()
    answer = Client([routes], services).get("/things")
    assert (answer.status, answer.error["code"]) == (500, "internal_server_error")
    assert [record["event"] for record in services.lines.records] == ["request_failed", "request"]
    assert json.loads(services.lines.texts[1])["dynamodb_calls"] == 0
