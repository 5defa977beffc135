"""What a function loads before its first request: the API's module, and those of all workers, in fresh interpreters.

A cold start pays for every import. What is slow to import, or belongs to tools and tests, must not come along unasked.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

WORKERS = sorted(
    f"chalicelib.workers.{path.stem}"
    for path in (ROOT / "chalicelib" / "workers").glob("*.py")
    if path.stem not in {"__init__", "entry"}
)

FUNCTIONS = {"app": ["app"], "workers": WORKERS}
"""What no worker may load is absent also from all of them together."""

SDK = {"boto3", "s3transfer", "jmespath", "dateutil", "botocore.session", "botocore.client", "botocore.awsrequest"}
"""Loaded with the first client, when `kit.aws` is asked for it. urllib3 is not among them: to import it early is
to pay early for what every function's first client loads anyway."""

NEVER = {
    # Tests and tools.
    "pytest", "_pytest", "hypothesis", "moto", "ministack", "localstack_client", "schemathesis", "jsonschema",
    "openapi_schema_validator", "tests", "infra", "samples",
    # Chalice's command line and local server: the zip holds its runtime alone.
    "chalice.cli", "chalice.local", "chalice.deploy", "chalice.package", "click", "inquirer", "yaml",
    # Packages of features that few functions have, or none.
    "argon2", "prometheus_client", "aws_lambda_powertools", "requests", "httpx", "aiohttp",
    "websockets", "asyncssh", "psutil",
    # The standard library's slow ones that nothing here is for.
    "unittest", "xmlrpc", "multiprocessing.pool", "sqlite3", "tkinter", "pydoc", "doctest", "http.server",
}  # fmt: skip


def loaded_by(modules: list[str]) -> set[str]:
    """The names of all modules in a new interpreter that has imported these."""
    code = f"import json, sys, {', '.join(modules)}; print(json.dumps([*sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    return {function: loaded_by(modules) for function, modules in FUNCTIONS.items()}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_loads_nothing_that_it_does_not_need(loaded, function):
    assert loaded[function] & (NEVER | SDK) == set()


def test_a_worker_loads_no_route(loaded):
    assert {name for name in loaded["workers"] if name == "app" or name.startswith("chalicelib.api")} == set()


def test_the_names_are_those_of_modules_that_exist(loaded):
    """A package that is spelled wrong would be absent for ever."""
    code = "import json, sys, boto3, chalice.cli, yaml, pytest; boto3.client('sqs'); print(json.dumps([*sys.modules]))"
    environment = {"AWS_DEFAULT_REGION": "us-east-1", "PATH": "", "HOME": "/nonexistent"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert set(json.loads(done.stdout)) >= SDK | {"chalice.cli", "click", "yaml", "pytest", "_pytest"}
    assert {"chalicelib.bootstrap", "pydantic", "chalice"} <= loaded["app"]
