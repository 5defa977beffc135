"""`NodeMetrics`: what agents push, and what operators read of it.

A read takes fresh figures from the cache. For other nodes it wakes the agent, if that holds a socket; or has the stack
that owns the cluster scrape the agent; or scrapes it itself, if the functions reach its network. In the end it takes
figures of the cache that are younger than five minutes.
"""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chalicelib.fleet.metrics.host import HostFigures, host_figures
from chalicelib.fleet.metrics.model import CACHE_SECONDS, Metrics, MetricsType
from chalicelib.fleet.metrics.owners import Owners
from chalicelib.fleet.metrics.scraping import Scraper, source_of
from chalicelib.fleet.metrics.store import MetricsStore
from chalicelib.fleet.metrics.waking import Waker
from chalicelib.fleet.nodes.model import Node, NodeView
from chalicelib.fleet.nodes.wiring import Nodes
from chalicelib.fleet.reach import Reach
from chalicelib.kit.clock import Clock, parse_time
from chalicelib.kit.errors import EdgeError, Kind, unavailable
from chalicelib.kit.log import Level, Log
from chalicelib.kit.sockets import Sockets
from chalicelib.kit.tables import Tables


@dataclass(frozen=True)
class Reading:
    """One text and the node that it is about."""

    node: Node
    metrics: Metrics


class NodeMetrics:
    """``scraper`` is None where the functions cannot reach nodes; ``push_host`` replaces the nodes' own host names.

    ``fresh_seconds`` is the age up to which the cache answers without asking the machine. ``tell`` passes on what a
    machine pushes about itself, by its node's id.
    """

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        nodes: Nodes,
        sockets: Callable[[], Sockets],
        log: Log,
        *,
        owners: Owners,
        scraper: Scraper | None,
        push_host: str | None,
        vpn_domain: str,
        fresh_seconds: int,
        tell: Callable[[str, str], None] = lambda _node_id, _text: None,
    ) -> None:
        self._clock = clock
        self._nodes = nodes
        self._log = log
        self._owners = owners
        self._scraper = scraper
        self._push_host = push_host
        self._vpn_domain = vpn_domain
        self._fresh_seconds = min(fresh_seconds, CACHE_SECONDS)
        self._tell = tell
        self._store = MetricsStore(tables)
        self._waker = Waker(self._store, nodes.connections, sockets, clock, log)

    def push(self, node_id: str, metrics_type: MetricsType, text: str) -> Metrics:
        """Keep what an agent sent, in one write. Raises `EdgeError` (payload too large)."""
        kept = self._store.put(node_id, metrics_type, text, self._clock.now())
        if metrics_type is MetricsType.HOST:
            self._tell(node_id, text)
        return kept

    def read(self, node_id: str, metrics_type: MetricsType, *, reach: Reach) -> Reading:
        """Raises `EdgeError` (not found), (service unavailable) if the agent does not answer and the cache is too
        old."""
        view = self._nodes.reading.get(node_id, reach=reach)
        found = self._read(view, [metrics_type])
        if metrics_type not in found:
            raise unavailable()
        return Reading(view.node, found[metrics_type])

    def read_available(self, node_id: str, types: Sequence[MetricsType], *, reach: Reach) -> dict[MetricsType, Reading]:
        """Those of these types that can be had, together in the time of one; none for a node that does not exist."""
        try:
            view = self._nodes.reading.get(node_id, reach=reach)
        except EdgeError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            return {}
        return {each: Reading(view.node, metrics) for each, metrics in self._read(view, types).items()}

    def host_figures(self, node_id: str, *, reach: Reach) -> HostFigures | None:
        """The figures of a machine; None for a node that does not exist or does not answer."""
        found = self.read_available(node_id, [MetricsType.HOST], reach=reach).get(MetricsType.HOST)
        return None if found is None else host_figures(found.metrics.text, self._clock.now())

    def fetch(self, request: dict[str, Any]) -> None:
        """Scrape a node into the cache, for a stack that cannot reach it; ``request`` comes from `Owners.ask`. Does
        nothing if the caller has stopped waiting, the node is gone, or this stack cannot reach nodes."""
        if self._scraper is None or not self._owners.is_waited_for(request):
            return
        for node in self._nodes.reading.find_many([request["node_id"]]):
            self._scrape(node, [MetricsType(each) for each in request["types"]], self._scraper)

    def forget(self, node_id: str) -> None:
        """Drop what is cached of a deleted node."""
        self._store.remove(node_id)

    def _read(self, view: NodeView, types: Sequence[MetricsType]) -> dict[MetricsType, Metrics]:
        found = self._store.find(view.node.id, types)
        stale = [each for each in types if self._is_older(found.get(each), self._fresh_seconds)]
        if stale and view.presence is not None:
            came = self._waker.ask(view.presence, stale, found)
            found |= came
            stale = [each for each in stale if each not in came]
        if stale and self._owners.ask(view.node, stale):
            found |= self._waker.wait_for(view.node.id, stale, found)
        elif stale and self._scraper is not None:
            found |= self._scrape(view.node, stale, self._scraper)
        return {each: metrics for each, metrics in found.items() if not self._is_older(metrics, CACHE_SECONDS)}

    def _is_older(self, metrics: Metrics | None, seconds: int) -> bool:
        if metrics is None:
            return True
        return self._clock.now() - parse_time(metrics.updated_at) >= timedelta(seconds=seconds)

    def _scrape(self, node: Node, types: Collection[MetricsType], scraper: Scraper) -> dict[MetricsType, Metrics]:
        """All types side by side; what came is kept, so that the next read finds it."""
        host = self._push_host or node.vpn_hostname(self._vpn_domain)
        token = self._nodes.vault.open(node).api_token
        sources = {each: source_of(node, each, host, token) for each in types}
        with ThreadPoolExecutor(max_workers=len(sources)) as pool:
            running = {
                each: pool.submit(copy_context().run, scraper.scrape, source) for each, source in sources.items()
            }
        texts = {each: text for each, scraped in running.items() if (text := scraped.result()) is not None}
        kept = {each: self._keep(node.id, each, text) for each, text in texts.items()}
        return {each: metrics for each, metrics in kept.items() if metrics is not None}

    def _keep(self, node_id: str, metrics_type: MetricsType, text: str) -> Metrics | None:
        try:
            return self._store.put(node_id, metrics_type, text, self._clock.now())
        except EdgeError as error:
            if error.kind is not Kind.PAYLOAD_TOO_LARGE:
                raise
            self._log.line("metrics_too_large", level=Level.WARNING, node_id=node_id, metrics_type=metrics_type.value)
            return None
