"""Routes that are found by name, and loaded when they are asked for."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib import families
from chalicelib.fleet.api import API
from chalicelib.web import dispatch, fallback
from chalicelib.web.application import Application
from tests.support.client import Client, edge_services

ROOT = Path(__file__).parents[3]


def test_route_table_equals_what_the_modules_declare():
    assert API.table.read_text(encoding="utf-8") == API.table_text(), "stale: make openapi"


def test_operation_of_the_table_is_found_in_its_module():
    for module, group in zip(API.modules, API.groups(), strict=True):
        for endpoint in group.all:
            assert dispatch.find(module, endpoint.method, endpoint.route) is endpoint


def test_operation_that_its_module_does_not_declare_is_a_stale_table_error():
    with pytest.raises(LookupError, match="is stale"):
        dispatch.find("chalicelib.fleet.api.health", "PUT", "/livez")


def test_request_loads_only_the_module_that_answers_it():
    code = """
import json, sys, app
before, packages = set(sys.modules), ('chalicelib.fleet.api', 'chalicelib.web')
event = {'requestContext': {'resourcePath': '/livez', 'httpMethod': 'GET', 'identity': {}}, 'pathParameters': None,
    'headers': {}, 'multiValueHeaders': {}, 'multiValueQueryStringParameters': None, 'stageVariables': None,
    'body': None, 'isBase64Encoded': False}
status = app.app(event, None)['statusCode']
print(json.dumps([status, sorted(name for name in {*sys.modules} - before if name.startswith(packages))]))
"""
    environment = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == [
        200,
        [
            "chalicelib.fleet.api.health",
            "chalicelib.web.checks",
            "chalicelib.web.json_patch",
            "chalicelib.web.published",
            "chalicelib.web.version",
        ],
    ]


def with_table(folder, table, name="Other"):
    """The fleet's API with another table of routes."""
    folder.mkdir(exist_ok=True)
    api = replace(API, folder=folder, name=name)
    api.table.write_text(json.dumps(table))
    return api


def test_two_apis_with_the_same_route_are_refused(tmp_path):
    one = with_table(tmp_path / "one", {"a": ["GET /things", "GET /one"]}, "One")
    other = with_table(tmp_path / "other", {"b": ["POST /things", "GET /one"]}, "Other")
    with pytest.raises(dispatch.DuplicateRouteError, match=r"^GET /one belongs to One and to Other$"):
        dispatch.register(Application("edge-admin-test"), [one, other], lambda _api: edge_services())


def test_families_of_this_project_share_no_route():
    app = Application("edge-admin-test")
    dispatch.register(app, families.every_api(), lambda _api: edge_services())
    assert set(app.routes) == {endpoint.route for api in families.every_api() for endpoint in api.endpoints()}


def test_family_value_names_the_apis_that_are_served():
    for name in families.NAMES:
        assert families.family(name).api in ("", f"chalicelib.{name}.api.APIS")


def test_package_serves_the_named_family_and_by_default_the_first(monkeypatch):
    monkeypatch.delenv(families.SERVED, raising=False)
    assert families.served_apis() == [API]
    monkeypatch.setenv(families.SERVED, "fleet")
    assert families.served_apis() == [API]
    monkeypatch.setenv(families.SERVED, "fleat")
    with pytest.raises(LookupError, match="'fleat' is no family: there are fleet"):
        families.served_apis()


def test_module_that_does_not_load_is_an_enveloped_500(tmp_path, capsys):
    client = Client([], edge_services())
    client.app = Application("edge-admin-test")
    api = with_table(tmp_path, {"chalicelib.fleet.api.operator.nothing": ["GET /nothing"]})
    dispatch.register(client.app, [api], lambda _api: edge_services())
    answer = client.get("/nothing")
    assert (answer.status, answer.error["code"]) == (500, "internal_server_error")
    assert json.loads(capsys.readouterr().err)["error_type"] == "ModuleNotFoundError"


def test_event_of_a_route_that_the_table_lacks_is_answered_as_an_unknown_path():
    app = Application("edge-admin-test")
    services = edge_services()
    fallback.register(app, [API], lambda _api: services)
    context = {"resourcePath": "/api/v9/things", "httpMethod": "GET", "identity": {}}
    answer = app({"requestContext": context, "path": "/api/v9/things"}, None)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"]["code"] == "not_found"


def test_event_that_is_no_request_is_refused_by_name():
    with pytest.raises(KeyError, match="requestContext"):
        Application("edge-admin-test")({}, None)
