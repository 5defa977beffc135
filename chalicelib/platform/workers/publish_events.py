"""Puts events on the bus and queues them for the webhooks that subscribe to them. Repeats carry the same event ids."""

from chalice.app import Blueprint

from chalicelib.bootstrap import Services
from chalicelib.platform.events.queues import EVENTS
from chalicelib.platform.workers.entry import Message, sqs_worker

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=f"arn:aws:sqs:us-east-1:000000000000:{EVENTS}", name="publish_events")
@sqs_worker("publish_events", lambda services: (services.bus, services.webhooks))
def handler(message: Message, services: Services) -> None:
    events = [(event["request_id"], event["envelope"]) for event in message["events"]]
    services.bus.publish([envelope for _, envelope in events])
    services.webhooks.subscriptions.queue_deliveries(events)
