"""Reads and writes of the targets of rollouts, and the steps of a rollout."""

import zlib
from collections.abc import Collection, Container, Iterator, Sequence

from chalicelib.fleet.commands.execution_store import put_execution
from chalicelib.fleet.commands.model import Execution
from chalicelib.fleet.commands.rollout import ROLLOUT, SLOTS, Rollout, to_item
from chalicelib.fleet.commands.store import (
    FAN_OUTS,
    ROLLOUT_TARGETS,
    due_changes,
    execution_id,
    fan_out_key,
    fan_out_to_item,
)
from chalicelib.fleet.commands.undone import FanOut
from chalicelib.fleet.nodes.model import TargetNode
from chalicelib.fleet.reach import Reach
from chalicelib.fleet.targeting.fan_out import CHUNK
from chalicelib.kit.contended import is_committed
from chalicelib.kit.tables import (
    Absent,
    And,
    ConditionFailedError,
    Delete,
    Equals,
    Exists,
    Item,
    Key,
    Put,
    Ref,
    Set,
    Tables,
    TransactionFailedError,
    Update,
    Write,
)

CHUNKS_AT_ONCE = 100
"""Rows of targets that are in memory at the same time, two KB each."""


class RolloutStore:
    """Rollouts on `Tables`. Each step is one transaction on the row of the fan-out, and only while that is unchanged:
    so of two workers one goes on."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def targets(self, command_id: str, chunk: int) -> list[str]:
        """The ids of the nodes of a chunk."""
        item = self._tables.get(ROLLOUT_TARGETS, _key(command_id, chunk))
        return _ids(item)

    def targets_at(self, command_id: str, slots: Sequence[int]) -> dict[int, str]:
        """The ids of the nodes at these slots."""
        chunks = sorted({slot // SLOTS for slot in slots})
        items = self._tables.get_many([Ref(ROLLOUT_TARGETS, _key(command_id, chunk)) for chunk in chunks])
        ids = dict(zip(chunks, map(_ids, items), strict=True))
        return {slot: ids[slot // SLOTS][slot % SLOTS] for slot in slots}

    def add_targets(
        self, fan_out: FanOut, known: Rollout, nodes: Sequence[TargetNode], after: Rollout, now: str
    ) -> bool:
        """Store targets that were found, as the next chunks. Where an index may hide some, the parts in which they are
        looked for are kept, with the time at which all had been read. False if the row has changed since it was
        read."""
        writes: list[Write] = [_step(fan_out, after), *_put_targets(fan_out.command_id, known.chunks, nodes)]
        key, found_at = _parts_key(fan_out.command_id), now if after.is_found else None
        if after.may_hide and not known.may_hide:
            writes.append(Put(ROLLOUT_TARGETS, {**key, "parts": [*known.to_find], "found_at": found_at}))
        elif after.may_hide and after.is_found:
            writes.append(Update(ROLLOUT_TARGETS, key, (Set("found_at", found_at),)))
        return is_committed(self._tables, writes, "rollout.found")

    def reopen(self, fan_out: FanOut, nodes: Sequence[TargetNode], due_at: str) -> bool:
        """Have a finished rollout go on with further targets. False if the row has changed since it was read."""
        known = fan_out.rollout
        if known is None:
            return False
        after = known.reopened(len(nodes), chunks_for(len(nodes)))
        going_on = (
            Set("rollout", to_item(after)),
            Set("parts", frozenset({ROLLOUT})),
            *(Set(name, None) for name in ("looks", "looks_since", "cursors", "made_at")),
            Set("sweeps", 0),
            *due_changes(due_at),
        )
        row = Update(FAN_OUTS, fan_out_key(fan_out.command_id), going_on, Equals("version", fan_out.version))
        writes: list[Write] = [row, *_put_targets(fan_out.command_id, known.chunks, nodes)]
        return is_committed(self._tables, writes, "rollout.reopened")

    def parts(self, command_id: str) -> tuple[list[str], str | None]:
        """The parts in which the targets were looked for, where they were kept, and when all had been read."""
        item = self._tables.get(ROLLOUT_TARGETS, _parts_key(command_id)) or {}
        found, found_at = item.get("parts"), item.get("found_at")
        parts = [str(part) for part in found] if isinstance(found, list) else []
        return parts, str(found_at) if found_at is not None else None

    def chunks(self, command_id: str, count: int) -> Iterator[list[tuple[str, str | None]]]:
        """The targets of each chunk: node and the cluster in which it was found, None where that was not noted."""
        refs = [Ref(ROLLOUT_TARGETS, _key(command_id, chunk)) for chunk in range(count)]
        for start in range(0, count, CHUNKS_AT_ONCE):
            for item in self._tables.get_many(refs[start : start + CHUNKS_AT_ONCE], consistent=False):
                yield _targets_in(item)

    def turns_within(self, fan_out: FanOut, rollout: Rollout, reach: Reach, made: Container[str]) -> tuple[int, int]:
        """The number of targets in clusters within reach whose turn has not come, and of those whose turn came without
        leading to one of the executions ``made``. Reads a row of about 2 KB for each 99 targets of the rollout."""
        waiting = dropped = 0
        out = frozenset(rollout.out)
        for chunk, targets in enumerate(self.chunks(fan_out.command_id, rollout.chunks)):
            for slot, (node_id, cluster_id) in enumerate(targets, start=chunk * SLOTS):
                if cluster_id is None or not reach.includes(cluster_id):
                    continue
                if slot >= rollout.given:
                    waiting += 1
                elif slot not in out and execution_id(fan_out.command_id, node_id) not in made:
                    dropped += 1
        return waiting, dropped

    def advance(self, fan_out: FanOut, after: Rollout, executions: Sequence[Execution]) -> Collection[int] | None:
        """Store a step together with the executions that it makes. Returns the positions of those that exist already,
        in which case nothing is stored; None if the row has changed since it was read."""
        if not executions:  # one write, which costs half
            return () if self._tables.try_write(_step(fan_out, after), "rollout.advanced") else None
        puts = [put_execution(execution) for execution in executions]
        try:
            self._tables.commit((_step(fan_out, after), *puts), "execution.created")
        except TransactionFailedError as error:
            return None if 0 in error.failed else {position - 1 for position in error.failed}
        return ()

    def steer(self, known: FanOut, after: FanOut, names: Collection[str], operation: str, *, result: object) -> bool:
        """Store these fields of a rollout that is under way; its steps do not stand in the way. False if it has ended,
        was deleted, or was paused or resumed since it was read."""
        item = fan_out_to_item(after)
        changes = [Set(name, item[name]) for name in (*names, *(("due",) if "due_at" in names else ()))]
        as_known = Absent("paused_at") if known.paused_at is None else Exists("paused_at")
        under_way = And(Exists("parts"), Exists("rollout"), Absent("deleted_at"), as_known)
        update = Update(FAN_OUTS, fan_out_key(known.command_id), tuple(changes), under_way)
        try:
            self._tables.apply(update, operation, result=result)
        except ConditionFailedError:
            return False
        return True

    def forget(self, command_id: str, chunks: int) -> None:
        """Delete the targets of a deleted command."""
        for key in (_parts_key(command_id), *(_key(command_id, chunk) for chunk in range(chunks))):
            self._tables.write(Delete(ROLLOUT_TARGETS, key), "rollout.forgotten")


def chunks_for(count: int) -> int:
    """How many chunks so many targets fill."""
    return -(-count // CHUNK)


def _step(fan_out: FanOut, after: Rollout) -> Update:
    unchanged = Equals("version", fan_out.version)
    return Update(FAN_OUTS, fan_out_key(fan_out.command_id), (Set("rollout", to_item(after)),), unchanged)


def _put_targets(command_id: str, first: int, nodes: Sequence[TargetNode]) -> list[Put]:
    """The writes of further chunks. Each names the clusters of its targets once, and of each target the index of its
    cluster among them."""
    puts = []
    for number, start in enumerate(range(0, len(nodes), CHUNK), start=first):
        some = nodes[start : start + CHUNK]
        clusters = list(dict.fromkeys(node.cluster_id for node in some))
        indexes = bytes(clusters.index(node.cluster_id) for node in some)
        ids = zlib.compress("\n".join(node.id for node in some).encode())
        values: Item = {"nodes": ids, "cluster_ids": [*clusters], "cluster_indexes": indexes}
        puts.append(Put(ROLLOUT_TARGETS, {**_key(command_id, number), **values}))
    return puts


def _targets_in(item: Item | None) -> list[tuple[str, str | None]]:
    ids, found = _ids(item), item or {}
    clusters, indexes = found.get("cluster_ids"), found.get("cluster_indexes")
    if not isinstance(clusters, list) or not isinstance(indexes, bytes):
        return [(node_id, None) for node_id in ids]
    return [(node_id, str(clusters[index])) for node_id, index in zip(ids, indexes, strict=True)]


def _key(command_id: str, chunk: int) -> Key:
    return {"id": f"{command_id}#{chunk}"}


def _parts_key(command_id: str) -> Key:
    return {"id": f"{command_id}#parts"}


def _ids(item: Item | None) -> list[str]:
    """The nodes of a chunk: compressed, which halves it, or as a list, as an earlier version stored them."""
    row = item or {}
    compressed, found = row.get("nodes"), row.get("node_ids")
    if isinstance(compressed, bytes):
        return zlib.decompress(compressed).decode().split("\n")
    return [str(node_id) for node_id in found] if isinstance(found, list) else []
