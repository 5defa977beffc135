from contextlib import suppress
from pathlib import PurePath

from edge_agent.ports.disk import Disk, File

LOG_FILE, OLDER_LOG_FILE = "agent.log", "agent.log.1"
LARGEST_BYTES = 1024 * 1024


class LogFile:
    """The last lines of the agent's log, in two files of at most `LARGEST_BYTES`: the current one and the one before.

    It serves `edge-agent logs`, since standard error may go anywhere. Lines that cannot be written are lost.
    """

    def __init__(self, folder: PurePath, disk: Disk, largest_bytes: int = LARGEST_BYTES) -> None:
        self._path = folder / LOG_FILE
        self._older = folder / OLDER_LOG_FILE
        self._disk = disk
        self._largest_bytes = largest_bytes
        self._file: File | None = None
        self._size = 0

    def append(self, line: str) -> None:
        content = line.encode(errors="replace")
        with suppress(OSError):
            if self._file is not None and self._size + len(content) > self._largest_bytes:
                self.close()
                self._disk.rename(self._path, self._older)
            if self._file is None:
                self._open()
            self._size += len(content)
            if self._file is not None:
                self._file.append(content)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        file = self._disk.open(self._path)
        self._size = len(self._disk.read(self._path))
        self._file = file
