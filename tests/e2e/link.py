"""What lies between an agent and the API: an HTTP proxy of 127.0.0.1 that loses what a test wants lost."""

import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import urllib3

HOST = "127.0.0.1"
SERVER_SECONDS = 30.0

_NOT_PASSED_ON = frozenset({"transfer-encoding", "connection", "proxy-connection", "content-length", "date", "server"})


@dataclass
class Rule:
    """Requests that something happens to; ``times`` None is always. They are answered with ``status``, if there is one;
    else they, or their answers, are lost. An empty method is each."""

    method: str
    path: re.Pattern[str]
    reaches_server: bool
    times: int | None
    status: int | None = None
    met: int = 0

    def meets(self, method: str, path: str) -> bool:
        if self.method not in {"", method} or not self.path.search(path) or self.met == self.times:
            return False
        self.met += 1
        return True

    def end(self) -> None:
        """Nothing happens to such requests any more."""
        self.times = self.met


class Link:
    """Passes everything on until it is told otherwise. Agents are given ``environment``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._sockets: set[socket.socket] = set()
        self.is_cut = False
        self.takes_websockets = True
        self.to_server = urllib3.PoolManager(maxsize=8, retries=False, timeout=SERVER_SECONDS)
        link = self

        class Handler(_Handler):
            pass

        Handler.link = link
        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """Variables of an agent that is to go through here."""
        return {"HTTP_PROXY": f"http://{HOST}:{self._server.server_address[1]}", "NO_PROXY": ""}

    def cut(self) -> None:
        """No byte passes any more; what is open breaks."""
        with self._lock:
            self.is_cut = True
            for each in self._sockets:
                _break(each)

    def mend(self) -> None:
        self.is_cut = False

    def lose_answers(self, method: str, path: str, times: int) -> Rule:
        """The server does its work, and the agent never hears of it. ``path`` is a pattern to be found in the path."""
        return self._add(Rule(method, re.compile(path), reaches_server=True, times=times))

    def lose_requests(self, method: str, path: str) -> Rule:
        """From now on these never reach the server."""
        return self._add(Rule(method, re.compile(path), reaches_server=False, times=None))

    def refuse(self, status: int, path: str = "", method: str = "") -> Rule:
        """From now on these get that status in the place of the server's answer, as from a gateway before it."""
        return self._add(Rule(method, re.compile(path), reaches_server=False, times=None, status=status))

    def close(self) -> None:
        self.cut()
        self._server.shutdown()
        self._server.server_close()
        self.to_server.clear()

    def rule_for(self, method: str, path: str) -> Rule | None:
        with self._lock:
            return next((rule for rule in self._rules if rule.meets(method, path)), None)

    @contextmanager
    def holding(self, *sockets: socket.socket) -> Iterator[None]:
        """While it lasts, `cut` breaks these."""
        with self._lock:
            self._sockets.update(sockets)
            if self.is_cut:
                for each in sockets:
                    _break(each)
        try:
            yield
        finally:
            with self._lock:
                self._sockets.difference_update(sockets)

    def _add(self, rule: Rule) -> Rule:
        with self._lock:
            self._rules.append(rule)
        return rule


class _Handler(BaseHTTPRequestHandler):
    link: Link
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def handle(self) -> None:
        with self.link.holding(self.connection):
            try:
                super().handle()
            except (ConnectionError, TimeoutError):
                self.close_connection = True

    def finish(self) -> None:
        """An answer to a connection that was cut is lost."""
        with suppress(ConnectionError, TimeoutError):
            super().finish()

    def log_message(self, format, *args) -> None:  # noqa: A002
        """Tests say what they see."""

    def _pass_on(self) -> None:
        path = urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        rule = self.link.rule_for(self.command, path)
        if rule is not None and rule.status is not None:
            self.send_error(rule.status)
            return
        if self.link.is_cut or (rule is not None and not rule.reaches_server):
            self._break()
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
        answer = self.link.to_server.request(self.command, self.path, body=body, headers=headers, redirect=False)
        if rule is not None or self.link.is_cut:
            self._break()
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("content-length", str(len(answer.data)))
        self.end_headers()
        self.wfile.write(answer.data)

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def do_PATCH(self) -> None:
        self._pass_on()

    def do_CONNECT(self) -> None:
        self.close_connection = True
        if not self.link.takes_websockets or self.link.is_cut or self.link.rule_for(self.command, self.path):
            self.send_error(503)
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), SERVER_SECONDS) as upstream, self.link.holding(upstream):
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            _pump(self.connection, upstream)

    def _break(self) -> None:
        self.close_connection = True
        _break(self.connection)


def _pump(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until either ends."""
    while True:
        readable, _, _ = select.select([one, other], [], [])
        for source in readable:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)


def _break(each: socket.socket) -> None:
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is over already
