"""A client made of each published revision runs the same calls; the later one names its revision. Every answer has a
status that the document promises, and fits its schema."""

import os

import pytest
import schemathesis
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chalicelib.fleet.api.protocol import AUGUST_2026, MAY_2026
from tests.contract.application import Application
from tests.contract.wsgi import wsgi_of
from tests.support.published import LATER_OPENAPI, OPENAPI, published
from tests.support.world import MASTER_KEY

pytestmark = pytest.mark.skipif(
    not os.environ.get("EDGE_CONTRACT_DIR"), reason="EDGE_CONTRACT_DIR names no folder with the contract"
)

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
V1 = "/api/v1"
LATER = {"Edge-Api-Revision": AUGUST_2026}


class Made:
    """The client of a document: operations by method and path, as the document has them."""

    def __init__(self, document, headers, app):
        self._schema = schemathesis.openapi.from_dict(document)
        self._headers = {"Authorization": f"Bearer {MASTER_KEY}", **headers}
        self.app = app

    def call(self, method, path, status, *, query=None, body=None, **variables):
        """The answer, which has this status and fits the document."""
        given = {"path_parameters": variables, "query": query or {}}
        if body is not None:
            given |= {"body": body, "media_type": "application/json"}
        case = self._schema[f"{V1}{path}"][method].Case(**given)
        response = case.call(app=wsgi_of(self.app.client), headers=self._headers)
        # Documented without content, or under an empty media type.
        checks = CHECKS if response.content else [status_code_conformance]
        case.validate_response(response, checks=checks, headers=self._headers)
        assert response.status_code == status, response.text
        return response.json() if response.content else None


@pytest.fixture
def app():
    return Application()


def journey(client, *, cancel, deadline, order, only, deleted, ended):
    """Ten calls, in the words of the revision: ``cancel`` and ``deleted`` are method and status, ``ended`` the status
    of an execution whose node was deleted."""
    node, command = client.app.variables["node_id"], {"command_text": "uptime", "targeting": {"type": "all"}}
    made = client.call("POST", "/clusters", 201, body={"name": "west"})["data"]
    assert made["name"] == "west"
    key = {"name": "door", deadline: "2027-01-01T00:00:00Z"}
    blob = client.call("POST", "/clusters/{cluster_name}/enrollment_keys", 201, body=key, cluster_name="west")["data"]
    assert blob[deadline] == "2027-01-01T00:00:00Z"
    listed = client.call("GET", "/nodes", 200, query={**order, "cluster_name": "north"})["data"]
    assert node in {row["id"] for row in listed}
    assert client.call("GET", "/nodes/{id}", 200, id=node)["data"]["cluster_name"] == "north"
    given = client.call("POST", "/commands", 201, body={**command, deadline: "2027-01-01T00:00:00Z"})["data"]
    client.app.world.settle()
    mine = {only["command"]: given["id"], only["node"]: node}
    (execution,) = client.call("GET", "/command_executions", 200, query=mine)["data"]
    assert execution["status"] == "pending"
    other = client.call("GET", "/command_executions", 200, query={only["command"]: given["id"]})["data"]
    second = next(row["id"] for row in other if row["id"] != execution["id"])
    client.call(*cancel, id=second)
    client.call("DELETE", "/nodes/{id}", 204, id=node)
    client.app.world.settle()
    gone = client.call("GET", "/command_executions/{id}", 200, id=execution["id"])["data"]
    assert (gone["status"], gone["node_id"]) == ended(node)
    assert client.call("DELETE", "/clusters/{name}", deleted, name="west") is None


FIRST = {
    "cancel": ("PATCH", "/command_executions/{id}/cancel", 200),
    "deadline": "expired_at",
    "order": {"order_by": "inserted_at", "order_directions": "desc"},
    "only": {"command": "command_id", "node": "node_id"},
    "deleted": 204,
    "ended": lambda node: ("cancelled", node),
}
SECOND = {
    "cancel": ("POST", "/command_executions/{id}/cancel", 200),
    "deadline": "expires_at",
    "order": {"sort": "-inserted_at"},
    "only": {"command": "command_id__in", "node": "node_id__in"},
    "deleted": 202,
    "ended": lambda _node: ("dropped", None),
}


@pytest.mark.parametrize("headers", [{}, {"Edge-Api-Revision": MAY_2026}], ids=["unmarked", "named"])
def test_client_of_the_first_revision_runs_the_calls(app, headers):
    journey(Made(published(OPENAPI), headers, app), **FIRST)


def test_client_of_the_later_revision_runs_the_calls_with_its_header(app):
    journey(Made(published(LATER_OPENAPI), LATER, app), **SECOND)


def test_client_of_the_later_revision_needs_no_header_where_the_setting_says_so():
    journey(Made(published(LATER_OPENAPI), {}, Application(api_revision=AUGUST_2026)), **SECOND)


def test_client_of_the_later_revision_calls_what_that_has_added(app):
    client, node = Made(published(LATER_OPENAPI), LATER, app), app.variables["node_id"]
    event = client.call("POST", "/events/test", 202)["data"]["event"]
    assert event["type"] == "edge.core.test"
    assert client.call("POST", "/nodes/{id}/recovery_key", 201, id=node)["data"]["recovery_key"]
    client.call("DELETE", "/nodes/{id}/recovery_key", 204, id=node)
    client.call("GET", "/nodes/{id}/diagnostics", 503, id=node)
    moved = client.call("POST", "/nodes/{id}/change_cluster", 200, body={"cluster_name": "south"}, id=node)
    assert moved["data"]["cluster_name"] == "south"
