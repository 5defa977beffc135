"""HTTP requests over urllib3, in threads."""

import io
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from edge_agent.errors import NetworkError
from edge_agent.ports.proxies import proxy_for
from edge_agent.ports.threads import DetachedCalls, NoThreadError
from edge_agent.ports.tls_trust import TlsTrust

THREADS = 8
PIECE_BYTES = 64 * 1024
OK_STATUS = 200

T = TypeVar("T")


@dataclass(frozen=True)
class RequestLimits:
    """Limits of one exchange: to connect, and for each piece that is sent; for each piece of the answer, for the whole
    answer, and for its size.

    `direct` leaves out the proxies, as for a server on this machine.
    """

    connect_seconds: float
    read_seconds: float
    total_seconds: float
    size_bytes: int
    direct: bool = False


@dataclass(frozen=True)
class Response:
    """An HTTP answer. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class HttpRequests:
    """Sends requests with kept-alive connections, each in a thread that does not keep the process from ending."""

    def __init__(self, trust: TlsTrust, proxies: Mapping[str, str]) -> None:
        self._trust = trust
        self._tls = trust.current()
        self._proxies = proxies
        self._pools: dict[str | None, urllib3.PoolManager] = {}
        self._calls = DetachedCalls(THREADS, "http")
        self._downloads = DetachedCalls(1, "download")

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limits: RequestLimits
    ) -> Response:
        def send() -> Response:
            try:
                try:
                    return self._exchange(method, url, limits, headers, body)
                except ProtocolError:
                    return self._exchange(method, url, limits, headers, body)
            except NetworkError:
                raise
            except Exception as error:
                # The peer may be anything, and so may its name.
                raise self._failure(url, error) from error

        return await _in_thread(self._calls, send)

    async def download(self, url: str, limits: RequestLimits, save: Callable[[bytes], None]) -> None:
        def receive() -> None:
            try:
                response = self._open("GET", url, limits)
                if response.status != OK_STATUS:
                    raise NetworkError(f"{urlsplit(url).netloc}: status {response.status}")
                self._receive(url, response, limits, save, decode_content=False)
            except HTTPError as error:
                raise self._failure(url, error) from error

        await _in_thread(self._downloads, receive)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.clear()

    def _exchange(
        self, method: str, url: str, limits: RequestLimits, headers: Mapping[str, str], body: bytes | None
    ) -> Response:
        sent: bytes | io.BytesIO | None = body
        if body is not None and len(body) > PIECE_BYTES:
            # Sent in pieces, each of which has the time that a connection has; otherwise the whole would.
            sent, headers = io.BytesIO(body), {**headers, "content-length": str(len(body))}
        response = self._open(method, url, limits, headers=headers, body=sent)
        content = bytearray()
        self._receive(url, response, limits, content.extend, decode_content=True)
        answered = {name.lower(): value for name, value in response.headers.items()}
        return Response(response.status, answered, bytes(content))

    def _open(self, method: str, url: str, limits: RequestLimits, **options: Any) -> urllib3.BaseHTTPResponse:
        timeout = urllib3.Timeout(connect=limits.connect_seconds, read=limits.read_seconds)
        pool = self._pool(None if limits.direct else proxy_for(url, self._proxies))
        return pool.request(
            method, url, timeout=timeout, preload_content=False, retries=False, redirect=False, **options
        )

    def _receive(
        self,
        url: str,
        response: urllib3.BaseHTTPResponse,
        limits: RequestLimits,
        save: Callable[[bytes], None],
        *,
        decode_content: bool,
    ) -> None:
        size, started_at = 0, time.monotonic()
        while piece := response.read1(PIECE_BYTES, decode_content=decode_content):
            save(piece)
            size += len(piece)
            if size > limits.size_bytes or time.monotonic() - started_at > limits.total_seconds:
                response.close()
                raise NetworkError(f"{urlsplit(url).netloc}: the answer is too large or takes too long")

    def _pool(self, proxy: str | None) -> urllib3.PoolManager:
        tls = self._trust.current()
        if self._tls is not tls:
            # Connections that were opened before may be in use: they end with what uses them.
            self._tls, self._pools = tls, {}
        pools = self._pools
        if proxy not in pools:
            pools[proxy] = self._new_pool(proxy)
        return pools[proxy]

    def _new_pool(self, proxy: str | None) -> urllib3.PoolManager:
        options: dict[str, Any] = {"ssl_context": self._tls, "maxsize": THREADS}
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

    def _failure(self, url: str, error: Exception) -> NetworkError:
        return NetworkError(f"{urlsplit(url).netloc}: {self._trust.told(error)}")


async def _in_thread(calls: DetachedCalls, call: Callable[[], T]) -> T:
    try:
        return await calls.run(call)
    except NoThreadError as error:
        raise NetworkError("the system has no thread left") from error
