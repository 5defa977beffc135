"""Events of the audit log."""

from enum import StrEnum

from pydantic import BaseModel

from chalicelib.platform.access.principal import PrincipalKind


class Outcome(StrEnum):
    """The outcome of an audited request."""

    DONE = "done"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class AuditEvent(BaseModel):
    """An act of a principal on a thing, or one that was refused. ``operation`` is a verb, `<kind of thing>.<action>`,
    and for a refused read `GET` and its path. ``thing_id`` is None where the refused operation names none. ``tenant``
    is the one in which it happened, None for the installation; ``user_id`` the user that the principal acts for."""

    id: str
    inserted_at: str
    principal_kind: PrincipalKind
    principal_id: str | None = None
    principal_name: str | None = None
    address: str | None = None
    operation: str
    thing_kind: str | None = None
    thing_id: str | None = None
    thing_name: str | None = None
    outcome: Outcome
    request_id: str
    tenant: str | None = None
    user_id: str | None = None
