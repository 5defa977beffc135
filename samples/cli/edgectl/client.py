"""Requests to the control plane: repeated safely, lists read to their end, refusals as sentences."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from edgectl import __version__
from edgectl.errors import UNSURE, ApiError, CliError
from edgectl.profiles import Profile

PAGE_SIZE = 100
TIMEOUT_SECONDS = 35.0
"""Longer than API Gateway waits."""

TRIES = 5
_LATER = frozenset({429, 502, 503, 504})
_FAILED = 500
"""From this status on the control plane may have done what was asked, and failed after it."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)
"""Errors of a request of which nothing has left."""

_LONGEST_PAUSE_SECONDS = 30.0

Json = Any


class Client:
    """One control plane with one key. Every POST has an ``Idempotency-Key``, so that a repeat of it after a lost answer
    has no second effect. ``transport`` and ``pause`` stand in for network and time in tests."""

    def __init__(
        self,
        profile: Profile,
        *,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = profile.url
        self._pause = pause
        self._apart = httpx.Client(timeout=TIMEOUT_SECONDS, transport=transport)
        self._http = httpx.Client(
            base_url=profile.url,
            headers={"Authorization": f"Bearer {profile.key}", "User-Agent": f"edgectl/{__version__}"},
            timeout=TIMEOUT_SECONDS,
            transport=transport,
        )

    def close(self) -> None:
        """Close its connections."""
        self._http.close()
        self._apart.close()

    def download(self, url: str) -> Iterator[bytes]:
        """The content at a URL that the control plane has given, piece by piece. The key is not sent there. Raises
        `CliError`."""
        host = httpx.URL(url).host
        try:
            with self._apart.stream("GET", url) as answer:
                if not answer.is_success:
                    raise CliError(f"{host} does not give the output (status {answer.status_code})")
                yield from answer.iter_bytes()
        except httpx.TransportError as error:
            raise CliError(f"{host} does not give the whole output: {error or type(error).__name__}") from error

    def get(self, path: str, **query: Any) -> Json:
        """The ``data`` of an answer. Raises `ApiError`, `CliError`."""
        return _data(self.send("GET", path, query=query))

    def post(self, path: str, body: Json = None) -> Json:
        """As `get`."""
        return _data(self.send("POST", path, body=body))

    def walk(self, path: str, most: int | None = None, **query: Any) -> Iterator[Json]:
        """Every item of a list, page by page by its cursor; at most ``most``. Raises `ApiError`, `CliError`."""
        cursor, left = "", most
        while left is None or left > 0:
            size = PAGE_SIZE if left is None else min(PAGE_SIZE, left)
            page = self.send("GET", path, query={**query, "cursor": cursor, "page_size": size})
            items = page["data"]
            yield from items
            left = None if left is None else left - len(items)
            following = page["meta"]["pagination"]
            if not following["has_next"]:
                return
            cursor = following["next_cursor"]

    def send(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Json = None) -> Json:
        """The whole answer to a request; None for one without a body. Repeats what may be repeated: after a lost answer
        or when the control plane asks to come back later. Raises `ApiError`, `CliError`: with the code `UNSURE` if what
        was to be changed may be changed."""
        given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        headers = {"Idempotency-Key": str(uuid.uuid4())} if method == "POST" else {}
        is_sent = False
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._http.request(
                    method, path, params=given, headers=headers, **({} if body is None else {"json": body})
                )
            except httpx.LocalProtocolError:
                # Its text has the header that is refused, which may be that of the key.
                raise CliError("the request cannot be sent: it has a malformed header or path") from None
            except (httpx.TransportError, httpx.InvalidURL) as error:
                is_sent = is_sent or not isinstance(error, _NOT_SENT)
                if attempt == TRIES or isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
                    refused = CliError(f"{self.url} does not answer: {error or type(error).__name__}")
                    raise _unsure(refused, method, is_sent=is_sent) from error
                self._pause(_pause_seconds(attempt, None))
                continue
            is_repeat, is_sent = is_sent, is_sent or answer.status_code >= _FAILED
            if answer.status_code in _LATER and attempt < TRIES:
                self._pause(_pause_seconds(attempt, answer.headers.get("Retry-After")))
                continue
            try:
                return _read(answer)
            except ApiError as error:
                if is_repeat and method == "DELETE" and answer.status_code == httpx.codes.NOT_FOUND:
                    raise CliError("it is not there; the request before may have deleted it", UNSURE) from None
                has_decided = answer.status_code not in _LATER and answer.status_code < _FAILED
                # Only a repeat with a key is answered for the request before.
                has_decided = has_decided and (method == "POST" or not is_repeat)
                raise _unsure(error, method, is_sent=is_sent and not has_decided) from None
        raise AssertionError("unreachable")


def _unsure(error: CliError, method: str, *, is_sent: bool) -> CliError:
    """The error, with the exit code for what may have been done, if the request was sent and changes something."""
    if is_sent and method != "GET":
        error.code = UNSURE
    return error


def _read(answer: httpx.Response) -> Json:
    try:
        body = answer.json() if answer.content else None
    except ValueError:
        body = answer.text if answer.is_success else {}
    if not answer.is_success:
        raise ApiError(answer.status_code, body)
    return body


def _data(body: Json) -> Json:
    return body["data"] if isinstance(body, Mapping) and "data" in body else body


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pause_seconds(attempt: int, asked: str | None) -> float:
    if asked is not None and asked.isdigit():
        return min(float(asked), _LONGEST_PAUSE_SECONDS)
    return min(0.5 * 2.0**attempt, _LONGEST_PAUSE_SECONDS)
