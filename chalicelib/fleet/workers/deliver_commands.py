"""Reaches out to agents: that something waits for them, that they should update themselves, for their metrics. Every
stack has this function with a queue of its own, and gets the messages about the clusters that it owns.

Telling twice is harmless, and so is telling late, after the cluster has gone to another stack; not telling costs the
time to the next poll. A delivery for a node that is gone asks for its clean-up again: the execution may have been
created while the node was being deleted.
"""

from chalice.app import Blueprint

from chalicelib.bootstrap import Services
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.fleet.transport.service import Delivery
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.workers.entry import Message, sqs_worker

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=f"arn:aws:sqs:us-east-1:000000000000:{COMMAND_DELIVERY}", name="deliver_commands")
@sqs_worker("deliver_commands", lambda services: (services.transport, services.queues))
def handler(message: Message, services: Services) -> None:
    if "updates" in message:
        services.triggering.trigger(message["updates"]["request_id"], message["updates"]["node_ids"])
        return
    if "metrics" in message:
        services.node_metrics.fetch(message["metrics"])
        return
    gone = services.transport.deliver([Delivery(**delivery) for delivery in message["deliveries"]])
    if gone:
        services.queues.send(CLEAN_UP, [{"kind": "node", "id": node_id} for node_id in gone])
