"""What samples that run as processes of their own have in common: their environment, their secrets, their logs."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL")


def inherited_environment() -> dict[str, str]:
    """What of this process's environment a sample gets: nothing that could steer or feed it."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def write_secret(file: Path, text: str) -> None:
    """A file that nobody else may read, at no moment."""
    file.touch(mode=0o600)
    file.write_text(text)


def logged(log: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a log, oldest first. Passed over: other lines (a traceback), and what is not yet whole."""
    for line in log.read_text().splitlines(keepends=True) if log.exists() else []:
        if line.startswith("{") and line.endswith("\n"):
            yield json.loads(line)
