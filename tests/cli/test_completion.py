"""Completion of `edgectl` in each shell."""

import os
import shutil
import subprocess
import sys

import pytest

from infra.package import ROOT
from tests.support.terminal import Terminal
from tests.support.world import World


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_of_a_shell_is_valid(shell, tmp_path):
    script = Terminal(World()).type("completion", shell)
    assert script.code == 0
    assert "edgectl" in script.out
    (tmp_path / "script").write_text(script.out)
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n", str(tmp_path / "script")], check=True, capture_output=True)


def test_completion_of_an_unknown_shell_is_refused():
    ended = Terminal(World()).type("completion", "tcsh")

    assert ended.err == "edgectl: no completion for 'tcsh': bash, zsh, fish\n"


def test_beginning_of_a_group_is_completed():
    asked = {"COMP_WORDS": "edgectl ssh-", "COMP_CWORD": "1", "_EDGECTL_COMPLETE": "complete_bash"}
    environment = {**os.environ, **asked, "PYTHONPATH": str(ROOT / "samples" / "cli")}
    done = subprocess.run(
        [sys.executable, "-m", "edgectl"], env=environment, capture_output=True, text=True, check=False
    )

    assert done.stdout.split() == ["ssh-users", "ssh-keys", "ssh-groups"]
