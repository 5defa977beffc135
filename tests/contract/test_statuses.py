"""Every status that an operation documents, provoked; answers beside the contract, where its folder is at hand."""

import os

import pytest
from openapi_schema_validator import OAS30Validator

from chalicelib.fleet.api import health
from chalicelib.fleet.api.agent import aliases as agent_aliases
from chalicelib.fleet.api.agent import claims as agent_claims
from chalicelib.fleet.api.agent import enrollment as agent_enrollment
from chalicelib.fleet.api.agent import executions as agent_executions
from chalicelib.fleet.api.agent import nodes as agent_nodes
from chalicelib.fleet.api.operator import (
    aliases,
    clusters,
    command_executions,
    command_retries,
    commands,
    enrollment_keys,
    node_recovery,
    nodes,
    rollouts,
)
from chalicelib.fleet.api.protocol import AGENT, LEAVING, NEEDS_CAPACITY
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import forbidden, invalid, not_found, rate_limited, unavailable
from chalicelib.web.answering import internal
from chalicelib.web.endpoint import PUBLIC
from chalicelib.web.list_query import TWO_ORDERS
from chalicelib.web.openapi import statuses_of
from tests.contract.application import NEW_NODE_ID, Application
from tests.contract.bodies import BODIES
from tests.contract.status_cases import CASES
from tests.support.published import OPENAPI, published

CONTRACT_DIR = os.environ.get("EDGE_CONTRACT_DIR", "")
MODULES = (
    *(
        clusters,
        enrollment_keys,
        nodes,
        node_recovery,
        aliases,
        commands,
        command_retries,
        rollouts,
        command_executions,
    ),
    *(agent_enrollment, agent_nodes, agent_aliases, agent_executions, agent_claims, health),
)
"""Enrolment, machines and commands: the main job. Other families have such tests of their own."""

ENDPOINTS = {endpoint.view.__name__: endpoint for module in MODULES for endpoint in module.routes.all}

ANYWHERE = {400, 401, 413, 415, 429, 500, 503}
"""Statuses of the edge: provoked below or in test_bad_input.py, for all operations alike. So is 403, for operations
that are decided by permission, in tests/application/project/test_every_operation.py."""

TWICE = [name for name, one in ENDPOINTS.items() if "sort" in one.query.model_fields]
"""Lists, whose order can be given in two ways."""

CONFLICTED = {("list_own_executions", 409), ("acknowledge_executions", 409), ("register_node", 409)}
"""Two machines use one identity: tests/api/fleet/nodes/test_two_with_one_identity.py."""

RACED = {("report_health", 404), ("create_own_alias", 404)}
"""The node is deleted while its request is under way: a test of its own."""

REUSED = {(name, 409) for name, one in ENDPOINTS.items() if one.takes_idempotency_key and 409 not in one.errors}
"""An Idempotency-Key of another request: tests/application/project/test_every_repeat.py."""

OF_MACHINES = [*(name for name, one in ENDPOINTS.items() if one.auth in (AGENT, LEAVING)), "register_node"]
"""What a machine calls as the node that it is, or is to be."""

CODES = {403: "forbidden", 404: "not_found", 422: "validation_failed"}
TEXTS = {403: forbidden().message, 404: not_found().message, 422: invalid("", "").message}

UNTOUCHED = {"livez", "ping", "openapi"}
"""They read no table."""


@pytest.fixture(scope="module")
def contract():
    if not CONTRACT_DIR:
        return None
    return published(OPENAPI)


def check_against(contract, endpoint, answer):
    """The answer fits the contract's schema of that status, where the contract has one."""
    operation = ((contract or {}).get("paths", {}).get(endpoint.shown_path) or {}).get(endpoint.method.lower(), {})
    content = operation.get("responses", {}).get(str(answer.status), {}).get("content", {})
    if "application/json" in content:
        schema = {"allOf": [content["application/json"]["schema"]], "components": contract["components"]}
        OAS30Validator(schema).validate(answer.json)


def call(app, name, options=None):
    """An operation by its view's name, with a good body unless the options say otherwise."""
    endpoint = ENDPOINTS[name]
    given = dict(options or {})
    if endpoint.has_body:
        given.setdefault("json", BODIES[name])
    if name == "list_own_executions":
        given.setdefault("query", {"status": "pending"})
    return app.call(endpoint, path=app.path_of(endpoint, **given.pop("variables", {})), **given)


def test_documented_status_has_a_case():
    documented = {(name, status) for name, endpoint in ENDPOINTS.items() for status in statuses_of(endpoint)}
    provoked = {(case.view, case.status) for case in CASES}
    assert provoked <= documented
    forbidden = {(name, 403) for name, one in ENDPOINTS.items() if one.auth.by_permission or name in OF_MACHINES}
    left = documented - provoked - RACED - REUSED - {(name, 422) for name in TWICE} - CONFLICTED - forbidden
    assert left == {one for one in documented if one[1] in ANYWHERE}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case_gets_its_documented_status_and_error(case, contract):
    app = Application(**case.settings)
    options = case.setup(app)
    before = app.state()
    answer = call(app, case.view, options)
    assert answer.status == case.status, answer.text
    check_against(contract, ENDPOINTS[case.view], answer)
    if case.status < 300:
        for name, value in (case.said or {}).items():
            assert answer.data[name] == value
        return
    assert app.state() == before
    if case.status < 400:
        assert answer.text == ""
        return
    error = answer.error
    if case.status == 409:
        assert error == {"code": "conflict", "message": case.said.message}
    else:
        assert (error["code"], error["message"]) == (CODES[case.status], TEXTS[case.status])
        assert error.get("details") == (case.said and case.said.details)


@pytest.mark.parametrize("name", TWICE)
def test_order_that_is_given_in_two_ways_is_422(name, contract):
    wanted = {"status": "pending"} if name == "list_own_executions" else {}
    answer = call(Application(), name, {"query": {**wanted, "sort": "inserted_at", "order_by": "inserted_at"}})
    assert (answer.status, answer.error["details"]) == (422, {"sort": [TWO_ORDERS]})


@pytest.mark.parametrize("name", sorted(name for name, _ in RACED))
def test_node_deleted_during_its_call_is_404(name):
    app = Application()
    app.world.driver.before_next(
        lambda: app.world.fleet.nodes.placing.delete(app.machine.id, reach=EVERYWHERE), operation="TransactWriteItems"
    )
    answer = call(app, name, {"json": {"status": "unhealthy"}} if name == "report_health" else None)
    assert (answer.status, answer.error["code"]) == (404, "not_found")
    assert call(app, name).status == 401


def test_node_deleted_while_it_leaves_has_left():
    app = Application()
    app.world.driver.before_next(
        lambda: app.world.fleet.nodes.placing.delete(app.machine.id, reach=EVERYWHERE), operation="TransactWriteItems"
    )
    assert call(app, "leave").status == 200


@pytest.mark.parametrize("name", OF_MACHINES)
def test_blocked_machine_is_403_on_every_agent_route(name):
    app = Application()
    for node_id in (app.machine.id, NEW_NODE_ID):
        app.world.fleet.nodes.excluding.block(node_id, reach=EVERYWHERE)
    answer = call(app, name)
    assert (answer.status, answer.error) == (403, {"code": "node_blocked", "message": "This node is blocked"})


@pytest.mark.parametrize("name", ENDPOINTS)
def test_degraded_mode_refuses_guarded_operations_only(name):
    app = Application()
    app.world.fleet.degraded = lambda: True
    before = app.state()
    answer = call(app, name)
    blocked = ENDPOINTS[name].guard is NEEDS_CAPACITY
    assert (answer.status == 503) is blocked
    if blocked:
        assert answer.error == {
            "code": "degraded_mode",
            "message": NEEDS_CAPACITY.example().message,
        }
        assert app.state() == before


def test_operations_guarded_by_degraded_mode_are_the_known_ones():
    assert {name for name, endpoint in ENDPOINTS.items() if endpoint.guard is NEEDS_CAPACITY} == {
        "create_cluster",
        "update_cluster",
        "delete_cluster",
        "create_key",
        "create_default_key",
        "create_public_key",
        "update_key",
        "delete_key",
        "change_cluster",
        "move_node",
        "delete_node",
        "register_node",
    }


@pytest.mark.parametrize("name", [name for name in ENDPOINTS if name not in UNTOUCHED])
def test_busy_tables_are_503_for_every_operation(name, contract):
    app = Application()
    app.world.driver.fail_next(100_000, "throttle")
    before = app.state()
    answer = call(app, name)
    assert answer.status == 503
    assert app.state() == before
    if ENDPOINTS[name].enveloped:
        assert answer.error == {"code": "service_unavailable", "message": unavailable().message}
        check_against(contract, ENDPOINTS[name], answer)
    else:
        assert [check["healthy"] for check in answer.json if check["name"] == "Database"] == [False]


@pytest.mark.parametrize("name", [name for name in ENDPOINTS if name not in {*UNTOUCHED, "healthz", "readyz"}])
def test_unexpected_failure_is_500_and_does_not_show_its_text(name):
    app = Application()

    def fail():
        raise RuntimeError("a detail of the inside")

    app.world.driver.before_next(fail)
    before = app.state()
    answer = call(app, name)
    assert (answer.status, answer.error) == (500, {"code": "internal_server_error", "message": internal().message})
    assert app.state() == before


@pytest.mark.parametrize("name", [name for name, endpoint in ENDPOINTS.items() if endpoint.auth is PUBLIC])
def test_public_route_beyond_its_rate_is_429(name):
    app = Application(public_burst=1, public_rate_per_second=0.5)
    assert call(app, name).status != 429
    before = app.state()
    answer = call(app, name, {"json": {}} if ENDPOINTS[name].has_body else None)
    assert (answer.status, answer.error) == (429, {"code": "rate_limited", "message": rate_limited(1).message})
    assert answer.headers["retry-after"] == "2"
    assert app.state() == before


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("create_cluster", "/api/v1/clusters/{name}"),
        ("create_key", "/api/v1/enrollment_keys/{id}"),
        ("create_default_key", "/api/v1/enrollment_keys/{id}"),
        ("create_public_key", None),
        ("create_command", "/api/v1/commands/{id}"),
    ],
)
def test_created_resource_is_readable_at_its_location(name, place):
    app = Application()
    created = call(app, name)
    location = created.headers.get("location")
    assert location == (place and place.format(**created.data))
    if location:
        found = app.client.get(location, key="master-key").data
        shown = dict(created.data)
        # Executions that were made at once are running by then; the answer says `creating` on either way.
        assert shown.pop("state", "creating") == "creating"
        assert {name: found[name] for name in shown} == shown
