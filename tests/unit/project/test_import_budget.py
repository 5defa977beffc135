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

from chalicelib import families
from chalicelib.platform.context import VALUES, HttpSource
from chalicelib.platform.families import Families
from tests.support.declared import module_of

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
    "chalicelib.web.openapi", "chalicelib.web.asyncapi", "chalicelib.web.openapi_schema",
    "chalicelib.web.description", "chalicelib.fleet.api.description", "chalicelib.web.docs",
    "chalicelib.platform.workers.registration",
    "chalicelib.fleet.events.schemas",
}  # fmt: skip

DECLARED = families.deployed(families.EVERY)

CONTEXTS = {context.name for context in DECLARED.contexts}

CONSTANTS = "queues"
"""The module of a context that others import for its constants alone."""


FAMILY_OF = {
    function.name: family.name
    for family in map(families.family, families.NAMES)
    for function in Families((family,)).functions
}


@cache
def loaded_by(module: str, function_name: str) -> frozenset[str]:
    """The names of all modules in a new interpreter that has imported ``module`` as that function."""
    code = f"import json, sys, {module}; print(json.dumps([*sys.modules]))"
    environment = {
        "FUNCTION_NAME": function_name,
        families.SERVED: FAMILY_OF.get(function_name, ""),
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


@cache
def values_of_contexts(names: str = families.EVERY) -> frozenset[str]:
    return loaded_by(f"chalicelib.families; chalicelib.families.deployed({names!r})", "")


def contexts_of(modules: frozenset[str]) -> set[str]:
    """The contexts of which more is loaded than their constants."""
    parts = [name.split(".") for name in modules]
    inside = [part for part in parts if len(part) > 3 and part[1] in {family.name for family in DECLARED.each}]
    return {part[2] for part in inside if part[3] != CONSTANTS} & CONTEXTS


def below(names: set[str], loaded: frozenset[str]) -> set[str]:
    """Those of the loaded modules that are one of these, or inside of one."""
    return {name for name in loaded for each in names if name == each or name.startswith(f"{each}.")}


@pytest.mark.parametrize("function", DECLARED.functions, ids=lambda function: function.name)
def test_function_loads_only_modules_of_its_import_budget(function):
    loaded = loaded_by(module_of(function.name), function.name)
    allowed = {*function.loads.split()}
    assert below(NEVER, loaded) == set()
    by_itself = loaded - values_of_contexts() if VALUES in allowed else loaded
    assert contexts_of(by_itself) <= allowed
    if not isinstance(function.source, HttpSource):
        assert below({"app", *(f"chalicelib.{family.name}.api" for family in DECLARED.each)}, loaded) == set()


def test_values_of_all_contexts_load_no_family_that_is_deployed_by_name_only():
    assert below({f"chalicelib.{name}" for name in families.BY_NAME}, values_of_contexts("")) == set()


def test_import_budget_names_existing_contexts():
    for function in DECLARED.functions:
        assert {*function.loads.split()} <= CONTEXTS | {VALUES}, function.name


@pytest.mark.parametrize("function", ["api_handler", "websocket_connect", "deliver_commands", "recount"])
def test_dynamodb_client_modules_are_loaded_at_import(function):
    assert {"botocore.client", "chalicelib.kit.tables.dynamodb"} <= loaded_by(module_of(function), function)


def test_api_handler_loads_only_the_routes_of_agent_polls_at_import():
    loaded = loaded_by("app", "api_handler")
    assert below({"chalicelib.fleet.api.agent", "chalicelib.fleet.api.operator"}, loaded) == {
        "chalicelib.fleet.api.agent",
        "chalicelib.fleet.api.agent.executions",
    }
    assert below({"chalicelib.platform.workers", "chalicelib.fleet.workers"}, loaded) == set()


@pytest.mark.parametrize("module", ["app", "chalicelib.fleet.workers.deliver_commands"])
def test_module_imported_outside_lambda_loads_no_client(module):
    assert below({"botocore.client", "botocore.session", "boto3"}, loaded_by(module, "")) == set()


def test_forbidden_module_names_exist():
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
