"""A receiver of webhooks that answers as a test wants it to, path by path, and keeps every request as it came."""

import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Received:
    """Header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)


class Receiver:
    """Answers 204, unless a path has replies: one for each request, the last of them from then on."""

    def __init__(self) -> None:
        self._received: dict[str, list[Received]] = defaultdict(list)
        self._replies: dict[str, deque[Reply]] = {}
        self._let_go: dict[str, threading.Event] = {}
        receiver = self

        class Handler(_Handler):
            pass

        Handler.receiver = receiver
        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://{HOST}:{self._server.server_address[1]}{path}"

    def reply(self, path: str, *replies: Reply) -> None:
        self._replies[path] = deque(replies)

    def hang(self, path: str) -> None:
        """Requests there get no answer until they are let go."""
        self._let_go[path] = threading.Event()

    def let_go(self, path: str) -> None:
        self._let_go[path].set()

    def received(self, path: str) -> list[Received]:
        """So far, oldest first."""
        return list(self._received[path])

    def close(self) -> None:
        for each in self._let_go.values():
            each.set()
        self._server.shutdown()
        self._server.server_close()

    def take(self, path: str, request: Received) -> Reply:
        """What to answer."""
        self._received[path].append(request)
        if path in self._let_go:
            self._let_go[path].wait(PATIENCE_SECONDS)
        replies = self._replies.get(path) or deque([Reply()])
        return replies.popleft() if len(replies) > 1 else replies[0]


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def log_message(self, format, *args) -> None:  # noqa: A002
        """Tests say what they see."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.receiver.take(self.path, Received(headers, body))
        try:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()
        except OSError:
            self.close_connection = True  # the sender did not wait
