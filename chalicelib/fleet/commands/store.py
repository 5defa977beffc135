"""Rows of commands, fan-outs and executions: tables, keys, indexes and attribute names."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.fleet.commands import output as outputs
from chalicelib.fleet.commands import rollout
from chalicelib.fleet.commands.model import OPEN, Command, Execution, Outcome, Status, outcome_of
from chalicelib.fleet.commands.undone import FanOut
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.ids import compose_uuid7, milliseconds_of, moment_of
from chalicelib.kit.listing import IndexSource, all_rows, as_given, fixed, rows_with, sharded
from chalicelib.kit.tables import Change, Index, Item, Key, Remove, Set, Table, Thing

SHARDS = 4
"""Partitions of every index that a whole fleet writes to at once."""

LISTING = "commands"
"""The one partition of the index `listing`: operators make commands one by one, so it is never hot."""

DUE = "fan_outs"
"""The one partition of the index `due`: one row per command with work left."""

COMMANDS = Table(
    "commands",
    partition="id",
    indexes=(Index("listing", "listing", "id", ("timeout", "expired_at", "inserted_at", "updated_at")),),
    stream=True,
    unparked=frozenset({"command_text"}),
    expires_at="expires_epoch",
    thing=Thing("command"),
)

FAN_OUTS = Table(
    "fan_outs",
    partition="command_id",
    indexes=(Index("due", "due", "due_at"),),
    stream=True,
    thing=Thing("command", id="command_id", made_with=True),
)

ROLLOUT_TARGETS = Table("rollout_targets", partition="id", thing=Thing("command"))
"""The nodes that a rollout is for, in chunks: ``command id#number``."""

EXECUTIONS = Table(
    "executions",
    partition="id",
    indexes=(
        Index("all", "all_shard", "id"),
        Index("by_status", "status_shard", "id"),
        Index("by_command", "command_shard", "id", ("node_id", "status", "exit_code")),
        Index("by_node", "node_id", "id"),
        Index("by_cluster", "cluster_shard", "id"),
        # With the command's id an agent's poll is answered from here, without reading rows.
        Index("open_by_node", "open_node_id", "id", ("status", "cancel_requested_at", "command_id")),
    ),
    stream=True,
    unparked=frozenset({"output", "output_gz"}),
    thing=Thing("execution"),
)

ALL_COMMANDS = IndexSource(index="listing", partitions=fixed(LISTING), totals=all_rows(COMMANDS))

BY_COMMAND = IndexSource(
    index="by_command", by="command_id", partitions=sharded(SHARDS), totals=rows_with(EXECUTIONS, "command_id")
)
BY_NODE = IndexSource(index="by_node", by="node_id", partitions=as_given)
BY_CLUSTER = IndexSource(
    index="by_cluster",
    by="cluster_name",
    partitions=sharded(SHARDS),
    totals=rows_with(EXECUTIONS, "cluster_name"),
)
BY_STATUS = IndexSource(
    index="by_status", by="status", partitions=sharded(SHARDS), totals=rows_with(EXECUTIONS, "status")
)
_STATUSES: Mapping[str, Sequence[Status]] = {
    outcome.value: tuple(status for status in Status if outcome in {outcome_of(status, 0), outcome_of(status, 1)})
    for outcome in Outcome
}
"""Outcome -> the statuses in which it occurs."""

BY_OUTCOME = IndexSource(
    index="by_status",
    by="outcome",
    partitions=lambda outcomes: [
        status_shard(status, shard)
        for outcome in outcomes
        for status in _STATUSES.get(outcome, ())
        for shard in range(SHARDS)
    ],
    decides=False,
)
ALL_EXECUTIONS = IndexSource(index="all", partitions=fixed(*map(str, range(SHARDS))), totals=all_rows(EXECUTIONS))

COMMAND_TOTALS = ALL_COMMANDS.counted(COMMANDS)
EXECUTION_TOTALS = {**ALL_EXECUTIONS.counted(EXECUTIONS), **BY_STATUS.counted(EXECUTIONS, *Status)}
"""Totals that are kept as counters, and what a recount reads."""


def execution_id(command_id: str, node_id: str) -> str:
    """The id of a command's execution on a node: a UUIDv7 with the command's time and a hash of both as random bits.

    Deterministic, so that creating it twice creates it once; sorted by time like any other UUIDv7.
    """
    digest = hashlib.sha256(f"{command_id}/{node_id}".encode()).digest()
    return compose_uuid7(milliseconds_of(command_id), int.from_bytes(digest[:10]))


def inserted_at_of(row_id: str) -> str:
    """When the row with this UUIDv7 was inserted; for an execution, when its command was."""
    return to_seconds_text(moment_of(row_id))


def shard_of(row_id: str) -> int:
    """The shard of an execution: the last bits of its id, which are random."""
    return int(row_id[-1], 16) % SHARDS


def status_shard(status: Status, shard: int) -> str:
    return f"{status.value}#{shard}"


def command_shard(command_id: str, shard: int) -> str:
    return f"{command_id}#{shard}"


def cluster_shard(cluster_name: str, shard: int) -> str:
    return f"{cluster_name}#{shard}"


def command_key(command_id: str) -> Key:
    return {"id": command_id}


def fan_out_key(command_id: str) -> Key:
    return {"command_id": command_id}


def execution_key(row_id: str) -> Key:
    return {"id": row_id}


def command_to_item(command: Command) -> Item:
    item: dict[str, Any] = command.model_dump(mode="json", exclude={"version", "targeting"})
    item["targeting"] = command.targeting.model_dump(mode="json", exclude_none=True)
    item["secrets"] = {**command.secrets} or None
    item["listing"] = None if command.is_deleted else LISTING
    return item


def command_from_item(item: Item) -> Command:
    return Command.model_validate(item)


def script_name_of(item: Item) -> str | None:
    """The name of the saved script that a command's row runs."""
    script = item.get("script")
    return str(script["name"]) if isinstance(script, dict) else None


def fan_out_to_item(fan_out: FanOut) -> Item:
    item: dict[str, Any] = fan_out.model_dump(mode="python", exclude={"version"})
    item["parts"] = fan_out.parts or None
    item["looks"] = fan_out.looks or None
    item["spared"] = fan_out.spared or None
    item["cursors"] = {**fan_out.cursors} or None
    item["due"] = None if fan_out.due_at is None else DUE
    item["rollout"] = None if fan_out.rollout is None else rollout.to_item(fan_out.rollout)
    return item


def fan_out_from_item(item: Item) -> FanOut:
    return FanOut.model_validate({"parts": frozenset(), **item})


NO_LOOKS = (Set("looks", None), Set("looks_since", None), Set("spared", None))
"""The changes of a fan-out by which its search for hidden nodes ends."""


def due_changes(due_at: str | None) -> tuple[Change, ...]:
    """Look again at this time; None takes the row out of the index."""
    return Set("due_at", due_at), Set("due", None if due_at is None else DUE)


def execution_to_item(execution: Execution) -> Item:
    """The whole row with what the indexes need."""
    item: dict[str, Any] = execution.model_dump(mode="json", exclude={"version", "output"})
    shard = shard_of(execution.id)
    item["all_shard"] = str(shard)
    item["status_shard"] = status_shard(execution.status, shard)
    item["command_shard"] = command_shard(execution.command_id, shard)
    item["cluster_shard"] = cluster_shard(execution.node_cluster_name, shard)
    item["open_node_id"] = execution.node_id if execution.status in OPEN else None
    if execution.output is not None:
        item.update({change.name: change.value for change in output_changes(execution.output)})
    return item


def execution_from_item(item: Item) -> Execution:
    return Execution.model_validate({**item, "output": output_of(item)})


def outcome_of_row(item: Item) -> str:
    """The outcome of an execution's row, or of an index row with its status and exit code."""
    return outcome_of(str(item["status"]), item.get("exit_code")).value


def output_of(item: Item) -> str | None:
    """The output of a row, whichever way it is stored."""
    compressed = item.get("output_gz")
    if isinstance(compressed, bytes):
        return outputs.decompress(compressed)
    plain = item.get("output")
    return plain if isinstance(plain, str) else None


def output_bytes(item: Item) -> int:
    """The bytes of a row's output, without decompressing it."""
    compressed, plain = item.get("output_gz"), item.get("output")
    if isinstance(compressed, bytes):
        return outputs.length_of(compressed)
    return len(plain.encode()) if isinstance(plain, str) else 0


def output_changes(output: str) -> tuple[Set, Set]:
    """Store an output, compressed where that is smaller than a write unit saved."""
    compressed = outputs.compress(output)
    return Set("output", output if compressed is None else None), Set("output_gz", compressed)


def status_changes(row_id: str, status: Status) -> tuple[Change, ...]:
    """A new status with the index attributes that follow from it. Once final, the row leaves `open_by_node`."""
    moved: tuple[Change, ...] = (
        Set("status", status.value),
        Set("status_shard", status_shard(status, shard_of(row_id))),
    )
    return moved if status in OPEN else (*moved, Remove("open_node_id"))
