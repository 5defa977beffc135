"""Serves a `NetmakerStub` over real HTTP on 127.0.0.1, and fails as servers do."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.fakes.netmaker_stub import NetmakerStub


@dataclass
class Trouble:
    """The fault of matching requests: ``status`` with an error body, ``raw`` bytes instead, ``cut`` (half of the
    answer, then the end of the connection), ``drop`` (no answer), ``hang`` (until the server stops), ``drip`` (a byte
    at a time), ``late`` (done, then no answer). ``times`` None: for ever."""

    method: str = ""
    path: str = ""
    status: int = 0
    raw: bytes | None = None
    cut: bool = False
    drop: bool = False
    hang: bool = False
    drip_seconds: float = 0.0
    late: bool = False
    times: int | None = None

    def meets(self, method: str, path: str) -> bool:
        return self.times != 0 and self.method in {"", method} and re.search(self.path, path) is not None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    served: "ServedNetmaker"

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        served, method = self.served, self.command
        stub = served.stub
        stub.requests.append((method, self.path))
        if stub.before is not None:
            stub.before(method, self.path)
        trouble = next((each for each in served.troubles if each.meets(method, self.path)), Trouble())
        if trouble.times:
            trouble.times -= 1
        if trouble.hang:
            served.released.wait(30)
        if trouble.drop or trouble.hang:
            self.close_connection = True
            return
        if trouble.status:
            status, answer = trouble.status, {"Code": trouble.status, "Message": "it is not you, it is me"}
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = stub.answer(method, self.path, headers, body)
        if trouble.late:
            self.close_connection = True
            return
        text = (json.dumps(answer) + "\n").encode() if trouble.raw is None else trouble.raw
        self._send(status, text, trouble)

    def _send(self, status: int, text: bytes, trouble: Trouble) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        if trouble.cut:
            self.wfile.write(text[: len(text) // 2])
            self.close_connection = True
        elif trouble.drip_seconds:
            self._drip(text, trouble.drip_seconds)
        else:
            self.wfile.write(text)

    def _drip(self, text: bytes, seconds: float) -> None:
        self.close_connection = True
        for index in range(len(text)):
            if self.served.released.wait(seconds):
                return
            try:
                self.wfile.write(text[index : index + 1])
            except OSError:  # the client has gone
                return

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - names that the base class looks up

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing: tests read ``requests``."""


@dataclass
class ServedNetmaker:
    """A server at ``url``, and what is to go wrong with it."""

    stub: NetmakerStub
    url: str = ""
    troubles: list[Trouble] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def trouble(self, **fields: Any) -> Trouble:
        self.troubles.append(Trouble(**fields))
        return self.troubles[-1]

    def recover(self) -> None:
        self.troubles.clear()


@contextmanager
def running_netmaker(**options: Any) -> Iterator[ServedNetmaker]:
    """A server of its own, until the block ends."""
    served = ServedNetmaker(NetmakerStub(**options))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": served}))
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
