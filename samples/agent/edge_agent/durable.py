import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edge_agent.errors import FatalError


class StateDirectory:
    """The folder that outlives the process: 0700, its files 0600, one agent at a time.

    Entering it takes the lock and raises FatalError when another process holds it. The lock ends with the process,
    however that ends, and commands do not inherit it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spool = path / "spool"
        self.journal = path / "journal.jsonl"
        self._lock_fd: int | None = None

    def __enter__(self) -> Self:
        try:
            for folder in (self.path, self.spool):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.chmod(0o700)
            self._lock_fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise FatalError(f"the state directory cannot be used: {error}") from error
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock_fd)
            raise FatalError(f"another agent uses {self.path}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock_fd is not None:
            os.close(self._lock_fd)

    def read(self, name: str) -> dict[str, Any] | None:
        """What `write` last kept under that name; None if nothing was."""
        path = self.path / name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise FatalError(f"{path} is damaged") from error
        if not isinstance(content, dict):
            raise FatalError(f"{path} is damaged")
        return content

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Replace the file as a whole: after a crash or power cut it holds the old content or the new one."""
        replace_file(self.path / name, json.dumps(content).encode())


def replace_file(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - Path.open cannot set the mode at creation
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make created, renamed and removed names in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
