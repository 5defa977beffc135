"""The Python that the installer takes, of those that a machine has."""

import subprocess
import sys

import pytest

from infra.package import ROOT

SCRIPT = ROOT / "chalicelib" / "fleet" / "api" / "agent" / "install.sh"
FAKE = """#!/bin/sh
shift
code=$1
shift
exec {python} -c "import sys; sys.version_info = {version}
$code" "$@"
"""


@pytest.fixture
def found(tmp_path):
    """What the script says of the Python for that agent, on a machine with 3.12, 3.13 and 3.14."""
    for minor in (12, 13, 14):
        fake = tmp_path / f"python3.{minor}"
        fake.write_text(FAKE.format(python=sys.executable, version=(3, minor, 1)))
        fake.chmod(0o755)

    def find(pythons):
        parts = SCRIPT.read_text().rpartition('main "$@"')[0]
        script = f'{parts}\npythons="{pythons}"\nfind_python\nprintf "%s" "$python"\n'
        done = subprocess.run(
            ["/bin/sh", "-c", script], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
        )
        return done.stdout.removeprefix(f"{tmp_path}/") or done.stderr

    return find


@pytest.mark.parametrize(
    ("pythons", "python"),
    [("", "python3.14"), ("3.13", "python3.13"), ("3.11 3.12", "python3.12")],
)
def test_newest_python_that_the_agent_is_for_is_taken(found, pythons, python):
    assert found(pythons) == python


def test_machine_without_a_python_that_the_agent_is_for_is_refused(found):
    assert "this version of the agent is for Python 3.11; none of these is here" in found("3.11")
