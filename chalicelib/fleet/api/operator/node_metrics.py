"""Metrics of nodes: as JSON for dashboards, and as published for Prometheus."""

from datetime import datetime
from functools import partial
from typing import Annotated

from pydantic import BaseModel, Field

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.protocol import METRICS
from chalicelib.fleet.metrics.agent import agent_figures
from chalicelib.fleet.metrics.agent_model import (
    APPLICATION,
    BOOTSTRAP,
    COMMANDS,
    DIAGNOSTICS,
    DISCOVERY,
    HEALTH_CHECK,
    PROXY,
    QUEUES,
    SETTINGS_CONFIG,
    SSH,
    VPN,
    AgentBootstrapFigures,
    AgentCommandFigures,
    AgentDiagnosticFigures,
    AgentDiscoveryFigures,
    AgentFigures,
    AgentHealthFigures,
    AgentProxyFigures,
    AgentQueueFigures,
    AgentSettingsFigures,
    AgentSshFigures,
    AgentVpnFigures,
    ApplicationFigures,
)
from chalicelib.fleet.metrics.host import (
    CPU,
    DISK,
    MEMORY,
    UPTIME,
    CpuFigures,
    HostFigures,
    SizeFigures,
    UptimeFigures,
    host_figures,
)
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.metrics.service import Reading
from chalicelib.fleet.permissions import METRICS_READ
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, PlainText, Request
from chalicelib.web.validation import NoBody, NoQuery, Path, Timestamp, Uuid

TEXT_FORMAT = "text/plain; version=0.0.4"
"""Prometheus' text format."""

UNAVAILABLE = "unavailable"

routes = Endpoints(tag="Nodes.Metrics", auth=METRICS, scope=Scope.REACH)


def _is_none(value: object) -> bool:
    return value is None


RECEIVED_AT = about("When the metrics were received from the node.", samples.TWO_SECONDS_LATER)


class MeasuredNodePath(Path):
    node_id: Annotated[Uuid, about("UUID of the node whose metrics are wanted.", samples.NODE_ID)]


class HostMetricsOut(HostFigures):
    """Metrics of the machine, from its node_exporter. A figure that is missing there is null."""

    node_id: Annotated[str, fields.NODE]
    cluster_name: Annotated[str, fields.CLUSTER_OF_NODE]
    timestamp: Annotated[Timestamp, RECEIVED_AT]


class AgentMetricsOut(AgentFigures):
    """Metrics of the agent itself."""

    node_id: Annotated[str, fields.NODE]
    cluster_name: Annotated[str, fields.CLUSTER_OF_NODE]
    timestamp: Annotated[Timestamp, RECEIVED_AT]


class _Half(BaseModel):
    """One half of a node's metrics. An unavailable half has only `available` and `error`."""

    available: Annotated[bool, about("Whether there are metrics of this half.", True)]
    error: Annotated[str | None, about("`unavailable`; absent from an available half.")] = Field(
        default=None, exclude_if=_is_none
    )
    node_id: Annotated[str | None, fields.NODE] = Field(default=None, exclude_if=_is_none)
    cluster_name: Annotated[str | None, fields.CLUSTER_OF_NODE] = Field(default=None, exclude_if=_is_none)
    timestamp: Annotated[Timestamp | None, RECEIVED_AT] = Field(default=None, exclude_if=_is_none)


class HostHalf(_Half):
    """Metrics of the machine, from its node_exporter, or that there are none."""

    cpu: Annotated[CpuFigures | None, CPU] = Field(default=None, exclude_if=_is_none)
    memory: Annotated[SizeFigures | None, MEMORY] = Field(default=None, exclude_if=_is_none)
    disk: Annotated[SizeFigures | None, DISK] = Field(default=None, exclude_if=_is_none)
    uptime: Annotated[UptimeFigures | None, UPTIME] = Field(default=None, exclude_if=_is_none)


class AgentHalf(_Half):
    """Metrics of the agent itself, or that there are none."""

    application: Annotated[ApplicationFigures | None, APPLICATION] = Field(default=None, exclude_if=_is_none)
    commands: Annotated[AgentCommandFigures | None, COMMANDS] = Field(default=None, exclude_if=_is_none)
    discovery: Annotated[AgentDiscoveryFigures | None, DISCOVERY] = Field(default=None, exclude_if=_is_none)
    proxy: Annotated[AgentProxyFigures | None, PROXY] = Field(default=None, exclude_if=_is_none)
    ssh: Annotated[AgentSshFigures | None, SSH] = Field(default=None, exclude_if=_is_none)
    vpn: Annotated[AgentVpnFigures | None, VPN] = Field(default=None, exclude_if=_is_none)
    health_check: Annotated[AgentHealthFigures | None, HEALTH_CHECK] = Field(default=None, exclude_if=_is_none)
    bootstrap: Annotated[AgentBootstrapFigures | None, BOOTSTRAP] = Field(default=None, exclude_if=_is_none)
    diagnostics: Annotated[AgentDiagnosticFigures | None, DIAGNOSTICS] = Field(default=None, exclude_if=_is_none)
    settings_config: Annotated[AgentSettingsFigures | None, SETTINGS_CONFIG] = Field(default=None, exclude_if=_is_none)
    oban_queues: Annotated[list[AgentQueueFigures] | None, QUEUES] = Field(default=None, exclude_if=_is_none)


class NodeMetricsOut(BaseModel):
    """Both halves of a node's metrics, each available or not."""

    node_id: Annotated[str, fields.NODE]
    cluster_name: Annotated[
        str | None, about("The cluster that the node belongs to; null if neither half is available.", samples.CLUSTER)
    ]
    timestamp: Annotated[Timestamp, about("When the answer was made.", samples.TWO_SECONDS_LATER)]
    host: Annotated[HostHalf, about("Metrics of the machine.")]
    agent: Annotated[AgentHalf, about("Metrics of the agent.")]


@routes.get(
    "/api/v1/nodes/{node_id}/metrics",
    permission=METRICS_READ,
    answer=NodeMetricsOut,
    errors=(404,),
    summary="Get all metrics of a node",
)
def show_node_metrics(request: Request[MeasuredNodePath, NoQuery, NoBody], services: Fleet) -> NodeMetricsOut:
    """Returns the metrics of the machine and of its agent. Always answers 200: a half that cannot be had is marked as
    unavailable, also for a node that does not exist. Metrics older than METRICS_FRESH_SECONDS are asked for again,
    which can take some seconds. Takes METRICS_KEY or MASTER_KEY."""
    now = services.platform.clock.now()
    found = services.metrics.nodes.read_available(
        request.path.node_id, (MetricsType.HOST, MetricsType.AGENT), reach=reach_of(request.principal)
    )
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
    permission=METRICS_READ,
    answer=HostMetricsOut,
    errors=(404, 503),
    summary="Get a machine's metrics",
)
def show_host_metrics(request: Request[MeasuredNodePath, NoQuery, NoBody], services: Fleet) -> HostMetricsOut:
    """Returns the metrics of one machine as JSON. Metrics older than METRICS_FRESH_SECONDS are asked for again, which
    can take some seconds. Refused with 503 if the node cannot be asked and has published none for five minutes. Takes
    METRICS_KEY or MASTER_KEY."""
    return _host(
        services.metrics.nodes.read(request.path.node_id, MetricsType.HOST, reach=reach_of(request.principal)),
        services.platform.clock.now(),
    )


@routes.get(
    "/api/v1/nodes/{node_id}/metrics/agent",
    permission=METRICS_READ,
    answer=AgentMetricsOut,
    errors=(404, 503),
    summary="Get an agent's metrics",
)
def show_agent_metrics(request: Request[MeasuredNodePath, NoQuery, NoBody], services: Fleet) -> AgentMetricsOut:
    """Returns the metrics of one agent as JSON. Metrics older than METRICS_FRESH_SECONDS are asked for again, which can
    take some seconds. Refused with 503 if the node cannot be asked and has published none for five minutes. Takes
    METRICS_KEY or MASTER_KEY."""
    return _agent(
        services.metrics.nodes.read(request.path.node_id, MetricsType.AGENT, reach=reach_of(request.principal))
    )


_raw_text = partial(
    routes.get,
    auth=METRICS,
    permission=METRICS_READ,
    scope=Scope.REACH,
    media_type=TEXT_FORMAT,
    example="node_load1 0.31\n",
    enveloped=False,
    errors=(404, 503),
)


@_raw_text("/api/v1/nodes/{node_id}/metrics/host/raw", summary="Get a machine's metrics for Prometheus")
def show_raw_host_metrics(request: Request[MeasuredNodePath, NoQuery, NoBody], services: Fleet) -> PlainText:
    """Returns the machine's metrics in the text format of Prometheus, exactly as its node_exporter gave them. Refused
    with 503 if the node cannot be asked and has published none for five minutes. Takes METRICS_KEY or MASTER_KEY."""
    return _raw(request, MetricsType.HOST, services)


@_raw_text("/api/v1/nodes/{node_id}/metrics/agent/raw", summary="Get an agent's metrics for Prometheus")
def show_raw_agent_metrics(request: Request[MeasuredNodePath, NoQuery, NoBody], services: Fleet) -> PlainText:
    """Returns the agent's own metrics in the text format of Prometheus, exactly as the agent gave them. Refused with
    503 if the node cannot be asked and has published none for five minutes. Takes METRICS_KEY or MASTER_KEY."""
    return _raw(request, MetricsType.AGENT, services)


@_raw_text("/api/v1/nodes/{node_id}/metrics/wireguard/raw", summary="Get a node's WireGuard metrics for Prometheus")
def show_raw_wireguard_metrics(request: Request[MeasuredNodePath, NoQuery, NoBody], services: Fleet) -> PlainText:
    """Returns the node's WireGuard metrics in the text format of Prometheus, exactly as its exporter gave them. Refused
    with 503 if the node cannot be asked and has published none for five minutes. Takes METRICS_KEY or MASTER_KEY."""
    return _raw(request, MetricsType.WIREGUARD, services)


def _raw(request: Request[MeasuredNodePath, NoQuery, NoBody], metrics_type: MetricsType, services: Fleet) -> PlainText:
    return PlainText(
        services.metrics.nodes.read(request.path.node_id, metrics_type, reach=reach_of(request.principal)).metrics.text,
        TEXT_FORMAT,
    )


def _host(reading: Reading, now: datetime) -> HostMetricsOut:
    return HostMetricsOut(**dict(host_figures(reading.metrics.text, now)), **_about(reading))


def _agent(reading: Reading) -> AgentMetricsOut:
    return AgentMetricsOut(**dict(agent_figures(reading.metrics.text)), **_about(reading))


def _about(reading: Reading) -> dict[str, str]:
    node = reading.node
    return {"node_id": node.id, "cluster_name": node.cluster_name, "timestamp": reading.metrics.updated_at}
