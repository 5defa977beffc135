"""`Stay`: a node's time in a cluster that it has left, and the task for what it had still to get there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.fleet.nodes.model import Node
from chalicelib.kit import tasks
from chalicelib.kit.clock import parse_time
from chalicelib.kit.redrive import SETTLE
from chalicelib.kit.tables import Update

MOVED = "moved_node"
"""The kind of the task."""

LAST_PASS = SETTLE / 3
"""From the move to the last pass of its task. An index may hide a command that was given just before the move; its
fan-out takes further executions for `SETTLE`, so the last pass is well before that is over."""


@dataclass(frozen=True)
class Stay:
    """A node was in a cluster from one moment until another."""

    node_id: str
    cluster_id: str
    since: datetime
    until: datetime

    @classmethod
    def of_message(cls, message: Mapping[str, Any]) -> "Stay":
        """The stay that a message of the task tells of."""
        since, until = parse_time(message["since"]), parse_time(message["until"])
        return cls(message["id"], message["cluster_id"], since, until)


def ask(before: Node, after: Node) -> Update:
    """A write for the transaction that moves the node: creates the task for the cluster that it leaves."""
    since, until = before.placed_at or before.inserted_at, after.placed_at or after.updated_at
    moved_at, cluster_id = parse_time(until), before.cluster_id
    return tasks.ask(
        MOVED, before.id, moved_at, settles_after=LAST_PASS, cluster_id=cluster_id, since=since, until=until
    )
