import json
from pathlib import PurePath
from typing import Any

from edge_agent.launcher_versions import CURRENT, HEALTHY, UPDATE, VERDICT
from edge_agent.ports.disk import Disk
from edge_agent.state_directory import replace_file

# Bounds the launcher's verdict, whose space is reserved on the disk.
REASON_LENGTH = 500
DOWNLOAD = ".download"


class UpdateFile:
    """The state of an update on disk, shared with the launcher, which describes it. Every method raises OSError."""

    def __init__(self, versions: PurePath, disk: Disk) -> None:
        self.versions = versions
        self.download = versions / DOWNLOAD
        self._disk = disk
        self._path = versions / UPDATE

    def read(self) -> dict[str, Any] | None:
        try:
            content = json.loads(self._disk.read(self._path))
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) and isinstance(content.get("phase"), str) else None

    def write(self, update: dict[str, Any]) -> None:
        replace_file(self._disk, self._path, json.dumps(update).encode())

    def prepare(self, update: dict[str, Any]) -> None:
        """Let the launcher try the version once this agent has ended.

        The verdict that the launcher needs on a full disk is written first.
        """
        full = {**update, "phase": "failed", "reason": "it did not pass, and then the disk was full"}
        replace_file(self._disk, self.versions / VERDICT, json.dumps(full).encode())
        self.write({**update, "phase": "prepared"})

    def is_current(self, version: str) -> bool:
        """Whether the launcher starts this version."""
        target = self._disk.link_target(self.versions / CURRENT)
        return target is not None and target.name == version

    def report_healthy(self) -> None:
        replace_file(self._disk, self.versions / HEALTHY, b"")

    def clear(self) -> None:
        """Forget the update, once the server knows its outcome."""
        for name in (UPDATE, VERDICT, HEALTHY):
            self._disk.remove(self.versions / name)
        self._disk.sync_folder(self.versions)

    def free_bytes(self) -> int:
        return self._disk.free_bytes(self.versions)

    def remove_download(self) -> None:
        self._disk.remove(self.download)

    def keep_only(self, *kept: str) -> None:
        """Remove all other versions and the remains of interrupted installations, as far as possible."""
        self.remove_download()
        for name in self._disk.folders(self.versions):
            if name not in kept:
                self._disk.remove_folder(self.versions / name)
