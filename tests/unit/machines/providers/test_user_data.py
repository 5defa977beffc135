"""The script of a new machine's first boot, run by a shell with stand-ins for what it calls."""

import os
import subprocess
from pathlib import Path

import pytest

from chalicelib.kit.crypto import Secret
from chalicelib.machines.providers.ports import Enrolment
from chalicelib.machines.providers.user_data import LARGEST_BYTES, user_data
from tests.support.machines import INSTANCE_ID

KEY = "eyJhZG1pbl91cmxzIjpbXX0="
URL = "https://edge.example.com/api"
TOOLS = ("sh", "cat", "mktemp", "rm", "tail", "tar", "gzip", "sha256sum", "chmod")

INSTALLER = """
printf 'installer got: %s\\n' "$*"
while [ $# -gt 0 ]; do [ "$1" = --key-file ] && printf 'key: %s\\n' "$(cat "$2")"; shift; done
exit {status}
"""
CURL = """#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in --output) file=$2 ;; http*) printf '%s\\n' "$1" >>"$ASKED" ;; esac
    shift
done
[ -f "$INSTALLER" ] && cat "$INSTALLER" >"$file"
"""


@pytest.fixture
def machine(tmp_path):
    """A folder of programs, and what `boot` does with them."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in TOOLS:
        (programs / name).symlink_to(_found(name))
    _program(programs / "curl", CURL)
    _program(programs / "python3", "#!/bin/sh\nexit 0\n")
    (tmp_path / "installer").write_text(INSTALLER.format(status=0))
    return tmp_path


def _found(name):
    return next(path for folder in os.environ["PATH"].split(":") if (path := Path(folder) / name).exists())


def _program(file, text):
    file.unlink(missing_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def boot(machine):
    script = machine / "user_data"
    script.write_text(user_data(Enrolment(URL, Secret(KEY), INSTANCE_ID)).reveal())
    environment = {
        "PATH": str(machine / "bin"),
        "INSTALLER": str(machine / "installer"),
        "ASKED": str(machine / "asked"),
        "TMPDIR": str(machine),
    }
    shell = str(machine / "bin" / "sh")
    return subprocess.run([shell, str(script)], env=environment, capture_output=True, text=True, check=False)


def test_machine_installs_the_agent_from_the_stack_and_enrols_as_the_instance(machine):
    # The stand-in fails, so that its output is shown.
    (machine / "installer").write_text(INSTALLER.format(status=3))
    done = boot(machine)

    assert (machine / "asked").read_text() == f"{URL}/agent/install.sh\n"
    assert f"--server {URL} --key-file" in done.stdout
    assert f"-- --node-id {INSTANCE_ID}" in done.stdout
    assert f"key: {KEY}" in done.stdout


def test_success_is_said_without_the_key(machine):
    done = boot(machine)

    assert done.returncode == 0
    assert done.stdout == f"edge-admin: the agent is installed and enrolled as node {INSTANCE_ID}\n"
    assert KEY not in done.stdout + done.stderr


def test_key_is_in_no_file_afterwards(machine):
    boot(machine)
    (machine / "user_data").unlink()

    assert not [path for path in machine.rglob("*") if path.is_file() and KEY in path.read_text(errors="replace")]


def test_image_without_a_python_that_the_agent_supports_says_so(machine):
    _program(machine / "bin" / "python3", '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    done = boot(machine)

    assert done.returncode == 1
    assert "no Python 3.11, 3.12, 3.13 or 3.14 with venv (found: Python 3.9.2)" in done.stdout


def test_image_without_a_tool_says_so(machine):
    (machine / "bin" / "sha256sum").unlink()

    assert "the image has no sha256sum" in boot(machine).stdout


def test_api_that_cannot_be_reached_is_named(machine):
    (machine / "installer").unlink()

    assert f"{URL} cannot be reached" in boot(machine).stdout


def test_same_enrolment_gives_the_same_text_below_the_limit_of_ec2():
    first, second = (user_data(Enrolment(URL, Secret(KEY), INSTANCE_ID)).reveal() for _ in range(2))

    assert first == second
    assert len(first.encode()) < LARGEST_BYTES / 2


def test_text_that_ec2_would_refuse_is_an_error():
    with pytest.raises(ValueError, match="16384"):
        user_data(Enrolment(URL, Secret("k" * LARGEST_BYTES), INSTANCE_ID))


def test_address_is_quoted_for_the_shell(machine):
    text = user_data(Enrolment("https://edge.example.com/$(reboot)", Secret(KEY), INSTANCE_ID)).reveal()

    assert "server='https://edge.example.com/$(reboot)'" in text


def test_ssh_keys_stand_in_a_script_of_their_own_before_the_agents():
    text = user_data(None, ("ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two")).reveal()
    assert "\nssh-ed25519 AAAA one\nssh-ed25519 BBBB two\nEND_OF_SSH_KEYS\n" in text
    assert "@" not in text.replace("'%s\\n'", "")
