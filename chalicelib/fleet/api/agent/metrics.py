"""Metrics that agents publish about themselves and their machine."""

from typing import Annotated

from annotated_types import MinLen
from pydantic import BaseModel

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.protocol import AGENT, FromAgent
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import Body, NoPath, NoQuery, Timestamp

routes = Endpoints(tag="Agents.Metrics")


METRICS_TYPE = about(
    "`host`: of the machine's node_exporter. `agent`: of the agent itself. `wireguard`: of the WireGuard exporter.",
    "host",
)


class MetricsPush(Body):
    """The latest metrics of one type."""

    metrics_type: Annotated[MetricsType, METRICS_TYPE]
    metrics_text: Annotated[
        str,
        MinLen(1),
        about("Metrics in the text format of Prometheus; kept exactly as they are.", "node_load1 0.31\n"),
    ]


class PushedOut(BaseModel):
    """The metrics that are now kept."""

    id: Annotated[
        str, about("UUID that is the same for every push of this node and type.", samples.METRICS_ID, format="uuid")
    ]
    node_id: Annotated[str, fields.NODE]
    metrics_type: Annotated[MetricsType, METRICS_TYPE]
    updated_at: Annotated[Timestamp, about("When the metrics were received.", samples.TWO_SECONDS_LATER)]


@routes.post(
    "/api/v1/agents/metrics/push",
    auth=AGENT,
    repeats="a repeat stores the same metrics again",
    answer=PushedOut,
    summary="Publish metrics of the calling node",
)
def push_metrics(request: FromAgent[NoPath, NoQuery, MetricsPush], services: Fleet) -> PushedOut:
    """Publishes metrics of the calling node, in place of the earlier ones of that type. Refused with 413 above 1 MiB of
    text, or above 384 KiB after compression."""
    body = request.body
    kept = services.metrics.nodes.push(request.agent.node.id, body.metrics_type, body.metrics_text)
    return PushedOut(id=kept.id, node_id=kept.node_id, metrics_type=body.metrics_type, updated_at=kept.updated_at)
