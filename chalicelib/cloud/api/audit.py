"""The audit log of a tenant, and the events that follow from it."""

from collections.abc import Iterator, Mapping, Sequence

from chalicelib.cloud.api.audit_models import AuditDetails, AuditOut, AuditQuery, EventOut, EventsQuery
from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.listing import FilterValue, ListPage, ListRequest
from chalicelib.platform.access.principal import PrincipalKind, Scope
from chalicelib.platform.audit.model import AuditEvent, Outcome
from chalicelib.platform.permissions import AUDIT_READ
from chalicelib.web.endpoint import Endpoints, Paginated, Request
from chalicelib.web.validation import NoBody, NoPath

routes = Endpoints(tag="Audit", auth=USER, scope=Scope.TENANT)

_HAPPENED = {"outcome__in": f"{Outcome.DONE.value},{Outcome.ACCEPTED.value}"}


@routes.get(
    "/audit",
    permission=AUDIT_READ,
    answer=AuditOut,
    paginated=True,
    summary="List who did what",
)
def list_audit(request: Request[NoPath, AuditQuery, NoBody], services: Cloud) -> Paginated:
    """Lists what was done in the tenant in the last 400 days, and what was refused, failed logins among it: the newest
    first. Entries appear about a second after the answer. With filters a page may hold few entries, or none, before the
    last. The operator, who names no tenant, gets the log of the installation."""
    asked, tenant = request.query, request.principal.tenant
    filters = dict(_filters(asked, services))
    page = _page(services, tenant, asked.limit, asked.next_token, filters)
    emails = _emails(services, tenant, page.items)
    return Paginated([_show(event, emails) for event in page.items], page)


@routes.get(
    "/events",
    permission=AUDIT_READ,
    answer=EventOut,
    paginated=True,
    summary="List what happened",
)
def list_events(request: Request[NoPath, EventsQuery, NoBody], services: Cloud) -> Paginated:
    """Lists what happened in the tenant, the newest first: what the audit log has, without what was refused."""
    page = events_page(services, request.principal.tenant, request.query.limit, request.query.next_token)
    return Paginated([show_event(event) for event in page.items], page)


def events_page(services: Cloud, tenant: str, limit: int, token: str | None = None) -> ListPage[AuditEvent]:
    """The acts in a tenant that were not refused, the newest first."""
    return _page(services, tenant, limit, token, _HAPPENED)


def show_event(event: AuditEvent) -> EventOut:
    """An event as it is shown."""
    return EventOut(
        id=event.id,
        user_id=event.user_id,
        tenant_id=event.tenant,
        action=event.operation.replace(".", "_").upper(),
        resource_id=event.thing_id,
        resource_type=event.thing_kind.upper() if event.thing_kind else None,
        metadata={"name": event.thing_name} if event.thing_name else {},
        created_at=event.inserted_at,
    )


def spellings(action: str) -> list[str]:
    """The actions that a text may mean: `API_KEY_CREATE` is `api_key.create`, and could be `api.key_create`."""
    text = action.strip().lower().replace(":", ".")
    if "." in text or "_" not in text:
        return [text]
    return [f"{text[:at]}.{text[at + 1 :]}" for at, character in enumerate(text) if character == "_"]


def _page(
    services: Cloud, tenant: str, limit: int, token: str | None, filters: Mapping[str, FilterValue]
) -> ListPage[AuditEvent]:
    asked = ListRequest(page_size=limit, cursor=token or "", filters=filters)
    return services.platform.audit.page_of_tenant(tenant, asked)


def _filters(asked: AuditQuery, services: Cloud) -> Iterator[tuple[str, FilterValue]]:
    if asked.action:
        yield "operation", ",".join(one for text in asked.action.split(",") for one in spellings(text))
    if asked.resource:
        kind, _, thing_id = asked.resource.partition("/")
        yield "thing_kind", kind.lower()
        if thing_id:
            yield "thing_id", thing_id
    if asked.actor:
        yield "actor", services.tenancy.user_named(asked.actor)
    if asked.start:
        yield "inserted_at__gte", asked.start
    if asked.end:
        yield "inserted_at__lte", asked.end


def _emails(services: Cloud, tenant: str, events: Sequence[AuditEvent]) -> Mapping[str, str]:
    """The addresses of those who acted and are members still."""
    named = {event.user_id for event in events if event.user_id}
    return services.tenancy.emails(tenant, sorted(named)) if named else {}


def _show(event: AuditEvent, emails: Mapping[str, str]) -> AuditOut:
    by_operator = event.tenant is not None and event.user_id is None and event.principal_kind in _OPERATORS
    return AuditOut(
        id=event.id,
        user_id=event.user_id,
        tenant_id=event.tenant,
        action=event.operation,
        resource_type=event.thing_kind,
        resource_id=event.thing_id,
        details=AuditDetails(resource_name=event.thing_name, request_id=event.request_id),
        ip_address=None if by_operator else event.address,
        created_at=event.inserted_at,
        timestamp=event.inserted_at,
        actor=_OPERATOR if by_operator else emails.get(event.user_id or "", event.principal_name),
        resource="/".join(filter(None, (event.thing_kind, event.thing_id))) or None,
        status=event.outcome,
    )


_OPERATORS = frozenset({PrincipalKind.ROOT, PrincipalKind.KEY})
"""The kinds of the operator, whose address is not shown to tenants."""

_OPERATOR = "operator"
