"""The processes of a local cloud in which its functions run."""

import os
from contextlib import suppress

import psutil

from infra.local.cloud import LocalCloud


def function_in(pid: int, session: int) -> str:
    """The name of the function that runs in a process of this session: as templates tell each, of every family. Raises
    `LookupError`, `OSError`, `psutil.Error` for a process of another session and for one that runs none."""
    if os.getsid(pid) != session:
        raise LookupError(pid)
    return psutil.Process(pid).environ()["FUNCTION_NAME"]


def copies_of(cloud: LocalCloud) -> dict[int, str]:
    """Process id -> the name of the function that runs in it."""
    found: dict[int, str] = {}
    for pid in psutil.pids():
        with suppress(LookupError, OSError, psutil.Error):
            found[pid] = function_in(pid, cloud.session)
    return found
