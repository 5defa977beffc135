"""Where a Prometheus finds the metrics of nodes: answers for its ``http_sd_config``, without an envelope."""

from pydantic import RootModel

from chalicelib.bootstrap import Services
from chalicelib.fleet.clusters.model import ClusterName
from chalicelib.fleet.metrics.discovery import Target
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.web.endpoint import METRICS, Bare, Endpoints, Request
from chalicelib.web.envelope import to_json
from chalicelib.web.operation import Options
from chalicelib.web.validation import NoBody, NoPath, Query

routes = Endpoints(tag="Nodes.Metrics")


class DiscoveryQuery(Query):
    """``cluster_name`` asks for one cluster: a fleet of more than 10,000 nodes needs it."""

    cluster_name: ClusterName | None = None


class Targets(RootModel[list[Target]]):
    """One entry for each healthy or unhealthy node."""


_DISCOVERY: Options = {
    "auth": METRICS,
    "answer": Targets,
    "enveloped": False,
    "summary": "List what a Prometheus shall scrape",
}


@routes.get("/api/v1/nodes/metrics/host/discovery", **_DISCOVERY)
def discover_host_metrics(request: Request[NoPath, DiscoveryQuery, NoBody], services: Services) -> Bare:
    return _targets(request.query, MetricsType.HOST, services)


@routes.get("/api/v1/nodes/metrics/agent/discovery", **_DISCOVERY)
def discover_agent_metrics(request: Request[NoPath, DiscoveryQuery, NoBody], services: Services) -> Bare:
    return _targets(request.query, MetricsType.AGENT, services)


@routes.get("/api/v1/nodes/metrics/wireguard/discovery", **_DISCOVERY)
def discover_wireguard_metrics(request: Request[NoPath, DiscoveryQuery, NoBody], services: Services) -> Bare:
    return _targets(request.query, MetricsType.WIREGUARD, services)


def _targets(query: DiscoveryQuery, metrics_type: MetricsType, services: Services) -> Bare:
    targets = services.metrics_discovery.targets(metrics_type, query.cluster_name)
    return Bare(to_json([target.model_dump(mode="json", by_alias=True) for target in targets]))
