import errno
import json
import os
import struct
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from edge_agent.ports.disk import Disk

OUTPUT_LIMIT_BYTES = 256 * 1024  # the largest output that the server stores
NOTES_BYTES = 2 * 1024  # reserved for the notes that the agent appends
HEAD_BYTES = OUTPUT_LIMIT_BYTES // 2 - NOTES_BYTES
TAIL_BYTES = OUTPUT_LIMIT_BYTES // 2
SPOOLED_BYTES = HEAD_BYTES + TAIL_BYTES
# JSON writes a control character in six bytes; the server accepts bodies of 1 MiB.
JSON_BYTES_PER_OUTPUT_BYTE = 3
TOTAL = struct.Struct(">Q")


class OutputSpool:
    """Keeps the head and the tail of an output on disk as it arrives. Neither file nor memory grows beyond them.

    File format: the total number of output bytes (8 bytes, big-endian), the head, then the tail as a ring buffer.
    Appended output survives a crash of the agent at any moment, and a power cut once `sync` has returned. When the disk
    fails, output is lost but the command goes on; `failure` is then the reason.
    """

    def __init__(self, path: PurePath, disk: Disk) -> None:
        """Start an empty spool. Raises OSError."""
        self._path = path
        self._disk = disk
        self._file = disk.open(path, truncate=True)
        self.total = 0
        """Bytes that were appended."""
        self.failure: str | None = None

    def append(self, data: bytes) -> None:
        if self.failure is None:
            self._guarded(lambda: self._store(data))

    def so_far(self) -> bytes:
        """Everything that was appended, which must not be more than `SPOOLED_BYTES`. Raises OSError."""
        content = self._disk.read(self._path)[TOTAL.size :]
        if self.failure is not None or len(content) < self.total:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return content[: self.total]

    def latest(self, most_bytes: int) -> tuple[bytes, int]:
        """The last bytes that were appended, and how many there were before these. Raises OSError."""
        head, tail, total = _parts(self._disk.read(self._path))
        data = (head + tail if len(head) + len(tail) == total else tail)[-most_bytes:]
        return data, total - len(data)

    def sync(self) -> None:
        self._guarded(self._file.sync)
        self._guarded(lambda: self._disk.sync_folder(self._path.parent))

    def close(self) -> None:
        self._file.close()

    def _guarded(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            self.failure = os.strerror(error.errno or 0)

    def _store(self, data: bytes) -> None:
        head, rest = data[: max(HEAD_BYTES - self.total, 0)], data[max(HEAD_BYTES - self.total, 0) :]
        if head:
            self._file.write_at(TOTAL.size + self.total, head)
        self.total += len(head) + max(len(rest) - TAIL_BYTES, 0)
        rest = rest[-TAIL_BYTES:]
        while rest:
            position = (self.total - HEAD_BYTES) % TAIL_BYTES
            piece = rest[: TAIL_BYTES - position]
            self._file.write_at(TOTAL.size + HEAD_BYTES + position, piece)
            self.total += len(piece)
            rest = rest[len(piece) :]
        self._file.write_at(0, TOTAL.pack(self.total))


@dataclass(frozen=True)
class Output:
    """An output as it is left for its result. `text` is as much as a result may hold, `total` the bytes that were
    written, `whole` all of them where they fit the spool. `is_cut` says that the text is less."""

    text: str
    total: int
    is_cut: bool
    whole: bytes | None


def read_output(disk: Disk, path: PurePath, notes: Sequence[str]) -> Output:
    """Read a spooled output as it is reported: at most OUTPUT_LIMIT_BYTES of UTF-8.

    Bytes that are not UTF-8 are replaced. A line between head and tail says how many bytes are missing; `notes` follow
    as separate lines. A missing or empty file is an empty output. Raises OSError.
    """
    try:
        content = disk.read(path)
    except FileNotFoundError:
        content = b""
    head, ring, total = _parts(content)
    whole = head + ring if len(head) + len(ring) == total else None
    is_cut = whole is None or not _fits(whole, SPOOLED_BYTES)
    text = _cut(head, ring, total) if is_cut or whole is None else whole.decode(errors="replace")
    text += note_lines(notes, begins_line=not text or text.endswith("\n"))
    return Output(text, total, is_cut, whole)


def _parts(content: bytes) -> tuple[bytes, bytes, int]:
    """Head, tail and total of a spool."""
    stored = content[TOTAL.size :]
    # If the agent was killed between its two writes, the stored total is too small.
    total = max(TOTAL.unpack_from(content)[0], len(stored)) if len(content) >= TOTAL.size else 0
    ring = stored[HEAD_BYTES:]
    if total > SPOOLED_BYTES:
        oldest = (total - HEAD_BYTES) % TAIL_BYTES
        ring = ring[oldest:] + ring[:oldest]
    else:
        ring = ring[: max(total - HEAD_BYTES, 0)]
    return stored[: min(total, HEAD_BYTES)], ring, total


def note_lines(notes: Sequence[str], *, begins_line: bool) -> str:
    """The agent's notes as they follow a text, each on a line of its own."""
    return "".join(["" if begins_line or not notes else "\n", *(f"{note}\n" for note in notes)])


def _cut(head: bytes, tail: bytes, total: int) -> str:
    head = head[: len(head) - broken_end(head)]
    tail = tail[broken_start(tail) :]
    head = head[: _most(len(head), lambda size: _fits(head[:size], HEAD_BYTES))]
    tail = tail[len(tail) - _most(len(tail), lambda size: _fits(tail[len(tail) - size :], TAIL_BYTES)) :]
    dropped = f"\n[{total - len(head) - len(tail)} bytes of output dropped]\n"
    return head.decode(errors="replace") + dropped + tail.decode(errors="replace")


def _fits(data: bytes, limit: int) -> bool:
    text = data.decode(errors="replace")
    if len(text.encode()) > limit:
        return False
    return len(json.dumps(text, ensure_ascii=False).encode()) <= limit * JSON_BYTES_PER_OUTPUT_BYTE


def _most(size: int, fits: Callable[[int], bool]) -> int:
    """The largest size, up to the given one, that fits."""
    if fits(size):
        return size
    return bisect_left(range(size + 1), 1, key=lambda candidate: int(not fits(candidate))) - 1


def broken_end(data: bytes | bytearray) -> int:
    """How many bytes at the end begin a character that was cut."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:  # noqa: PLR2004 - first byte of a longer character
            length = 2 + (byte >= 0xE0) + (byte >= 0xF0)  # noqa: PLR2004
            return back if length > back else 0
        if byte < 0x80:  # noqa: PLR2004 - a character of one byte
            return 0
    return 0


def broken_start(data: bytes | bytearray) -> int:
    """How many bytes at the start end a character that was cut."""
    start = 0
    while start < min(3, len(data)) and data[start] & 0xC0 == 0x80:  # noqa: PLR2004 - a continuation byte
        start += 1
    return start
