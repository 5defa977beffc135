"""Finishes what a deletion began: one chunk a message, the next one queued before this one is answered."""

from chalice.app import Blueprint

from chalicelib.bootstrap import Services
from chalicelib.kit.queues import Queue
from chalicelib.workers.entry import Message, sqs_worker

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=f"arn:aws:sqs:us-east-1:000000000000:{Queue.CLEAN_UP}", name="clean_up")
@sqs_worker("clean_up")
def handler(message: Message, services: Services) -> None:
    cursor = _clean_chunk(message["kind"], message["id"], message.get("cursor"), services)
    if cursor is not None:
        services.queues.send(Queue.CLEAN_UP, [{**message, "cursor": cursor}])


def _clean_chunk(kind: str, subject_id: str, cursor: str | None, services: Services) -> str | None:
    """Do one chunk; returns where the next begins, None at the end. Raises ValueError for an unknown kind."""
    match kind:
        case "cluster":
            return services.enrollment.clean_up_chunk(subject_id, cursor)
        case "command":
            return services.clean_up.delete_executions_chunk(subject_id, cursor)
        case "expire_command":
            return services.clean_up.expire_chunk(subject_id, cursor)
        case "node":
            return _clean_node_chunk(subject_id, cursor, services)
        case "connection":
            services.transport.close(subject_id)
            return None
        case _:
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
