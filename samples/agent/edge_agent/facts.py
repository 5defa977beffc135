from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from edge_agent.ports.disk import Disk
from edge_agent.times import format_time

OS_RELEASE_FILES = (PurePath("/etc/os-release"), PurePath("/usr/lib/os-release"))
# The kernel's own record of its start, which does not move as a difference of two clocks does.
START_FILE = PurePath("/proc/stat")
LONGEST = 255
# Abilities of this agent beyond the first version's, as the server names them.
FEATURES = ("diagnostics", "environment", "large_output", "tail", "work")

ReadFacts = Callable[[], Mapping[str, str | list[str]]]


class MachineFacts:
    """Describes this machine, and remembers what the server was told of it. Unknown facts are left out, and nothing is
    raised: an odd machine works all the same."""

    def __init__(
        self, disk: Disk, system: ReadFacts, labels: Mapping[str, str], host_key_file: PurePath | None = None
    ) -> None:
        """`host_key_file` holds the public key of this agent's SSH server, once that has one; None if it has none."""
        self._disk = disk
        self._host_key_file = host_key_file
        self._system = system
        self._labels = dict(labels)
        self._told: dict[str, Any] | None = None

    def registration(self) -> dict[str, Any]:
        """The part of a registration that describes machine and agent."""
        self._told = self._now()
        return {"facts": self._told, "labels": self._labels, "features": list(FEATURES)}

    def news(self) -> dict[str, Any] | None:
        """The facts if they differ from those that the server was told; None if not."""
        facts = self._now()
        return None if facts == self._told else facts

    def note_told(self, facts: dict[str, Any]) -> None:
        self._told = facts

    def _now(self) -> dict[str, Any]:
        release = self._os_release()
        texts: dict[str, str | list[str] | None] = {
            **self._system(),
            "os_name": release.get("ID"),
            "os_version": release.get("VERSION_ID"),
            "booted_at": self._booted_at(),
            "ssh_host_keys": self._host_keys(),
        }
        return {name: value[:LONGEST] if isinstance(value, str) else value for name, value in texts.items() if value}

    def _os_release(self) -> dict[str, str]:
        for file in OS_RELEASE_FILES:
            with suppress(OSError):
                lines = self._disk.read(file).decode("utf-8", "replace").splitlines()
                pairs = (line.partition("=") for line in lines if not line.startswith("#"))
                return {name.strip(): value.strip().strip("\"'") for name, sign, value in pairs if sign}
        return {}

    def _host_keys(self) -> list[str]:
        if self._host_key_file is not None:
            with suppress(OSError):
                lines = self._disk.read(self._host_key_file).decode("ascii", "replace").splitlines()
                # The kind and the key: what follows is a comment.
                return [" ".join(line.split()[:2]) for line in lines if line.strip()]
        return []

    def _booted_at(self) -> str | None:
        with suppress(OSError, ValueError, IndexError, OverflowError):
            for line in self._disk.read(START_FILE).decode("ascii", "replace").splitlines():
                if line.startswith("btime "):
                    return format_time(datetime.fromtimestamp(int(line.split()[1]), UTC))
        return None
