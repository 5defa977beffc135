"""Puts events on the bus, and queues the published ones for the webhooks that subscribe to them. Repeats carry the same
event ids."""

from chalice.app import Blueprint

from chalicelib.kit.bus import INTERNAL_SOURCE
from chalicelib.platform.events.queues import EVENTS
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM, Message, placeholder_arn

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(EVENTS), name="publish_events")
@PLATFORM.sqs_worker("publish_events", lambda platform: (platform.bus, platform.webhooks))
def handler(message: Message, platform: Platform) -> None:
    events = [(event["request_id"], event["envelope"]) for event in message["events"]]
    platform.bus.publish([envelope for _, envelope in events])
    published = [each for each in events if each[1].get("source") != INTERNAL_SOURCE]
    platform.webhooks.subscriptions.queue_deliveries(published)
