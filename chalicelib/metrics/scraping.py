"""Fetching metrics from agents that the functions can reach over the network.

As with pushes, the address comes from the node's own registration and lies in a private network on purpose, so the
guard for outbound addresses does not apply; redirects are not followed, time and size are bounded.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib.kit.clock import Clock
from chalicelib.metrics.model import MetricsType
from chalicelib.nodes.model import Node

SCRAPE_SECONDS = 10.0
"""To connect and to send everything, as in the reference; API Gateway waits 29 s for the whole answer."""

TEXT_BYTES = 1024 * 1024
"""The most that is read of a text: as much as an agent may push. A node_exporter writes about 100 KB."""

_CHUNK_BYTES = 64 * 1024
_OK = 200
_ACCEPTED = "text/plain;version=0.0.4;q=1,*/*;q=0.1"


@dataclass(frozen=True)
class Source:
    """Where an agent publishes one type of its metrics; ``token`` is the bearer, where it wants one."""

    url: str
    token: str | None = field(default=None, repr=False)


class HttpClient(Protocol):
    """The part of urllib3's pool manager that is used."""

    def request(self, method: str, url: str, **options: Any) -> Any: ...


class Scraper:
    """Makes single attempts; an agent that cannot be reached is no error."""

    def __init__(self, client: HttpClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    def scrape(self, source: Source) -> str | None:
        """The text; None where there is no answer, another status than 200, more than `TEXT_BYTES`, or no UTF-8."""
        from urllib3 import Timeout  # noqa: PLC0415 - as in `scraper_over_http`
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        # Identity: a compressed answer could be small on the way and endless in memory.
        headers = {"accept": _ACCEPTED, "accept-encoding": "identity"}
        if source.token is not None:
            headers["authorization"] = f"Bearer {source.token}"
        options: dict[str, Any] = {"redirect": False, "retries": False, "preload_content": False}
        end = self._clock.now() + timedelta(seconds=SCRAPE_SECONDS)
        try:
            answer = self._client.request(
                "GET", source.url, headers=headers, timeout=Timeout(total=SCRAPE_SECONDS), **options
            )
            with closing(answer):
                body = b"".join(self._chunks(answer, end)) if answer.status == _OK else None
            return None if body is None or len(body) > TEXT_BYTES else body.decode()
        except (HTTPError, TimeoutError, UnicodeDecodeError):
            return None

    def _chunks(self, answer: Any, end: datetime) -> Iterator[bytes]:
        """Until it ends or is too long. Raises TimeoutError for an answer that trickles: a socket's own limit counts
        from byte to byte."""
        size = 0
        while size <= TEXT_BYTES and (chunk := answer.read1(_CHUNK_BYTES)):
            if self._clock.now() > end:
                raise TimeoutError
            size += len(chunk)
            yield chunk


def scraper_over_http(clock: Clock) -> Scraper:
    """With a real connection pool."""
    from urllib3 import PoolManager  # noqa: PLC0415 - 20 ms of a cold start: only who scrapes pays for it

    return Scraper(PoolManager(maxsize=4), clock)


def source_of(node: Node, metrics_type: MetricsType, host: str, token: str) -> Source:
    """Where the node publishes; only its own API asks for its token."""
    match metrics_type:
        case MetricsType.HOST:
            return Source(f"http://{host}:{node.host_metrics_port}/metrics")
        case MetricsType.WIREGUARD:
            return Source(f"http://{host}:{node.wireguard_metrics_port}/metrics")
        case MetricsType.AGENT:
            return Source(f"http://{host}:{node.http_port}/api/v1/agents/me/metrics/raw", token)
