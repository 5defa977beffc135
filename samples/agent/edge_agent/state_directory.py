import json
from contextlib import suppress
from pathlib import PurePath
from types import TracebackType
from typing import Any, Self

from edge_agent.errors import FatalError, InUseError
from edge_agent.ports.disk import PERMANENT_ERRORS, Disk, Lock

LOCK_FILE = "lock"


class StateDirectory:
    """The folder that outlives the process: mode 0700, its files 0600, used by one agent at a time.

    Entering it takes the lock. That raises `FatalError` if another process holds the lock or if the folder belongs to
    another user, since its content decides whom the agent obeys; and OSError for an error that may pass. The lock ends
    with the process, however that happens. Commands do not inherit it.
    """

    def __init__(self, path: PurePath, disk: Disk) -> None:
        self.path = path
        self.disk = disk
        self.spool = path / "spool"
        self.outputs = path / "outputs"
        self.journal = path / "journal.jsonl"
        self._lock: Lock | None = None

    def __enter__(self) -> Self:
        try:
            for folder in (self.path, self.spool, self.outputs):
                self.disk.own_folder(folder)
            self._lock = self.disk.lock(self.path / LOCK_FILE)
        except OSError as error:
            if error.errno in PERMANENT_ERRORS:
                raise FatalError(f"the state directory cannot be used: {error}") from error
            raise
        if self._lock is None:
            raise InUseError(f"another agent uses {self.path}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def read(self, name: str) -> dict[str, Any] | None:
        """Return the object that `write` stored under a name; None if there is none or it is damaged.

        A damaged file is renamed to `NAME.damaged`. Raises OSError.
        """
        try:
            content = json.loads(self.disk.read(self.path / name))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            self.set_aside(name)
            return None
        return content

    def set_aside(self, name: str) -> None:
        """Rename a damaged file to `NAME.damaged`, for later inspection."""
        with suppress(OSError):
            self.disk.rename(self.path / name, self.path / f"{name}.damaged")

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Store an object, atomically: after a power cut the file holds the old content or the new one."""
        replace_file(self.disk, self.path / name, json.dumps(content).encode())

    def reserve(self, name: str, size_bytes: int) -> None:
        """Reserve disk space for the next `write` of a file. Raises OSError if there is not enough."""
        self.disk.write(temporary(self.path / name), b" " * size_bytes)


HOST_KEY_FILE = "ssh_host_key"
PUBLIC_HOST_KEY_FILE = HOST_KEY_FILE + ".pub"


def replace_file(disk: Disk, path: PurePath, content: bytes) -> None:
    """Replace a file atomically: after a power cut it holds the old content or the new one. Raises OSError."""
    disk.write(temporary(path), content)
    disk.rename(temporary(path), path)


def temporary(path: PurePath) -> PurePath:
    """The file that is written first and then renamed to `path`."""
    return path.with_name(path.name + ".new")
