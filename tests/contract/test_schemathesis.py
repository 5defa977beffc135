"""Generated requests, good and bad: never a 5xx, never an answer that the published document does not promise."""

import json
from functools import cache

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chalicelib.api.health import DOCUMENT
from chalicelib.api.routes import all_endpoints
from tests.contract.application import Application
from tests.contract.wsgi import wsgi_of

EXAMPLES = 25
"""Requests an operation."""

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

ENDPOINTS = {f"{endpoint.method} {endpoint.shown_path}": endpoint for endpoint in all_endpoints()}

schema = schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text(encoding="utf-8")), config=SchemathesisConfig())


@cache
def application(_label: str) -> Application:
    """One for each operation, so that the order of tests makes no difference."""
    return Application()


bounded = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def check(case, app):
    key = app.key_for(ENDPOINTS[case.operation.label])
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    response = case.call(app=wsgi_of(app.client), headers=headers)
    case.validate_response(response, checks=CHECKS, headers=headers)
    assert response.headers["x-request-id"]


@schema.parametrize()
@bounded
def test_any_request(case):
    check(case, application(case.operation.label))


@schema.include(path_regex=r"\{").parametrize()
@bounded
def test_requests_to_what_exists(case):
    app = application(case.operation.label)
    for inner, shown in ENDPOINTS[case.operation.label].shown_names.items():
        case.path_parameters[shown] = app.variables[inner]
    check(case, app)
