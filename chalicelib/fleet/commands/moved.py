"""`Moved`: executions for a node that left a cluster before the fan-outs of that cluster's commands had come to it.

The nodes that were in a cluster when a command was given for it are served. A fan-out reads which are there when its
turn comes, and that may be minutes later where messages are late. So the move itself asks for this: its transaction
creates a task with the node, the cluster that it left, and from when until when it was there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.commands.command_store import CommandStore
from chalicelib.fleet.commands.creation import Creation
from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.model import Command, Execution
from chalicelib.fleet.commands.store import execution_id
from chalicelib.fleet.commands.undone import FanOut
from chalicelib.fleet.nodes.model import TargetNode
from chalicelib.fleet.nodes.moving import Stay
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.targeting import selection
from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.errors import unavailable
from chalicelib.kit.ids import moment_of
from chalicelib.kit.queues import Message
from chalicelib.kit.redrive import LONGEST_PAUSE
from chalicelib.kit.tables import Tables

_A_WHILE = timedelta(seconds=60)
"""Added to the longest pause of open work, so that none is due later than what is read."""


class Moved:
    """Does the tasks of moves. May be repeated at any point, late or concurrently."""

    def __init__(self, tables: Tables, clock: Clock, nodes: NodeReader, clusters: Clusters) -> None:
        self._clock = clock
        self._nodes = nodes
        self._clusters = clusters
        self._commands = CommandStore(tables)
        self._tables = tables
        self._executions = ExecutionStore(tables)
        self._creation = Creation(tables, clock)

    def serve(self, message: Message) -> None:
        """Create the node's executions of the commands that were given for the cluster while it was there, as far as
        their fan-outs are under way and have left it out. Filters see the node as it is now, as those of a fan-out do;
        a writer who does not reach its new cluster gives it nothing. It reads the open fan-outs by index, 100 a call,
        and for those that the move concerns three calls each.
        """
        stay = Stay.of_message(message)
        open_until = to_seconds_text(self._clock.now() + LONGEST_PAUSE + _A_WHILE)
        for page in self._commands.due_pages(open_until):
            concerned = [fan_out for fan_out in page if _concerns(fan_out, stay)]
            found = self._nodes.targets([stay.node_id]) if concerned else []
            if found:
                self._serve(concerned, found[0])

    def _serve(self, fan_outs: Sequence[FanOut], node: TargetNode) -> None:
        ids = {execution_id(fan_out.command_id, node.id): fan_out for fan_out in fan_outs}
        served = {row.id for row in self._executions.get_many(list(ids))}
        for row_id, fan_out in ids.items():
            if row_id not in served and node.inserted_at <= fan_out.inserted_at:
                self._create(fan_out, node)

    def _create(self, fan_out: FanOut, node: TargetNode) -> None:
        """Create the node's execution. The row of the fan-out may change meanwhile: then it is read and judged again.
        Raises `EdgeError` (service unavailable) if it goes on changing."""
        for _ in self._tables.tries():
            command, row = self._commands.with_fan_out(fan_out.command_id)
            if command is None or command.is_deleted or command.is_expired_at(to_seconds_text(self._clock.now())):
                return
            if row is None or node.id in row.spared or not (row.parts or row.looks_since):
                return
            chosen = selection.select([node], command.targeting, self._nodes, self._clusters)
            if self._creation.create(command, row, chosen, _told_by_the_stream, workers=1, version=row.version):
                return
        raise unavailable()


def _concerns(fan_out: FanOut, stay: Stay) -> bool:
    """Whether executions of the command are being created for the cluster, and the node was there when it was given.
    Rollouts are for whom they find when they begin."""
    parts = fan_out.parts | fan_out.looks
    is_of_cluster = any(selection.is_of_cluster(part, stay.cluster_id) for part in parts)
    return is_of_cluster and fan_out.rollout is None and stay.since <= _given_at(fan_out) <= stay.until


def _given_at(fan_out: FanOut) -> datetime:
    """When the command was given: its id has the milliseconds, but of the time that it was due at if a schedule gave
    it."""
    return max(moment_of(fan_out.command_id), parse_time(fan_out.inserted_at))


def _told_by_the_stream(_command: Command, _created: Sequence[Execution]) -> None:
    """The change stream wakes the agent."""
