"""`Looking`: searches again for the nodes of a command, once indexes have caught up.

Nodes are found by an index, which lags, and which a node may move in while it is read. So the parts of a fan-out are
read again, soon after the last one was finished and when every index has caught up; nodes without an execution get one.
A node that changed meanwhile, and may be in a part only because of that, gets none.
"""

from dataclasses import dataclass, replace

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.commands.command_store import CommandStore
from chalicelib.fleet.commands.creation import Creation, Tell, transactions_per_page
from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.model import Command
from chalicelib.fleet.commands.target_pages import TargetPages
from chalicelib.fleet.commands.undone import LOOK, FanOut
from chalicelib.fleet.nodes.model import TargetNode, TargetPage
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.targeting import selection
from chalicelib.fleet.targeting.fan_out import CHUNK
from chalicelib.kit.clock import Clock, parse_time, sooner, to_seconds_text
from chalicelib.kit.redrive import SETTLE, SETTLE_SOON
from chalicelib.kit.tables import Tables
from chalicelib.kit.worktime import WorkTime


@dataclass(frozen=True)
class _Position:
    """The cursor of a search: ``began_at/index of the part/cursor within``."""

    began_at: str
    part: int = 0
    within: str | None = None

    def __str__(self) -> str:
        return f"{self.began_at}/{self.part}/{self.within or ''}"


class Looking:
    """Searches for nodes that an index had hidden, and creates their executions. May be repeated at any point, late or
    concurrently."""

    def __init__(self, tables: Tables, clock: Clock, nodes: NodeReader, clusters: Clusters) -> None:
        self._clock = clock
        self._nodes = nodes
        self._clusters = clusters
        self._commands = CommandStore(tables)
        self._executions = ExecutionStore(tables)
        self._creation = Creation(tables, clock)
        self._targets = TargetPages(tables, nodes)

    def look(self, command_id: str, cursor: str | None, tell: Tell, time: WorkTime) -> str | None:
        """Create missing executions until ``time`` is over; returns the next cursor, None at the end. It reads the
        command's executions and its nodes by index. Does nothing for a command that is deleted, cancelled, or whose
        deadline has passed.
        """
        command, fan_out = self._commands.with_fan_out(command_id)
        now = to_seconds_text(self._clock.now())
        if command is None or command.is_deleted or fan_out is None or fan_out.looks_since is None:
            return None
        if command.is_expired_at(now):
            return None
        parts, position = sorted(fan_out.looks), _position_of(cursor, now)
        served = self._executions.nodes_of_command(command_id)
        while position.part < len(parts):
            page = self._page(command, parts[position.part], position)
            missing = [node for node in page.nodes if node.id not in served]
            if missing and not self._serve(command, fan_out, missing, tell):
                return None
            going_on = page.cursor is not None
            position = replace(position, part=position.part + (not going_on), within=page.cursor)
            if time.is_over and position.part < len(parts):
                return str(position)
        self._settle(fan_out, fan_out.looks_since, position.began_at)
        return None

    def park(self, command_id: str, before: str | None, cursor: str) -> bool:
        """Store the cursor of a search that a message started at ``before``. Returns False if another message is
        ahead of this one, or no work is left."""
        return self._commands.park(command_id, LOOK, before, {LOOK: cursor}, self._clock.now())

    def _page(self, command: Command, part: str, position: _Position) -> TargetPage:
        size = CHUNK * transactions_per_page(1, selection.SLICE // CHUNK)
        return self._targets.page(command, part, position.within, size)

    def _serve(self, command: Command, fan_out: FanOut, missing: list[TargetNode], tell: Tell) -> bool:
        until = fan_out.looks_since or fan_out.inserted_at
        meant = [node for node in missing if selection.was_meant(node, command.targeting, until)]
        chosen = selection.select(meant, command.targeting, self._nodes, self._clusters)
        return self._creation.create(command, fan_out, chosen, tell, workers=1)

    def _settle(self, fan_out: FanOut, since: str, began_at: str) -> None:
        """End the search. Unless it began after indexes had caught up, another one follows."""
        for pause in (SETTLE_SOON, SETTLE):
            again = to_seconds_text(parse_time(since) + pause)
            if began_at < again:
                self._commands.settle(fan_out, sooner(again, fan_out.deadline))
                return
        self._commands.end_looks(fan_out)


def _position_of(cursor: str | None, now: str) -> _Position:
    if cursor is None:
        return _Position(now)
    began_at, part, within = cursor.split("/", 2)
    return _Position(began_at, int(part), within or None)
