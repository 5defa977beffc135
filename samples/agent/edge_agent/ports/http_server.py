"""A small HTTP server on a bound socket, in threads of its own; requests are handled in the event loop."""

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from edge_agent.ports.threads import call_in_loop

CONNECTIONS = 32
# A client that sends nothing for so long loses its connection.
SOCKET_SECONDS = 10.0
# A request that takes longer, including its answer, loses its connection too, even while data flows.
REQUEST_SECONDS = 20.0
ANSWER_SECONDS = 9.0  # the server gives up after 10
POLL_SECONDS = 0.1
BODY_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True)
class ServerRequest:
    """A request. `body` is None if it was too large or of unknown length; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True)
class ServerReply:
    """The answer to a request."""

    status: int
    content_type: str
    content: bytes


class HttpServer:
    """Accepts at most `CONNECTIONS` connections at a time; a further one is closed at once.

    Each request has `REQUEST_SECONDS`, from waiting for its first byte to the last byte of the answer. An error ends
    the connection that it occurred on, and is passed to `failed`.
    """

    def __init__(
        self,
        bound: socket.socket,
        handler: Callable[[ServerRequest], Awaitable[ServerReply]],
        failed: Callable[[Exception], None],
    ) -> None:
        loop = asyncio.get_running_loop()

        def handle(request: ServerRequest) -> ServerReply:
            async def reply() -> ServerReply:
                return await handler(request)

            return asyncio.run_coroutine_threadsafe(reply(), loop).result(ANSWER_SECONDS)

        def report(error: Exception) -> None:
            call_in_loop(loop, lambda: failed(error))

        self._server = _ThreadingServer(bound, handle, report)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _ThreadingServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = CONNECTIONS

    def __init__(
        self,
        bound: socket.socket,
        handle: Callable[[ServerRequest], ServerReply],
        failed: Callable[[Exception], None],
    ) -> None:
        super().__init__(bound.getsockname()[:2], _RequestHandler, bind_and_activate=False)
        self.handle = handle
        self._failed = failed
        self._slots = threading.BoundedSemaphore(CONNECTIONS)
        self._lock = threading.Lock()
        self._deadlines: dict[socket.socket, float] = {}
        self.socket.close()
        self.socket = bound
        self.server_activate()
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": POLL_SECONDS}, name="http-server", daemon=True
        ).start()

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:
            # Out of descriptors: the connection stays queued, and this method would be called again at once.
            time.sleep(POLL_SECONDS)
            raise

    def service_actions(self) -> None:
        """Close the connections whose request takes too long. Called about ten times a second."""
        with self._lock:
            late = [link for link, deadline in self._deadlines.items() if deadline < time.monotonic()]
            for link in late:
                with suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)

    def request_begins(self, link: socket.socket) -> None:
        with self._lock:
            self._deadlines[link] = time.monotonic() + REQUEST_SECONDS

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._slots.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._deadlines.pop(request, None)
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        error = sys.exception()
        if isinstance(error, Exception):
            self._failed(error)


class _RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or the peer's delayed acknowledgement costs 40 ms
    timeout = SOCKET_SECONDS
    server: _ThreadingServer

    def handle_one_request(self) -> None:
        self.server.request_begins(self.connection)
        super().handle_one_request()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing to standard error."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = ServerRequest(self.command, self.path, headers, self._body(headers))
        reply = self.server.handle(request)
        self.send_response(reply.status)
        self.send_header("content-type", reply.content_type)
        self.send_header("content-length", str(len(reply.content)))
        self.end_headers()
        self.wfile.write(reply.content)

    def _body(self, headers: Mapping[str, str]) -> bytes | None:
        length = headers.get("content-length", "0" if "transfer-encoding" not in headers else "")
        if not (length.isascii() and length.isdecimal()) or int(length[:12]) > BODY_LIMIT_BYTES:
            # The rest of the connection cannot be parsed.
            self.close_connection = True
            return None
        return self.rfile.read(int(length))
