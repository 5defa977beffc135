"""Figures of this installation, as JSON and for a Prometheus."""

from chalicelib.bootstrap import Services
from chalicelib.fleet.api.operator.node_metrics import TEXT_FORMAT
from chalicelib.fleet.metrics.admin_model import AdminFigures
from chalicelib.kit.clock import to_seconds_text
from chalicelib.web.endpoint import METRICS, Endpoints, PlainText, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Timestamp

routes = Endpoints(tag="Admins.Metrics")


class AdminMetricsOut(AdminFigures):
    """What has no counterpart in an installation without a server of its own is null."""

    timestamp: Timestamp


@routes.get(
    "/api/v1/admins/me/metrics",
    auth=METRICS,
    answer=AdminMetricsOut,
    errors=(503,),
    summary="Get metrics of this installation",
)
def show_admin_metrics(_request: Request[NoPath, NoQuery, NoBody], services: Services) -> AdminMetricsOut:
    figures = services.admin_metrics.figures()
    return AdminMetricsOut(**dict(figures), timestamp=to_seconds_text(services.clock.now()))


@routes.get(
    "/api/v1/admins/me/metrics/raw",
    auth=METRICS,
    media_type=TEXT_FORMAT,
    enveloped=False,
    errors=(503,),
    summary="Get metrics of this installation, for a scrape",
)
def show_raw_admin_metrics(_request: Request[NoPath, NoQuery, NoBody], services: Services) -> PlainText:
    return PlainText(services.admin_metrics.text(), TEXT_FORMAT)
