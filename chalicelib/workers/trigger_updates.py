"""Finds the nodes of a self-update request, and ends the request. Those that reach the nodes tell them:
`deliver_commands`.

The next chunk is queued before this one is answered, and a part is taken off only after its last chunk: whatever ends
in between is done again by the repeated message, or by the sweep.
"""

from chalice.app import Blueprint

from chalicelib.bootstrap import Services
from chalicelib.kit.queues import Queue
from chalicelib.workers.entry import Message, sqs_worker

SETTLE_SECONDS = 15
"""When to look whether all nodes have been told, after the last was found. A hint: the sweep looks in any case."""

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=f"arn:aws:sqs:us-east-1:000000000000:{Queue.SELF_UPDATES}", name="trigger_updates")
@sqs_worker("trigger_updates", lambda services: (services.triggering, services.queues))
def handler(message: Message, services: Services) -> None:
    request_id = message["request_id"]
    if "part" in message:
        _find_nodes(message, services)
        return
    following = services.triggering.settle(request_id, redrive=message.get("redrive", False))
    services.dispatch.send(following.to_tell)
    if following.looks_again:
        services.queues.send(Queue.SELF_UPDATES, [{"request_id": request_id}])


def _find_nodes(message: Message, services: Services) -> None:
    request_id, part = message["request_id"], message["part"]
    chunk = services.update_fan_outs.create_chunk(request_id, part, message.get("cursor"))
    if chunk.cursor is not None:
        services.queues.send(Queue.SELF_UPDATES, [{**message, "cursor": chunk.cursor}])
    if chunk.ends_part and services.update_fan_outs.finish_part(request_id, part):
        services.queues.send(Queue.SELF_UPDATES, [{"request_id": request_id}], delay_seconds=SETTLE_SECONDS)
