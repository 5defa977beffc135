"""Targets for the `http_sd_config` of Prometheus, without an envelope."""

from functools import partial
from typing import Annotated

from pydantic import RootModel

from chalicelib.fleet.api.protocol import METRICS
from chalicelib.fleet.clusters.model import ClusterName
from chalicelib.fleet.metrics.discovery import Target
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.permissions import METRICS_READ
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Bare, Endpoints, Request
from chalicelib.web.rendering import to_json
from chalicelib.web.validation import NoBody, NoPath, Query

routes = Endpoints(tag="Nodes.Metrics")


class DiscoveryQuery(Query):
    """Limits the targets to one cluster."""

    cluster_name: Annotated[
        ClusterName | None,
        about("Only nodes of this cluster; required for a fleet of more than 10,000 nodes."),
    ] = None


class Targets(RootModel[list[Target]]):
    """Scrape targets: one for each healthy or unhealthy node."""


_discovery = partial(
    routes.get, auth=METRICS, permission=METRICS_READ, scope=Scope.REACH, answer=Targets, enveloped=False
)


@_discovery("/api/v1/nodes/metrics/host/discovery", summary="List scrape targets: machines")
def discover_host_metrics(request: Request[NoPath, DiscoveryQuery, NoBody], services: Fleet) -> Bare:
    """Lists the scrape targets of the machines' metrics, in the format of Prometheus' `http_sd_config`. Unreachable
    nodes are left out. Refused with 400 for more than 10,000 nodes: ask cluster by cluster. Takes METRICS_KEY or
    MASTER_KEY."""
    return _targets(request, MetricsType.HOST, services)


@_discovery("/api/v1/nodes/metrics/agent/discovery", summary="List scrape targets: agents")
def discover_agent_metrics(request: Request[NoPath, DiscoveryQuery, NoBody], services: Fleet) -> Bare:
    """Lists the scrape targets of the agents' own metrics, in the format of Prometheus' `http_sd_config`. Unreachable
    nodes are left out. Refused with 400 for more than 10,000 nodes: ask cluster by cluster. Takes METRICS_KEY or
    MASTER_KEY."""
    return _targets(request, MetricsType.AGENT, services)


@_discovery("/api/v1/nodes/metrics/wireguard/discovery", summary="List scrape targets: WireGuard")
def discover_wireguard_metrics(request: Request[NoPath, DiscoveryQuery, NoBody], services: Fleet) -> Bare:
    """Lists the scrape targets of the nodes' WireGuard metrics, in the format of Prometheus' `http_sd_config`.
    Unreachable nodes are left out. Refused with 400 for more than 10,000 nodes: ask cluster by cluster. Takes
    METRICS_KEY or MASTER_KEY."""
    return _targets(request, MetricsType.WIREGUARD, services)


def _targets(request: Request[NoPath, DiscoveryQuery, NoBody], metrics_type: MetricsType, services: Fleet) -> Bare:
    targets = services.metrics.discovery.targets(
        metrics_type, request.query.cluster_name, reach=reach_of(request.principal)
    )
    return Bare(to_json([target.model_dump(mode="json", by_alias=True) for target in targets]))
