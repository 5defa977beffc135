"""What agents publish about themselves."""

from typing import Annotated

from annotated_types import MinLen
from pydantic import BaseModel, ConfigDict

from chalicelib.bootstrap import Services
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.web.endpoint import AGENT, Endpoints, Request
from chalicelib.web.validation import Body, NoPath, NoQuery, Timestamp

routes = Endpoints(tag="Agents.Metrics")


class MetricsPush(Body):
    """``metrics_text`` is in Prometheus' text format; it is kept as it is."""

    model_config = ConfigDict(json_schema_extra={"example": {"metrics_type": "host", "metrics_text": "node_load1 0.3"}})

    metrics_type: MetricsType
    metrics_text: Annotated[str, MinLen(1)]


class PushedOut(BaseModel):
    """``id`` is the same for every push of a node and type."""

    id: str
    node_id: str
    metrics_type: MetricsType
    updated_at: Timestamp


@routes.post("/api/v1/agents/metrics/push", auth=AGENT, answer=PushedOut, summary="Publish one's own metrics")
def push_metrics(request: Request[NoPath, NoQuery, MetricsPush], services: Services) -> PushedOut:
    """Takes the place of the text of that type before. Refused with 413 above 1 MiB, or above 384 KiB compressed."""
    body = request.body
    kept = services.node_metrics.push(request.agent.node.id, body.metrics_type, body.metrics_text)
    return PushedOut(id=kept.id, node_id=kept.node_id, metrics_type=kept.metrics_type, updated_at=kept.updated_at)
