"""Instances and their summaries."""

from typing import Annotated

from chalicelib.kit.listing import ListRequest
from chalicelib.machines.api.analytics.fields import DEFAULT_LIMIT, INSTANCE, InstanceId, Limit, Offset, Pagination
from chalicelib.machines.api.analytics.models import (
    InstancesOut,
    SummaryOut,
    gap_out,
    instance_out,
    signal_out,
    topic_out,
    usage_out,
)
from chalicelib.machines.api.analytics.protocol import ANALYST
from chalicelib.machines.permissions import ANALYTICS_READ
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Path, Query

routes = Endpoints(tag="Instances", auth=ANALYST, scope=Scope.TENANT)


class InstancePath(Path):
    instance_id: Annotated[InstanceId, INSTANCE]


class PageQuery(Query):
    limit: Limit = DEFAULT_LIMIT
    offset: Offset = 0


@routes.get(
    "/v1/instances",
    permission=ANALYTICS_READ,
    answer=InstancesOut,
    summary="List instances with a history",
)
def list_instances_with_history(request: Request[NoPath, PageQuery, NoBody], services: Machines) -> InstancesOut:
    """Lists the instances of the caller's tenant of which something is known, newest first; those that were deleted as
    well, as long as their history is kept. For the operator, nodes that are not an instance are among them."""
    asked = request.query
    page = services.analytics.queries(request.principal.tenant).instances(
        ListRequest(page_size=asked.limit, skip=asked.offset)
    )
    pagination = Pagination(total=page.total_count, limit=asked.limit, offset=asked.offset)
    return InstancesOut(elements=[instance_out(one) for one in page.items], pagination=pagination)


@routes.get(
    "/v1/instances/{instance_id}/summary",
    permission=ANALYTICS_READ,
    answer=SummaryOut,
    errors=(404,),
    summary="Get the summary of an instance",
)
def get_instance_summary(request: Request[InstancePath, NoQuery, NoBody], services: Machines) -> SummaryOut:
    """Answers an instance at a glance. An instance of another tenant is not found."""
    found = services.analytics.queries(request.principal.tenant).summary(request.path.instance_id)
    now = services.platform.clock.now()
    return SummaryOut(
        instance=instance_out(found.instance),
        day=usage_out(found.day),
        month=usage_out(found.month),
        topics=[topic_out(one) for one in found.topics],
        open_gap=None if found.gap is None else gap_out(found.gap, now),
        signals=[signal_out(one) for one in found.signals],
    )
