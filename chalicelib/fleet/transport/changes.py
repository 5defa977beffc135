"""The messages that agents get because of executions, and the courier that sends them to the owner of a cluster."""

from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.transport.dispatch import AgentWork
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.kit.changes import Change
from chalicelib.kit.queues import Message
from chalicelib.platform.context import Send


def on_change(change: Change) -> Iterator[Send]:
    """Wake the agent for a new execution, and have it end one that was cancelled or reached its deadline."""
    row = change.row
    if change.table != EXECUTIONS.name:
        return
    kind = ""
    if change.old is None and row["status"] == "pending":
        kind = "executions"
    elif change.new is not None and _ends_on_agent(change):
        kind = "cancel"
    if kind:
        # The cluster that the node was in when the command was given: if it has moved since, its former owner can still
        # wake it, and a poll finds what a push does not reach.
        delivery = {"cluster_name": row["node_cluster_name"], "node_id": row["node_id"], "kind": kind}
        command = {"command_id": row["command_id"]} if kind == "executions" else {}
        message = {"delivery": {**delivery, "execution_ids": [row["id"]], **command}}
        is_told = kind == "executions" and row.get("is_told")
        yield Send(COMMAND_DELIVERY, {**message, "is_told": True} if is_told else message)


def courier(fleet: Any, messages: Sequence[Message], request_id: str) -> None:
    """Pack what agents are to be told by cluster, and queue it with the owners of the clusters.

    A message holds a ``delivery`` or an ``update``: the arguments of `AgentWork.deliver` or `AgentWork.update`. A
    delivery that ``is_told`` is for an agent that the request of its command wakes.
    """
    work, told = AgentWork(), AgentWork()
    for message in messages:
        if "update" in message:
            work.update(**message["update"])
        else:
            (told if message.get("is_told") else work).deliver(**message["delivery"])
    fleet.transport.dispatch.send(work, request_id=request_id)
    fleet.transport.dispatch.send_again(told, request_id=request_id)


def _ends_on_agent(change: Change) -> bool:
    """Whether the agent should stop what it runs: an operator asked for it, or the deadline came while it ran."""
    was_sent = change.old is not None and change.old.get("status") == "sent"
    return change.operation == "execution.cancel_requested" or (change.operation == "execution.expired" and was_sent)
