"""Declares the context `webhooks`: its tables, queues, functions and their permissions."""

from collections.abc import Iterator
from typing import Any

from chalicelib.kit.changes import Change
from chalicelib.kit.queues import Message, Traced
from chalicelib.platform.context import (
    BATCH_GET,
    CHECK,
    DELETE,
    GET,
    PUT,
    QUERY,
    UPDATE,
    Context,
    Function,
    Grants,
    QueueSource,
    ScheduleSource,
    Send,
    Task,
    by_cursor,
)
from chalicelib.platform.counted import Counted
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from chalicelib.platform.webhooks.store import DELIVERIES, TOTALS, WEBHOOKS


def _redeliver_chunk(platform: Any, message: Message) -> str | None:
    cursor: str | None = platform.webhooks.deliveries.redeliver_chunk(
        message["id"], message["since"], message["until"], message.get("cursor")
    )
    return cursor


ASKED = frozenset({"webhook_delivery.tested", "webhook_delivery.redelivered"})
"""Operations by which operators ask for a delivery. All others are those of the deliverer."""


def _on_change(change: Change) -> Iterator[Send]:
    """Attempt a delivery that an operator asked for."""
    row = change.row
    if change.table == DELIVERIES.name and change.new is not None and change.operation in ASKED:
        delivery = {"webhook_id": row["webhook_id"], "delivery_id": row["id"]}
        yield Send(WEBHOOK_DELIVERIES, Traced(delivery, change.request_id))


CONTEXT = Context(
    name="webhooks",
    tables=(
        WEBHOOKS,
        DELIVERIES,
    ),
    queues=(WEBHOOK_DELIVERIES,),
    functions=(
        # One message at a time: behind a receiver that hangs for 10 s no other message waits.
        Function(
            "deliver_webhook",
            "chalicelib.platform.workers.deliver_webhook.handler",
            QueueSource(WEBHOOK_DELIVERIES, 200, batch_size=1),
            30,
            loads="events signing webhooks",
        ),
        Function(
            "sweep_webhooks",
            "chalicelib.platform.workers.sweep_webhooks.handler",
            ScheduleSource(),
            120,
            loads="events signing webhooks",
        ),
    ),
    tasks={
        "webhook": by_cursor(lambda platform: platform.webhooks.deliveries.clean_up_chunk),
        "webhook_redelivery": Task(_redeliver_chunk),
    },
    counted=(Counted(WEBHOOKS, TOTALS, of=lambda row: not row.get("owner")),),
    sealed={WEBHOOKS: ("secret_sealed", "headers_sealed", "previous_secret_sealed")},
    on_change=_on_change,
    grants={
        "api_handler": Grants(
            tables={
                "webhooks": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE,
                "webhook_deliveries": GET | BATCH_GET | QUERY | PUT | UPDATE,
            },
            counts=(WEBHOOK_DELIVERIES,),
        ),
        "relay_changes": Grants(sends=(WEBHOOK_DELIVERIES,)),
        "clean_up": Grants(
            tables={"webhooks": BATCH_GET | UPDATE, "webhook_deliveries": BATCH_GET | QUERY | UPDATE | DELETE}
        ),
        "publish_events": Grants(tables={"webhooks": QUERY}, sends=(WEBHOOK_DELIVERIES,)),
        "deliver_webhook": Grants(
            tables={"webhooks": BATCH_GET | UPDATE | CHECK, "webhook_deliveries": BATCH_GET | PUT | UPDATE | DELETE},
            sends=(WEBHOOK_DELIVERIES,),
        ),
        "sweep_webhooks": Grants(
            tables={"webhooks": BATCH_GET | QUERY | UPDATE, "webhook_deliveries": BATCH_GET | QUERY | UPDATE},
            sends=(WEBHOOK_DELIVERIES,),
        ),
        "recount": Grants(tables={"webhooks": QUERY}),
    },
)
