"""The script that a new machine runs at its first boot."""

import shlex
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from chalicelib.kit.crypto import Secret
from chalicelib.machines.providers.ports import Enrolment

SCRIPT = Path(__file__).with_name("user_data.sh")
SSH_KEYS_SCRIPT = Path(__file__).with_name("ssh_keys.sh")

LARGEST_BYTES = 16 * 1024
"""The most that EC2 takes of user data, before its encoding (EC2 user guide, "Run commands at launch")."""


def user_data(enrolment: Enrolment | None, ssh_keys: Sequence[str] = ()) -> Secret:
    """The script that lets in the holders of keys, installs the agent and enrols it. It is a secret as long as its
    enrollment key has not been used. The same arguments give the same text. Raises ValueError for one that would be too
    large."""
    parts = [_letting_in(ssh_keys)] if ssh_keys else []
    if enrolment is not None:
        parts.append(_enrolling(enrolment))
    text = "\n".join(parts)
    if len(text.encode()) > LARGEST_BYTES:
        raise ValueError(f"user data of more than {LARGEST_BYTES} bytes")
    return Secret(text)


def _letting_in(ssh_keys: Sequence[str]) -> str:
    return _script(SSH_KEYS_SCRIPT).replace("@SSH_KEYS@", "\n".join(ssh_keys))


def _enrolling(enrolment: Enrolment) -> str:
    text = _script(SCRIPT)
    for mark, value in (
        ("@SERVER_URL@", shlex.quote(enrolment.server_url)),
        ("@NODE_ID@", shlex.quote(enrolment.node_id)),
        ("@ENROLLMENT_KEY@", enrolment.key.reveal()),
    ):
        text = text.replace(mark, value)
    return text


@cache
def _script(path: Path) -> str:
    return path.read_text(encoding="utf-8")
