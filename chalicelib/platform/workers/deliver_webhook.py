"""Makes one attempt to deliver an event to a webhook.

One message an invocation: a receiver that hangs keeps no other message waiting behind it.
"""

from chalice.app import Blueprint

from chalicelib.bootstrap import Services
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from chalicelib.platform.workers.entry import Message, sqs_worker

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=f"arn:aws:sqs:us-east-1:000000000000:{WEBHOOK_DELIVERIES}", name="deliver_webhook")
@sqs_worker("deliver_webhook", lambda services: services.webhooks)
def handler(message: Message, services: Services) -> None:
    webhook_id = message["webhook_id"]
    match message:
        case {"event": event, "queued_at": queued_at}:
            services.webhooks.delivering.queued(webhook_id, event, queued_at)
        case {"delivery_id": delivery_id}:
            services.webhooks.delivering.again(webhook_id, delivery_id)
        case _:
            raise ValueError(f"a message with {sorted(message)} asks for nothing")
