"""Fetching metrics from agents that the functions can reach over the network.

As with pushes, the address comes from the node's own registration and lies in a private network on purpose, so the
guard for outbound addresses does not apply.
"""

from dataclasses import dataclass, field

from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.nodes.model import Node
from chalicelib.kit.outbound import Caller, NoAnswerError, UrlRefusedError, unguarded

SCRAPE_SECONDS = 10.0
"""To find, to connect and to send everything, as in the reference; API Gateway waits 29 s for the whole answer."""

TEXT_BYTES = 1024 * 1024
"""The most that is read of a text: as much as an agent may push. A node_exporter writes about 100 KB."""

_OK = 200
_ACCEPTED = "text/plain;version=0.0.4;q=1,*/*;q=0.1"


@dataclass(frozen=True)
class Source:
    """The URL at which an agent publishes one type of metrics; ``token`` is the bearer token, if it needs one."""

    url: str
    token: str | None = field(default=None, repr=False)


class Scraper:
    """Makes single attempts. An unreachable agent is not an error."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def scrape(self, source: Source) -> str | None:
        """The text; None where there is no answer, another status than 200, less than all of it, or no UTF-8."""
        headers = {"accept": _ACCEPTED}
        if source.token is not None:
            headers["authorization"] = f"Bearer {source.token}"
        try:
            answer = self._caller.send("GET", source.url, headers)
            return answer.body.decode() if answer.status == _OK and answer.is_whole else None
        except (NoAnswerError, UrlRefusedError, UnicodeDecodeError):
            return None


def scraper_over_http(seconds: float = SCRAPE_SECONDS) -> Scraper:
    """Over real connections."""
    return Scraper(unguarded(total_seconds=seconds, answer_bytes=TEXT_BYTES))


def source_of(node: Node, metrics_type: MetricsType, host: str, token: str) -> Source:
    """The source of the node's metrics of this type. Only the agent's own API needs the token."""
    match metrics_type:
        case MetricsType.HOST:
            return Source(f"http://{host}:{node.host_metrics_port}/metrics")
        case MetricsType.WIREGUARD:
            return Source(f"http://{host}:{node.wireguard_metrics_port}/metrics")
        case MetricsType.AGENT:
            return Source(f"http://{host}:{node.http_port}/api/v1/agents/me/metrics/raw", token)
