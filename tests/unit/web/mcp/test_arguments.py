"""Arguments as a request: conventions of tools on one side, those of HTTP on the other."""

import json
from dataclasses import replace

import pytest

from chalicelib.kit.errors import EdgeError
from chalicelib.web.exchange import Incoming
from chalicelib.web.mcp.arguments import request_of
from chalicelib.web.mcp.tools import Tool

ASKED = Incoming(
    method="POST",
    route="/mcp",
    path={},
    query={"read_only": "false"},
    headers={"authorization": ("Bearer key",), "origin": ("https://pages.example",), "idempotency-key": ("outer",)},
    address="203.0.113.7",
)

TEXT, LIST = {"type": "string"}, {"type": "array", "items": {"type": "string"}}


def a_tool(*, has_body=True):
    arguments = {"thing_id": TEXT, "name_in": LIST, "is_big": {"type": "boolean"}, "size_gte": {"type": "integer"}}
    arguments |= {"sort": TEXT, "label": TEXT, "idempotency_key": TEXT}
    return Tool(
        shown={"name": "change_thing", "inputSchema": {"properties": arguments}},
        module="",
        method="POST",
        route="/api/v1/things/{thing_id}",
        audience="",
        permission="",
        role="",
        scope="",
        changes=True,
        path={"thing_id": "thing_id"},
        query={
            "name_in": "name__in",
            "is_big": "is_big",
            "size_gte": "size__gte",
            "sort": "sort",
        },
        body={"label": "name"},
        has_body=has_body,
    )


def made(**arguments):
    return request_of(a_tool(), {"thing_id": "t-1", **arguments}, ASKED)


def refusal(**arguments):
    with pytest.raises(EdgeError) as caught:
        made(**arguments)
    return caught.value.details


def test_request_is_the_callers_own_without_its_other_headers():
    request = made(idempotency_key="once")

    assert (request.method, request.route, request.path) == ("POST", "/api/v1/things/{thing_id}", {"thing_id": "t-1"})
    assert request.bearer() == "key"
    assert request.address == ASKED.address
    assert request.is_of_assistant
    assert request.headers["idempotency-key"] == ("once",)
    assert "origin" not in request.headers
    assert "idempotency-key" not in made().headers


def test_query_values_become_texts_and_absent_ones_stay_absent():
    request = made(name_in=["a", "b"], is_big=False, size_gte=3)

    assert request.query == {"name__in": "a,b", "is_big": "false", "size__gte": "3"}
    assert made(is_big=None).query == {}


def test_revision_of_the_connection_is_that_of_its_calls():
    asked = replace(ASKED, headers={**ASKED.headers, "edge-api-revision": ("2026-08-19",)})
    request = request_of(a_tool(), {"thing_id": "t-1"}, asked)

    assert request.header("edge-api-revision") == "2026-08-19"
    assert made().header("edge-api-revision") is None


def test_body_has_what_was_given_and_null_clears():
    assert json.loads(made(label=None).body_bytes()) == {"name": None}
    assert json.loads(made().body_bytes()) == {}
    assert request_of(a_tool(has_body=False), {"thing_id": "t-1"}, ASKED).body_bytes() == b""


@pytest.mark.parametrize(
    ("arguments", "name", "text"),
    [
        ({"is_bigg": True}, "is_bigg", "Unknown argument. Did you mean is_big?"),
        ({"name_in": "a"}, "name_in", "Must be an array"),
        ({"name_in": []}, "name_in", "Must have at least one value. Leave it out for no filter"),
        ({"name_in": ["a,b"]}, "name_in", "Must not hold a comma: each value is an item of its own"),
        ({"is_big": {}}, "is_big", "Must be a text, a number, true or false"),
        ({"thing_id": ""}, "thing_id", "Is required, as a text that is not empty"),
        ({"thing_id": 1}, "thing_id", "Is required, as a text that is not empty"),
    ],
)
def test_argument_that_no_request_can_hold_is_refused_by_name(arguments, name, text):
    assert refusal(**arguments) == {name: [text]}


def test_unknown_argument_without_a_near_one_names_all():
    (text,) = refusal(zzz=1)["zzz"]

    assert text.startswith("Unknown argument. Allowed: thing_id, name_in")
