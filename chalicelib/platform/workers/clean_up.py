"""Finishes deletions and changes of a cluster's owner, chunk by chunk, until the function's time is nearly over. Then
it stores a cursor in the row of the command's fan-out or of a task, from which the change stream leads to the next
message (`kit.tasks`).
"""

from collections.abc import Callable, Mapping

from chalice.app import Blueprint

from chalicelib.bootstrap import Services
from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.commands.undone import PASSES
from chalicelib.kit.counters import total_of
from chalicelib.kit.cursors import StepCursor
from chalicelib.kit.worktime import WorkTime
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.workers.entry import Message, long_sqs_worker

Chunk = Callable[[str, str | None], str | None]
Clean = Callable[[Services, Message], str | None]
"""Does one chunk of what a message asks for; returns where the next begins, None at the end."""

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=f"arn:aws:sqs:us-east-1:000000000000:{CLEAN_UP}", name="clean_up")
@long_sqs_worker("clean_up", lambda services: (services.clean_up, services.tasks, services.queues))
def handler(message: Message, services: Services, time: WorkTime) -> None:
    began_at = message.get("began_at") or services.tasks.begin()
    cursor = _clean_chunk(message, services)
    while cursor is not None and not time.is_over:
        cursor = _clean_chunk({**message, "cursor": cursor}, services)
    if cursor is not None:
        is_noted = _park(message, cursor, began_at, services)
        services.log.line("parked", kind=message["kind"], id=message["id"], cursor=cursor, is_noted=is_noted)
    elif "task" in message:
        services.tasks.end(message["task"], began_at)


def _park(message: Message, cursor: str, began_at: str, services: Services) -> bool:
    """Note where to go on; False where another pass is ahead of this one."""
    if message["kind"] in PASSES:
        name = str(message.get("share", message["kind"]))
        return services.clean_up.park(message["id"], name, message.get("cursor"), cursor)
    return services.tasks.park(message, cursor, began_at)


def _clean_chunk(message: Message, services: Services) -> str | None:
    """Do one chunk; returns where the next begins, None at the end. Raises ValueError for an unknown kind."""
    clean = _KINDS.get(message["kind"])
    if clean is None:
        raise ValueError(f"there is nothing to clean up of kind {message['kind']!r}")
    return clean(services, message)


def _by_cursor(of: Callable[[Services], Chunk]) -> Clean:
    """The steps that need only an id and a cursor."""
    return lambda services, message: of(services)(message["id"], message.get("cursor"))


def _in_turn(*steps: Clean) -> Clean:
    """One after the other; the cursor says which, and where in it: ``1/...``."""

    def clean(services: Services, message: Message) -> str | None:
        cursor = StepCursor.parse(message.get("cursor"))
        following = cursor.after(steps[cursor.step](services, {**message, "cursor": cursor.within}))
        return following.text() if following.step < len(steps) else None

    return clean


def _forget_node(services: Services, message: Message) -> None:
    """End the socket of a deleted node, and drop its presence and its metrics."""
    node_id = message["id"]
    connection_id = services.nodes.connections.connection_of_deleted(node_id)
    if connection_id is not None:
        services.transport.close(connection_id)
    services.nodes.connections.forget_deleted(node_id)
    services.node_metrics.forget(node_id)


def _close_socket(services: Services, message: Message) -> None:
    services.transport.close(message["id"])


def _redeliver_chunk(services: Services, message: Message) -> str | None:
    """Queue what waits for a cluster's nodes with its owner of now, and next to it where the following nodes begin."""
    chunk = services.redelivery.chunk(message["id"], message.get("cursor"))
    services.dispatch.send(chunk.work)
    return chunk.cursor


def _forget_total(services: Services, message: Message) -> None:
    """Drop the counter of a deleted command's executions."""
    services.counters.forget(total_of(EXECUTIONS.name, "command_id", message["id"]))


def _reseal(services: Services, message: Message) -> None:
    """Seal rows of a table again, after a new data key was made."""
    services.resealing.reseal(message["id"], message["ids"])


def _redeliver_webhook_chunk(services: Services, message: Message) -> str | None:
    deliveries = services.webhooks.deliveries
    return deliveries.redeliver_chunk(message["id"], message["since"], message["until"], message.get("cursor"))


_KINDS: Mapping[str, Clean] = {
    "cluster": _by_cursor(lambda services: services.enrollment.clean_up_chunk),
    "command": _by_cursor(lambda services: services.clean_up.delete_executions_chunk),
    "command_total": _forget_total,
    "expire_command": _by_cursor(lambda services: services.clean_up.expire_chunk),
    "cancel_command": _by_cursor(lambda services: services.clean_up.cancel_chunk),
    "prune_executions": _by_cursor(lambda services: services.pruning.prune_chunk),
    "node": _in_turn(
        _by_cursor(lambda services: services.clean_up.cancel_open_of_node_chunk),
        _by_cursor(lambda services: services.ssh_usernames.clean_up_chunk),
        _forget_node,
    ),
    "connection": _close_socket,
    "redeliver": _redeliver_chunk,
    "reseal": _reseal,
    "self_update_request": _by_cursor(lambda services: services.self_updates.clean_up_chunk),
    "webhook": _by_cursor(lambda services: services.webhooks.deliveries.clean_up_chunk),
    "webhook_redelivery": _redeliver_webhook_chunk,
}
