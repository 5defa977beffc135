"""Declares the context `webhooks`: its tables, queues, functions and their permissions."""

from typing import Any

from chalicelib.kit.queues import Message
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
    Task,
    by_cursor,
)
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from chalicelib.platform.webhooks.store import DELIVERIES, WEBHOOKS


def _redeliver_chunk(platform: Any, message: Message) -> str | None:
    cursor: str | None = platform.webhooks.deliveries.redeliver_chunk(
        message["id"], message["since"], message["until"], message.get("cursor")
    )
    return cursor


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
            loads="events webhooks",
        ),
        Function(
            "sweep_webhooks",
            "chalicelib.platform.workers.sweep_webhooks.handler",
            ScheduleSource(),
            120,
            loads="events webhooks",
        ),
    ),
    tasks={
        "webhook": by_cursor(lambda platform: platform.webhooks.deliveries.clean_up_chunk),
        "webhook_redelivery": Task(_redeliver_chunk),
    },
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
