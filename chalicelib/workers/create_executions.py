"""Creates the executions of a command, up to two thousand of one part a message, or those of a whole small fleet.

What follows is queued before a message is answered, and a part is taken off only after its last execution: whatever
ends in between is done again by the repeated message, or by the sweep.
"""

from chalice.app import Blueprint

from chalicelib.bootstrap import Services
from chalicelib.kit.queues import Queue
from chalicelib.workers.entry import Message, sqs_worker

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(
    queue_arn=f"arn:aws:sqs:us-east-1:000000000000:{Queue.EXECUTION_CREATION}", name="create_executions"
)
@sqs_worker("create_executions", lambda services: (services.fan_outs, services.transport, services.queues))
def handler(message: Message, services: Services) -> None:
    command_id, part = message["command_id"], message["part"]
    fan_outs, tell = services.fan_outs, services.transport.hint
    chunk = fan_outs.create_chunk(command_id, part, message.get("cursor"), tell)
    if chunk.following:
        following = [{**message, "part": name, "cursor": cursor} for name, cursor in chunk.following]
        services.queues.send(Queue.EXECUTION_CREATION, following)
    fan_outs.finish(chunk)
