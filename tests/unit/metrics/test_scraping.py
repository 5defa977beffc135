"""Scrapes over real HTTP, from a server on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from urllib3 import PoolManager

from chalicelib.metrics.model import MetricsType
from chalicelib.metrics.scraping import TEXT_BYTES, Scraper, Source, source_of
from tests.builders import a_cluster, machines
from tests.fakes.clock import FakeClock
from tests.world import World


@contextmanager
def served(status: int, body: bytes, **headers: str) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server that gives this answer to everything: its URL, and the headers of each request."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append({name.lower(): value for name, value in self.headers.items()} | {"path": self.path})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def scraper() -> Iterator[Scraper]:
    with PoolManager() as pool:
        yield Scraper(pool, FakeClock())


def test_the_text_and_what_was_asked(scraper):
    with served(200, b"up 1\n") as (url, asked):
        assert scraper.scrape(Source(f"{url}/metrics", "secret")) == "up 1\n"
        assert scraper.scrape(Source(f"{url}/metrics")) == "up 1\n"
    assert asked[0]["path"] == "/metrics"
    assert asked[0]["authorization"] == "Bearer secret"
    assert asked[0]["accept-encoding"] == "identity"
    assert "authorization" not in asked[1]


@pytest.mark.parametrize("status", [204, 301, 401, 404, 500])
def test_another_status_is_no_answer(scraper, status):
    with served(status, b"" if status == 204 else b"up 1\n", location="/other") as (url, asked):
        assert scraper.scrape(Source(url)) is None
    assert len(asked) == 1


@pytest.mark.parametrize(("size", "is_taken"), [(TEXT_BYTES, True), (TEXT_BYTES + 1, False), (3 * TEXT_BYTES, False)])
def test_a_text_is_taken_whole_or_not_at_all(scraper, size, is_taken):
    with served(200, b"x" * size) as (url, _):
        assert (scraper.scrape(Source(url)) is not None) is is_taken


def test_what_is_no_text_is_no_answer(scraper):
    with served(200, b"\xff\xfe") as (url, _):
        assert scraper.scrape(Source(url)) is None


def test_nobody_there_is_no_answer(scraper):
    with served(200, b"") as (url, _):
        gone = url
    assert scraper.scrape(Source(gone)) is None


class Trickle:
    """An answer that never ends, a byte every four seconds."""

    status = 200

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.reads = 0

    def request(self, *_: object, **__: object) -> "Trickle":
        return self

    def read1(self, _size: int) -> bytes:
        self._clock.advance(4)
        self.reads += 1
        return b"x"

    def close(self) -> None:
        self.closed = True


def test_an_answer_that_trickles_is_cut_off():
    clock = FakeClock()
    trickle = Trickle(clock)
    assert Scraper(trickle, clock).scrape(Source("http://agent.test")) is None
    assert (trickle.reads, trickle.closed) == (3, True)


def test_where_each_type_is_published_and_who_gets_the_token():
    world = World()
    a_cluster(world)
    [machine] = machines(world, 1)
    sources = {each: source_of(machine.node, each, "agent.test", "secret") for each in MetricsType}
    assert {each: (source.url, source.token) for each, source in sources.items()} == {
        MetricsType.HOST: ("http://agent.test:49100/metrics", None),
        MetricsType.AGENT: ("http://agent.test:44000/api/v1/agents/me/metrics/raw", "secret"),
        MetricsType.WIREGUARD: ("http://agent.test:49586/metrics", None),
    }
    assert "secret" not in repr(sources)
