"""Reaches out to agents: that something waits for them, that they should update themselves, for their metrics. Every
stack has this function with a queue of its own, and gets the messages about the clusters that it owns.

Telling twice is harmless, and so is telling late, after the cluster has gone to another stack; not telling costs the
time to the next poll. A delivery for a node that is gone asks for its clean-up again: the execution may have been
created while the node was being deleted.
"""

from chalice.app import Blueprint

from chalicelib.fleet.transport.frames import Delivery
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.fleet.wiring import Fleet
from chalicelib.fleet.workers.entry import FLEET
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.workers.entry import Message, placeholder_arn

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(COMMAND_DELIVERY), name="deliver_commands")
@FLEET.sqs_worker("deliver_commands", lambda services: (services.transport.direct, services.platform.queues))
def handler(message: Message, services: Fleet) -> None:
    if "updates" in message:
        services.updates.triggering.trigger(message["updates"]["request_id"], message["updates"]["node_ids"])
        return
    if "metrics" in message:
        services.metrics.nodes.fetch(message["metrics"])
        return
    deliveries = [Delivery(**delivery) for delivery in message["deliveries"]]
    if message.get("is_told"):
        deliveries = services.transport.direct.still_waiting(deliveries)
    gone = services.transport.direct.deliver(deliveries, message.get("commands"))
    if gone:
        services.platform.queues.send(CLEAN_UP, [{"kind": "node", "id": node_id} for node_id in gone])
