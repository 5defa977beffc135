import errno
import fcntl
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edge_agent.errors import FatalError

# Faults that do not pass by waiting. Others do: a full or read-only disk, too many open files, a failing medium.
NEVER_PASSING = frozenset({errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})


class StateDirectory:
    """The folder that outlives the process: 0700, its files 0600, one agent at a time.

    Entering it takes the lock. It raises FatalError when another process holds that, or where the folder is not this
    user's own, since its content decides whom the agent obeys; OSError for a fault that may pass. The lock ends with
    the process, however that ends, and commands do not inherit it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spool = path / "spool"
        self.journal = path / "journal.jsonl"
        self._lock_fd: int | None = None

    def __enter__(self) -> Self:
        try:
            for folder in (self.path, self.spool):
                _own(folder)
            # Read-only, so that a disk that went read-only keeps no agent from starting.
            self._lock_fd = os.open(self.path / "lock", os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            if error.errno in NEVER_PASSING:
                raise FatalError(f"the state directory cannot be used: {error}") from error
            raise
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
        """What `write` last kept under that name; None if nothing was, or if it is no JSON object any more.

        A damaged file is kept under the name with `.damaged` behind it. Raises OSError.
        """
        path = self.path / name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            self.set_aside(name)
            return None
        return content

    def set_aside(self, name: str) -> None:
        """Keep a damaged file for whoever wants to look at it, out of the way."""
        path = self.path / name
        with suppress(OSError):
            path.replace(path.with_name(f"{name}.damaged"))

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Replace the file as a whole: after a crash or power cut it holds the old content or the new one."""
        replace_file(self.path / name, json.dumps(content).encode())

    def reserve(self, name: str, size_bytes: int) -> None:
        """Make sure that `write` will have room for so much, by taking it. Raises OSError where there is none."""
        path = self.path / name
        _write_whole(_temporary(path), b" " * size_bytes)


def replace_file(path: Path, content: bytes) -> None:
    temporary = _temporary(path)
    _write_whole(temporary, content)
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make created, renamed and removed names in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _temporary(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _write_whole(path: Path, content: bytes) -> None:
    """On the disk when it returns; no file, and no room taken by one, when it raises OSError."""
    # Not emptied first: it may be what `reserve` left, whose room is to be used.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        write_all(descriptor, content)
        os.ftruncate(descriptor, len(content))
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(descriptor)


def _own(folder: Path) -> None:
    """Make the folder, or take it where it is this user's own."""
    user = os.geteuid()
    if folder.is_symlink() and folder.lstat().st_uid not in (0, user):
        raise FatalError(f"{folder} is a link that another user made")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != user:
            raise FatalError(f"{folder} belongs to user {status.st_uid}, and this agent runs as user {user}")
        if stat.S_IMODE(status.st_mode) != 0o700:  # noqa: PLR2004
            os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
