"""Webhooks, for operators: subscriptions, the log of deliveries, tests and redelivery."""

from typing import Annotated, Any

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, Field, StringConstraints

from chalicelib.bootstrap import Services
from chalicelib.platform.webhooks.model import (
    DELIVERIES_SORTABLE,
    SORTABLE,
    Attempt,
    Delivery,
    DeliveryStatus,
    NewWebhook,
    Webhook,
)
from chalicelib.web.endpoint import OPERATOR, Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import EnumFilter, ListQuery, TextFilter, UuidFilter
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


class WebhookPath(Path):
    webhook_id: Uuid


class DeliveryPath(Path):
    webhook_id: Uuid
    delivery_id: Uuid


class WebhookListQuery(ListQuery):
    url: TextFilter = None
    event_type: TextFilter = None


class DeliveryListQuery(ListQuery):
    status: EnumFilter[DeliveryStatus] = None
    event_type: TextFilter = None
    event_id: UuidFilter = None


class WebhookCreate(Body):
    url: Url
    secret: SigningSecret = Field(repr=False)
    headers: Headers = Field(default_factory=dict, repr=False)
    subscribed_events: Annotated[list[EventName], MinLen(1), MaxLen(20), CountedFirst()]


class SecretRotation(Body):
    """``overlap_seconds``: how long the present secret signs as well, up to a week."""

    secret: SigningSecret = Field(repr=False)
    overlap_seconds: Annotated[Int32, Ge(0), Le(LONGEST_OVERLAP_SECONDS)] = OVERLAP_SECONDS


class Redelivery(Body):
    """``since``: deliveries whose event was queued from then on."""

    since: DateTime


class WebhookOut(BaseModel):
    """Neither secret nor headers are ever shown. ``paused_until`` is when a paused webhook is tried again, null for one
    that is not paused; ``consecutive_failures`` counts attempts since the last success, and stops with the pause."""

    id: str
    url: str
    subscribed_events: list[str]
    consecutive_failures: int
    paused_until: Timestamp | None
    previous_secret_until: Timestamp | None
    inserted_at: Timestamp
    updated_at: Timestamp


class AttemptOut(BaseModel):
    """``status`` is the receiver's, null with ``error`` where it gave no answer; ``response`` the first 1,024
    characters of what it said."""

    at: Timestamp
    milliseconds: int
    status: int | None
    error: str | None
    response: str | None


class DeliveryOut(BaseModel):
    """``attempts`` holds the last ten of ``attempt_count``. ``next_attempt_at`` is null where nothing is planned, where
    an attempt is under way, and while it waits for a paused webhook (``waits_for_webhook``)."""

    id: str
    webhook_id: str
    event_id: str
    event_type: str
    status: DeliveryStatus
    attempt_count: int
    attempts: list[AttemptOut]
    next_attempt_at: Timestamp | None
    waits_for_webhook: bool
    inserted_at: Timestamp
    updated_at: Timestamp


class WholeDeliveryOut(DeliveryOut):
    """With the event as it is sent."""

    event: dict[str, Any]


class RedeliveryOut(BaseModel):
    """What was asked for: the events queued from ``since`` to ``until``, where they failed or expired."""

    webhook_id: str
    since: DateTime
    until: Timestamp


@routes.post(
    "/api/v1/webhooks",
    auth=OPERATOR,
    answer=WebhookOut,
    status=201,
    errors=(422,),
    summary="Create a webhook",
)
def create_webhook(request: Request[NoPath, NoQuery, WebhookCreate], services: Services) -> Created:
    """It receives a signed POST for every event of its types that happens from about a second later on. The URL must
    not lead to a private address. To change anything but the secret, delete and create."""
    body = request.body
    wanted = NewWebhook(
        url=body.url, secret=body.secret, headers=body.headers, subscribed_events=tuple(body.subscribed_events)
    )
    webhook = services.webhooks.registry.create(wanted)
    return Created(_show(webhook), f"/api/v1/webhooks/{webhook.id}")


@routes.get(
    "/api/v1/webhooks",
    auth=OPERATOR,
    answer=WebhookOut,
    paginated=True,
    summary="List webhooks",
)
def list_webhooks(request: Request[NoPath, WebhookListQuery, NoBody], services: Services) -> Paginated:
    """`event_type` takes one literal type and finds the webhooks that subscribe to it."""
    page = services.webhooks.registry.list_page(request.query.to_request(SORTABLE))
    return Paginated([_show(webhook) for webhook in page.items], page)


@routes.get(
    "/api/v1/webhooks/{webhook_id}",
    auth=OPERATOR,
    answer=WebhookOut,
    errors=(404,),
    summary="Get a webhook",
)
def get_webhook(request: Request[WebhookPath, NoQuery, NoBody], services: Services) -> WebhookOut:
    return _show(services.webhooks.registry.get(request.path.webhook_id))


@routes.delete(
    "/api/v1/webhooks/{webhook_id}",
    auth=OPERATOR,
    status=204,
    errors=(404,),
    summary="Delete a webhook",
)
def delete_webhook(request: Request[WebhookPath, NoQuery, NoBody], services: Services) -> NoContent:
    """Nothing is sent to it any more; its log goes with it."""
    services.webhooks.registry.delete(request.path.webhook_id)
    return NoContent()


@routes.post(
    "/api/v1/webhooks/{webhook_id}/rotate_secret",
    auth=OPERATOR,
    answer=WebhookOut,
    errors=(404, 409, 422),
    summary="Rotate a webhook's secret",
)
def rotate_webhook_secret(request: Request[WebhookPath, NoQuery, SecretRotation], services: Services) -> WebhookOut:
    """The new secret signs at once. Until the overlap ends `webhook-signature` carries a signature of the present one
    too; `x-edge-signature`, which has room for one, is made with the new secret."""
    body = request.body
    return _show(services.webhooks.registry.rotate_secret(request.path.webhook_id, body.secret, body.overlap_seconds))


@routes.post(
    "/api/v1/webhooks/{webhook_id}/test",
    auth=OPERATOR,
    answer=WholeDeliveryOut,
    status=202,
    errors=(404,),
    summary="Send a test event to a webhook",
)
def send_test_event(request: Request[WebhookPath, NoQuery, NoBody], services: Services) -> WholeDeliveryOut:
    """One attempt, also while the webhook is paused; a success ends the pause. What came of it stands in the log, a
    second or so later."""
    return _show_whole(services.webhooks.deliveries.test(request.path.webhook_id))


@routes.post(
    "/api/v1/webhooks/{webhook_id}/redeliver",
    auth=OPERATOR,
    answer=RedeliveryOut,
    status=202,
    errors=(404,),
    summary="Deliver again what failed since a time",
)
def redeliver_failed(request: Request[WebhookPath, NoQuery, Redelivery], services: Services) -> RedeliveryOut:
    """Every delivery since then that failed or expired is tried again, under the same event id. A paused webhook stays
    paused: send it a test first."""
    webhook_id, since = request.path.webhook_id, request.body.since
    until = services.webhooks.deliveries.redeliver_since(webhook_id, since)
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
def list_deliveries(request: Request[WebhookPath, DeliveryListQuery, NoBody], services: Services) -> Paginated:
    """The log of the last 30 days, with every attempt."""
    query = request.query.to_request(DELIVERIES_SORTABLE)
    page = services.webhooks.deliveries.list_page(request.path.webhook_id, query)
    return Paginated([DeliveryOut(**_shown(delivery)) for delivery in page.items], page)


@routes.get(
    "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}",
    contract_path="/api/v1/webhooks/{id}/deliveries/{delivery_id}",
    auth=OPERATOR,
    answer=WholeDeliveryOut,
    errors=(404,),
    summary="Get a delivery",
)
def get_delivery(request: Request[DeliveryPath, NoQuery, NoBody], services: Services) -> WholeDeliveryOut:
    """With the event that it carries."""
    return _show_whole(services.webhooks.deliveries.get(request.path.webhook_id, request.path.delivery_id))


@routes.post(
    "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
    contract_path="/api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver",
    auth=OPERATOR,
    answer=WholeDeliveryOut,
    status=202,
    errors=(404, 409),
    summary="Deliver an event again",
)
def redeliver_one(request: Request[DeliveryPath, NoQuery, NoBody], services: Services) -> WholeDeliveryOut:
    """Whatever came of it before, under the same event id, also while the webhook is paused; a success ends the
    pause."""
    return _show_whole(services.webhooks.deliveries.redeliver(request.path.webhook_id, request.path.delivery_id))


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
