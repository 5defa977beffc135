"""Webhooks, for operators: subscriptions, the log of deliveries, tests and redelivery."""

from typing import Annotated, Any

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, Field, StringConstraints

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.webhooks.model import (
    DELIVERIES_SORTABLE,
    SORTABLE,
    TEST_EVENT_TYPE,
    Attempt,
    Delivery,
    DeliveryStatus,
    NewWebhook,
    Webhook,
)
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import EnumFilter, ListQuery, OrderBy, TextFilter, UuidFilter, matching, ordering
from chalicelib.web.validation import (
    Body,
    CountedFirst,
    DateTime,
    Int32,
    NoBody,
    NoPath,
    NoQuery,
    Path,
    Timestamp,
    Uuid,
)

routes = Endpoints(tag="Events.Webhook")

URL_LENGTH_MAX = 2048
OVERLAP_SECONDS = 86_400
LONGEST_OVERLAP_SECONDS = 604_800

Url = Annotated[str, MinLen(1), MaxLen(URL_LENGTH_MAX), StringConstraints(pattern=r"^https?://.+")]
SigningSecret = Annotated[str, MinLen(32), MaxLen(256)]
HeaderValue = Annotated[str, MaxLen(4096)]
Headers = Annotated[dict[str, HeaderValue], MaxLen(20), CountedFirst()]
EventName = Annotated[str, MaxLen(256)]


FAKE_SECRET = "example-secret-of-32-characters!"  # noqa: S105 - of the published examples

REDELIVER_SINCE = about("Deliveries whose event was queued at this time or later are tried again.", samples.MOMENT)


_QUEUED = {"status": DeliveryStatus.PENDING.value, "attempt_count": 0, "attempts": []}


class WebhookPath(Path):
    webhook_id: Annotated[Uuid, about("UUID of the webhook.", samples.WEBHOOK_ID)]


class DeliveryPath(Path):
    webhook_id: Annotated[Uuid, about("UUID of the webhook.", samples.WEBHOOK_ID)]
    delivery_id: Annotated[Uuid, about("UUID of one of the webhook's deliveries.", samples.DELIVERY_ID)]


class WebhookListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    url: Annotated[TextFilter, matching("the URL of the receiver")] = None
    event_type: Annotated[TextFilter, about("Only webhooks that subscribe to this type; one type, no `*`.")] = None


class DeliveryListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(DELIVERIES_SORTABLE)] = None
    status: Annotated[EnumFilter[DeliveryStatus], about("Only deliveries in this status.")] = None
    event_type: Annotated[TextFilter, matching("the type of the delivered event")] = None
    event_id: Annotated[UuidFilter, about("Only deliveries of the event with this UUID.")] = None


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


class Redelivery(Body):
    """Which deliveries to try again."""

    since: Annotated[DateTime, REDELIVER_SINCE]


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


class AttemptOut(BaseModel):
    """One attempt to deliver an event."""

    at: Annotated[Timestamp, about("Start of the attempt.", samples.SECOND_LATER)]
    milliseconds: Annotated[int, about("Duration of the attempt in milliseconds.", 84, minimum=0)]
    status: Annotated[int | None, about("HTTP status of the receiver's answer; null: it gave none.", 204)]
    error: Annotated[str | None, about("Why there was no answer, in words; null if there was one.", None)]
    response: Annotated[str | None, about("First 1,024 characters of the receiver's answer; null: none.", None)]


class DeliveryOut(BaseModel):
    """One event on its way to one webhook."""

    id: Annotated[str, about("UUID of the delivery.", samples.DELIVERY_ID, format="uuid")]
    webhook_id: Annotated[str, about("UUID of the webhook that receives the event.", samples.WEBHOOK_ID, format="uuid")]
    event_id: Annotated[
        str,
        about("UUID of the event, the same in every attempt: `id` of the CloudEvent.", samples.EVENT_ID, format="uuid"),
    ]
    event_type: Annotated[
        str, about("Type of the event, out of the catalogue or `edge.webhook.test`.", samples.EVENT_TYPE)
    ]
    status: Annotated[
        DeliveryStatus,
        about(
            "`pending`: attempts go on. `succeeded`: the receiver answered with 2xx. `failed`: it refused it, or "
            "the attempts are used up. `expired`: the event grew too old before an attempt succeeded.",
            "succeeded",
        ),
    ]
    attempt_count: Annotated[int, about("Attempts so far, the one under way included.", 1, minimum=0)]
    attempts: Annotated[list[AttemptOut], about("The last ten attempts, oldest first.")]
    next_attempt_at: Annotated[
        Timestamp | None,
        about("When the next attempt is due. Null: it has ended, an attempt is under way, or it waits.", None),
    ]
    waits_for_webhook: Annotated[bool, about("Whether it waits for a paused webhook.", False)]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


class WholeDeliveryOut(DeliveryOut):
    """A delivery together with its event."""

    event: Annotated[dict[str, Any], about("The CloudEvent exactly as it is sent.", samples.EVENT)]


class RedeliveryOut(BaseModel):
    """The deliveries that are tried again."""

    webhook_id: Annotated[
        str, about("UUID of the webhook that gets the events again.", samples.WEBHOOK_ID, format="uuid")
    ]
    since: Annotated[DateTime, REDELIVER_SINCE]
    until: Annotated[Timestamp, about("Time of the request: later events are not tried again.", samples.DAY_LATER)]


@routes.post(
    "/api/v1/webhooks",
    auth=OPERATOR,
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
    webhook = services.platform.webhooks.registry.create(wanted)
    return Created(_show(webhook), f"/api/v1/webhooks/{webhook.id}")


@routes.get(
    "/api/v1/webhooks",
    auth=OPERATOR,
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
    auth=OPERATOR,
    answer=WebhookOut,
    errors=(404,),
    summary="Get a webhook",
)
def get_webhook(request: Request[WebhookPath, NoQuery, NoBody], services: Fleet) -> WebhookOut:
    """Returns one webhook, and whether deliveries to it are paused."""
    return _show(services.platform.webhooks.registry.get(request.path.webhook_id))


@routes.delete(
    "/api/v1/webhooks/{webhook_id}",
    auth=OPERATOR,
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
    auth=OPERATOR,
    answer=WebhookOut,
    errors=(404, 409, 422),
    summary="Rotate a webhook's secret",
)
def rotate_webhook_secret(request: Request[WebhookPath, NoQuery, SecretRotation], services: Fleet) -> WebhookOut:
    """Replaces the signing secret of a webhook. The new secret signs at once; until the overlap ends,
    `webhook-signature` carries a signature of the old secret too, while `x-edge-signature`, which holds only one
    signature, uses the new one. Refused with 409 if the webhook is changed at the same time."""
    body = request.body
    return _show(
        services.platform.webhooks.registry.rotate_secret(request.path.webhook_id, body.secret, body.overlap_seconds)
    )


@routes.post(
    "/api/v1/webhooks/{webhook_id}/test",
    auth=OPERATOR,
    answer=WholeDeliveryOut,
    status=202,
    errors=(404,),
    example=_QUEUED | {"event_type": TEST_EVENT_TYPE, "event": samples.TEST_EVENT},
    summary="Send a test event to a webhook",
)
def send_test_event(request: Request[WebhookPath, NoQuery, NoBody], services: Fleet) -> WholeDeliveryOut:
    """Sends an event of type `edge.webhook.test` to the webhook, in one attempt, even while the webhook is paused; a
    success ends the pause. The outcome is in the delivery log about a second later."""
    return _show_whole(services.platform.webhooks.deliveries.test(request.path.webhook_id))


@routes.post(
    "/api/v1/webhooks/{webhook_id}/redeliver",
    auth=OPERATOR,
    answer=RedeliveryOut,
    status=202,
    errors=(404,),
    summary="Redeliver all failed deliveries since a time",
)
def redeliver_failed(request: Request[WebhookPath, NoQuery, Redelivery], services: Fleet) -> RedeliveryOut:
    """Tries every delivery again that has failed or expired since a time, with the same event ids. Deliveries to a
    paused webhook wait until the pause ends; a successful test event ends it."""
    webhook_id, since = request.path.webhook_id, request.body.since
    until = services.platform.webhooks.deliveries.redeliver_since(webhook_id, since)
    return RedeliveryOut(webhook_id=webhook_id, since=since, until=until)


@routes.get(
    "/api/v1/webhooks/{webhook_id}/deliveries",
    contract_path="/api/v1/webhooks/{id}/deliveries",
    auth=OPERATOR,
    answer=DeliveryOut,
    paginated=True,
    errors=(404,),
    summary="List the deliveries of a webhook",
)
def list_deliveries(request: Request[WebhookPath, DeliveryListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists the deliveries of the last 30 days to a webhook, newest first unless ordered otherwise, each with its last
    attempts."""
    query = request.query.to_request(DELIVERIES_SORTABLE)
    page = services.platform.webhooks.deliveries.list_page(request.path.webhook_id, query)
    return Paginated([DeliveryOut(**_shown(delivery)) for delivery in page.items], page)


@routes.get(
    "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}",
    contract_path="/api/v1/webhooks/{id}/deliveries/{delivery_id}",
    auth=OPERATOR,
    answer=WholeDeliveryOut,
    errors=(404,),
    summary="Get a delivery",
)
def get_delivery(request: Request[DeliveryPath, NoQuery, NoBody], services: Fleet) -> WholeDeliveryOut:
    """Returns one delivery together with the event that it carries."""
    return _show_whole(services.platform.webhooks.deliveries.get(request.path.webhook_id, request.path.delivery_id))


@routes.post(
    "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
    contract_path="/api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver",
    auth=OPERATOR,
    answer=WholeDeliveryOut,
    status=202,
    errors=(404, 409),
    example={"status": DeliveryStatus.PENDING.value, "next_attempt_at": samples.TWO_SECONDS_LATER},
    summary="Redeliver one event",
)
def redeliver_one(request: Request[DeliveryPath, NoQuery, NoBody], services: Fleet) -> WholeDeliveryOut:
    """Delivers an event again, regardless of the outcome so far, with the same event id and even while the webhook is
    paused; a success ends the pause. Refused with 409 while an attempt is under way."""
    return _show_whole(
        services.platform.webhooks.deliveries.redeliver(request.path.webhook_id, request.path.delivery_id)
    )


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


def _shown(delivery: Delivery) -> dict[str, Any]:
    return {
        **delivery.model_dump(include=set(DeliveryOut.model_fields) - {"attempts"}),
        "attempts": [_show_attempt(attempt) for attempt in delivery.attempts],
        "waits_for_webhook": delivery.is_held,
    }


def _show_attempt(attempt: Attempt) -> AttemptOut:
    return AttemptOut(**attempt.model_dump())


def _show_whole(delivery: Delivery) -> WholeDeliveryOut:
    return WholeDeliveryOut(**_shown(delivery), event=delivery.envelope)
