import json
import shutil
from pathlib import Path
from typing import Any

from edge_agent.bundles import remove_leftovers
from edge_agent.durable import replace_file, sync_folder
from edge_agent.launcher import CURRENT, HEALTHY, UPDATE, VERDICT

# Room for the launcher's verdict, whatever it says: it is needed most when the disk is full.
REASON_LENGTH = 500
DOWNLOAD = ".download"


class UpdateFile:
    """Where an update stands, as the launcher reads it: see there. Every method raises OSError."""

    def __init__(self, versions: Path) -> None:
        self.versions = versions
        self.download = versions / DOWNLOAD
        self._path = versions / UPDATE

    def read(self) -> dict[str, Any] | None:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) and isinstance(content.get("phase"), str) else None

    def write(self, update: dict[str, Any]) -> None:
        replace_file(self._path, json.dumps(update).encode())

    def prepare(self, update: dict[str, Any]) -> None:
        """From here on the launcher tries that version when this agent has ended. Its verdict for a full disk is
        written first."""
        full = {**update, "phase": "failed", "reason": "it did not pass, and then the disk was full"}
        replace_file(self.versions / VERDICT, json.dumps(full).encode())
        self.write({**update, "phase": "prepared"})

    def is_current(self, version: str) -> bool:
        """Whether that is what the launcher starts."""
        return (self.versions / CURRENT).resolve().name == version

    def report_healthy(self) -> None:
        replace_file(self.versions / HEALTHY, b"")

    def clear(self) -> None:
        """The update is over, and the server knows of it."""
        for name in (UPDATE, VERDICT, HEALTHY):
            (self.versions / name).unlink(missing_ok=True)
        sync_folder(self.versions)

    def keep_only(self, *kept: str) -> None:
        """Remove all other versions, and what unfinished installations left. What cannot be removed stays."""
        remove_leftovers(self.versions)
        self.download.unlink(missing_ok=True)
        for folder in self.versions.iterdir():
            if folder.is_dir() and not folder.is_symlink() and folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)
