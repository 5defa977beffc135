"""Scrapes over real HTTP, from a server on this machine."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.metrics.scraping import TEXT_BYTES, Scraper, Source, scraper_over_http, source_of
from tests.support.builders import a_cluster, machines
from tests.support.world import World
from tests.unit.kit.receivers import receiver, says


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
def scraper() -> Scraper:
    return scraper_over_http()


def test_scrape_returns_the_text_and_sends_the_token_if_given(scraper):
    with served(200, b"up 1\n") as (url, asked):
        assert scraper.scrape(Source(f"{url}/metrics", "secret")) == "up 1\n"
        assert scraper.scrape(Source(f"{url}/metrics")) == "up 1\n"
    assert asked[0]["path"] == "/metrics"
    assert asked[0]["authorization"] == "Bearer secret"
    assert asked[0]["accept-encoding"] == "identity"
    assert "authorization" not in asked[1]


@pytest.mark.parametrize("status", [204, 301, 401, 404, 500])
def test_scrape_with_any_status_but_200_gives_none(scraper, status):
    with served(status, b"" if status == 204 else b"up 1\n", location="/other") as (url, asked):
        assert scraper.scrape(Source(url)) is None
    assert len(asked) == 1


@pytest.mark.parametrize(("size", "is_taken"), [(TEXT_BYTES, True), (TEXT_BYTES + 1, False), (3 * TEXT_BYTES, False)])
def test_scraped_text_above_the_size_limit_gives_none(scraper, size, is_taken):
    with served(200, b"x" * size) as (url, _):
        assert (scraper.scrape(Source(url)) is not None) is is_taken


def test_scraped_bytes_that_are_not_utf8_give_none(scraper):
    with served(200, b"\xff\xfe") as (url, _):
        assert scraper.scrape(Source(url)) is None


def test_scrape_of_an_unreachable_address_gives_none(scraper):
    with served(200, b"") as (url, _):
        gone = url
    assert scraper.scrape(Source(gone)) is None


def test_scrape_of_a_trickling_answer_is_cut_off():
    def trickle(connection, seen):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not seen.stop.wait(0.02):
            connection.sendall(b"up 1\n")

    with receiver(trickle) as (port, seen):
        assert scraper_over_http(0.3).scrape(Source(f"http://127.0.0.1:{port}/metrics")) is None
        assert len(seen.requests) == 1


def test_scrape_of_a_truncated_answer_gives_none(scraper):
    with receiver(says(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nup 1\n")) as (port, _):
        assert scraper.scrape(Source(f"http://127.0.0.1:{port}/metrics")) is None


def test_scrape_of_a_compressed_answer_gives_none(scraper):
    bomb = gzip.compress(bytes(50 * TEXT_BYTES))
    with served(200, bomb, **{"content-encoding": "gzip"}) as (url, _):
        assert scraper.scrape(Source(url)) is None


def test_scrape_source_of_each_type_has_its_url_and_token():
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
