"""What a function loads before its first invocation, each in a fresh interpreter and under the environment of Lambda:
its module, the parts that its invocations need, and the SDK with the clients they use.

A cold start pays for every import. What is slow to import, or belongs to other functions, tools and tests, must not
come along unasked.
"""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from infra.functions import FUNCTIONS
from tests.support.handlers import module_of

ROOT = Path(__file__).resolve().parents[3]

NEVER = {
    # Tests and tools.
    "pytest", "_pytest", "hypothesis", "moto", "ministack", "localstack_client", "schemathesis", "jsonschema",
    "openapi_schema_validator", "tests", "infra", "samples",
    # Chalice's command line and local server: the zip holds its runtime alone.
    "chalice.cli", "chalice.local", "chalice.deploy", "chalice.package", "click", "inquirer", "yaml",
    # Of the SDK only botocore is packaged.
    "boto3", "s3transfer",
    # Packages of features that few functions have, or none: imported by the call that needs them.
    "argon2", "prometheus_client", "cryptography", "pydantic_settings", "dotenv", "aws_lambda_powertools", "requests",
    "httpx", "aiohttp", "websockets", "asyncssh", "psutil",
    # The standard library's slow ones that nothing here is for.
    "asyncio", "unittest", "xmlrpc", "multiprocessing", "sqlite3", "tkinter", "pydoc", "doctest", "http.server",
    # The API's documents and what makes them.
    "chalicelib.web.openapi", "chalicelib.web.asyncapi", "chalicelib.web.openapi_schema", "chalicelib.fleet.api.routes",
    "chalicelib.web.docs", "chalicelib.fleet.workers.registration", "chalicelib.schema",
    "chalicelib.fleet.events.schemas",
}  # fmt: skip

CONTEXTS = {
    path.name
    for family in ("platform", "fleet")
    for path in (ROOT / "chalicelib" / family).iterdir()
    if (path / "__init__.py").exists() and path.name not in {"api", "workers"}
}

_NODES = {"aliases", "clusters", "enrollment", "events", "nodes", "vpn"}
_COMMANDS = {*_NODES, "commands", "targeting"}
_WEBHOOKS = {"events", "webhooks"}

MAY_LOAD = {
    "api_handler": {*_COMMANDS, "access"},  # what a poll takes; other routes load theirs when they are asked for
    "websocket_connect": {
        *_COMMANDS,
        "access",
        "admins",
        "transport",
    },  # one module for the three; a beat tells what waits
    "websocket_message": {*_COMMANDS, "access", "admins", "transport"},
    "websocket_disconnect": {*_COMMANDS, "access", "admins", "transport"},
    "relay_changes": {*_COMMANDS, "admins", "relay", "transport"},
    "create_executions": {*_COMMANDS, "transport"},
    "deliver_commands": {*_COMMANDS, "transport"},
    "clean_up": _COMMANDS,
    "trigger_updates": {*_COMMANDS, "transport", "updates"},
    "settle_vpn": set(),  # the rest with the first message: without a mesh there is none
    "publish_events": _WEBHOOKS,
    "deliver_webhook": _WEBHOOKS,
    "sweep_commands": {*_COMMANDS, "admins", "updates"},
    "sweep_webhooks": _WEBHOOKS,
    "check_health": _NODES,
    "heartbeat": {*_NODES, "admins"},
    "prune_executions": {"commands", "targeting"},
    "reconcile_vpn": set(),
    "recount": CONTEXTS,
}
"""The contexts that each function may load."""

MAY_ALSO = {"recount": {"chalicelib.schema"}}
"""Of `NEVER`: `recount` goes through every table that has a total."""


@cache
def loaded_by(module: str, function_name: str) -> frozenset[str]:
    """The names of all modules in a new interpreter that has imported ``module`` as that function."""
    code = f"import json, sys, {module}; print(json.dumps([*sys.modules]))"
    environment = {
        "FUNCTION_NAME": function_name,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "WEBSOCKET_MANAGEMENT_URL": "https://sockets.example",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )
    assert done.returncode == 0, done.stderr
    return frozenset(json.loads(done.stdout))


def file_of(function_name: str) -> str:
    if function_name == "api_handler":
        return "app"
    if function_name.startswith("websocket_"):
        return "chalicelib.fleet.workers.connections"
    return module_of(function_name)


def below(names: set[str], loaded: frozenset[str]) -> set[str]:
    """Those of the loaded modules that are one of these, or inside of one."""
    return {name for name in loaded for each in names if name == each or name.startswith(f"{each}.")}


@pytest.mark.parametrize("function", [each.name for each in FUNCTIONS])
def test_a_function_loads_nothing_that_it_does_not_need(function):
    loaded = loaded_by(file_of(function), function)
    assert below(NEVER - MAY_ALSO.get(function, set()), loaded) == set()
    contexts = {name.split(".")[2] for name in loaded if name.startswith(("chalicelib.platform.", "chalicelib.fleet."))}
    contexts &= CONTEXTS
    assert contexts <= MAY_LOAD[function]
    if function != "api_handler":
        assert below({"app", "chalicelib.fleet.api"}, loaded) == set()


@pytest.mark.parametrize("function", ["api_handler", "websocket_connect", "deliver_commands", "recount"])
def test_what_every_invocation_needs_is_there_before_the_first(function):
    assert {"botocore.client", "chalicelib.kit.tables.dynamodb"} <= loaded_by(file_of(function), function)


def test_the_api_loads_the_routes_of_polls_and_no_others():
    loaded = loaded_by("app", "api_handler")
    assert below({"chalicelib.fleet.api.agent", "chalicelib.fleet.api.operator"}, loaded) == {
        "chalicelib.fleet.api.agent",
        "chalicelib.fleet.api.agent.executions",
    }
    assert below({"chalicelib.platform.workers", "chalicelib.fleet.workers"}, loaded) == set()


@pytest.mark.parametrize("module", ["app", "chalicelib.fleet.workers.deliver_commands"])
def test_outside_of_lambda_a_module_makes_no_client(module):
    assert below({"botocore.client", "botocore.session", "boto3"}, loaded_by(module, "")) == set()


def test_the_names_are_those_of_modules_that_exist():
    """A package that is spelled wrong would be absent for ever."""
    code = (
        "import json, sys, asyncio, boto3, chalice.cli, cryptography, yaml, pytest; print(json.dumps([*sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert set(json.loads(done.stdout)) >= {
        "asyncio", "boto3", "s3transfer", "chalice.cli", "click", "cryptography", "multiprocessing", "yaml", "pytest",
    }  # fmt: skip
    modules = {name for name in NEVER if name.startswith("chalicelib.")}
    files = {name: ROOT / name.replace(".", "/") for name in modules}
    assert [name for name, path in files.items() if not (path.is_dir() or path.with_suffix(".py").exists())] == []
