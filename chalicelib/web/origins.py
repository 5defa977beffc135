"""The origin of what a request writes, and the audit log's note of one that is refused."""

from dataclasses import replace

from chalicelib.kit.origin import Origin
from chalicelib.platform.access.guests import is_guest
from chalicelib.platform.access.principal import DEFAULT_TENANT, PrincipalKind
from chalicelib.web.audience import Exchange

_NOTED = frozenset({PrincipalKind.KEY, PrincipalKind.SERVICE_ACCOUNT})
"""The kinds of principals whose refusals the audit log has."""


def origin_of(exchange: Exchange) -> Origin:
    """The origin of what the request writes."""
    endpoint, principal = exchange.endpoint, exchange.principal
    return Origin(
        exchange.request_id,
        principal.actor,
        exchange.incoming.address,
        name="" if principal.name == principal.id else principal.name,
        verb=endpoint.audit,
        is_deferred=endpoint.is_deferred,
        tenant="" if principal.tenant == DEFAULT_TENANT else principal.tenant,
        user=principal.user,
    )


def note_refused(exchange: Exchange) -> None:
    """Put a refused request into the audit log. Reads have no verb: their method and path stand for it. A guest who was
    refused a place writes into the log of the tenant that it works in, not of the one that its key was made in."""
    endpoint, principal = exchange.endpoint, exchange.principal
    if principal.kind not in _NOTED:
        return
    if is_guest(principal):
        guests = exchange.edge.callers.guests
        home = guests.home_of(principal) if guests is not None else ""
        if not home:
            return
        exchange.principal = replace(principal, tenant=home)
    operation = f"{endpoint.method} {endpoint.shown_path}" if endpoint.is_read or not endpoint.audit else endpoint.audit
    exchange.edge.audit.note_refused(origin_of(exchange), operation, endpoint.aimed_at(exchange.incoming))
