"""Declares the context `transport`: its tables, queues, functions and their permissions."""

from typing import Any

from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.transport.changes import courier, on_change
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.kit.queues import Message
from chalicelib.platform.context import EVERY_STACK, Context, Function, Grants, QueueSource, Task, WebSocketSource


def _forget_node(fleet: Any, message: Message) -> None:
    """End the socket of a deleted node, and drop its presence."""
    connection_id = fleet.nodes.connections.connection_of_deleted(message["id"])
    if connection_id is not None:
        fleet.transport.direct.close(connection_id)
    fleet.nodes.connections.forget_deleted(message["id"])


def _redeliver_chunk(fleet: Any, message: Message) -> str | None:
    """Queue the open work of a cluster's nodes with its present owner; returns where the following nodes begin."""
    chunk = fleet.transport.redelivery.chunk(message["id"], message.get("cursor"))
    fleet.transport.dispatch.send(chunk.work)
    cursor: str | None = chunk.cursor
    return cursor


CONTEXT = Context(
    name="transport",
    queues=(COMMAND_DELIVERY,),
    functions=(
        Function(
            "websocket_connect",
            "chalicelib.fleet.workers.connections.connect",
            WebSocketSource(),
            28,
            loads="access admins aliases clusters commands enrollment events nodes tails targeting transport vpn",
        ),
        Function(
            "websocket_message",
            "chalicelib.fleet.workers.connections.message",
            WebSocketSource(),
            28,
            loads="access admins aliases clusters commands enrollment events nodes tails targeting transport vpn",
        ),
        Function(
            "websocket_disconnect",
            "chalicelib.fleet.workers.connections.disconnect",
            WebSocketSource(),
            28,
            loads="access admins aliases clusters commands enrollment events nodes tails targeting transport vpn",
        ),
        Function(
            "deliver_commands",
            "chalicelib.fleet.workers.deliver_commands.handler",
            QueueSource(COMMAND_DELIVERY, 50),
            30,
            roles=EVERY_STACK,
            reaches_nodes=True,
            loads="aliases clusters commands enrollment events nodes targeting transport vpn",
        ),
    ),
    tasks={
        "node": Task(_forget_node),
        "connection": Task(lambda fleet, message: fleet.transport.direct.close(message["id"])),
        "redeliver": Task(_redeliver_chunk),
    },
    follows=(EXECUTIONS,),
    on_change=on_change,
    couriers={COMMAND_DELIVERY: courier},
    grants={
        "api_handler": Grants(
            sends=(COMMAND_DELIVERY,),
            counts=(COMMAND_DELIVERY,),
            sends_to_owners=True,
            posts_to_sockets=True,
        ),
        "websocket_message": Grants(sends=(COMMAND_DELIVERY,), sends_to_owners=True, posts_to_sockets=True),
        "relay_changes": Grants(sends=(COMMAND_DELIVERY,), sends_to_owners=True),
        "create_executions": Grants(posts_to_sockets=True),
        "deliver_commands": Grants(posts_to_sockets=True),
        "clean_up": Grants(sends=(COMMAND_DELIVERY,), sends_to_owners=True, posts_to_sockets=True),
        "trigger_updates": Grants(sends=(COMMAND_DELIVERY,), sends_to_owners=True),
    },
)
