"""Output of commands: bounded and compressed before it is stored."""

import gzip

STORED_LIMIT_BYTES = 256 * 1024
"""UTF-8 bytes kept of one output. A DynamoDB item ends at 400 KB, and an agent must never be refused for a long one."""

COMPRESS_ABOVE_BYTES = 1024
"""Below one write unit compression saves nothing."""


def object_key(execution_id: str, ref: str) -> str:
    """The key of a whole output in its bucket. ``ref`` is the hash of what is stored, so that nothing stored
    is replaced."""
    return f"executions/{execution_id}/{ref}.gz"


def normalise(output: str | None) -> str | None:
    """The output to store: None if blank; in a long output a line that says how much was dropped replaces the
    middle."""
    if output is None or not output.strip():
        return None
    return cut(output, STORED_LIMIT_BYTES)


def cut(output: str, limit_bytes: int) -> str:
    """Head and tail of an output, at most ``limit_bytes`` long with the line between them; whole if it fits."""
    raw = output.encode()
    if len(raw) <= limit_bytes:
        return output
    # The number in the line is at most as long as that of all bytes, so the result never passes the limit.
    room = max(limit_bytes - len(_dropped_line(len(raw))), 0)
    head = raw[: (room + 1) // 2].decode("utf-8", "ignore")
    tail = raw[len(raw) - room // 2 :].decode("utf-8", "ignore")
    dropped = len(raw) - len(head.encode()) - len(tail.encode())
    return f"{head}{_dropped_line(dropped)}{tail}"


def compress(output: str) -> bytes | None:
    """The compressed form, or None where the text itself is to be stored. The same bytes for the same text."""
    raw = output.encode()
    return gzip.compress(raw, mtime=0) if len(raw) > COMPRESS_ABOVE_BYTES else None


def decompress(stored: bytes) -> str:
    """Undo `compress`."""
    return gzip.decompress(stored).decode()


def length_of(stored: bytes) -> int:
    """The bytes that were compressed (RFC 1952, ISIZE: the last four bytes of a member)."""
    return int.from_bytes(stored[-4:], "little")


def _dropped_line(count: int) -> str:
    return f"\n[... {count} bytes dropped ...]\n"
