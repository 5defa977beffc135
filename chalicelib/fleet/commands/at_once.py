"""`AtOnce`: the executions that are written with their command, because they are few.

It finds targets as a fan-out does, from the same pages and through the same filters, and gives up where they could be
many: then the fan-out makes them.
"""

from collections.abc import Sequence

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.commands.creation import Tell, pending
from chalicelib.fleet.commands.model import Command, Execution
from chalicelib.fleet.commands.target_pages import TargetPages
from chalicelib.fleet.commands.undone import FanOut
from chalicelib.fleet.nodes.model import TargetNode
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.targeting import selection
from chalicelib.fleet.targeting.model import WHOLE_FLEET, TargetType, at_first
from chalicelib.kit.tables import Tables

MOST_AT_ONCE = 50
"""Executions in the transaction of their command: half of what one holds, so that a request stays short, and what
stands beside them always fits."""

MOST_PAGES = 8
"""Pages of nodes that a request reads: a cluster each, some ten milliseconds."""

NODES_PER_PAGE = 100
"""Nodes looked at on each, before filters: 20 read units for a whole fleet that turns out to be too large."""


class AtOnce:
    """Makes the executions of a new command if they are few. ``tell`` wakes their agents once they are written;
    ``reaches_all``: all that can be reached, so that the stream need not tell them at once too."""

    def __init__(self, tables: Tables, nodes: NodeReader, clusters: Clusters, tell: Tell, *, reaches_all: bool) -> None:
        self._nodes = nodes
        self._clusters = clusters
        self._targets = TargetPages(tables, nodes)
        self._is_told = True if reaches_all else None
        self.tell = tell

    def executions(self, command: Command, fan_out: FanOut) -> list[Execution]:
        """The executions of a command that is about to be written; none if they may be many, or if no node was found:
        an index that lags may show some by the time the fan-out looks. Only reads."""
        if _names_many(command):
            return []
        found = self._found(command, fan_out.parts)
        if not found:
            return []
        chosen = selection.select(found, command.targeting, self._nodes, self._clusters)
        if len(chosen) > MOST_AT_ONCE:
            return []
        new = [pending(command, node, fan_out.target_cluster_name, command.inserted_at) for node in chosen]
        return [each.model_copy(update={"is_told": self._is_told}) for each in new]

    def _found(self, command: Command, parts: frozenset[str]) -> Sequence[TargetNode]:
        """All nodes of these parts, before filters; none if they are too many to read in a request."""
        if at_first(sorted(parts)) == [WHOLE_FLEET]:
            fleet = selection.whole_fleet(self._nodes, command.targeting, NODES_PER_PAGE, command.inserted_at)
            return [] if fleet is None else fleet.nodes
        found, is_filtered = list[TargetNode](), _is_filtered(command)
        left: list[tuple[str, str | None]] = [(part, None) for part in sorted(parts)]
        for _ in range(MOST_PAGES):
            if not left:
                break
            part, cursor = left.pop()
            page = self._targets.page(command, part, cursor, NODES_PER_PAGE)
            found += page.nodes
            if len(found) > MOST_AT_ONCE and not is_filtered:
                return []
            if page.cursor is not None:
                left.append((part, page.cursor))
        return [] if left else found


def _names_many(command: Command) -> bool:
    """Whether a command names more than could be made or read at once; filters may leave few of its nodes."""
    targeting = command.targeting
    if targeting.type is TargetType.CLUSTERS:
        return len(targeting.cluster_names or ()) > MOST_PAGES
    most = MOST_PAGES * NODES_PER_PAGE if _is_filtered(command) else MOST_AT_ONCE
    return len(targeting.node_ids or ()) > most


def _is_filtered(command: Command) -> bool:
    return bool(command.targeting.node_filters or command.targeting.cluster_filters)
