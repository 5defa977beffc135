"""Tests reach the emulator and the local cloud through one helper, which localstack-client serves."""

import ast
from pathlib import Path

import pytest

from tests.support.aws_clients import local_client

ROOT = Path(__file__).parents[3]
HELPER = ROOT / "tests/support/aws_clients.py"

OF_NO_SERVICE = {
    "tests/probe/__main__.py": "clients of moto, which answers in the process",
    "tests/infra/test_redrive.py": "exceptions of the SDK's SQS client",
    "tests/infra/test_runbook.py": "the SDK's models of commands",
    "tests/unit/kit/test_tables_dynamodb.py": "a client that a Stubber answers",
}
"""Tests that need boto3 and speak to no service, with the reason."""


def modules():
    return [path for path in ROOT.glob("tests/**/*.py") if path != HELPER]


def imports_boto3(tree):
    imported = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    return any(name.split(".")[0] == "boto3" for name in imported) or any(
        isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "boto3" for node in ast.walk(tree)
    )


def clients_with_an_address(tree):
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in {"client", "create_client", "resource"}
        and any(keyword.arg == "endpoint_url" for keyword in node.keywords)
    ]


def test_only_the_helper_makes_clients_of_local_services():
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in modules()}
    trees = {name: ast.parse(text) for name, text in texts.items() if "boto3" in text or "endpoint_url" in text}

    assert {name for name, tree in trees.items() if imports_boto3(tree)} == set(OF_NO_SERVICE)
    assert {name: lines for name, tree in trees.items() if (lines := clients_with_an_address(tree))} == {}


def test_local_client_uses_the_given_address():
    client = local_client("http://127.0.0.1:1", "dynamodb")

    assert (client.meta.endpoint_url, client.meta.region_name) == ("http://127.0.0.1:1", "us-east-1")


def test_local_client_with_an_address_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")

    with pytest.raises(ValueError, match="AWS_ENDPOINT_URL"):
        local_client("http://127.0.0.1:1", "sqs")
