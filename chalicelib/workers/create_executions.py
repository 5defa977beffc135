"""Creates the executions of a command, one chunk of one part a message.

The next chunk is queued before this one is answered, and a part is taken off only after its last chunk: whatever ends
in between is done again by the repeated message, or by the sweep.
"""

from chalice.app import Blueprint

from chalicelib.bootstrap import Services
from chalicelib.kit.queues import Queue
from chalicelib.workers.entry import Message, sqs_worker

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(
    queue_arn=f"arn:aws:sqs:us-east-1:000000000000:{Queue.EXECUTION_CREATION}", name="create_executions"
)
@sqs_worker("create_executions")
def handler(message: Message, services: Services) -> None:
    command_id, part = message["command_id"], message["part"]
    chunk = services.fan_outs.create_chunk(command_id, part, message.get("cursor"))
    if chunk.cursor is not None:
        services.queues.send(Queue.EXECUTION_CREATION, [{**message, "cursor": chunk.cursor}])
    if chunk.created:
        services.transport.hint(chunk.created)
    if chunk.ends_part:
        services.fan_outs.finish_part(command_id, part)
