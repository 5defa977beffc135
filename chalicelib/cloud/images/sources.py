"""`Sources`: files at addresses that users give, read in ranges. Each request, those of redirects too, passes the SSRF
guard, and time is bounded.

A file that changes while it is fetched would become a disk of two halves. So the server has to mark its state, and
each answer has to carry the same mark: a strong ``ETag``, or else a time of change that is well past, since a file may
change twice in a second (RFC 9110 sections 8.8 and 13.1.5).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import urljoin

from chalicelib.cloud.images.formats import BEGINNING_BYTES, ENDING_BYTES
from chalicelib.kit.clock import Clock
from chalicelib.kit.outbound import Answer, NoAnswerError, Reason, UrlRefusedError, parse_target

READ_BYTES = 8 * 1024 * 1024
"""The most that is read at once."""

MOST_REDIRECTS = 5
LOOK_SECONDS = 12.0
"""A caller waits for a look: two reads with all their redirects."""

LONGEST_MARK = 256
SETTLED = timedelta(seconds=60)
"""A time of change marks the state of a file after so long."""

_PARTIAL, _WHOLE, _NOT_SATISFIABLE = 206, 200, 416
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RANGE = re.compile(r"bytes +(\d{1,15})-(\d{1,15})/(\d{1,15})", re.IGNORECASE)
_TIME = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")
"""A time in a header (RFC 9110 section 5.6.7)."""

_SILENT = {
    Reason.UNRESOLVED: "its name does not resolve",
    Reason.UNREACHABLE: "it accepts no connection",
    Reason.TLS: "its certificate is not valid",
    Reason.TIMEOUT: "it is too slow",
    Reason.PROTOCOL: "its answer is no HTTP",
}
_CHANGED = "the file at the address has changed since it was looked at, or its servers mark it differently"
_UNMARKED = (
    "its server sends neither a strong ETag nor a Last-Modified of a minute ago, by which a change would be seen"
)


class SourceError(Exception):
    """The file cannot be read. The text says why, for the user who gave the address; ``may_pass``: a later try may
    succeed."""

    def __init__(self, reason: str, *, may_pass: bool = True) -> None:
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
            raise SourceError(_UNMARKED)
        beginning = _content(first, mark, 0, min(BEGINNING_BYTES, size), size)
        start = max(0, size - ENDING_BYTES)
        ending = _content(self._ask(url, start, size - 1, end), mark, start, size, size)
        return Found(size, beginning, ending, mark)

    def read(self, url: str, mark: str, start: int, end: int, size_bytes: int, until: datetime) -> bytes:
        """The bytes of a file from ``start`` to before ``end``, with all redirects before ``until``. Raises
        `SourceError`, also if it is another file."""
        return _content(self._ask(url, start, end - 1, until), mark, start, end, size_bytes)

    def _ask(self, url: str, first: int, last: int, end: datetime) -> Answer:
        """The answer to a request for a range, behind all redirects."""
        headers = {"range": f"bytes={first}-{last}", "user-agent": "edge-admin-images/1", "accept": "*/*"}
        for _ in range(MOST_REDIRECTS + 1):
            seconds = (end - self._clock.now()).total_seconds()
            if seconds <= 0:
                raise SourceError(f"its server does not answer: {_SILENT[Reason.TIMEOUT]}")
            try:
                answer = self._outbound.send("GET", url, headers, seconds=seconds)
            except UrlRefusedError as error:
                raise SourceError(str(error), may_pass=False) from None
            except NoAnswerError as error:
                raise SourceError(f"its server does not answer: {_SILENT[error.reason]}") from None
            if answer.status not in _REDIRECTS:
                return answer
            url = _next(url, answer)
        raise SourceError(f"its server redirects more than {MOST_REDIRECTS} times")


def shown_url(url: str) -> str:
    """The address without its query, which may hold a signature."""
    return url.partition("?")[0]


def _next(url: str, answer: Answer) -> str:
    location = answer.headers.get("location", "")
    try:
        following = urljoin(url, location).partition("#")[0]
        is_less_safe = parse_target(url).is_tls and not parse_target(following).is_tls
    except (ValueError, UrlRefusedError):
        location = ""
    if not location:
        raise SourceError("its server redirects to nowhere")
    if is_less_safe:
        raise SourceError("its server redirects to an address without TLS", may_pass=False)
    return following


def _size_of(answer: Answer) -> int:
    """The size of the whole file. Raises `SourceError` for an answer that is not a part of one."""
    if answer.status == _WHOLE:
        raise SourceError("its server sends no parts of files (HTTP ranges), in which files are fetched")
    if answer.status == _NOT_SATISFIABLE:
        raise SourceError("the file is empty, or shorter than it was", may_pass=False)
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if answer.status != _PARTIAL or found is None:
        raise SourceError(f"its server answers {answer.status} and not with a part of the file")
    return int(found[3])


def _content(answer: Answer, mark: str, start: int, end: int, size_bytes: int) -> bytes:
    """The bytes of the range that was asked for. Raises `SourceError` for others, or those of another file."""
    if _size_of(answer) != size_bytes or _mark_of(answer) != mark:
        raise SourceError(_CHANGED, may_pass=False)
    found = _RANGE.fullmatch(answer.headers["content-range"])
    if found is None or (int(found[1]), int(found[2])) != (start, end - 1):
        raise SourceError("its server answers with another part of the file than it was asked for")
    if len(answer.body) != end - start:
        raise SourceError("its server does not send a part of the file as a whole")
    return answer.body


def _mark_of(answer: Answer) -> str:
    """The mark of the state of the file, "" for none that can be relied on."""
    etag = answer.headers.get("etag", "")
    if etag and not etag.startswith("W/") and len(etag) <= LONGEST_MARK:
        return etag
    changed, sent = (_time_in(answer, name) for name in ("last-modified", "date"))
    is_settled = changed is not None and sent is not None and sent - changed >= SETTLED
    return answer.headers["last-modified"] if is_settled else ""


def _time_in(answer: Answer, name: str) -> datetime | None:
    text = answer.headers.get(name, "")
    try:
        return parsedate_to_datetime(text) if _TIME.fullmatch(text) else None
    except ValueError:
        return None
