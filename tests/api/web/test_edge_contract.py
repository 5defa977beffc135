"""Our document beside the contract, where its folder is at hand: parameters, requests and answers of what we have."""

import os

import pytest

from chalicelib.fleet.api import API
from chalicelib.fleet.api.protocol import AUGUST_2026, MAY_2026
from chalicelib.web.openapi import document_of
from tests.contract.conformance import HIDDEN
from tests.support.published import LATER_OPENAPI, OPENAPI, published

CONTRACT_DIR = os.environ.get("EDGE_CONTRACT_DIR", "")

pytestmark = pytest.mark.skipif(not CONTRACT_DIR, reason="EDGE_CONTRACT_DIR names no folder with the contract")


WITHOUT_ENVELOPE = {"GET /api/v1/nodes/{node_id}/metrics/host"}
"""The contract forgot the envelope, which the reference sends."""

ALLOWED = {
    ("GET /api/v1/nodes/{node_id}/metrics", ".data.cluster_name: may be null"): "it answers for unknown nodes too",
}
"""Where we differ, and why."""

ADDED_PARAMETERS = {
    *(("GET /api/v1/nodes", name) for name in ("hostname", "os_name", "architecture", "labels", "search")),
    ("GET /api/v1/command_executions", "outcome"),
    ("GET /api/v1/commands", "script_name"),
}
"""What we take beyond the contract."""

ADDED_EVERYWHERE = {"cursor", "Idempotency-Key", "Edge-Api-Revision"}
"""The same, of every list and of every operation that makes something, or whose revisions differ."""

ADDED_VALUES = {("GET /api/v1/command_executions", "status"): "dropped"}
"""Values that the later revision has added to a parameter."""

ADDED_FIELDS = {
    ("POST /api/v1/self_update_requests", "version"),
    ("POST /api/v1/commands", "rollout"),
    ("POST /api/v1/clusters/{cluster_name}/enrollment_keys", "labels"),
    ("POST /api/v1/clusters/default/enrollment_keys", "labels"),
    ("PATCH /api/v1/enrollment_keys/{id}", "labels"),
}
"""The same, of request bodies."""


@pytest.fixture(scope="module")
def written():
    return document_of(API, MAY_2026)


@pytest.fixture(scope="module")
def contract():
    return published(OPENAPI)


@pytest.fixture(scope="module")
def later():
    return published(LATER_OPENAPI)


def _of_later(later, name):
    """An operation of the later revision, empty where it has another verb."""
    method, path = name.split(" ")
    return later["paths"].get(path, {}).get(method.lower(), {})


@pytest.fixture(scope="module")
def common(contract, written):
    """Our and their form of each operation that both have."""
    return [
        (f"{method.upper()} {path}", ours, contract["paths"][path][method])
        for path, methods in written["paths"].items()
        for method, ours in methods.items()
        if method in contract["paths"].get(path, {})
    ]


def test_contract_and_document_share_operations(common):
    assert len(common) >= 10


def test_parameters_of_operations_equal_those_of_the_contract(common, contract, later, written):
    differing = []
    for name, ours, theirs in common:
        both = {one["name"] for one in theirs.get("parameters", [])}
        added = {one["name"] for one in _of_later(later, name).get("parameters", [])} - both
        mine, wanted = (
            {
                (parameter["in"], parameter["name"]): (
                    parameter["required"],
                    _without(_kind(whole, parameter["schema"]), ADDED_VALUES.get((name, parameter["name"]))),
                )
                for parameter in operation.get("parameters", [])
                if (name, parameter["name"]) not in ADDED_PARAMETERS
                and parameter["name"] not in ADDED_EVERYWHERE | added
            }
            for whole, operation in ((written, ours), (contract, theirs))
        )
        if mine != wanted:
            differing.append((name, {"we": mine.items() - wanted.items(), "they": wanted.items() - mine.items()}))
    assert differing == []


def test_request_bodies_of_operations_equal_those_of_the_contract(common, contract, later, written):
    differing = []
    for name, ours, theirs in common:
        added = _fields(later, _of_later(later, name)) - _fields(contract, theirs)
        mine, wanted = (
            {
                field: kind
                for field, kind in _properties(
                    whole, operation["requestBody"]["content"]["application/json"]["schema"]
                ).items()
                if (name, field) not in ADDED_FIELDS and field not in added
            }
            if "requestBody" in operation
            else None
            for whole, operation in ((written, ours), (contract, theirs))
        )
        if mine != wanted:
            differing.append((name, mine, wanted))
        if ours.get("requestBody", {}).get("required") != theirs.get("requestBody", {}).get("required"):
            differing.append((name, "required differs"))
    assert differing == []


def test_responses_have_all_properties_of_the_contract(common, contract, written):
    lacking = []
    for name, ours, theirs in common:
        for status, response in theirs["responses"].items():
            if status not in ours["responses"]:
                lacking.append((name, status))
            elif "content" in response and status in ("200", "201"):
                mine, wanted = _schema(ours, status), _schema(theirs, status)
                mine = mine["properties"]["data"] if name in WITHOUT_ENVELOPE else mine
                lacking += [(name, place) for place in _lacking(written, contract, mine, wanted, "")]
    assert [each for each in lacking if each not in ALLOWED] == []


def test_document_of_the_later_revision_has_all_that_is_published(later):
    ours = document_of(API, AUGUST_2026)
    lacking = []
    for path, methods in later["paths"].items():
        for method, theirs in methods.items():
            name, mine = f"{method.upper()} {path}", ours["paths"].get(path, {}).get(method, {})
            lacking += [(name, status) for status in theirs["responses"].keys() - mine.get("responses", {}).keys()]
            lacking += [(name, one) for one in _names(theirs) - _names(mine)]
            lacking += [(name, field) for field in _fields(later, theirs) - _fields(ours, mine)]
            for status, response in theirs["responses"].items():
                if status in ("200", "201", "202") and "application/json" in response.get("content", {}):
                    shown = _schema(mine, status)
                    shown = shown["properties"]["data"] if name in WITHOUT_ENVELOPE else shown
                    lacking += [(name, part) for part in _lacking(ours, later, shown, _schema(theirs, status), "")]
    assert [each for each in lacking if each not in ALLOWED] == []


def _names(operation):
    """The names of an operation's parameters."""
    return {one["name"] for one in operation.get("parameters", [])}


def _fields(whole, operation):
    """The fields of an operation's body."""
    if "requestBody" not in operation:
        return set()
    return set(_properties(whole, operation["requestBody"]["content"]["application/json"]["schema"]))


def _schema(operation, status):
    return operation["responses"][status]["content"]["application/json"]["schema"]


def _resolved(whole, schema):
    while "$ref" in schema or len(schema.get("allOf", [])) == 1:
        inner = schema["allOf"][0] if "allOf" in schema else schema
        inner = whole["components"]["schemas"][inner["$ref"].rsplit("/", 1)[1]] if "$ref" in inner else inner
        schema = {**inner, **{key: value for key, value in schema.items() if key not in ("$ref", "allOf")}}
    return schema


def _kind(whole, schema):
    """What two schemas must agree in: type, format, values."""
    schema = _resolved(whole, schema)
    if "anyOf" in schema:
        return tuple(sorted(_kind(whole, inner) for inner in schema["anyOf"]))
    return (str(schema.get("type")), str(schema.get("format")), str(sorted(map(str, schema.get("enum", [])))))


def _without(kind, added):
    """The kind without a value that was added to it."""
    return kind if added is None else (*kind[:-1], kind[-1].replace(f"'{added}', ", ""))


def _properties(whole, schema):
    schema = _resolved(whole, schema)
    return {
        name: (_kind(whole, inner), bool(_resolved(whole, inner).get("nullable")), name in schema.get("required", []))
        for name, inner in schema.get("properties", {}).items()
    }


def _without_cursor(schema):
    """Of the two forms of pagination, that of requests without a cursor."""
    return schema["anyOf"][0] if "anyOf" in schema and "$ref" in schema["anyOf"][0] else schema


def _lacking(written, contract, mine, wanted, place):
    mine, wanted = _resolved(written, _without_cursor(mine)), _resolved(contract, wanted)
    if wanted.get("type") == "array":
        yield from _lacking(written, contract, mine.get("items", {}), wanted.get("items", {}), f"{place}[]")
        return
    for name, inner in wanted.get("properties", {}).items():
        here = f"{place}.{name}"
        if name not in mine.get("properties", {}):
            yield here
            continue
        own = _without_cursor(mine["properties"][name])
        if _kind(written, own)[0] != _kind(contract, inner)[0]:
            yield f"{here}: {_kind(written, own)} is not {_kind(contract, inner)}"
        if (
            name not in HIDDEN
            and _resolved(written, own).get("nullable")
            and not _resolved(contract, inner).get("nullable")
        ):
            yield f"{here}: may be null"
        yield from _lacking(written, contract, own, inner, here)
