"""`Looking`: searches again for the nodes of a command, once indexes have caught up.

Nodes are found by an index, which lags, and which a node may move in while it is read. So the parts of a fan-out are
read again, soon after the last one was finished and when every index has caught up; nodes without an execution get one.
A node that moved in meanwhile, or may fit filters only by a change, gets none. A rollout is searched when it has
finished, and goes on with what was found.
"""

from dataclasses import dataclass, replace

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.commands.command_store import CommandStore
from chalicelib.fleet.commands.creation import Creation, Tell, transactions_per_page
from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.model import Command
from chalicelib.fleet.commands.rollout_store import RolloutStore
from chalicelib.fleet.commands.target_pages import TargetPages
from chalicelib.fleet.commands.undone import LOOK, FanOut
from chalicelib.fleet.nodes.model import TargetNode, TargetPage
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.targeting import selection
from chalicelib.fleet.targeting.fan_out import CHUNK
from chalicelib.kit.clock import Clock, parse_time, sooner, to_seconds_text
from chalicelib.kit.redrive import FIRST_LOOK, SETTLE, SETTLE_SOON
from chalicelib.kit.tables import Tables
from chalicelib.kit.worktime import WorkTime

MOST_HIDDEN = 10 * CHUNK
"""Nodes with which a rollout goes on at once. Where an index hid more, the next search finds them."""


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
        self._rollouts = RolloutStore(tables)
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
        parts, until, served = self._known(fan_out)
        position, hidden = _position_of(cursor, now), list[TargetNode]()
        while position.part < len(parts) and len(hidden) < MOST_HIDDEN:
            page = self._page(command, parts[position.part], position)
            missing = [node for node in page.nodes if node.id not in served]
            if fan_out.rollout is not None:
                hidden += self._meant(command, missing, until)
                served.update(node.id for node in missing)
            elif missing and not self._serve(command, fan_out, missing, tell):
                return None
            going_on = page.cursor is not None
            position = replace(position, part=position.part + (not going_on), within=page.cursor)
            if time.is_over and position.part < len(parts):
                if hidden:
                    break
                return str(position)
        if hidden:
            # In further waves. Refused: the row has changed, which has ended this search or begun another.
            self._rollouts.reopen(fan_out, hidden, to_seconds_text(self._clock.now() + FIRST_LOOK))
            return None
        self._settle(fan_out, fan_out.looks_since, position.began_at)
        return None

    def park(self, command_id: str, before: str | None, cursor: str) -> bool:
        """Store the cursor of a search that a message started at ``before``. Returns False if another message is
        ahead of this one, or no work is left."""
        return self._commands.park(command_id, LOOK, before, {LOOK: cursor}, self._clock.now())

    def _page(self, command: Command, part: str, position: _Position) -> TargetPage:
        size = CHUNK * transactions_per_page(1, selection.SLICE // CHUNK)
        return self._targets.page(command, part, position.within, size)

    def _known(self, fan_out: FanOut) -> tuple[list[str], str, set[str]]:
        """The parts to search, until when they were read, and the nodes that have an execution, had one that was
        deleted or, in a rollout, have a turn."""
        command_id, rollout = fan_out.command_id, fan_out.rollout
        if rollout is None:
            return (
                sorted(fan_out.looks),
                _until(fan_out, fan_out.looks_since),
                self._executions.nodes_of_command(command_id) | fan_out.spared,
            )
        parts, found_at = self._rollouts.parts(command_id)
        chunks = self._rollouts.chunks(command_id, rollout.chunks)
        return parts, _until(fan_out, found_at), {node_id for chunk in chunks for node_id, _ in chunk}

    def _serve(self, command: Command, fan_out: FanOut, missing: list[TargetNode], tell: Tell) -> bool:
        """False if the row has changed since it was read: another search is under way, or a node is spared since."""
        chosen = self._meant(command, missing, _until(fan_out, fan_out.looks_since))
        return self._creation.create(command, fan_out, chosen, tell, workers=1, version=fan_out.version)

    def _meant(self, command: Command, missing: list[TargetNode], until: str) -> list[TargetNode]:
        """Those of the nodes that the command was for."""
        meant = selection.meant(missing, command.targeting, until, self._nodes)
        return selection.select(meant, command.targeting, self._nodes, self._clusters)

    def _settle(self, fan_out: FanOut, since: str, began_at: str) -> None:
        """End the search. Unless it began after indexes had caught up, another one follows."""
        for pause in (SETTLE_SOON, SETTLE):
            again = to_seconds_text(parse_time(since) + pause)
            if began_at < again:
                self._commands.settle(fan_out, sooner(again, fan_out.deadline))
                return
        self._commands.end_looks(fan_out)


def _until(fan_out: FanOut, read_at: str | None) -> str:
    """The time at which the nodes had been read: one that was there is meant. Never before the command, as it would be
    by a clock that is behind."""
    return max(read_at or "", fan_out.inserted_at)


def _position_of(cursor: str | None, now: str) -> _Position:
    if cursor is None:
        return _Position(now)
    began_at, part, within = cursor.split("/", 2)
    return _Position(began_at, int(part), within or None)
