"""Reads the status line and the relevant headers of an answer, with a limit on their size.

The standard library's reader treats status 103 as final, skips any number of 100s, fails at the 101st header, and
treats a malformed line as the end of the headers. None of that follows the protocol (RFC 9110 section 15.2, RFC 9112
section 5).
"""

import re
from http.client import BadStatusLine, HTTPResponse, IncompleteRead, LineTooLong
from io import BufferedReader
from typing import Any

HEAD_BYTES = 64 * 1024
"""The maximum size of all status lines and headers of an answer together."""

INFORMATIONAL_MOST = 8
"""The maximum number of informational answers (100 to 199) that are skipped."""

KEPT = frozenset({"content-range", "date", "etag", "last-modified", "location", "retry-after"})
"""The headers that callers are told of."""

_OF_THE_PROTOCOL = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})
_HEEDED = frozenset(name.encode() for name in KEPT | _OF_THE_PROTOCOL)
_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] [1-9][0-9]{2}([ \r\n].*)?", re.DOTALL)
_INFORMATIONAL = range(100, 200)
_SWITCHING_PROTOCOLS = 101


class _Head(BufferedReader):
    """Reads the lines of an answer: a status line, the relevant headers, an empty line. With ``is_body``, passes
    everything through."""

    is_body = False
    _left = HEAD_BYTES
    _is_status_next = True

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next relevant line. Raises `HTTPException` if the head is too long, incomplete, or not HTTP/1."""
        if self.is_body:
            return super().readline(size)
        while True:
            line = super().readline(size)
            self._left -= len(line)
            if self._left < 0:
                raise LineTooLong("head")
            if self._is_status_next:
                if line and not _STATUS_LINE.fullmatch(line):
                    raise BadStatusLine("no HTTP/1")
                self._is_status_next = False
                return line
            if not line:
                raise IncompleteRead(b"")
            if not line.strip():
                self._is_status_next = True
                return line
            if line.split(b":", 1)[0].strip().lower() in _HEEDED:
                return line


class BoundedResponse(HTTPResponse):
    """An answer with a bounded head, after skipping informational answers."""

    def __init__(self, sock: Any, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self._head = _Head(self.fp.detach())
        self.fp = self._head

    def begin(self) -> None:
        super().begin()
        self._head.is_body = True

    @property
    def is_missing_bytes(self) -> bool:
        """Whether fewer bytes arrived than the server announced."""
        return bool(self.length)

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(INFORMATIONAL_MOST + 1):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status not in _INFORMATIONAL:
                return version, status, reason
            if status == _SWITCHING_PROTOCOLS:
                raise BadStatusLine("101, and nobody had asked for another protocol")
            while self._head.readline().strip():
                pass
        raise BadStatusLine("informational answers without an end")
