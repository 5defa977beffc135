import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from edge_agent.event_log import EventLog

CONNECTIONS = 32
# A client that says nothing for so long gives up its place.
SOCKET_SECONDS = 10.0


class LocalHttpServer(ThreadingHTTPServer):
    """Serves on a socket that is bound already, from threads that end with the process or with `close`.

    At most `CONNECTIONS` at a time; a further one is closed at once. What goes wrong with one is logged, and ends it
    alone.
    """

    daemon_threads = True
    request_queue_size = CONNECTIONS

    def __init__(self, bound: socket.socket, handler: type[BaseHTTPRequestHandler], log: EventLog) -> None:
        super().__init__(bound.getsockname()[:2], handler, bind_and_activate=False)
        self._log = log
        self._places = threading.BoundedSemaphore(CONNECTIONS)
        self.socket.close()
        self.socket = bound
        self.server_activate()
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.1}, name="http-server", daemon=True
        ).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

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
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - addresses say nothing here
        self._log.write("http.failed", port=self.server_address[1], reason=type(sys.exception()).__name__)
