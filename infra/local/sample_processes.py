"""The environment, secrets and logs of samples that run as processes of their own."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL")


def inherited_environment() -> dict[str, str]:
    """The environment variables that a sample inherits: none that could change its behaviour."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def write_secret(file: Path, text: str) -> None:
    """Creates a file that only its owner can read, from the first moment."""
    file.touch(mode=0o600)
    file.write_text(text)


def logged(log: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a log, oldest first. It skips other lines (a traceback) and an incomplete last line."""
    for line in log.read_text().splitlines(keepends=True) if log.exists() else []:
        if line.startswith("{") and line.endswith("\n"):
            yield json.loads(line)
