"""The launcher's folder of versions. A part of the launcher, see `launcher.py`."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_agent.launcher_log import log

UPDATE = "update.json"
VERDICT = "update.failed.json"
HEALTHY = "healthy"
CURRENT = "current"
MANIFEST = "bundle.json"
VERSIONS_VARIABLE = "EDGE_AGENT_VERSIONS"


class Versions:
    """The installed versions, the one that runs, and small files of JSON beside them.

    Where the disk does not let the link `current` be replaced, this process remembers the version instead.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._unlinked: str | None = None

    def current(self) -> str | None:
        """The version that `current` points to; if it is dangling, the version that was installed last."""
        if self._unlinked is not None:
            return self._unlinked
        link = self.folder / CURRENT
        if (link / "bin" / "python").exists() or (link / MANIFEST).exists():
            return link.resolve().name
        return max(self._whole(), default=(0.0, None))[1]

    def other_than(self, version: str) -> str | None:
        """The version that is kept beside this one; None if there is none. It is the one of several that was installed
        first: that one has run here, and the newest perhaps has not."""
        others = [found for found in self._whole() if found[1] != version]
        return min(others, default=(0.0, None))[1]

    def is_installed(self, version: str) -> bool:
        return self.python(version).exists()

    def python(self, version: str) -> Path:
        return self.folder / version / "bin" / "python"

    def has_its_python(self, version: str) -> bool:
        """Whether the Python of a version is there, and no other in its place, as after the distribution's upgrade."""
        program = self.python(version).resolve()
        installed = {path.name for path in (self.folder / version).glob("lib/python3.*")}
        return program.exists() and (not installed or program.name in installed or program.name == "python3")

    def installer_of(self, version: str) -> Path | None:
        """The program by which a version installs itself again; None if it is not there."""
        return next((self.folder / version).glob("lib/python3.*/site-packages/edge_agent/bundles.py"), None)

    def switch_to(self, version: str) -> None:
        """Make a version the current one: on the disk, if that allows it."""
        try:
            self.point_to(version)
        except OSError as error:
            self._unlinked = version
            log("launcher.not_noted", version=version, reason=str(error))

    def point_to(self, version: str) -> None:
        """Replace the link. Raises OSError."""
        temporary = self.folder / f".{CURRENT}"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(version)
        temporary.replace(self.folder / CURRENT)
        self._unlinked = None
        _sync(self.folder)

    def remove(self, version: str) -> None:
        shutil.rmtree(self.folder / version, ignore_errors=True)

    def read(self, name: str) -> dict[str, Any] | None:
        """The content of a file with a version in it; None if it cannot be read: it cannot be continued."""
        try:
            content = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) and "version" in content else None

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Replace a file, atomically. Raises OSError."""
        temporary = self.folder / f".{name}"
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.folder / name)
        _sync(self.folder)

    def _whole(self) -> list[tuple[float, str]]:
        """The versions that are installed, each after the time of that."""
        folders = [path.parent for path in self.folder.glob(f"*/{MANIFEST}") if not path.parent.name.startswith(".")]
        return [(folder.stat().st_mtime, folder.name) for folder in folders if folder.name != CURRENT]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
