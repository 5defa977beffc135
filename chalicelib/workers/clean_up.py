"""Finishes what a deletion began: one chunk a message, the next one queued before this one is answered.

A pass finds rows by an index, which lags. What no sweep looks at again gets a second pass once any index has caught up.
"""

from chalice.app import Blueprint

from chalicelib.bootstrap import Services
from chalicelib.kit.queues import LONGEST_DELAY_SECONDS, Queue
from chalicelib.workers.entry import Message, sqs_worker

PASSED_TWICE = frozenset({"cluster", "node", "ssh_of_node"})
"""Clean-ups that nothing but their messages remembers."""

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
    subject_id, cursor = message["id"], message.get("cursor")
    match message["kind"]:
        case "cluster":
            return services.enrollment.clean_up_chunk(subject_id, cursor)
        case "command":
            return services.clean_up.delete_executions_chunk(subject_id, cursor)
        case "expire_command":
            return services.clean_up.expire_chunk(subject_id, cursor)
        case "node":
            return _clean_node_chunk(subject_id, cursor, services)
        case "ssh_of_node":
            return services.ssh_usernames.clean_up_chunk(subject_id, cursor)
        case "connection":
            services.transport.close(subject_id)
            return None
        case "alias":
            services.aliases.settle_name(message["cluster_name"], subject_id, message["name"])
            return None
        case kind:
            raise ValueError(f"there is nothing to clean up of kind {kind!r}")


def _clean_node_chunk(node_id: str, cursor: str | None, services: Services) -> str | None:
    """Cancel what waits for a deleted node, then end its socket and forget its presence."""
    rest = services.clean_up.cancel_open_of_node_chunk(node_id, cursor)
    if rest is None:
        connection_id = services.nodes.connection_of_deleted(node_id)
        if connection_id is not None:
            services.transport.close(connection_id)
        services.nodes.forget(node_id)
    return rest
