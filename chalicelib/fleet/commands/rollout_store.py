"""Reads and writes of the targets of rollouts, and the steps of a rollout."""

from collections.abc import Collection, Sequence

from chalicelib.fleet.commands.execution_store import put_execution
from chalicelib.fleet.commands.model import Execution
from chalicelib.fleet.commands.rollout import SLOTS, Rollout, to_item
from chalicelib.fleet.commands.store import FAN_OUTS, ROLLOUT_TARGETS, fan_out_key, fan_out_to_item
from chalicelib.fleet.commands.undone import FanOut
from chalicelib.fleet.targeting.fan_out import CHUNK
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
)


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

    def add_targets(self, fan_out: FanOut, node_ids: Sequence[str], after: Rollout) -> bool:
        """Store targets that were found, as the next chunks. False if the row has changed since it was read."""
        first = 0 if fan_out.rollout is None else fan_out.rollout.chunks
        slices = [list(node_ids[start : start + CHUNK]) for start in range(0, len(node_ids), CHUNK)]
        puts = [
            Put(ROLLOUT_TARGETS, {**_key(fan_out.command_id, first + index), "node_ids": [*some]})
            for index, some in enumerate(slices)
        ]
        try:
            self._tables.commit((_step(fan_out, after), *puts), "rollout.found")
        except TransactionFailedError:
            return False
        return True

    def advance(self, fan_out: FanOut, after: Rollout, executions: Sequence[Execution]) -> Collection[int] | None:
        """Store a step together with the executions that it makes. Returns the positions of those that exist already,
        in which case nothing is stored; None if the row has changed since it was read."""
        puts = [put_execution(execution) for execution in executions]
        try:
            self._tables.commit((_step(fan_out, after), *puts), "execution.created" if puts else "rollout.advanced")
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
        for chunk in range(chunks):
            self._tables.write(Delete(ROLLOUT_TARGETS, _key(command_id, chunk)), "rollout.forgotten")


def chunks_for(count: int) -> int:
    """How many chunks so many targets fill."""
    return -(-count // CHUNK)


def _step(fan_out: FanOut, after: Rollout) -> Update:
    unchanged = Equals("version", fan_out.version)
    return Update(FAN_OUTS, fan_out_key(fan_out.command_id), (Set("rollout", to_item(after)),), unchanged)


def _key(command_id: str, chunk: int) -> Key:
    return {"id": f"{command_id}#{chunk}"}


def _ids(item: Item | None) -> list[str]:
    found = (item or {}).get("node_ids")
    return [str(node_id) for node_id in found] if isinstance(found, list) else []
