"""The parts of `metrics`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.fleet.metrics.admin import AdminMetrics
    from chalicelib.fleet.metrics.diagnosing import Diagnosing
    from chalicelib.fleet.metrics.discovery import Discovery
    from chalicelib.fleet.metrics.service import NodeMetrics
    from chalicelib.fleet.metrics.telling import HostTeller
    from chalicelib.fleet.wiring import Fleet


class MetricParts:
    """Metrics of nodes and of this installation, and the discovery of nodes for Prometheus."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._platform = fleet.platform

    @cached_property
    def nodes(self) -> NodeMetrics:
        from chalicelib.fleet.metrics.owners import Owners
        from chalicelib.fleet.metrics.scraping import scraper_over_http
        from chalicelib.fleet.metrics.service import NodeMetrics

        platform, settings = self._platform, self._platform.settings
        return NodeMetrics(
            platform.tables,
            platform.clock,
            self._fleet.nodes,
            lambda: platform.sockets,
            platform.log,
            owners=Owners(self._fleet.admins.ownership, self._fleet.transport.dispatch, platform.clock),
            scraper=scraper_over_http() if settings.push_enabled else None,
            push_host=settings.push_host,
            vpn_domain=settings.netmaker_default_domain,
            fresh_seconds=settings.metrics_fresh_seconds,
            tell=self._host_teller.tell,
        )

    @cached_property
    def diagnosing(self) -> Diagnosing:
        from chalicelib.fleet.metrics.diagnosing import Diagnosing

        platform = self._platform
        return Diagnosing(platform.tables, platform.clock, self._fleet.nodes, lambda: platform.sockets, platform.log)

    @cached_property
    def _host_teller(self) -> HostTeller:
        from chalicelib.fleet.metrics.telling import HostTeller

        platform = self._platform
        return HostTeller(
            platform.tables, platform.clock, platform.events, lambda fact: fact in platform.families.subscribed
        )

    @cached_property
    def discovery(self) -> Discovery:
        from chalicelib.fleet.metrics.discovery import Discovery

        settings = self._platform.settings
        return Discovery(self._fleet.nodes.reading, settings.metrics_base_url or settings.public_url)

    @cached_property
    def admin(self) -> AdminMetrics:
        from chalicelib.fleet.metrics.admin import AdminMetrics

        platform = self._platform
        return AdminMetrics(
            platform.counters, platform.queues, platform.families.queues_of_the_core, self._fleet.degraded
        )
