"""Routes that are found by name, and loaded when they are asked for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.fleet.api.routes import MODULES, table_text
from chalicelib.web import dispatch
from chalicelib.web.application import Application
from tests.support.client import Client, edge_services

ROOT = Path(__file__).parents[3]


def test_the_table_is_what_the_modules_declare():
    assert dispatch.TABLE.read_text(encoding="utf-8") == table_text(), "stale: make openapi"


def test_every_operation_is_found_in_its_module():
    for module in MODULES:
        for endpoint in module.routes.all:
            assert dispatch.find(module.__name__, endpoint.method, endpoint.route) is endpoint


def test_what_a_module_does_not_declare_is_not_found():
    with pytest.raises(LookupError, match="is stale"):
        dispatch.find("chalicelib.fleet.api.health", "PUT", "/livez")


def test_a_request_loads_the_module_that_answers_it():
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
        ["chalicelib.fleet.api", "chalicelib.fleet.api.health", "chalicelib.web.version"],
    ]


def test_a_module_that_does_not_load_is_answered_with_the_envelope(tmp_path, monkeypatch, capsys):
    table = tmp_path / "routes.json"
    table.write_text('{"chalicelib.fleet.api.operator.nothing": ["GET /nothing"]}')
    monkeypatch.setattr(dispatch, "TABLE", table)
    client = Client([], edge_services())
    client.app = Application("edge-admin-test")
    dispatch.register(client.app, edge_services)
    answer = client.get("/nothing")
    assert (answer.status, answer.error["code"]) == (500, "internal_server_error")
    assert json.loads(capsys.readouterr().err)["error_type"] == "ModuleNotFoundError"
