"""Routes of webhooks' deliveries, for operators: the log, test events and redelivery."""

from typing import Annotated, Any

from pydantic import BaseModel

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.operator.hiding import event_without_texts
from chalicelib.fleet.api.operator.webhooks import WebhookPath
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.permissions import WEBHOOKS_READ, WEBHOOKS_WRITE
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Principal, Scope
from chalicelib.platform.webhooks.model import (
    DELIVERIES_SORTABLE,
    TEST_EVENT_TYPE,
    Attempt,
    Delivery,
    DeliveryStatus,
)
from chalicelib.web.endpoint import Endpoints, Paginated, Request
from chalicelib.web.list_query import EnumFilter, ListQuery, OrderBy, TextFilter, UuidFilter, matching, ordering
from chalicelib.web.validation import Body, DateTime, NoBody, NoQuery, Path, Timestamp, Uuid

routes = Endpoints(tag="Events.Webhook", auth=OPERATOR, scope=Scope.INSTALLATION)

REDELIVER_SINCE = about("Deliveries whose event was queued at this time or later are tried again.", samples.MOMENT)

_QUEUED = {"status": DeliveryStatus.PENDING.value, "attempt_count": 0, "attempts": []}


class DeliveryPath(Path):
    webhook_id: Annotated[Uuid, about("UUID of the webhook.", samples.WEBHOOK_ID)]
    delivery_id: Annotated[Uuid, about("UUID of one of the webhook's deliveries.", samples.DELIVERY_ID)]


class DeliveryListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(DELIVERIES_SORTABLE)] = None
    status: Annotated[EnumFilter[DeliveryStatus], about("Only deliveries in this status.")] = None
    event_type: Annotated[TextFilter, matching("the type of the delivered event")] = None
    event_id: Annotated[UuidFilter, about("Only deliveries of the event with this UUID.")] = None


class Redelivery(Body):
    """Which deliveries to try again."""

    since: Annotated[DateTime, REDELIVER_SINCE]


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

    event: Annotated[
        dict[str, Any],
        about(
            "The CloudEvent as it is sent; texts of commands in it are null for keys that read no outputs.",
            samples.EVENT,
        ),
    ]


class RedeliveryOut(BaseModel):
    """The deliveries that are tried again."""

    webhook_id: Annotated[
        str, about("UUID of the webhook that gets the events again.", samples.WEBHOOK_ID, format="uuid")
    ]
    since: Annotated[DateTime, REDELIVER_SINCE]
    until: Annotated[Timestamp, about("Time of the request: later events are not tried again.", samples.DAY_LATER)]


@routes.post(
    "/api/v1/webhooks/{webhook_id}/test",
    permission=WEBHOOKS_WRITE,
    audit="webhook.test",
    is_deferred=True,
    answer=WholeDeliveryOut,
    status=202,
    errors=(404,),
    example=_QUEUED | {"event_type": TEST_EVENT_TYPE, "event": samples.TEST_EVENT},
    summary="Send a test event to a webhook",
)
def send_test_event(request: Request[WebhookPath, NoQuery, NoBody], services: Fleet) -> WholeDeliveryOut:
    """Sends an event of type `edge.webhook.test` to the webhook, in one attempt, even while the webhook is paused; a
    success ends the pause. The outcome is in the delivery log about a second later."""
    return request.once(
        lambda: services.platform.webhooks.deliveries.test(request.path.webhook_id),
        lambda delivery: _show_whole(delivery, request.principal),
    )


@routes.post(
    "/api/v1/webhooks/{webhook_id}/redeliver",
    permission=WEBHOOKS_WRITE,
    audit="webhook.redeliver",
    is_deferred=True,
    answer=RedeliveryOut,
    status=202,
    errors=(404,),
    summary="Redeliver all failed deliveries since a time",
)
def redeliver_failed(request: Request[WebhookPath, NoQuery, Redelivery], services: Fleet) -> RedeliveryOut:
    """Tries every delivery again that has failed or expired since a time, with the same event ids. Deliveries to a
    paused webhook wait until the pause ends; a successful test event ends it."""
    webhook_id, since = request.path.webhook_id, request.body.since
    return request.once(
        lambda: services.platform.webhooks.deliveries.redeliver_since(webhook_id, since),
        lambda until: RedeliveryOut(webhook_id=webhook_id, since=since, until=until),
    )


@routes.get(
    "/api/v1/webhooks/{webhook_id}/deliveries",
    contract_path="/api/v1/webhooks/{id}/deliveries",
    permission=WEBHOOKS_READ,
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
    permission=WEBHOOKS_READ,
    answer=WholeDeliveryOut,
    errors=(404,),
    summary="Get a delivery",
)
def get_delivery(request: Request[DeliveryPath, NoQuery, NoBody], services: Fleet) -> WholeDeliveryOut:
    """Returns one delivery together with the event that it carries."""
    delivery = services.platform.webhooks.deliveries.get(request.path.webhook_id, request.path.delivery_id)
    return _show_whole(delivery, request.principal)


@routes.post(
    "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
    contract_path="/api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver",
    permission=WEBHOOKS_WRITE,
    audit="webhook.redeliver",
    is_deferred=True,
    answer=WholeDeliveryOut,
    status=202,
    errors=(404, 409),
    example={"status": DeliveryStatus.PENDING.value, "next_attempt_at": samples.TWO_SECONDS_LATER},
    summary="Redeliver one event",
)
def redeliver_one(request: Request[DeliveryPath, NoQuery, NoBody], services: Fleet) -> WholeDeliveryOut:
    """Delivers an event again, regardless of the outcome so far, with the same event id and even while the webhook is
    paused; a success ends the pause. Refused with 409 while an attempt is under way."""
    webhook_id, delivery_id = request.path.webhook_id, request.path.delivery_id
    return request.once(
        lambda: services.platform.webhooks.deliveries.redeliver(webhook_id, delivery_id),
        lambda delivery: _show_whole(delivery, request.principal),
    )


def _shown(delivery: Delivery) -> dict[str, Any]:
    return {
        **delivery.model_dump(include=set(DeliveryOut.model_fields) - {"attempts"}),
        "attempts": [_show_attempt(attempt) for attempt in delivery.attempts],
        "waits_for_webhook": delivery.is_held,
    }


def _show_attempt(attempt: Attempt) -> AttemptOut:
    return AttemptOut(**attempt.model_dump())


def _show_whole(delivery: Delivery, principal: Principal) -> WholeDeliveryOut:
    return WholeDeliveryOut(**_shown(delivery), event=event_without_texts(delivery.envelope, principal))
