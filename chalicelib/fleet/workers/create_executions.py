"""Creates the executions of a command, page by page of one part, or those of a whole small fleet; later it looks for
nodes that an index had hidden.

A worker runs until its function's time is nearly over. Then it stores a cursor in the fan-out's row, from which the
change stream leads to the next message. A part is removed only after its last execution: after a crash, the repeated
message or the sweep continues.
"""

from chalice.app import Blueprint

from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.commands.rollout import ROLLOUT
from chalicelib.fleet.commands.undone import LOOK
from chalicelib.fleet.wiring import Fleet
from chalicelib.fleet.workers.entry import FLEET
from chalicelib.kit.worktime import WorkTime
from chalicelib.platform.workers.entry import Message, placeholder_arn

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(EXECUTION_CREATION), name="create_executions")
@FLEET.long_sqs_worker(
    "create_executions",
    lambda services: (
        services.commands.fan_outs,
        services.commands.waves,
        services.transport.direct,
        services.platform.queues,
    ),
)
def handler(message: Message, services: Fleet, time: WorkTime) -> None:
    command_id, part, before = message["command_id"], message["part"], message.get("cursor")
    if part == LOOK:
        cursor = services.commands.looking.look(command_id, before, services.transport.direct.hint, time)
        is_noted = cursor is not None and services.commands.looking.park(command_id, before, cursor)
    else:
        cursor = _create(message, services, time)
        is_noted = cursor is not None and services.commands.fan_outs.park(command_id, part, before, cursor)
    if cursor is not None:
        services.platform.log.line("parked", command_id=command_id, part=part, cursor=cursor, is_noted=is_noted)


def _create(message: Message, services: Fleet, time: WorkTime) -> str | None:
    """Work on a part; returns where to go on, None at its end."""
    command_id, part = message["command_id"], message["part"]
    if part == ROLLOUT:
        return _roll_out(message, services, time)
    fan_outs, tell = services.commands.fan_outs, services.transport.direct.hint
    chunk = fan_outs.create_chunk(command_id, part, message.get("cursor"), tell)
    while chunk.cursor is not None and not time.is_over:
        chunk = fan_outs.create_chunk(command_id, part, chunk.cursor, tell)
    if chunk.split:
        shards = [{**message, "part": shard} for shard in chunk.split]
        services.platform.queues.send(EXECUTION_CREATION, shards)
    fan_outs.finish(chunk)
    return chunk.cursor


def _roll_out(message: Message, services: Fleet, time: WorkTime) -> str | None:
    """Go on with a rollout; returns where to go on, None where it ended or waits."""
    waves, tell, ended = services.commands.waves, services.transport.direct.hint, message.get("ended")
    slots = [ended] if isinstance(ended, int) else ended  # an earlier version sent each by itself
    chunk = waves.step(message["command_id"], slots, tell)
    while chunk.cursor is not None and not time.is_over:
        chunk = waves.step(message["command_id"], (), tell)
    services.commands.fan_outs.finish(chunk)
    return chunk.cursor
