import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from edge_agent import __version__
from edge_agent.blocking_calls import BlockingCalls
from edge_agent.clock import ServerTime
from edge_agent.errors import FatalError, NetworkError, UnavailableError
from edge_agent.proxies import proxy_for

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0  # for each piece; a cold server takes 2 to 4 s
ANSWER_SECONDS = 60.0  # for all of them
LONGEST_RETRY_AFTER_SECONDS = 3600.0
THREADS = 8
PIECE_BYTES = 64 * 1024
# Above all that the server sends; what sends more is something else.
LARGEST_ANSWER_BYTES = 32 * 1024 * 1024
DOWNLOAD_SECONDS = 1800.0
OK_STATUS = 200
TOO_MANY_REQUESTS = 429
INSTANCE_HEADER = "x-edge-instance"


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    retry_after_seconds: float | None = None

    @property
    def data(self) -> Any:
        return self.body.get("data")

    @property
    def fields(self) -> Mapping[str, Any]:
        """The data where it is one object, else nothing."""
        return self.data if isinstance(self.data, dict) else {}

    @property
    def code(self) -> str:
        """The machine-readable name of a refusal, "" if it has none."""
        error = self.body.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return code if isinstance(code, str) else ""

    @property
    def problem_fields(self) -> frozenset[str]:
        """The fields that a refusal complains about."""
        error = self.body.get("error")
        details = error.get("details") if isinstance(error, dict) else None
        return frozenset(details) if isinstance(details, dict) else frozenset()

    @property
    def problem(self) -> str:
        """The server's own words about a refusal, for a person."""
        error = self.body.get("error")
        if not isinstance(error, dict):
            return f"status {self.status}"
        details = f" {json.dumps(error['details'])}" if error.get("details") else ""
        return f"status {self.status}: {error.get('message')}{details}"


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """The system's certificate authorities, and those of `ca_file` besides. Raises FatalError if that is unusable."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise FatalError(f"the CA file {ca_file} cannot be used: {error}") from error
    return context


class HttpClient:
    """JSON over HTTP with kept-alive connections, through the proxies of the environment.

    Follows no redirect: a token goes to the server that it was made for. A connection that broke before the answer is
    replaced and the request sent once more, so every request must be safe to repeat; those of the agent are.
    """

    def __init__(
        self, *, tls: ssl.SSLContext, proxies: Mapping[str, str], server_time: ServerTime, instance_id: str
    ) -> None:
        """`instance_id` tells the server this process from another one that has the same token."""
        self._tls = tls
        self._instance_id = instance_id
        self._proxies = proxies
        self._server_time = server_time
        self._pools: dict[str | None, urllib3.PoolManager] = {}
        self._threads = BlockingCalls[Answer](THREADS, "http")
        self._downloads = BlockingCalls[None](1, "download")

    async def request(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Answer:
        """One request, one answer, whatever its status. Raises NetworkError when none came."""
        headers = {
            "accept": "application/json",
            "content-type": "application/json",
            "user-agent": f"edge-agent/{__version__}",
            INSTANCE_HEADER: self._instance_id,
        }
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        # Not escaped to ASCII: the bound on an output's size counts on it. What is no Unicode text becomes "?".
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode(errors="replace")
        target = f"{url}?{urlencode(query)}" if query else url
        send = partial(self._send, method, target, headers=headers, body=content, retries=False, redirect=False)
        return await self._threads.run(send)

    async def download(self, url: str, target: Path, size_bytes: int) -> None:
        """Save what is at a URL, which needs no token of ours, if it is so long. Raises NetworkError, and OSError as
        for a full disk."""
        await self._downloads.run(partial(self._save, url, target, size_bytes))

    def close(self) -> None:
        """What is under way is not waited for."""
        for pool in self._pools.values():
            pool.clear()

    def _send(self, method: str, url: str, **options: Any) -> Answer:
        try:
            try:
                return self._exchange(method, url, **options)
            except ProtocolError:
                return self._exchange(method, url, **options)
        except NetworkError:
            raise
        except Exception as error:
            # What answers may be anything, and so may its name be.
            raise NetworkError(f"{urlsplit(url).netloc}: {type(error).__name__}") from error

    def _save(self, url: str, target: Path, size_bytes: int) -> None:
        saved, started_at = 0, time.monotonic()
        with target.open("wb") as file:
            try:
                response = self._pool(url).request("GET", url, preload_content=False, retries=False, redirect=False)
                if response.status != OK_STATUS:
                    raise NetworkError(f"{urlsplit(url).netloc}: status {response.status}")
                for piece in response.stream(PIECE_BYTES, decode_content=False):
                    file.write(piece)
                    saved += len(piece)
                    if saved > size_bytes or time.monotonic() - started_at > DOWNLOAD_SECONDS:
                        response.close()
                        break
            except HTTPError as error:
                raise NetworkError(f"{urlsplit(url).netloc}: {type(error).__name__}") from error
        if saved != size_bytes:
            raise NetworkError(f"{urlsplit(url).netloc}: not the {size_bytes} bytes that were promised")

    def _exchange(self, method: str, url: str, **options: Any) -> Answer:
        response = self._pool(url).request(method, url, preload_content=False, **options)
        content = bytearray()
        started_at = time.monotonic()
        while piece := response.read1(PIECE_BYTES, decode_content=True):
            content += piece
            if len(content) > LARGEST_ANSWER_BYTES or time.monotonic() - started_at > ANSWER_SECONDS:
                response.close()
                raise NetworkError(f"{urlsplit(url).netloc}: an answer without end")
        return self._answer(url, response, bytes(content))

    def _answer(self, url: str, response: urllib3.BaseHTTPResponse, content: bytes) -> Answer:
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        is_envelope = isinstance(body, dict) and ("data" in body or "error" in body)
        if not is_envelope:
            if response.status < 400:  # noqa: PLR2004 - a captive portal says 200 too
                raise NetworkError(f"{urlsplit(url).netloc}: what answered is not the server")
            body = {}
        meta = body.get("meta")
        if isinstance(meta, dict) and isinstance(meta.get("timestamp"), str):
            self._server_time.learn(meta["timestamp"])
        return Answer(response.status, body, _retry_after(response.headers.get("retry-after")))

    def _pool(self, url: str) -> urllib3.PoolManager:
        proxy = proxy_for(url, self._proxies)
        if proxy not in self._pools:
            self._pools[proxy] = self._make_pool(proxy)
        return self._pools[proxy]

    def _make_pool(self, proxy: str | None) -> urllib3.PoolManager:
        options: dict[str, Any] = {
            "ssl_context": self._tls,
            "maxsize": THREADS,
            "timeout": urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        }
        if proxy is None:
            return urllib3.PoolManager(**options)
        parts = urlsplit(proxy)
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
        return urllib3.ProxyManager(
            proxy,
            proxy_headers=urllib3.make_headers(proxy_basic_auth=credentials),
            proxy_ssl_context=self._tls,
            **options,
        )


async def ask(client: HttpClient, admin_urls: Sequence[str], method: str, path: str, **options: Any) -> Answer:
    """The first answer of one of the servers, tried in turn. `path` begins behind `/api/v1`.

    A server that is not reached, or answers 5xx, is passed over. Raises UnavailableError when all were, or on 429.
    """
    reasons = []
    retry_after_seconds = None
    for url in admin_urls:
        try:
            answer = await client.request(method, f"{url.rstrip('/')}/api/v1{path}", **options)
        except NetworkError as error:
            reasons.append(str(error))
            continue
        if answer.status == TOO_MANY_REQUESTS:
            raise UnavailableError(answer.problem, answer.retry_after_seconds)
        if answer.status < 500:  # noqa: PLR2004
            return answer
        reasons.append(answer.problem)
        retry_after_seconds = answer.retry_after_seconds
    raise UnavailableError("; ".join(reasons), retry_after_seconds)


def _retry_after(value: str | None) -> float | None:
    """Seconds only: the server never sends the date form, and a date would need clocks that agree. At most an hour:
    nobody may send a machine to sleep for ever."""
    if value is None or not (value.isascii() and value.isdecimal()):
        return None
    return min(float(value[:10]), LONGEST_RETRY_AFTER_SECONDS)
