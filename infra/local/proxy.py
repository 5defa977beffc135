"""The local front door: one port of 127.0.0.1 for the REST API and, at ``/agent``, the agents' WebSocket.

Only the local cloud uses it. Like API Gateway and Lambda, it adds the caller's address and refuses requests that are
too large; otherwise it passes bodies and headers through unchanged.
"""

import asyncio
import io
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime

from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    TCPConnector,
    WSMsgType,
    WSServerHandshakeError,
    web,
)
from yarl import URL

from infra.functions import API_STAGE
from infra.local.emulator import HOST
from infra.local.limits import REQUEST_BYTES, SOCKET_MESSAGE_BYTES, is_function_answer, is_function_event
from infra.local.loops import LoopThread

AGENT_PATH = "/agent"

CATCH_ALL = "/{proxy+}"

CONCURRENT_REQUESTS = 4
"""The maximum of concurrent requests. Each is a process in the local cloud, so a burst waits here and does not use
memory there."""

GATEWAY_TIMEOUT_SECONDS = 29
"""API Gateway's integration timeout."""

_HOP_HEADERS = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "host"}
    | {"content-length", "content-encoding", "date", "server"}
)
_HANDSHAKE_HEADERS = frozenset(
    {"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol"}
)


class Proxy:
    """A server thread. Routes point into the emulator at ``emulator_url``."""

    def __init__(self, port: int, emulator_url: str) -> None:
        """``port`` 0 takes a free one. Requests are answered after `point_to`. Raises OSError for a port in use."""
        self._emulator_url = emulator_url
        self._rest_url = ""
        self._routes: list[tuple[re.Pattern[str], str]] = []
        self._below: list[tuple[re.Pattern[str], str]] = []
        self._too_large: dict[str, str] = {}
        """By the address of an API that takes bytes: its answer to a body that is too large."""
        self._socket_url = ""
        self._slots = asyncio.Semaphore(CONCURRENT_REQUESTS)
        self._session: ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self._loop = LoopThread("proxy")
        try:
            self.port = self._loop.run(self._start(port))
        except OSError:
            self.stop()
            raise

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://{HOST}:{self.port}{AGENT_PATH}"

    def point_to(self, rest_api_id: str, websocket_api_id: str = "", paths: Iterable[str] = ()) -> None:
        """Sends requests to this address from now on."""
        self._rest_url = self._url_of(rest_api_id)
        self._socket_url = f"{self._emulator_url}/_aws/execute-api/{websocket_api_id}/{API_STAGE}"
        self._routes = [(_pattern(paths), self._rest_url)]

    def add(self, rest_api_id: str, paths: Iterable[str], prefixes: Iterable[str] = (), too_large: str = "") -> None:
        """Send requests for these ``paths`` of another API (in API Gateway's form) to that API, unless an earlier one
        has the path; so too requests below the ``prefixes`` that no API has. ``too_large`` is the template of the
        answer to a body that is too large, for an API that takes bytes."""
        url = self._url_of(rest_api_id)
        if too_large:
            self._too_large[url] = too_large
        self._routes.append((_pattern(paths), url))
        self._below.append((re.compile("|".join(f"{re.escape(each)}(/.*)?" for each in prefixes) or r"(?!)"), url))

    def _url_of(self, rest_api_id: str) -> str:
        return f"{self._emulator_url}/restapis/{rest_api_id}/{API_STAGE}/_user_request_"

    def _upstream(self, path: str) -> str:
        """The API that has a route for the path, or the first one, which answers for paths that nothing is at."""
        routes = [*self._routes, *self._below]
        return next((url for pattern, url in routes if pattern.fullmatch(path)), self._rest_url)

    def stop(self) -> None:
        """Close the port and every connection. Safe to repeat."""
        self._loop.stop(self._close)

    async def _start(self, port: int) -> int:
        timeout = ClientTimeout(total=GATEWAY_TIMEOUT_SECONDS)
        self._session = ClientSession(timeout=timeout, connector=TCPConnector(limit=0), auto_decompress=False)
        app = web.Application(client_max_size=REQUEST_BYTES)
        app.router.add_get(AGENT_PATH, _answering_errors(self._agent_socket))
        app.router.add_route("*", "/{path:.*}", _answering_errors(self._request))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def _close(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _request(self, request: web.Request) -> web.StreamResponse:
        """One HTTP request, passed on and answered."""
        if not self._rest_url or self._session is None:
            return _refusal(503, "service_unavailable", "Service Unavailable")
        url = self._upstream(request.rel_url.raw_path)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._refusal_of_size(url)
        headers = _passed_on(request)
        if not is_function_event(body, headers, is_binary=url in self._too_large):
            return self._refusal_of_size(url)
        async with self._slots:
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError  # the caller has not waited for its turn
            return await self._answer(self._session, request, url, body, headers)

    def _refusal_of_size(self, url: str) -> web.Response:
        """The gateway's own answer to a body that is too large."""
        template = self._too_large.get(url)
        if template is None:
            return _refusal(413, "payload_too_large", "Payload Too Large")
        now = datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
        text = template.replace("$context.requestId", str(uuid.uuid4())).replace("$context.requestTime", now)
        return web.Response(status=413, text=text, content_type="application/json")

    async def _answer(
        self, session: ClientSession, request: web.Request, url: str, body: bytes, headers: dict[str, str]
    ) -> web.Response:
        async with session.request(
            request.method,
            URL(url + request.raw_path, encoded=True),
            data=io.BytesIO(body) if body else None,
            headers=headers,
            allow_redirects=False,
            skip_auto_headers=("User-Agent", "Content-Type", "Accept", "Accept-Encoding"),
        ) as upstream:
            answer = await upstream.read()
            if not is_function_answer(answer, upstream.headers, is_binary=url in self._too_large):
                return _refusal(502, "internal_server_error", "Internal Server Error")
            kept = [(name, value) for name, value in upstream.headers.items() if name.lower() not in _HOP_HEADERS]
            return web.Response(status=upstream.status, body=answer, headers=kept)

    async def _agent_socket(self, request: web.Request) -> web.StreamResponse:
        """One WebSocket: the handshake upstream first, so that a refusal reaches the agent as one."""
        if not self._socket_url or self._session is None:
            return _refusal(503, "service_unavailable", "Service Unavailable")
        headers = {name: value for name, value in _passed_on(request).items() if name.lower() not in _HANDSHAKE_HEADERS}
        try:
            upstream = await self._session.ws_connect(self._socket_url, headers=headers, max_msg_size=0)
        except WSServerHandshakeError as error:
            return _refusal(error.status, "unauthorized", "Unauthorized")
        downstream = web.WebSocketResponse(max_msg_size=SOCKET_MESSAGE_BYTES)
        try:
            await downstream.prepare(request)
            await _first_of(_pump(upstream, downstream), _pump(downstream, upstream))
        finally:
            await upstream.close()
            if downstream.prepared:  # the agent may have gone before
                await downstream.close()
        return downstream


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Socket = ClientWebSocketResponse | web.WebSocketResponse


def _pattern(paths: Iterable[str]) -> re.Pattern[str]:
    """Matches the paths of an API, but for the one that takes whatever has no other route."""
    known = (re.escape(path) for path in paths if path != CATCH_ALL)
    whole = (re.sub(r"\\{[^}]+\\\+\\}", ".+", path) for path in known)
    return re.compile("|".join(re.sub(r"\\{[^}]+\\}", "[^/]+", path) for path in whole))


def _answering_errors(handler: Handler) -> Handler:
    """API Gateway's answer to a failure between it and a function."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPRequestEntityTooLarge:
            return _refusal(413, "payload_too_large", "Payload Too Large")
        except (ClientError, ConnectionResetError, TimeoutError):
            return _refusal(503, "service_unavailable", "Service Unavailable")

    return answer


def _refusal(status: int, code: str, message: str) -> web.Response:
    meta = {"request_id": str(uuid.uuid4())}
    body = json.dumps({"error": {"code": code, "message": message}, "meta": meta})
    return web.Response(status=status, text=body, content_type="application/json")


def _passed_on(request: web.Request) -> dict[str, str]:
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_HEADERS}
    # The address that API Gateway saw is the last in X-Forwarded-For and the only one in the request's context. The
    # emulator fills the context from the header, so a header of the caller must not get there.
    headers["X-Forwarded-For"] = request.remote or HOST
    return headers


async def _pump(source: Socket, target: Socket) -> None:
    """Copy frames until the source closes."""
    async for frame in source:
        if frame.type is WSMsgType.TEXT:
            await target.send_str(frame.data)
        elif frame.type is WSMsgType.BINARY:
            await target.send_bytes(frame.data)


async def _first_of(*jobs: Awaitable[None]) -> None:
    """Run all until one ends; end the others."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if isinstance(task.exception(), (ConnectionError, ClientError)):
                continue  # the peer closed the connection in the middle of a frame: the socket has ended anyway
            await task
    finally:
        for task in tasks:
            task.cancel()
