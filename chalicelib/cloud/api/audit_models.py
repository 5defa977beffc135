"""The models of the audit log, and of the events that follow from it."""

from typing import Annotated, Any

from annotated_types import Ge, Le, MaxLen
from pydantic import BaseModel

from chalicelib.cloud.api.fields import EMAIL, TENANT_ID, TIME, USER_ID, Shown
from chalicelib.kit.fields import about
from chalicelib.platform.audit.model import Outcome
from chalicelib.web.list_query import DateFilter, since, until
from chalicelib.web.validation import Int32, Query, Timestamp

EVENT_ID = "01a1fd8c-9bc8-7a00-8c7e-3b2a1f0e9d8c"
SECRET_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02199"  # noqa: S105 - for the document

MOST = 500
"""Events of one page: 500 KB, and six calls."""

USUAL = 50

NextToken = Annotated[
    str | None,
    MaxLen(1024),
    about("Token of the next page, from `meta.next_token` of the page before; with the same filters."),
]
Limit = Annotated[Int32, Ge(1), Le(MOST), about("Events on a page, at most.", USUAL)]


class AuditQuery(Query):
    limit: Limit = USUAL
    next_token: NextToken = None
    action: Annotated[
        str | None,
        MaxLen(255),
        about("Only this action, or those of a comma list: `secret.create`, `secret:create`, `SECRET_CREATE`.", ""),
    ] = None
    resource: Annotated[
        str | None,
        MaxLen(255),
        about("Only acts on things of this type, or on one thing: `secret/…`, with its id.", ""),
    ] = None
    actor: Annotated[
        str | None, MaxLen(255), about("Only acts of this user, by its id or address, or of this key by its id.", "")
    ] = None
    start: Annotated[DateFilter, since("Asked for")] = None
    end: Annotated[DateFilter, until("Asked for")] = None


class EventsQuery(Query):
    limit: Limit = USUAL
    next_token: NextToken = None


class RecentQuery(Query):
    limit: Annotated[Int32, Ge(1), Le(100), about("Number of the latest events to show.", 10)] = 10


class AuditDetails(BaseModel):
    """Further facts about an act."""

    resource_name: Annotated[str | None, about("Name of the thing when it was acted on; null: none.", "db.password")]
    request_id: Annotated[str, about("UUID of the request, as in its `x-request-id`.", EVENT_ID)]


class AuditOut(Shown):
    """An act in a tenant, or one that was refused."""

    id: Annotated[str, about("UUID of this entry.", EVENT_ID, format="uuid")]
    user_id: Annotated[
        str | None, about("UUID of the user who acted; null for the operator and for programs.", USER_ID, format="uuid")
    ]
    tenant_id: Annotated[str | None, about("UUID of the tenant in which it was.", TENANT_ID)]
    action: Annotated[str, about("`<type of thing>.<action>`; of a refused read its method and path.", "secret.create")]
    resource_type: Annotated[str | None, about("Type of the thing; null for none.", "secret")]
    resource_id: Annotated[str | None, about("Id of the thing, of a refused request as sent; null: none.", SECRET_ID)]
    details: Annotated[AuditDetails, about("Further facts.")]
    ip_address: Annotated[
        str | None, about("Address that the request came from; null for the operator, or if unknown.", "203.0.113.7")
    ]
    user_agent: Annotated[str | None, about("Always null: the client's name is not kept.", None)] = None
    created_at: Annotated[Timestamp, about("When the request began.", TIME)]
    timestamp: Annotated[Timestamp, about("When the request began, by its other name.", TIME)]
    actor: Annotated[
        str | None,
        about(
            "Address of the user, if it is a member; else name or id of what acted; `operator` for the operator.", EMAIL
        ),
    ]
    resource: Annotated[str | None, about("Type and id of the thing; null for none.", f"secret/{SECRET_ID}")]
    status: Annotated[Outcome, about("`done`, `accepted` where the effects follow the answer, or `refused`.", "done")]


class EventOut(Shown):
    """Something that happened in a tenant."""

    id: Annotated[str, about("UUID of the entry in the log that it follows from.", EVENT_ID, format="uuid")]
    user_id: Annotated[str | None, about("UUID of the user who did it; null for none.", USER_ID, format="uuid")]
    tenant_id: Annotated[str | None, about("UUID of the tenant in which it happened.", TENANT_ID)]
    action: Annotated[str, about("What happened, in capitals.", "SECRET_CREATE")]
    resource_id: Annotated[str | None, about("Id of the thing that it happened to; null for none.", SECRET_ID)]
    resource_type: Annotated[str | None, about("Type of that thing, in capitals; null for none.", "SECRET")]
    metadata: Annotated[
        dict[str, Any], about("Further facts: `name` of the thing, if it has one.", {"name": "db.password"})
    ]
    created_at: Annotated[Timestamp, about("When it happened.", TIME)]
