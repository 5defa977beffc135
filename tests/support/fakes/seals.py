"""Seals of cursors without a data key: the text itself, which opens for the same associated text only."""

from chalicelib.kit.crypto import Secret
from chalicelib.kit.data_keys import UnsealError

_BETWEEN = "\n"


class PlainSeals:
    def seal(self, text: str, associated: str) -> bytes:
        return f"{associated}{_BETWEEN}{text}".encode()

    def open(self, sealed: bytes, associated: str) -> Secret:
        """Raises `UnsealError` for another associated text."""
        named, between, text = sealed.decode().partition(_BETWEEN)
        if named != associated or not between:
            raise UnsealError("sealed for another list")
        return Secret(text)
