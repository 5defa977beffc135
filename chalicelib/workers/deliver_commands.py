"""Tells agents that something waits for them. Telling twice is harmless; not telling costs the time to the next poll.

A delivery for a node that is gone asks for its clean-up again: the execution may have been created while the node was
being deleted.
"""

from chalice.app import Blueprint

from chalicelib.bootstrap import Services
from chalicelib.kit.queues import Queue
from chalicelib.transport.service import Delivery
from chalicelib.workers.entry import Message, sqs_worker

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(
    queue_arn=f"arn:aws:sqs:us-east-1:000000000000:{Queue.COMMAND_DELIVERY}", name="deliver_commands"
)
@sqs_worker("deliver_commands")
def handler(message: Message, services: Services) -> None:
    gone = services.transport.deliver([Delivery(**delivery) for delivery in message["deliveries"]])
    if gone:
        services.queues.send(Queue.CLEAN_UP, [{"kind": "node", "id": node_id} for node_id in gone])
