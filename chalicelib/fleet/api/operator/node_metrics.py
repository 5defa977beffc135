"""Metrics of nodes, for dashboards as JSON and for a Prometheus as they were published."""

from datetime import datetime

from pydantic import BaseModel, Field

from chalicelib.bootstrap import Services
from chalicelib.fleet.api.operator.nodes import NodePath
from chalicelib.fleet.metrics.agent import (
    AgentCommandFigures,
    AgentDiscoveryFigures,
    AgentFigures,
    AgentHealthFigures,
    AgentProxyFigures,
    AgentQueueFigures,
    AgentSshFigures,
    AgentVpnFigures,
    ApplicationFigures,
    agent_figures,
)
from chalicelib.fleet.metrics.host import CpuFigures, HostFigures, SizeFigures, UptimeFigures, host_figures
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.metrics.service import Reading
from chalicelib.kit.clock import to_seconds_text
from chalicelib.web.endpoint import METRICS, Endpoints, PlainText, Request
from chalicelib.web.operation import Options
from chalicelib.web.validation import NoBody, NoQuery, Timestamp

TEXT_FORMAT = "text/plain; version=0.0.4"
"""Prometheus' text format."""

UNAVAILABLE = "unavailable"

routes = Endpoints(tag="Nodes.Metrics")


def _is_none(value: object) -> bool:
    return value is None


class HostMetricsOut(HostFigures):
    """A machine's figures, from a node_exporter. ``timestamp`` is when they were received; null where one is missing
    there."""

    node_id: str
    cluster_name: str
    timestamp: Timestamp


class AgentMetricsOut(AgentFigures):
    """An agent's own figures. ``timestamp`` is when they were received."""

    node_id: str
    cluster_name: str
    timestamp: Timestamp


class _Half(BaseModel):
    """Of an unavailable half, only ``available`` and ``error`` are shown."""

    available: bool
    error: str | None = Field(default=None, exclude_if=_is_none)
    node_id: str | None = Field(default=None, exclude_if=_is_none)
    cluster_name: str | None = Field(default=None, exclude_if=_is_none)
    timestamp: Timestamp | None = Field(default=None, exclude_if=_is_none)


class HostHalf(_Half):
    cpu: CpuFigures | None = Field(default=None, exclude_if=_is_none)
    memory: SizeFigures | None = Field(default=None, exclude_if=_is_none)
    disk: SizeFigures | None = Field(default=None, exclude_if=_is_none)
    uptime: UptimeFigures | None = Field(default=None, exclude_if=_is_none)


class AgentHalf(_Half):
    application: ApplicationFigures | None = Field(default=None, exclude_if=_is_none)
    commands: AgentCommandFigures | None = Field(default=None, exclude_if=_is_none)
    discovery: AgentDiscoveryFigures | None = Field(default=None, exclude_if=_is_none)
    proxy: AgentProxyFigures | None = Field(default=None, exclude_if=_is_none)
    ssh: AgentSshFigures | None = Field(default=None, exclude_if=_is_none)
    vpn: AgentVpnFigures | None = Field(default=None, exclude_if=_is_none)
    health_check: AgentHealthFigures | None = Field(default=None, exclude_if=_is_none)
    oban_queues: list[AgentQueueFigures] | None = Field(default=None, exclude_if=_is_none)


class NodeMetricsOut(BaseModel):
    """Both halves, each available or not. ``cluster_name`` is null where nothing is known of the node."""

    node_id: str
    cluster_name: str | None
    timestamp: Timestamp
    host: HostHalf
    agent: AgentHalf


@routes.get(
    "/api/v1/nodes/{node_id}/metrics",
    auth=METRICS,
    answer=NodeMetricsOut,
    errors=(404,),
    summary="Get all metrics of a node",
)
def show_node_metrics(request: Request[NodePath, NoQuery, NoBody], services: Services) -> NodeMetricsOut:
    """Always answers: a half that cannot be had says so, also for a node that does not exist."""
    now = services.clock.now()
    found = services.node_metrics.read_available(request.path.node_id, (MetricsType.HOST, MetricsType.AGENT))
    host, agent = found.get(MetricsType.HOST), found.get(MetricsType.AGENT)
    known = host or agent
    return NodeMetricsOut(
        node_id=request.path.node_id,
        cluster_name=None if known is None else known.node.cluster_name,
        timestamp=to_seconds_text(now),
        host=HostHalf(available=False, error=UNAVAILABLE)
        if host is None
        else HostHalf(available=True, **dict(_host(host, now))),
        agent=AgentHalf(available=False, error=UNAVAILABLE)
        if agent is None
        else AgentHalf(available=True, **dict(_agent(agent))),
    )


@routes.get(
    "/api/v1/nodes/{node_id}/metrics/host",
    auth=METRICS,
    answer=HostMetricsOut,
    errors=(404, 503),
    summary="Get a machine's metrics",
)
def show_host_metrics(request: Request[NodePath, NoQuery, NoBody], services: Services) -> HostMetricsOut:
    return _host(services.node_metrics.read(request.path.node_id, MetricsType.HOST), services.clock.now())


@routes.get(
    "/api/v1/nodes/{node_id}/metrics/agent",
    auth=METRICS,
    answer=AgentMetricsOut,
    errors=(404, 503),
    summary="Get an agent's metrics",
)
def show_agent_metrics(request: Request[NodePath, NoQuery, NoBody], services: Services) -> AgentMetricsOut:
    return _agent(services.node_metrics.read(request.path.node_id, MetricsType.AGENT))


_RAW: Options = {
    "auth": METRICS,
    "media_type": TEXT_FORMAT,
    "enveloped": False,
    "errors": (404, 503),
    "summary": "Get metrics as they were published, for a scrape",
}


@routes.get("/api/v1/nodes/{node_id}/metrics/host/raw", **_RAW)
def show_raw_host_metrics(request: Request[NodePath, NoQuery, NoBody], services: Services) -> PlainText:
    return _raw(request.path.node_id, MetricsType.HOST, services)


@routes.get("/api/v1/nodes/{node_id}/metrics/agent/raw", **_RAW)
def show_raw_agent_metrics(request: Request[NodePath, NoQuery, NoBody], services: Services) -> PlainText:
    return _raw(request.path.node_id, MetricsType.AGENT, services)


@routes.get("/api/v1/nodes/{node_id}/metrics/wireguard/raw", **_RAW)
def show_raw_wireguard_metrics(request: Request[NodePath, NoQuery, NoBody], services: Services) -> PlainText:
    return _raw(request.path.node_id, MetricsType.WIREGUARD, services)


def _raw(node_id: str, metrics_type: MetricsType, services: Services) -> PlainText:
    return PlainText(services.node_metrics.read(node_id, metrics_type).metrics.text, TEXT_FORMAT)


def _host(reading: Reading, now: datetime) -> HostMetricsOut:
    return HostMetricsOut(**dict(host_figures(reading.metrics.text, now)), **_about(reading))


def _agent(reading: Reading) -> AgentMetricsOut:
    return AgentMetricsOut(**dict(agent_figures(reading.metrics.text)), **_about(reading))


def _about(reading: Reading) -> dict[str, str]:
    node = reading.node
    return {"node_id": node.id, "cluster_name": node.cluster_name, "timestamp": reading.metrics.updated_at}
