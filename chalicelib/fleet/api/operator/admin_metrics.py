"""Metrics of this installation, as JSON and for Prometheus."""

from typing import Annotated

from chalicelib.fleet import samples
from chalicelib.fleet.api.operator.node_metrics import TEXT_FORMAT
from chalicelib.fleet.api.protocol import METRICS
from chalicelib.fleet.metrics.admin_model import AdminFigures
from chalicelib.fleet.permissions import METRICS_READ
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, PlainText, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Timestamp

routes = Endpoints(tag="Admins.Metrics", auth=METRICS, scope=Scope.INSTALLATION)


class AdminMetricsOut(AdminFigures):
    """Metrics of the whole installation, whichever stack answers. Null: a metric of the reference system that has no
    counterpart here."""

    timestamp: Annotated[Timestamp, about("When the metrics were read.", samples.TWO_SECONDS_LATER)]


@routes.get(
    "/api/v1/admins/me/metrics",
    permission=METRICS_READ,
    answer=AdminMetricsOut,
    errors=(503,),
    summary="Get metrics of this installation",
)
def show_admin_metrics(_request: Request[NoPath, NoQuery, NoBody], services: Fleet) -> AdminMetricsOut:
    """Returns the metrics of the whole installation as JSON. Counters that follow the change stream are about a second
    late and survive every deployment. Takes METRICS_KEY or MASTER_KEY, not API_KEY."""
    figures = services.metrics.admin.figures()
    return AdminMetricsOut(**dict(figures), timestamp=to_seconds_text(services.platform.clock.now()))


@routes.get(
    "/api/v1/admins/me/metrics/raw",
    permission=METRICS_READ,
    media_type=TEXT_FORMAT,
    example="edge_admin_nodes 3\n",
    enveloped=False,
    errors=(503,),
    summary="Get metrics of this installation for Prometheus",
)
def show_raw_admin_metrics(_request: Request[NoPath, NoQuery, NoBody], services: Fleet) -> PlainText:
    """Returns the metrics of the whole installation in the text format of Prometheus, with some that the JSON does not
    have: rows of every list, nodes and executions by status, and runs of each schedule. Takes METRICS_KEY or
    MASTER_KEY, not API_KEY."""
    return PlainText(services.metrics.admin.text(), TEXT_FORMAT)
