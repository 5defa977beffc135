"""`edgectl` at a terminal, against the application in this process: every request goes through the real routes."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import httpx
from edgectl import tailing
from edgectl.client import Client
from edgectl.main import main
from edgectl.profiles import Profile
from edgectl.session import Session

from tests.support.callers import operator
from tests.support.client import MASTER_KEY
from tests.support.world import OUTPUTS, World

URL = "https://edge.example.com"


@dataclass(frozen=True)
class Ended:
    """How a command line ended, and what it printed."""

    code: int
    out: str
    err: str


class InProcess(httpx.BaseTransport):
    """Hands requests to the routes of a world, or to a client of other ones. ``loses`` is raised in place of the answer
    to a POST."""

    def __init__(self, world: World, client: Any = None) -> None:
        self._world = world
        self._client = client or operator(world)
        self.asked: list[tuple[str, str]] = []
        self.loses: BaseException | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == f"{OUTPUTS}.test":
            return self._stored(request)
        self.asked.append((request.method, request.url.path))
        kept = {name: value for name, value in request.headers.items() if name in {"content-type", "idempotency-key"}}
        answer = self._client.request(
            request.method,
            request.url.path,
            query=request.url.params.multi_items(),
            headers=kept,
            body=request.content.decode() or None,
            key=request.headers["Authorization"].removeprefix("Bearer "),
        )
        if self.loses and request.method == "POST":
            raise self.loses
        return httpx.Response(answer.status, headers=dict(answer.headers), text=answer.text, request=request)

    def _stored(self, request: httpx.Request) -> httpx.Response:
        """The answer of a signed URL: the object, as compressed. The key of the control plane is not for it."""
        assert "Authorization" not in request.headers
        content = self._world.object_client.objects[OUTPUTS, request.url.path[1:]]
        return httpx.Response(200, headers={"content-encoding": "gzip"}, content=content, request=request)


class Terminal:
    """A person at a terminal, with a key. ``meanwhile`` happens whenever a command waits."""

    def __init__(self, world: World, key: str = MASTER_KEY, client: Any = None) -> None:
        self.world = world
        self.key = key
        self.transport = InProcess(world, client)
        self.meanwhile: Any = world.settle
        self.open_socket: tailing.Connect = tailing.connect

    def type(self, *arguments: str, typed: str = "") -> Ended:
        """One command line; ``typed`` is what the person answers to questions."""
        written, err = io.BytesIO(), io.StringIO()
        out = io.TextIOWrapper(written, encoding="utf-8", newline="", write_through=True)
        session = Session(
            connect=lambda profile: Client(profile, transport=self.transport, pause=lambda _: None),
            now=self.world.clock.now,
            sleep=lambda _: self.meanwhile(),
            open_socket=self.open_socket,
        )
        environment = {"EDGE_URL": URL, "EDGE_KEY": self.key, "NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb"}
        with (
            patch.dict("os.environ", environment),
            patch.object(sys, "stdin", io.StringIO(typed)),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = main(arguments, session)
        return Ended(code, written.getvalue().decode(errors="replace"), err.getvalue())


def profile() -> Profile:
    """The one of a terminal."""
    return Profile(URL, MASTER_KEY)
