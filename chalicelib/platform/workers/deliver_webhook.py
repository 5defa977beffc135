"""Makes one attempt to deliver an event to a webhook.

One message an invocation: a receiver that hangs keeps no other message waiting behind it.
"""

from chalice.app import Blueprint

from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM, Message, placeholder_arn

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(WEBHOOK_DELIVERIES), name="deliver_webhook")
@PLATFORM.sqs_worker("deliver_webhook", lambda platform: platform.webhooks)
def handler(message: Message, platform: Platform) -> None:
    webhook_id = message["webhook_id"]
    match message:
        case {"event": event, "queued_at": queued_at}:
            platform.webhooks.delivering.queued(webhook_id, event, queued_at)
        case {"delivery_id": delivery_id}:
            platform.webhooks.delivering.again(webhook_id, delivery_id)
        case _:
            raise ValueError(f"a message with {sorted(message)} asks for nothing")
