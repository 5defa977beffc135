"""Finishes what a deletion began: one chunk a message, the next one queued before this one is answered.

A pass finds rows by an index, which lags. What no sweep looks at again gets a second pass once any index has caught up.
"""

from collections.abc import Callable, Mapping

from chalice.app import Blueprint

from chalicelib.bootstrap import Services
from chalicelib.kit.queues import LONGEST_DELAY_SECONDS, Queue
from chalicelib.workers.entry import Message, sqs_worker

PASSED_TWICE = frozenset({"cluster", "node", "ssh_of_node"})
"""Clean-ups that nothing but their messages remembers."""

Chunk = Callable[[str, str | None], str | None]
Clean = Callable[[Services, Message], str | None]
"""Does one chunk of what a message asks for; returns where the next begins, None at the end."""

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=f"arn:aws:sqs:us-east-1:000000000000:{Queue.CLEAN_UP}", name="clean_up")
@sqs_worker("clean_up")
def handler(message: Message, services: Services) -> None:
    cursor = _clean_chunk(message, services)
    if cursor is not None:
        services.queues.send(Queue.CLEAN_UP, [{**message, "cursor": cursor}])
    elif message["kind"] in PASSED_TWICE and not message.get("is_second"):
        second = {"kind": message["kind"], "id": message["id"], "is_second": True}
        services.queues.send(Queue.CLEAN_UP, [second], delay_seconds=LONGEST_DELAY_SECONDS)


def _clean_chunk(message: Message, services: Services) -> str | None:
    """Do one chunk; returns where the next begins, None at the end. Raises ValueError for an unknown kind."""
    clean = _KINDS.get(message["kind"])
    if clean is None:
        raise ValueError(f"there is nothing to clean up of kind {message['kind']!r}")
    return clean(services, message)


def _by_cursor(of: Callable[[Services], Chunk]) -> Clean:
    """What needs no more than an id and a place in it."""
    return lambda services, message: of(services)(message["id"], message.get("cursor"))


def _clean_node_chunk(services: Services, message: Message) -> str | None:
    """Cancel what waits for a deleted node, then end its socket and forget its presence and its metrics."""
    node_id = message["id"]
    rest = services.clean_up.cancel_open_of_node_chunk(node_id, message.get("cursor"))
    if rest is None:
        connection_id = services.nodes.connection_of_deleted(node_id)
        if connection_id is not None:
            services.transport.close(connection_id)
        services.nodes.forget(node_id)
        services.node_metrics.forget(node_id)
    return rest


def _close_socket(services: Services, message: Message) -> None:
    services.transport.close(message["id"])


def _settle_name(services: Services, message: Message) -> None:
    services.aliases.settle_name(message["cluster_name"], message["id"], message["name"])


_KINDS: Mapping[str, Clean] = {
    "cluster": _by_cursor(lambda services: services.enrollment.clean_up_chunk),
    "command": _by_cursor(lambda services: services.clean_up.delete_executions_chunk),
    "expire_command": _by_cursor(lambda services: services.clean_up.expire_chunk),
    "cancel_command": _by_cursor(lambda services: services.clean_up.cancel_chunk),
    "prune_executions": _by_cursor(lambda services: services.pruning.prune_chunk),
    "node": _clean_node_chunk,
    "ssh_of_node": _by_cursor(lambda services: services.ssh_usernames.clean_up_chunk),
    "connection": _close_socket,
    "self_update_request": _by_cursor(lambda services: services.self_updates.clean_up_chunk),
    "alias": _settle_name,
    "webhook": _by_cursor(lambda services: services.webhooks.deliveries.clean_up_chunk),
}
