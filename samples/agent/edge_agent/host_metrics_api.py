import socket
from collections.abc import Callable

from edge_agent.errors import UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.exposition import CONTENT_TYPE
from edge_agent.http_server import LocalHandler, LocalHttpServer


class HostMetricsApi:
    """`GET /metrics` as a node_exporter serves it, without authentication. Its threads end with `close`."""

    def __init__(self, bound: socket.socket, source: Callable[[], str], log: EventLog) -> None:
        class Handler(_Handler):
            text = staticmethod(source)

        self.close = LocalHttpServer(bound, Handler, log).close


class _Handler(LocalHandler):
    text: Callable[[], str]

    def do_GET(self) -> None:  # noqa: N802
        if self.path != "/metrics":
            self._answer(404, "Not Found\n")
            return
        try:
            self._answer(200, self.text())
        except UnavailableError as error:
            self._answer(503, f"{error}\n")

    def _answer(self, status: int, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("content-type", CONTENT_TYPE)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
