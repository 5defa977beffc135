"""Routes of webhooks, for operators. `webhook_deliveries` has those of their deliveries."""

from typing import Annotated

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, Field, StringConstraints

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.permissions import WEBHOOKS_READ, WEBHOOKS_WRITE
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.webhooks.model import (
    SORTABLE,
    NewWebhook,
    Webhook,
)
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import ListQuery, OrderBy, TextFilter, matching, ordering
from chalicelib.web.validation import (
    Body,
    CountedFirst,
    Int32,
    NoBody,
    NoPath,
    NoQuery,
    Path,
    Timestamp,
    Uuid,
)

routes = Endpoints(tag="Events.Webhook", auth=OPERATOR, scope=Scope.INSTALLATION)

URL_LENGTH_MAX = 2048
OVERLAP_SECONDS = 86_400
LONGEST_OVERLAP_SECONDS = 604_800

Url = Annotated[str, MinLen(1), MaxLen(URL_LENGTH_MAX), StringConstraints(pattern=r"^https?://.+")]
SigningSecret = Annotated[str, MinLen(32), MaxLen(256)]
HeaderValue = Annotated[str, MaxLen(4096)]
Headers = Annotated[dict[str, HeaderValue], MaxLen(20), CountedFirst()]
EventName = Annotated[str, MaxLen(256)]

FAKE_SECRET = "example-secret-of-32-characters!"  # noqa: S105 - of the published examples


class WebhookPath(Path):
    webhook_id: Annotated[Uuid, about("UUID of the webhook.", samples.WEBHOOK_ID)]


class WebhookListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    url: Annotated[TextFilter, matching("the URL of the receiver")] = None
    event_type: Annotated[TextFilter, about("Only webhooks that subscribe to this type; one type, no `*`.")] = None


class WebhookCreate(Body):
    """A new subscription of a receiver to events."""

    url: Annotated[
        Url, about("Address of the receiver. It must not resolve to a private address.", samples.WEBHOOK_URL)
    ]
    secret: Annotated[
        SigningSecret,
        about(
            "Secret that signs each delivery. After the prefix `whsec_` of Standard Webhooks it is base64 of the key; "
            "otherwise the text itself is the key.",
            FAKE_SECRET,
        ),
    ] = Field(repr=False)
    headers: Annotated[
        Headers,
        about("Further headers of each delivery, such as credentials; never shown again.", {"x-tenant": "example"}),
    ] = Field(default_factory=dict, repr=False)
    subscribed_events: Annotated[
        list[EventName],
        MinLen(1),
        MaxLen(20),
        CountedFirst(),
        about("Types of events to deliver, out of `GET /api/v1/event_types`; no wildcards.", [samples.EVENT_TYPE]),
    ]


class SecretRotation(Body):
    """The change of a webhook's signing secret."""

    secret: Annotated[SigningSecret, about("The new secret, in the form of `POST /api/v1/webhooks`.", FAKE_SECRET)] = (
        Field(repr=False)
    )
    overlap_seconds: Annotated[
        Int32, Ge(0), Le(LONGEST_OVERLAP_SECONDS), about("Seconds for which the old secret signs as well.", 3600)
    ] = OVERLAP_SECONDS


class WebhookOut(BaseModel):
    """A subscription of a receiver to events. Its secret and its headers are never shown."""

    id: Annotated[str, about("UUID of the webhook.", samples.WEBHOOK_ID, format="uuid")]
    url: Annotated[str, about("Address of the receiver.", samples.WEBHOOK_URL)]
    subscribed_events: Annotated[list[str], about("Types of events that are delivered.", [samples.EVENT_TYPE])]
    consecutive_failures: Annotated[
        int, about("Attempts that failed since the last success; no longer counted during a pause.", 0, minimum=0)
    ]
    paused_until: Annotated[
        Timestamp | None, about("When the next attempt to a paused webhook is made; null if it is not paused.", None)
    ]
    previous_secret_until: Annotated[
        Timestamp | None, about("Until when the old secret signs as well; null if none does.", None)
    ]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


@routes.post(
    "/api/v1/webhooks",
    permission=WEBHOOKS_WRITE,
    audit="webhook.create",
    answer=WebhookOut,
    status=201,
    errors=(422,),
    summary="Create a webhook",
)
def create_webhook(request: Request[NoPath, NoQuery, WebhookCreate], services: Fleet) -> Created:
    """Subscribes a receiver to events: it gets a signed POST for every event of the given types from about a second
    later on. Refused with 422 for an unknown event type and for a URL that leads to a private address. A webhook cannot
    be changed except for its secret: delete it and create another."""
    body = request.body
    wanted = NewWebhook(
        url=body.url, secret=body.secret, headers=body.headers, subscribed_events=tuple(body.subscribed_events)
    )
    return request.once(
        lambda: services.platform.webhooks.registry.create(wanted),
        lambda webhook: Created(_show(webhook), f"/api/v1/webhooks/{webhook.id}"),
    )


@routes.get(
    "/api/v1/webhooks",
    permission=WEBHOOKS_READ,
    answer=WebhookOut,
    paginated=True,
    summary="List webhooks",
)
def list_webhooks(request: Request[NoPath, WebhookListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists webhooks, newest first unless ordered otherwise, without their secrets and headers."""
    page = services.platform.webhooks.registry.list_page(request.query.to_request(SORTABLE))
    return Paginated([_show(webhook) for webhook in page.items], page)


@routes.get(
    "/api/v1/webhooks/{webhook_id}",
    permission=WEBHOOKS_READ,
    answer=WebhookOut,
    errors=(404,),
    summary="Get a webhook",
)
def get_webhook(request: Request[WebhookPath, NoQuery, NoBody], services: Fleet) -> WebhookOut:
    """Returns one webhook, and whether deliveries to it are paused."""
    return _show(services.platform.webhooks.registry.get(request.path.webhook_id))


@routes.delete(
    "/api/v1/webhooks/{webhook_id}",
    permission=WEBHOOKS_WRITE,
    audit="webhook.delete",
    status=204,
    errors=(404,),
    summary="Delete a webhook",
)
def delete_webhook(request: Request[WebhookPath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes a webhook and its delivery log. Nothing more is sent to it, except for an attempt that is under way."""
    services.platform.webhooks.registry.delete(request.path.webhook_id)
    return NoContent()


@routes.post(
    "/api/v1/webhooks/{webhook_id}/rotate_secret",
    permission=WEBHOOKS_WRITE,
    audit="webhook.rotate_secret",
    answer=WebhookOut,
    errors=(404, 409, 422),
    summary="Rotate a webhook's secret",
)
def rotate_webhook_secret(request: Request[WebhookPath, NoQuery, SecretRotation], services: Fleet) -> WebhookOut:
    """Replaces the signing secret of a webhook. The new secret signs at once; until the overlap ends,
    `webhook-signature` carries a signature of the old secret too, while `x-edge-signature`, which holds only one
    signature, uses the new one. Refused with 409 if the webhook is changed at the same time."""
    webhook_id, body = request.path.webhook_id, request.body
    registry = services.platform.webhooks.registry
    return request.once(lambda: registry.rotate_secret(webhook_id, body.secret, body.overlap_seconds), _show)


def _show(webhook: Webhook) -> WebhookOut:
    return WebhookOut(
        id=webhook.id,
        url=webhook.url,
        subscribed_events=list(webhook.subscribed_events),
        consecutive_failures=webhook.failures,
        paused_until=webhook.paused_until,
        previous_secret_until=webhook.previous_secret_until,
        inserted_at=webhook.inserted_at,
        updated_at=webhook.updated_at,
    )
