"""The disk port: files that are replaced whole, appended to, locked and removed."""

import errno
import fcntl
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Protocol

from edge_agent.errors import FatalError

# Errors that persist until somebody acts at the machine. Others pass: a full or read-only disk, too many open files, a
# failing medium.
PERMANENT_ERRORS = frozenset({errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})


class File(Protocol):
    """An open file. Every method raises OSError."""

    def append(self, content: bytes) -> None:
        """Write at the end. Survives a crash of the process; survives a power cut only after `sync`."""

    def write_at(self, position: int, content: bytes) -> None:
        """Write at a position in bytes, which may be beyond the end."""

    def sync(self) -> None:
        """Return once everything written so far survives a power cut."""

    def close(self) -> None: ...


class Lock(Protocol):
    """A lock that is held until it is closed or the process ends, however that happens."""

    def close(self) -> None: ...


class Disk(Protocol):
    """The file system. Every method raises OSError; files are created with mode 0600, and links in the place of a file
    are not followed when it is written."""

    def read(self, path: PurePath) -> bytes:
        """The whole content. Raises FileNotFoundError."""

    def read_piece(self, path: PurePath, position: int, size_bytes: int) -> bytes:
        """Up to so many bytes from a position on; none at the end. Raises FileNotFoundError."""

    def size(self, path: PurePath) -> int:
        """The length of a file in bytes. Raises FileNotFoundError."""

    def write(self, path: PurePath, content: bytes) -> None:
        """Replace the content of one file and sync it. Not atomic. On an error no file is left.

        The blocks of an existing file are reused, so that writing over a reserved file needs no free space.
        """

    def rename(self, source: PurePath, target: PurePath) -> None:
        """Replace `target` by `source`, atomically; the new name survives a power cut once this has returned."""

    def open(self, path: PurePath, *, truncate: bool = False) -> File:
        """Open a file for writing; it is created if it does not exist."""

    def remove(self, path: PurePath) -> None:
        """Remove a file if it exists. Survives a power cut only after `sync_folder`."""

    def remove_folder(self, path: PurePath) -> None:
        """Remove a folder with its content, as far as possible, and ignore errors."""

    def sync_folder(self, folder: PurePath) -> None:
        """Return once the names in the folder survive a power cut."""

    def files(self, folder: PurePath) -> list[str]:
        """The names of the files in a folder."""

    def folders(self, folder: PurePath) -> list[str]:
        """The names of the folders in a folder, without links to folders."""

    def link_target(self, path: PurePath) -> PurePath | None:
        """The target of a symbolic link; None if there is no link."""

    def own_folder(self, path: PurePath) -> None:
        """Create a folder with mode 0700, or take an existing one over. Raises `FatalError` if it is another user's."""

    def lock(self, path: PurePath) -> Lock | None:
        """Take an exclusive lock on a file; None if another process holds it. Works on a read-only disk."""

    def free_bytes(self, path: PurePath) -> int:
        """The free space of the file system that holds a folder."""

    def is_writable(self, path: PurePath) -> bool:
        """Whether this user may create files in a folder."""


class SystemDisk:
    """The machine's file system."""

    def read(self, path: PurePath) -> bytes:
        return Path(path).read_bytes()

    def read_piece(self, path: PurePath, position: int, size_bytes: int) -> bytes:
        with Path(path).open("rb") as file:
            file.seek(position)
            return file.read(size_bytes)

    def size(self, path: PurePath) -> int:
        return Path(path).stat().st_size

    def write(self, path: PurePath, content: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            _write_all(descriptor, content)
            os.ftruncate(descriptor, len(content))
            os.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                Path(path).unlink()
            raise
        finally:
            os.close(descriptor)

    def rename(self, source: PurePath, target: PurePath) -> None:
        Path(source).replace(target)
        self.sync_folder(target.parent)

    def open(self, path: PurePath, *, truncate: bool = False) -> File:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | (os.O_TRUNC if truncate else 0)
        return _SystemFile(os.open(path, flags, 0o600))

    def remove(self, path: PurePath) -> None:
        Path(path).unlink(missing_ok=True)

    def remove_folder(self, path: PurePath) -> None:
        shutil.rmtree(path, ignore_errors=True)

    def sync_folder(self, folder: PurePath) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def files(self, folder: PurePath) -> list[str]:
        return [path.name for path in Path(folder).iterdir() if not path.is_dir()]

    def folders(self, folder: PurePath) -> list[str]:
        return [path.name for path in Path(folder).iterdir() if path.is_dir() and not path.is_symlink()]

    def link_target(self, path: PurePath) -> PurePath | None:
        with suppress(OSError):
            return PurePath(Path(path).readlink())
        return None

    def own_folder(self, path: PurePath) -> None:
        user, folder = os.geteuid(), Path(path)
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

    def lock(self, path: PurePath) -> Lock | None:
        # Opened read-only, so that a read-only disk does not keep an agent from starting.
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return _SystemFile(descriptor)

    def free_bytes(self, path: PurePath) -> int:
        return shutil.disk_usage(path).free

    def is_writable(self, path: PurePath) -> bool:
        return os.access(path, os.W_OK)


class _SystemFile:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def append(self, content: bytes) -> None:
        os.lseek(self._descriptor, 0, os.SEEK_END)
        _write_all(self._descriptor, content)

    def write_at(self, position: int, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            written = os.pwrite(self._descriptor, rest, position)
            rest, position = rest[written:], position + written

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
