"""Generated requests, good and bad: never a 5xx, never an answer that the published document does not promise."""

import json
from functools import cache

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chalicelib.fleet.api import API
from tests.contract.application import Application
from tests.contract.wsgi import wsgi_of

EXAMPLES = 3
"""Requests an operation."""

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]

CONFIG = {"phases": {"coverage": {"unexpected-methods": ["PUT"]}}}
"""Methods that API Gateway knows; it refuses TRACE and the like by itself."""

ENDPOINTS = {f"{endpoint.method} {endpoint.shown_path}": endpoint for endpoint in API.endpoints()}

DOCUMENT = json.loads(API.document.read_text(encoding="utf-8"))
DESCRIBED = [f"{method.upper()} {path}" for path, operations in DOCUMENT["paths"].items() for method in operations]

schema = schemathesis.openapi.from_dict(DOCUMENT, config=SchemathesisConfig.from_dict(CONFIG))


@cache
def application(_label: str) -> Application:
    """One for each operation, so that the order of tests makes no difference."""
    return Application()


bounded = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def check(case, app):
    endpoint = ENDPOINTS[case.operation.label]
    key = app.key_for(endpoint)
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    response = case.call(app=wsgi_of(app.client), headers=headers)
    case.validate_response(response, checks=CHECKS, headers=headers)
    assert "x-request-id" in response.headers
    # A 503 is no failure where the operation asks somebody who may be away, and says so.
    assert response.status_code < 500 or response.status_code in endpoint.errors


def check_any(case):
    check(case, application(case.operation.label))


def check_existing(case):
    app = application(case.operation.label)
    for inner, shown in ENDPOINTS[case.operation.label].shown_names.items():
        case.path_parameters[shown] = app.variables.get(inner, case.path_parameters[shown])
    check(case, app)


def generate(label, checked):
    """Make the requests of one operation, and check the answers. They are made when its test runs: made for all of them
    when tests are collected, they take half of the time of that, in each worker."""
    [made] = get_all_tests(schema=schema.include(name=label), test_func=checked, settings=bounded, given_kwargs=None)
    _, test = made.ok()
    test()


@pytest.mark.parametrize("label", DESCRIBED)
def test_generated_request_gets_a_documented_response(label):
    generate(label, check_any)


@pytest.mark.parametrize("label", [label for label in DESCRIBED if "{" in label])
def test_generated_request_to_existing_resources_gets_a_documented_response(label):
    generate(label, check_existing)
