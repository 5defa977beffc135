import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from edge_agent.errors import NetworkError, WebSocketRefusedError
from edge_agent.ports.proxies import proxy_for
from edge_agent.ports.tls_trust import TlsTrust

# How long to wait for the peer's closing frame: a silent peer must not delay a stop.
CLOSE_SECONDS = 2.0
DEAD_AFTER_SECONDS = 120


class SystemWebSocket:
    """A WebSocket over TCP."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        try:
            async for frame in self._connection:
                yield frame
        except ConnectionClosed as error:
            raise NetworkError(type(error).__name__) from error

    async def send(self, frame: str) -> None:
        try:
            await self._connection.send(frame)
        except ConnectionClosed as error:
            raise NetworkError(type(error).__name__) from error


@asynccontextmanager
async def open_web_socket(
    url: str, headers: Mapping[str, str], trust: TlsTrust, proxies: Mapping[str, str]
) -> AsyncIterator[SystemWebSocket]:
    connection = await _connect(url, headers, trust, proxies)
    async with connection:
        _keep_alive(connection)
        yield SystemWebSocket(connection)


async def _connect(
    url: str, headers: Mapping[str, str], trust: TlsTrust, proxies: Mapping[str, str]
) -> ClientConnection:
    proxy, tls = proxy_for(url, proxies), trust.current()
    proxy_tls: dict[str, Any] = {"proxy_ssl": tls} if proxy is not None and proxy.startswith("https:") else {}
    try:
        return await connect(
            url,
            additional_headers=dict(headers),
            proxy=proxy,
            ssl=tls if url.startswith("wss:") else None,
            **proxy_tls,
            # TCP finds a dead peer: the gateway would bill and count ping frames.
            ping_interval=None,
            close_timeout=CLOSE_SECONDS,
        )
    except InvalidStatus as error:
        raise WebSocketRefusedError(error.response.status_code) from error
    except Exception as error:
        # The peer may be anything.
        raise NetworkError(trust.told(error)) from error


def _keep_alive(connection: ClientConnection) -> None:
    """Let TCP probe a silent peer.

    A link that a NAT or a cell network dropped is noticed within about two minutes, even with unacknowledged data.
    """
    link = connection.transport.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    limits = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": DEAD_AFTER_SECONDS * 1000}
    for name, value in limits.items():
        if hasattr(socket, name):
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
