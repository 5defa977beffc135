"""Finds the nodes of a self-update request, and ends the request. `deliver_commands` triggers the nodes.

A worker runs until its function's time is nearly over. Then it stores a cursor in the request's row, from which the
change stream leads to the next message. A part is removed only after its last node: after a crash, the repeated message
or the sweep continues.
"""

from chalice.app import Blueprint

from chalicelib.fleet.updates.model import LOOK, SETTLE
from chalicelib.fleet.updates.queues import SELF_UPDATES
from chalicelib.fleet.wiring import Fleet
from chalicelib.fleet.workers.entry import FLEET
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.redrive import SETTLE_SOON
from chalicelib.kit.worktime import WorkTime
from chalicelib.platform.workers.entry import Message, placeholder_arn

SETTLE_SECONDS = int(SETTLE_SOON.total_seconds())
"""When to look again for nodes, and whether all have been told, after the last was found. A hint: the sweep looks in
any case."""

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(SELF_UPDATES), name="trigger_updates")
@FLEET.long_sqs_worker("trigger_updates", lambda services: (services.updates.triggering, services.platform.queues))
def handler(message: Message, services: Fleet, time: WorkTime) -> None:
    part = message.get("part", LOOK)
    if part in {LOOK, SETTLE}:
        _settle(message, services, time)
    else:
        _find_nodes(message, services, time)


def _find_nodes(message: Message, services: Fleet, time: WorkTime) -> None:
    request_id, part = message["request_id"], message["part"]
    fan_outs = services.updates.fan_outs
    chunk = fan_outs.create_chunk(request_id, part, message.get("cursor"))
    while chunk.cursor is not None and not time.is_over:
        chunk = fan_outs.create_chunk(request_id, part, chunk.cursor)
    if chunk.cursor is not None:
        _park(message, part, chunk.cursor, services)
    if chunk.ends_part and fan_outs.finish_part(request_id, part):
        services.platform.queues.send(SELF_UPDATES, [{"request_id": request_id}], delay_seconds=SETTLE_SECONDS)


def _settle(message: Message, services: Fleet, time: WorkTime) -> None:
    """Look for nodes that an index hid, then whether all have been told."""
    request_id, triggering = message["request_id"], services.updates.triggering
    if message.get("part") != SETTLE:
        cursor = services.updates.fan_outs.look(request_id, message.get("cursor"), time)
        if cursor is not None:
            _park(message, LOOK, cursor, services)
            return
    following = triggering.settle(request_id, redrive=message.get("redrive", False))
    services.transport.dispatch.send(following.to_tell)
    while following.looks_again and not time.is_over:
        following = triggering.settle(request_id, redrive=False)
    if following.looks_again:
        _park(message, SETTLE, to_seconds_text(services.platform.clock.now()), services)


def _park(message: Message, name: str, cursor: str, services: Fleet) -> None:
    request_id = message["request_id"]
    before = message.get("cursor") if message.get("part", LOOK) == name else None
    is_noted = services.updates.fan_outs.park(request_id, name, before, cursor)
    services.platform.log.line("parked", self_update_request_id=request_id, part=name, cursor=cursor, is_noted=is_noted)
