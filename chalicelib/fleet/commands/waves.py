"""`Waves`: finds the targets of a rollout, and makes its executions as earlier ones end.

Whether an execution has ended is read from its own row. The row of the fan-out keeps what is out: it changes in one
transaction with the executions that a step makes, so that a repeat, a crash or another worker makes none beyond the
limits.
"""

from collections.abc import Collection, Mapping

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.commands.command_store import CommandStore
from chalicelib.fleet.commands.creation import Tell, pending
from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.model import Command, Outcome
from chalicelib.fleet.commands.rollout import ROLLOUT, SLOTS, Rollout
from chalicelib.fleet.commands.rollout_store import RolloutStore, chunks_for
from chalicelib.fleet.commands.store import execution_id
from chalicelib.fleet.commands.target_pages import ROWS_AT_ONCE, TargetPages
from chalicelib.fleet.commands.undone import FanOut, FanOutChunk
from chalicelib.fleet.nodes.model import TargetNode
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.targeting import selection
from chalicelib.fleet.targeting.fan_out import CHUNK
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import unavailable
from chalicelib.kit.tables import Tables

TARGETS_AT_ONCE = 10 * CHUNK
"""Nodes looked at in one step: their ids fit one transaction well."""

_ERRORS = (Outcome.FAILED, Outcome.EXPIRED)
_NO_MORE = FanOutChunk()


class Waves:
    """Goes on with rollouts. A step may be repeated at any point, late or concurrently."""

    def __init__(self, tables: Tables, clock: Clock, nodes: NodeReader, clusters: Clusters) -> None:
        self._tables = tables
        self._clock = clock
        self._nodes = nodes
        self._clusters = clusters
        self._commands = CommandStore(tables)
        self._executions = ExecutionStore(tables)
        self._rollouts = RolloutStore(tables)
        self._targets = TargetPages(tables, nodes)

    def step(self, command_id: str, ended: Collection[int] | None, tell: Tell) -> FanOutChunk:
        """Look for further targets, or note which of the executions at the slots ``ended`` have ended (None: of all
        that are out) and make as many as may be made now. ``tell`` is called with them. The caller goes on while there
        is a cursor. Raises `EdgeError` (service unavailable) if other workers are always faster."""
        for _ in self._tables.tries():
            command, fan_out = self._commands.with_fan_out(command_id)
            rollout = None if fan_out is None else fan_out.rollout
            if command is None or fan_out is None or rollout is None or ROLLOUT not in fan_out.parts:
                return _NO_MORE
            is_late = command.is_deleted or command.is_expired_at(to_seconds_text(self._clock.now()))
            if is_late or rollout.has_ended:
                return FanOutChunk(ended=frozenset({ROLLOUT}), fan_out=fan_out)
            if not rollout.is_found:
                return self._find(command, fan_out, rollout)
            after = self._advanced(command, fan_out, rollout, ended, tell)
            if after is not None:
                is_ahead = after != rollout and after.room > 0 and fan_out.paused_at is None
                goes_on = after.has_ended or is_ahead
                return FanOutChunk(cursor=str(after.given)) if goes_on else _NO_MORE
        raise unavailable()

    def _find(self, command: Command, fan_out: FanOut, rollout: Rollout) -> FanOutChunk:
        """Store the next page of targets. Where another worker was faster, that one goes on."""
        page = self._targets.page(command, rollout.to_find[0], rollout.cursor, TARGETS_AT_ONCE)
        chosen = selection.select(page.nodes, command.targeting, self._nodes, self._clusters)
        after = rollout.found(len(chosen), chunks_for(len(chosen)), page.cursor)
        if any(map(selection.may_miss, rollout.to_find)):
            after = after.model_copy(update={"may_hide": True})
        is_stored = self._rollouts.add_targets(fan_out, rollout, chosen, after, to_seconds_text(self._clock.now()))
        return FanOutChunk(cursor=f"found {after.total}") if is_stored else _NO_MORE

    def _advanced(
        self, command: Command, fan_out: FanOut, rollout: Rollout, ended: Collection[int] | None, tell: Tell
    ) -> Rollout | None:
        """The rollout after a step; None if the row has changed since it was read."""
        looked_at = rollout.out if ended is None else [slot for slot in rollout.out if slot in ended]
        counted = rollout.ended(self._ends(command, looked_at)) if looked_at else rollout
        repeated, is_paused = set[int](), fan_out.paused_at is not None
        while True:
            after, nodes = (counted, {}) if is_paused else self._handed_out(command, counted, repeated)
            if after == rollout:
                return rollout
            now = to_seconds_text(self._clock.now())
            slots = list(nodes)
            executions = [pending(command, nodes[slot], fan_out.target_cluster_name, now, slot) for slot in slots]
            in_the_way = self._rollouts.advance(fan_out, after, executions)
            if in_the_way is None:
                return None
            if not in_the_way:
                if executions:
                    tell(command, executions)
                return after
            repeated |= {slots[position] for position in in_the_way}

    def _ends(self, command: Command, slots: Collection[int]) -> Mapping[int, bool]:
        """Those of the executions at these slots that have ended; True for an error. One that is gone has ended."""
        targets = self._rollouts.targets_at(command.id, list(slots))
        ids = {execution_id(command.id, node_id): slot for slot, node_id in targets.items()}
        ends = dict.fromkeys(targets, False)
        asked = list(ids)
        for start in range(0, len(asked), ROWS_AT_ONCE):
            for row in self._executions.get_many(asked[start : start + ROWS_AT_ONCE]):
                if row.is_final:
                    ends[ids[row.id]] = row.outcome in _ERRORS
                else:
                    del ends[ids[row.id]]
        return ends

    def _handed_out(
        self, command: Command, rollout: Rollout, repeated: Collection[int]
    ) -> tuple[Rollout, Mapping[int, TargetNode]]:
        """The rollout after the next targets of a chunk, as many as there is room for, and their nodes by slot.
        Places in ``repeated`` are passed over."""
        if not rollout.room:
            return rollout, {}
        chunk, start = divmod(rollout.given, SLOTS)
        ids = self._rollouts.targets(command.id, chunk)
        taken = ids[start : start + rollout.room]
        is_last = start + len(taken) >= len(ids)
        following = (chunk + 1) * SLOTS if is_last else rollout.given + len(taken)
        by_id = {node.id: node for node in self._nodes.targets(taken) if _is_meant(command, node)}
        slots = {rollout.given + index: node_id for index, node_id in enumerate(taken)}
        fresh = {slot: node_id for slot, node_id in slots.items() if slot not in repeated}
        nodes = {slot: by_id[node_id] for slot, node_id in fresh.items() if node_id in by_id}
        counts = {"dropped": len(fresh) - len(nodes), "repeated": len(slots) - len(fresh)}
        return rollout.handed_out(list(nodes), following, **counts), nodes


def _is_meant(command: Command, node: TargetNode) -> bool:
    """Whether it is still the node that was found, and within reach of the command's writer."""
    return node.inserted_at <= command.inserted_at and command.targeting.includes(node.cluster_id)
