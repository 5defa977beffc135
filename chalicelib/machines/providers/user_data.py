"""The script that a new machine runs at its first boot."""

import shlex
from functools import cache
from pathlib import Path

from chalicelib.kit.crypto import Secret
from chalicelib.machines.providers.ports import Enrolment

SCRIPT = Path(__file__).with_name("user_data.sh")

LARGEST_BYTES = 16 * 1024
"""The most that EC2 takes of user data, before its encoding (EC2 user guide, "Run commands at launch")."""


def user_data(enrolment: Enrolment) -> Secret:
    """The script that installs the agent and enrols it. It is a secret as long as its key has not been used. The same
    enrolment gives the same text. Raises ValueError for one that would be too large."""
    text = _script()
    for mark, value in (
        ("@SERVER_URL@", shlex.quote(enrolment.server_url)),
        ("@NODE_ID@", shlex.quote(enrolment.node_id)),
        ("@ENROLLMENT_KEY@", enrolment.key.reveal()),
    ):
        text = text.replace(mark, value)
    if len(text.encode()) > LARGEST_BYTES:
        raise ValueError(f"user data of more than {LARGEST_BYTES} bytes")
    return Secret(text)


@cache
def _script() -> str:
    return SCRIPT.read_text(encoding="utf-8")
