"""Admits callers of one API who have their accounts in another: guests, beside its own."""

from collections.abc import Sequence

from chalicelib.kit.errors import bad_request
from chalicelib.platform.access.guests import is_guest
from chalicelib.web.audience import Exchange, admit_by_key
from chalicelib.web.exchange import TENANT_HEADER, Incoming
from chalicelib.web.validation import NOT_A_UUID, read_uuid

_DOTS = 2
"""Between the three parts of a token of a program."""


def named_tenant(incoming: Incoming) -> str | None:
    """The tenant that a request names in its header; None for none. Raises `EdgeError` (bad request) for another form
    of id."""
    sent = (incoming.header(TENANT_HEADER) or "").strip()
    if not sent:
        return None
    try:
        return read_uuid(sent)
    except ValueError:
        raise bad_request({"X-Tenant-ID": [NOT_A_UUID]}) from None


def is_token(offered: str | None) -> bool:
    """Whether a credential has the form of a program's token."""
    return (offered or "").count(".") == _DOTS


def admit_with_guests(
    exchange: Exchange, offered: str | None, accepted: Sequence[str], *, sessions: bool = False, restriction: str = ""
) -> None:
    """Admit as `admit_by_key`, and guests as `Guests` tells them. No part of a family is loaded for other callers.
    Raises `EdgeError` (unauthorized, rate limited, forbidden, bad request)."""
    edge, incoming = exchange.edge, exchange.incoming
    if offered and is_token(offered) and edge.settings.auth_enabled and (guests := edge.callers.guests) is not None:
        tenant = named_tenant(incoming)
        exchange.principal = guests.by_token(offered, incoming.address, tenant, restriction)
        return
    admit_by_key(exchange, offered, accepted, sessions=sessions)
    if is_guest(exchange.principal) and (guests := edge.callers.guests) is not None:
        exchange.principal = guests.by_key(exchange.principal, named_tenant(incoming), restriction)
