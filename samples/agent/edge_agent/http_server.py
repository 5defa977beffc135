import socket
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from edge_agent.event_log import EventLog

CONNECTIONS = 32
# A client that says nothing for so long gives up its place.
SOCKET_SECONDS = 10.0
# And so does one whose request, answer included, takes longer, however busy it keeps the line.
REQUEST_SECONDS = 20.0
POLL_SECONDS = 0.1


class LocalHttpServer(ThreadingHTTPServer):
    """Serves on a socket that is bound already, from threads that end with the process or with `close`.

    At most `CONNECTIONS` at a time; a further one is closed at once. Each request has `REQUEST_SECONDS` from its first
    byte waited for to the last byte answered. What goes wrong with one is logged, and ends it alone.
    """

    daemon_threads = True
    request_queue_size = CONNECTIONS

    def __init__(self, bound: socket.socket, handler: type[BaseHTTPRequestHandler], log: EventLog) -> None:
        super().__init__(bound.getsockname()[:2], handler, bind_and_activate=False)
        self._log = log
        self._places = threading.BoundedSemaphore(CONNECTIONS)
        self._lock = threading.Lock()
        self._deadlines: dict[socket.socket, float] = {}
        self.socket.close()
        self.socket = bound
        self.server_activate()
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": POLL_SECONDS}, name="http-server", daemon=True
        ).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:
            # At the end of its descriptors: the connection stays in the queue, and this would be called at once.
            time.sleep(POLL_SECONDS)
            raise

    def service_actions(self) -> None:
        """Between requests, some ten times a second: end those that take too long."""
        with self._lock:
            late = [link for link, deadline in self._deadlines.items() if deadline < time.monotonic()]
            for link in late:
                with suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)

    def request_begins(self, link: socket.socket) -> None:
        with self._lock:
            self._deadlines[link] = time.monotonic() + REQUEST_SECONDS

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._deadlines.pop(request, None)
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - addresses say nothing here
        self._log.write("http.failed", port=self.server_address[1], reason=type(sys.exception()).__name__)


class LocalHandler(BaseHTTPRequestHandler):
    """A handler for `LocalHttpServer`: kept-alive connections, and nothing on standard error."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or the peer's delayed acknowledgement costs 40 ms
    timeout = SOCKET_SECONDS

    def handle_one_request(self) -> None:
        if isinstance(self.server, LocalHttpServer):
            self.server.request_begins(self.connection)
        super().handle_one_request()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The agent's own log says what happened."""
