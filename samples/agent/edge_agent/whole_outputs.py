import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath

from edge_agent.ports.disk import Disk, File

PIECE_BYTES = 256 * 1024


@dataclass(frozen=True)
class OutputLimits:
    """How much of outputs is kept whole: of one, of all together, and what is left free on the disk for the rest."""

    one_bytes: int = 64 * 1024 * 1024
    all_bytes: int = 256 * 1024 * 1024
    free_bytes: int = 256 * 1024 * 1024
    looks_every_bytes: int = 1024 * 1024
    """After how many bytes the free space is looked at again."""


class WholeOutputs:
    """Outputs that are longer than a result may be, whole, in a folder of their own until they are uploaded.

    They are an extra: where a limit or the disk forbids one, it is dropped, and the result has its ends as ever.
    """

    def __init__(self, folder: PurePath, disk: Disk, limits: OutputLimits | None = None) -> None:
        self._folder = folder
        self._disk = disk
        self._limits = limits or OutputLimits()
        self._held: dict[str, int] = {}
        with suppress(OSError):
            self._held = {name: disk.size(folder / name) for name in disk.files(folder)}

    @property
    def ids(self) -> list[str]:
        """The executions of which something is kept."""
        return list(self._held)

    def start(self, execution_id: str) -> "WholeOutput":
        """Begin an empty file for an output. Raises OSError."""
        file = self._disk.open(self._folder / execution_id, truncate=True)
        self._held[execution_id] = 0
        return WholeOutput(self, execution_id, file)

    def claim(self, execution_id: str, size_bytes: int) -> None:
        """Take room for further bytes of an output. Raises OSError where a limit forbids it."""
        held, limits = self._held.get(execution_id, 0), self._limits
        if held + size_bytes > limits.one_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        if sum(self._held.values()) + size_bytes > limits.all_bytes:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        steps = held // limits.looks_every_bytes, (held + size_bytes) // limits.looks_every_bytes
        if (not held or steps[0] != steps[1]) and self._disk.free_bytes(self._folder) < limits.free_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._held[execution_id] = held + size_bytes

    def size(self, execution_id: str) -> int | None:
        """Bytes that are kept of an output; None if nothing is."""
        try:
            return self._disk.size(self._folder / execution_id)
        except OSError:
            return None

    def pieces(self, execution_id: str) -> Iterator[bytes]:
        """An output in pieces of at most `PIECE_BYTES`. Raises OSError."""
        position = 0
        while piece := self._disk.read_piece(self._folder / execution_id, position, PIECE_BYTES):
            yield piece
            position += len(piece)

    def sync(self) -> None:
        """Return once the names of the files survive a power cut. Raises OSError."""
        self._disk.sync_folder(self._folder)

    def remove(self, execution_id: str) -> None:
        """Remove what is kept of an output, if anything is. The next start removes what cannot be removed now."""
        if self._held.pop(execution_id, None) is not None:
            with suppress(OSError):
                self._disk.remove(self._folder / execution_id)


class WholeOutput:
    """The file of one output."""

    def __init__(self, outputs: WholeOutputs, execution_id: str, file: File) -> None:
        self._outputs = outputs
        self._id = execution_id
        self._file = file

    def append(self, data: bytes) -> None:
        """Raises OSError, also where a limit forbids it."""
        self._outputs.claim(self._id, len(data))
        self._file.append(data)

    def sync(self) -> None:
        """Return once it survives a power cut. Raises OSError."""
        self._file.sync()
        self._outputs.sync()

    def close(self) -> None:
        self._file.close()

    def drop(self) -> None:
        """Close it, and keep nothing of it."""
        with suppress(OSError):
            self._file.close()
        self._outputs.remove(self._id)
