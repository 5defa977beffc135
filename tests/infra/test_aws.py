"""Each command works in the region of the stage's file, or in that which the AWS command line would take."""

import importlib
import re

import pytest
from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError

from infra import aws, redrive
from infra.deployment import stagefile
from infra.package import ROOT

COMMANDS = {
    "stage_stacks": [],
    "stage_tables": [],
    "backup": ["--name", "before-the-move"],
    "restore": ["--write"],
    "redrive": ["clean-up"],
    "run": ["recount"],
    "dashboard": [],
    "rotate": ["operator-key"],
}
OWN_CLIENTS = re.compile(r"boto3\.(client|resource|Session)\(")
ELSEWHERE = {"aws.py", "resolved.py", "rights.py"}
"""The helper; what expands templates without any account; what asks for the partition of a region that is named."""


@pytest.fixture
def regions(monkeypatch):
    """The regions that are called, none of which answers."""
    called = []

    def call(self, operation, asked):
        called.append(self.meta.region_name)
        raise EndpointConnectionError(endpoint_url=self.meta.endpoint_url)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    return called


@pytest.mark.parametrize("command", [*COMMANDS, "rotate data-key", "rotate signing-key"])
def test_command_works_in_the_region_of_aws_region_alone(command, regions, monkeypatch, capsys):
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    name, *kind = command.split()

    code = importlib.import_module(f"infra.{name}").main([*(kind or COMMANDS[name]), "--stage", "prod"])
    assert (code, set(regions)) == (1, {"eu-west-3"}), capsys.readouterr().err


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The file of the stage prod."""
    monkeypatch.setattr(aws, "account_and_region", lambda stage: stagefile.account_and_region(stage, tmp_path))
    return tmp_path / "prod.toml"


def test_region_of_the_stage_file_wins_over_that_of_the_shell(file, capsys):
    file.write_text('region = "eu-central-1"\n')

    assert [aws.main(["--stage", stage]) for stage in ("prod", "dev")] == [0, 0]
    assert capsys.readouterr().out.split() == ["eu-central-1", "us-east-1"]


def test_command_with_credentials_of_another_account_is_refused(file, monkeypatch, capsys):
    file.write_text('account = "111111111111"\n')
    called = []
    monkeypatch.setattr(
        BaseClient,
        "_make_api_call",
        lambda _, operation, asked: called.append(operation) or {"Account": "000000000000"},
    )

    assert redrive.main(["clean-up", "--stage", "prod"]) == 1
    assert called == ["GetCallerIdentity"]
    assert "of account 000000000000, and the stage's file says 111111111111" in capsys.readouterr().err


def test_command_without_any_region_says_where_to_set_it(monkeypatch, capsys):
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    assert redrive.main(["clean-up", "--stage", "prod"]) == 1
    assert "no region: set AWS_REGION, or region in the file of the stage" in capsys.readouterr().err


def test_no_command_makes_a_client_past_the_helper():
    files = [path for path in (ROOT / "infra").rglob("*.py") if path.parent.name != "local"]
    found = {path.name for path in files if OWN_CLIENTS.search(path.read_text())}
    assert found - ELSEWHERE == set()
