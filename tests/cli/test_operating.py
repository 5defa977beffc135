"""`edgectl admin` runs the runbook's steps in a checkout of the deployed release."""

import importlib
import json
import subprocess
import sys

import pytest
from edgectl.errors import REFUSED
from edgectl.operating import STEPS

from infra.package import ROOT
from tests.support.terminal import Terminal
from tests.support.world import World

SHOWS_WHAT_IT_GETS = """#!/bin/sh
pwd > ran
for each; do echo "$each" >> ran; done
exit 7
"""


@pytest.fixture
def terminal():
    return Terminal(World())


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder that looks like one, whose python notes where and with which arguments it is run."""
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "redrive.py").touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(SHOWS_WHAT_IT_GETS)
    python.chmod(0o700)
    monkeypatch.setenv("EDGE_CHECKOUT", str(tmp_path))
    return tmp_path


def test_step_is_run_in_the_checkout_with_its_arguments_and_exit_code(terminal, checkout):
    assert terminal.type("admin", "recount", "--stage", "prod").code == 7
    assert (checkout / "ran").read_text().split() == [str(checkout), "-m", "infra.run", "recount", "--stage", "prod"]
    assert terminal.transport.asked == []


def test_help_is_that_of_the_command_itself(terminal, checkout):
    terminal.type("admin", "redrive", "clean-up", "--help")

    assert (checkout / "ran").read_text().split()[1:] == ["-m", "infra.redrive", "clean-up", "--help"]


def test_checkout_is_found_above_the_present_folder(terminal, checkout, monkeypatch):
    monkeypatch.delenv("EDGE_CHECKOUT")
    monkeypatch.chdir(checkout / "infra")

    assert terminal.type("admin", "restore", "--stage", "prod").code == 7


def test_folder_that_is_no_checkout_is_refused_in_a_sentence(terminal, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGE_CHECKOUT", str(tmp_path))
    ended = terminal.type("admin", "rotate", "data-key", "--stage", "prod")
    assert (ended.code, ended.err) == (
        REFUSED,
        f"edgectl: {tmp_path} is no checkout of the deployed release: go there, or set EDGE_CHECKOUT\n",
    )

    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "redrive.py").touch()
    assert "make setup" in terminal.type("admin", "rotate", "data-key", "--stage", "prod").err


def test_every_step_is_a_command_of_this_repository_and_of_the_runbook():
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    for step in STEPS:
        assert callable(importlib.import_module(step.module).main)
        assert f"python -m {' '.join((step.module, *step.arguments))}" in runbook


def test_step_of_this_repository_runs():
    asked = "from edgectl.main import main; raise SystemExit(main(['admin', 'recount', '--help']))"
    done = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "samples" / "cli"), "EDGE_CHECKOUT": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout.startswith("usage: python -m infra.run")) == (0, True), json.dumps(done.stderr)
