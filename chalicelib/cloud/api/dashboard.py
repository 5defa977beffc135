"""The dashboard of a tenant: counts of what it has, and what happened lately."""

from collections import Counter
from typing import Annotated

from pydantic import RootModel

from chalicelib.cloud.api.audit import events_page, show_event
from chalicelib.cloud.api.audit_models import EventOut, RecentQuery
from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import Shown
from chalicelib.cloud.compute.dialect import shown_status
from chalicelib.cloud.compute.disk_model import VolumeStatus
from chalicelib.cloud.compute.disk_rules import volume_status
from chalicelib.cloud.compute.model import Status
from chalicelib.cloud.permissions import DASHBOARD_READ
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Dashboard", auth=USER, scope=Scope.TENANT)

_MB_OF_A_GB = 1024
_LATEST = 10


class SummaryOut(Shown):
    """Counts of what a tenant has."""

    total_instances: Annotated[int, about("Instances that the tenant has, in any state.", 3)]
    running_instances: Annotated[int, about("Instances of them that run.", 2)]
    stopped_instances: Annotated[int, about("Instances of them that are stopped or paused.", 1)]
    total_volumes: Annotated[int, about("Volumes that the tenant has.", 2)]
    attached_volumes: Annotated[int, about("Volumes of them that an instance uses.", 1)]
    total_vpcs: Annotated[int, about("Networks that the tenant has.", 1)]
    total_storage_mb: Annotated[int, about("Storage that it uses, in MB: that of its quota.", 24_576)]
    total_secrets: Annotated[int, about("Secrets that the tenant keeps.", 2)]


class RecentOut(RootModel[tuple[EventOut, ...]]):
    """The latest events, the newest first."""


class PointOut(Shown):
    """A measured value."""

    timestamp: Annotated[str, about("Time of the measurement.", "2026-11-21T10:00:02Z")]
    value: Annotated[float, about("The value in percent.", 12.5)]


class StatsOut(Shown):
    """Counts, the latest events, and the load of the tenant's machines."""

    summary: Annotated[SummaryOut, about("Counts of what the tenant has.")]
    recent_events: Annotated[tuple[EventOut, ...], about("The ten latest events.")]
    cpu_history: Annotated[tuple[PointOut, ...], about("Load of processors; always empty so far.", [])]
    memory_history: Annotated[tuple[PointOut, ...], about("Use of memory; always empty so far.", [])]


@routes.get(
    "/api/dashboard/summary",
    permission=DASHBOARD_READ,
    answer=SummaryOut,
    summary="Count what the tenant has",
)
def get_dashboard_summary(request: Request[NoPath, NoQuery, NoBody], services: Cloud) -> SummaryOut:
    """Counts what the tenant has: from the counters of its quotas, and instances and volumes by their status."""
    return _summary(services, request.principal.tenant)


@routes.get(
    "/api/dashboard/events",
    permission=DASHBOARD_READ,
    answer=RecentOut,
    summary="List the latest events",
)
def list_recent_events(request: Request[NoPath, RecentQuery, NoBody], services: Cloud) -> RecentOut:
    """Lists the latest events of the tenant, ten unless told otherwise: what `GET /events` begins with."""
    return RecentOut(_recent(services, request.principal.tenant, request.query.limit))


@routes.get(
    "/api/dashboard/stats",
    permission=DASHBOARD_READ,
    answer=StatsOut,
    summary="Get all of the dashboard",
)
def get_dashboard_stats(request: Request[NoPath, NoQuery, NoBody], services: Cloud) -> StatsOut:
    """Returns the counts and the ten latest events together."""
    tenant = request.principal.tenant
    recent = _recent(services, tenant, _LATEST)
    return StatsOut(summary=_summary(services, tenant), recent_events=recent, cpu_history=(), memory_history=())


def _recent(services: Cloud, tenant: str, limit: int) -> tuple[EventOut, ...]:
    return tuple(show_event(event) for event in events_page(services, tenant, limit).items)


def _summary(services: Cloud, tenant: str) -> SummaryOut:
    used = services.tenancy.used(tenant)
    instances = Counter(shown_status(each) for each in services.instances.all(tenant))
    volumes = Counter(volume_status(each) for each in services.volumes.all(tenant))
    return SummaryOut(
        total_instances=used["instances"],
        running_instances=instances[Status.RUNNING],
        stopped_instances=instances[Status.STOPPED] + instances[Status.PAUSED],
        total_volumes=volumes.total(),
        attached_volumes=volumes[VolumeStatus.IN_USE],
        total_vpcs=used["vpcs"],
        total_storage_mb=used["storage_gb"] * _MB_OF_A_GB,
        total_secrets=used["secrets"],
    )
