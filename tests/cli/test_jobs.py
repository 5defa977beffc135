"""The lines of docs/jobs.md are ones that `edgectl` understands."""

import re
import shlex

import pytest
import typer
from edgectl.main import app

from infra.package import ROOT

LINES = re.findall(r"`(edgectl [^`]+)`", (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8"))


def test_document_has_a_line_for_each_job():
    assert len(LINES) > 10


@pytest.mark.parametrize("line", LINES)
def test_line_of_the_document_is_a_whole_command(line):
    _, *words = shlex.split(line)
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]

    with command.make_context(line, words) as context:
        assert context.args == []
