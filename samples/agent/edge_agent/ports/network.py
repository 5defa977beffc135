"""The network port: HTTP requests, WebSockets, and servers on local sockets."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import PurePath
from typing import Any, Protocol

from edge_agent.errors import FatalError
from edge_agent.ports.http_requests import HttpRequests, RequestLimits, Response
from edge_agent.ports.http_server import HttpServer, ServerReply, ServerRequest
from edge_agent.ports.proxies import proxies_of_environment
from edge_agent.ports.tls_trust import TlsTrust
from edge_agent.ports.web_socket import SystemWebSocket, open_web_socket

__all__ = [
    "Closable",
    "Handler",
    "ListenSocket",
    "Network",
    "RequestLimits",
    "Response",
    "ServerReply",
    "ServerRequest",
    "SystemNetwork",
    "WebSocket",
    "proxies_of_environment",
]

Handler = Callable[[ServerRequest], Awaitable[ServerReply]]


class WebSocket(Protocol):
    """An open WebSocket. Iterating yields the server's frames until the connection closes."""

    def __aiter__(self) -> AsyncIterator[str | bytes]: ...

    async def send(self, frame: str) -> None:
        """Send a text frame. Raises `NetworkError` if the connection has closed."""


class ListenSocket(Protocol):
    """A socket that is bound to a local address and does not accept connections yet."""

    @property
    def address(self) -> tuple[str, int]: ...

    def close(self) -> None: ...


class Closable(Protocol):
    def close(self) -> None: ...


class Network(Protocol):
    """HTTP and WebSocket connections to servers, and servers of the agent's own."""

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, limits: RequestLimits
    ) -> Response:
        """Send one HTTP request and return the answer with any status. Redirects are not followed.

        A connection that broke before the answer is replaced and the request sent once more, so every request must be
        idempotent. Raises `NetworkError` if there was no answer within the limits.
        """

    async def download(self, url: str, limits: RequestLimits, save: Callable[[bytes], None]) -> None:
        """Pass the content at a URL on in pieces. `save` is called in a thread; what it raises is raised here.

        Raises `NetworkError`, also for any status but 200 and for content above the limit.
        """

    def web_socket(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[WebSocket]:
        """Open a WebSocket; leaving the block closes it.

        Raises `WebSocketRefusedError` if the server answers the handshake with a status, `NetworkError` for other
        failures.
        """

    def bind(self, host: str, port: int) -> ListenSocket:
        """Bind a socket; port 0 takes a free one. Raises OSError."""

    def serve_http(self, bound: ListenSocket, handler: Handler, failed: Callable[[Exception], None]) -> Closable:
        """Serve HTTP on a bound socket until the result is closed. `failed` gets the error that ended a connection."""

    async def serve_ssh(self, bound: ListenSocket, **options: Any) -> Closable:
        """Serve SSH on a bound socket until the result is closed, with the options of `asyncssh.listen`."""

    def close(self) -> None:
        """Close idle connections. Pending requests are abandoned."""


class SystemListenSocket:
    """A real socket that is bound and does not listen yet."""

    def __init__(self, bound: socket.socket) -> None:
        self.socket = bound
        host, port = bound.getsockname()[:2]
        self.address = (str(host), int(port))

    def close(self) -> None:
        self.socket.close()


class SystemNetwork:
    """The machine's network: urllib3, websockets, asyncssh and http.server, through the proxies of the environment."""

    def __init__(
        self, ca_file: PurePath | None, proxies: Mapping[str, str], *, waits_for_ca_file: bool = False
    ) -> None:
        """`proxies` has the form of `proxies_of_environment`. Raises `FatalError` if the CA file cannot be used, unless
        this is to wait for it: then it is read again after each certificate that is not trusted."""
        self._trust = TlsTrust(ca_file)
        if self._trust.problem is not None and not waits_for_ca_file:
            raise FatalError(self._trust.problem)
        self._proxies = proxies
        self._requests = HttpRequests(self._trust, proxies)

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, limits: RequestLimits
    ) -> Response:
        return await self._requests.request(method, url, headers, body, limits)

    async def download(self, url: str, limits: RequestLimits, save: Callable[[bytes], None]) -> None:
        await self._requests.download(url, limits, save)

    def web_socket(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[SystemWebSocket]:
        return open_web_socket(url, headers, self._trust, self._proxies)

    def bind(self, host: str, port: int) -> SystemListenSocket:
        return _bind(host, port)

    def serve_http(self, bound: ListenSocket, handler: Handler, failed: Callable[[Exception], None]) -> Closable:
        return HttpServer(_raw(bound).socket, handler, failed)

    async def serve_ssh(self, bound: ListenSocket, **options: Any) -> Closable:
        import asyncssh  # noqa: PLC0415 - costs a start of the agent a quarter of a second

        return await asyncssh.listen(sock=_raw(bound).socket, **options)

    def close(self) -> None:
        self._requests.close()


def _raw(bound: ListenSocket) -> SystemListenSocket:
    if not isinstance(bound, SystemListenSocket):
        raise TypeError("a socket of another network")
    return bound


def _bind(host: str, port: int) -> SystemListenSocket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    new = socket.socket(family, kind, protocol)
    try:
        new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        new.bind(address)
    except BaseException:
        new.close()
        raise
    return SystemListenSocket(new)
