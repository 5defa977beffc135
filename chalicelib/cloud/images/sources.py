"""`Sources`: files at addresses that users give, read in ranges. Each request, those of redirects too, passes the SSRF
guard, and time is bounded.

A file that changes while it is fetched would become a disk of two halves. So the server has to name its state, by an
``ETag`` or else its time of change, and each answer has to name the same (RFC 9110 sections 8.8 and 14).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urljoin

from chalicelib.cloud.images.formats import BEGINNING_BYTES, ENDING_BYTES
from chalicelib.cloud.images.model import ImageSource
from chalicelib.kit.clock import Clock
from chalicelib.kit.outbound import Answer, NoAnswerError, Reason, UrlRefusedError

READ_BYTES = 8 * 1024 * 1024
"""The most that is read at once."""

MOST_REDIRECTS = 5
LOOK_SECONDS = 12.0
"""A caller waits for a look: two reads with all their redirects."""

READ_SECONDS = 9.0
"""The longest that one read takes, with its redirects."""

LONGEST_MARK = 256

_PARTIAL, _WHOLE, _NOT_SATISFIABLE = 206, 200, 416
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAY_PASS = frozenset({408, 425, 429})
_SERVER_ERROR = 500
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")
_SILENT = {
    Reason.UNRESOLVED: "its name does not resolve",
    Reason.UNREACHABLE: "it accepts no connection",
    Reason.TLS: "its certificate is not valid",
    Reason.TIMEOUT: "it is too slow",
    Reason.PROTOCOL: "its answer is no HTTP",
}
_CHANGED = "the file at the address has changed since it was looked at"


class SourceError(Exception):
    """The file cannot be read. The text says why, for the user who gave the address; ``may_pass``: a later try may
    succeed."""

    def __init__(self, reason: str, *, may_pass: bool = False) -> None:
        super().__init__(reason)
        self.may_pass = may_pass


class Sender(Protocol):
    """The part of `Outbound` that is used."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, seconds: float | None = None
    ) -> Answer: ...


@dataclass(frozen=True)
class Found:
    """A file as a server has it: its size, its first and last bytes, and what tells it from an other one."""

    size_bytes: int
    beginning: bytes
    ending: bytes
    mark: str


class Sources:
    """``outbound`` sends the requests, and keeps `READ_BYTES` of an answer."""

    def __init__(self, outbound: Sender, clock: Clock) -> None:
        self._outbound = outbound
        self._clock = clock

    def look(self, url: str) -> Found:
        """Look at a file. Raises `SourceError` for one that cannot be fetched in parts."""
        end = self._clock.now() + timedelta(seconds=LOOK_SECONDS)
        first = self._ask(url, 0, BEGINNING_BYTES - 1, end)
        size, mark = _size_of(first), _mark_of(first)
        if not mark:
            raise SourceError("its server sends neither an ETag nor a Last-Modified, by which a change would be seen")
        source = ImageSource(url=url, mark=mark)
        beginning = _content(first, source, 0, min(BEGINNING_BYTES, size), size)
        start = max(0, size - ENDING_BYTES)
        ending = _content(self._ask(url, start, size - 1, end), source, start, size, size)
        return Found(size, beginning, ending, mark)

    def read(self, source: ImageSource, start: int, end: int, size_bytes: int) -> bytes:
        """The bytes of a file from ``start`` to before ``end``. Raises `SourceError`, also if it is another file."""
        until = self._clock.now() + timedelta(seconds=READ_SECONDS)
        return _content(self._ask(source.url, start, end - 1, until), source, start, end, size_bytes)

    def _ask(self, url: str, first: int, last: int, end: datetime) -> Answer:
        """The answer to a request for a range, behind all redirects."""
        headers = {"range": f"bytes={first}-{last}", "user-agent": "edge-admin-images/1", "accept": "*/*"}
        for _ in range(MOST_REDIRECTS + 1):
            seconds = (end - self._clock.now()).total_seconds()
            if seconds <= 0:
                raise SourceError(f"its server does not answer: {_SILENT[Reason.TIMEOUT]}", may_pass=True)
            try:
                answer = self._outbound.send("GET", url, headers, seconds=seconds)
            except UrlRefusedError as error:
                raise SourceError(str(error)) from None
            except NoAnswerError as error:
                raise SourceError(f"its server does not answer: {_SILENT[error.reason]}", may_pass=True) from None
            if answer.status not in _REDIRECTS:
                return answer
            url = _next(url, answer)
        raise SourceError(f"its server redirects more than {MOST_REDIRECTS} times")


def shown_url(url: str) -> str:
    """The address without its query, which may hold a signature."""
    return url.partition("?")[0]


def _next(url: str, answer: Answer) -> str:
    location = answer.headers.get("location", "")
    following = urljoin(url, location).partition("#")[0]
    if not location:
        raise SourceError("its server redirects to nowhere")
    if url.startswith("https:") and not following.startswith("https:"):
        raise SourceError("its server redirects to an address without TLS")
    return following


def _size_of(answer: Answer) -> int:
    """The size of the whole file. Raises `SourceError` for an answer that is not a part of one."""
    if answer.status in _MAY_PASS or answer.status >= _SERVER_ERROR:
        raise SourceError(f"its server answers {answer.status}", may_pass=True)
    if answer.status == _WHOLE:
        raise SourceError("its server sends no parts of files (HTTP ranges), in which files are fetched")
    if answer.status == _NOT_SATISFIABLE:
        raise SourceError("the file is empty, or shorter than it was")
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if answer.status != _PARTIAL or found is None:
        raise SourceError(f"its server answers {answer.status}, and not with a part of the file")
    return int(found[3])


def _content(answer: Answer, source: ImageSource, start: int, end: int, size_bytes: int) -> bytes:
    """The bytes of the range that was asked for. Raises `SourceError` for others, or those of another file."""
    if _size_of(answer) != size_bytes or _mark_of(answer) != source.mark:
        raise SourceError(_CHANGED)
    if answer.headers["content-range"] != f"bytes {start}-{end - 1}/{size_bytes}":
        raise SourceError("its server answers with another part of the file than it was asked for")
    if len(answer.body) != end - start:
        raise SourceError("its server does not send a part of the file as a whole", may_pass=True)
    return answer.body


def _mark_of(answer: Answer) -> str:
    mark = answer.headers.get("etag") or answer.headers.get("last-modified") or ""
    return mark if len(mark) <= LONGEST_MARK else ""
