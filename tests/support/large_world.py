"""A world with as many rows of a kind as a test wants: copies of one that the application made, put in the short way.

Every list of them holds them all: one cluster has the nodes, the keys and the aliases; one node the user names, the
SSH keys and the executions; one command the executions; one webhook the deliveries.
"""

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from chalicelib.fleet.aliases.store import TABLE as ALIASES
from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.commands.store import (
    BY_COMMAND,
    COMMANDS,
    EXECUTIONS,
    FAN_OUTS,
    cluster_shard,
    command_shard,
    status_shard,
)
from chalicelib.fleet.commands.store import Status as ExecutionStatus
from chalicelib.fleet.commands.store import shard_of as execution_shard_of
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.nodes import store as nodes
from chalicelib.fleet.nodes.model import Status as NodeStatus
from chalicelib.fleet.nodes.store import NODES, PRESENCE
from chalicelib.fleet.nodes.term_store import NODE_TERMS, entries_of
from chalicelib.fleet.ssh.store import KEYS as SSH_PUBLIC_KEYS
from chalicelib.fleet.ssh.store import USERNAMES as SSH_USERNAMES
from chalicelib.fleet.updates.store import REQUESTS
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.crypto import associated_data
from chalicelib.kit.ids import compose_uuid7, to_milliseconds
from chalicelib.kit.tables import Item, Table
from chalicelib.platform.webhooks.store import DELIVERIES, SHARDS, WEBHOOKS, webhook_shard
from tests.bench.scene import Scene
from tests.support.world import World

WITH_OUTPUT = 10
"""Every tenth execution has an exit code of 3 and an output."""

LABELS = {"env": "prod"}
"""The labels of every node."""

NOT_DUE_FOR = timedelta(minutes=5)
"""The time after which the rows that sweeps look for become due."""

Change = Callable[[str, int], Mapping[str, Any]]
"""(new id, index) -> attributes in which a copy differs from its pattern."""


@dataclass
class LargeWorld:
    """``names`` stand in paths and queries: ids of the key, node, command, execution and webhook that have rows, and
    the ``blob`` of the key."""

    scene: Scene
    count: int
    names: dict[str, str] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.scene.world

    def fill(self, kinds: Collection[str]) -> None:
        """``count`` rows of each kind, copies included, and the totals counted."""
        for kind in kinds:
            for table, pattern, change in _KINDS[kind](self):
                self._copy(table, pattern, change)
        made_at = self.world.clock.now()
        self.world.sweep("recount")
        # That of a single command only the stream keeps, and copies come by no stream.
        self.world.platform.counters.recount(BY_COMMAND.counted(EXECUTIONS, self.names["command"]))
        self.world.clock.set(made_at)  # counting takes its time, in which things would become due

    def pattern(self, table: Table, row_id: str) -> Item:
        """The row, which the application has made."""
        row = self.world.driver.row(table, {table.partition: row_id})
        if row is None:
            raise LookupError(f"no {table.name} {row_id}")
        return row

    def _copy(self, table: Table, pattern: Item, change: Change) -> None:
        now = to_milliseconds(self.world.clock.now())
        there = len(self.world.driver.rows(table))
        # Random at their end, which chooses the shard, and the same in every run.
        rng = random.Random(1)
        ids = [compose_uuid7(now, rng.getrandbits(80)) for _ in range(self.count - there)]
        rows = ({**pattern, "id": row_id, **change(row_id, index)} for index, row_id in enumerate(ids))
        self.world.driver.load(table, map(_without_none, rows))


def large_world(count: int, kinds: Collection[str] | None = None) -> LargeWorld:
    """``count`` rows of the kinds, all of them if none is named. Copies of nodes have no secrets of their own, so no
    node's are revealed."""
    scene = Scene(reveal_node_secrets=False)
    made = LargeWorld(scene, count)
    known = scene.variables
    made.names = {
        **{name: known[f"{name}_id"] for name in ("key", "node", "command", "execution", "webhook")},
        "blob": scene.ask("get_key").data["key"],
    }
    made.fill(_KINDS if kinds is None else kinds)
    return made


Copies = Iterator[tuple[Table, Item, Change]]


def _clusters(made: LargeWorld) -> Copies:
    def change(row_id: str, index: int) -> Item:
        return {"name": f"cluster-{index}", "ipv4_range": f"101.{index // 250 % 250}.{index % 250}.0/24"}

    yield CLUSTERS, made.pattern(CLUSTERS, "south"), change


def _keys(made: LargeWorld) -> Copies:
    sealer = made.world.platform.sealer

    def change(row_id: str, index: int) -> Item:
        return {"key_sealed": sealer.seal(made.names["blob"], associated_data(ENROLLMENT_KEYS, row_id, "key"))}

    yield ENROLLMENT_KEYS, made.pattern(ENROLLMENT_KEYS, made.names["key"]), change


def _nodes(made: LargeWorld) -> Copies:
    """With their presence: the silence of each is due in five minutes, as after its registration."""
    machine = made.scene.app.machine.id
    (other,) = (row for row in made.world.driver.rows(NODES) if row["id"] != machine)

    def change(row_id: str, index: int) -> Item:
        return {
            "listed_at": nodes.listed_at(str(other["inserted_at"]), row_id),
            "shard": nodes.shard_of(row_id),
            "status_shard": nodes.status_shard_of(row_id, NodeStatus.HEALTHY),
        }

    def change_presence(row_id: str, index: int) -> Item:
        return {"health_shard": nodes.health_shard_of(row_id), "health_due": _later(made)}

    yield NODES, other, change
    labels = {"operator_labels": LABELS, "labels": LABELS}
    made.world.driver.load(NODES, [{**row, **labels} for row in made.world.driver.rows(NODES)])
    every = map(nodes.node_from_item, made.world.driver.rows(NODES))
    made.world.driver.load(NODE_TERMS, [entry for node in every for entry in entries_of(node).values()])
    yield PRESENCE, made.pattern(PRESENCE, str(other["id"])), change_presence


def _aliases(made: LargeWorld) -> Copies:
    pattern = made.pattern(ALIASES, made.scene.variables["alias_id"])

    def change(row_id: str, index: int) -> Item:
        shard = str(int(row_id[-1], 16) % nodes.SHARDS)
        return {"name": f"door-{index}", "shard": shard, "listed_at": f"{pattern['inserted_at']}#{row_id}"}

    yield ALIASES, pattern, change


def _commands(made: LargeWorld) -> Copies:
    """With fan-outs whose deadline is not due."""
    pattern = made.pattern(FAN_OUTS, made.names["command"])
    yield COMMANDS, made.pattern(COMMANDS, made.names["command"]), lambda row_id, index: {}
    yield (
        FAN_OUTS,
        pattern,
        lambda row_id, index: {"id": None, "command_id": row_id, "due": "fan_outs", "due_at": _later(made)},
    )


def _executions(made: LargeWorld) -> Copies:
    """Finished ones."""
    pattern = made.pattern(EXECUTIONS, made.names["execution"])

    def change(row_id: str, index: int) -> Item:
        shard, has_output = execution_shard_of(row_id), index % WITH_OUTPUT == 0
        return {
            "status": ExecutionStatus.COMPLETED.value,
            "output": "no space left\n" if has_output else None,
            "exit_code": 3 if has_output else 0,
            "all_shard": str(shard),
            "status_shard": status_shard(ExecutionStatus.COMPLETED, shard),
            "command_shard": command_shard(str(pattern["command_id"]), shard),
            "cluster_shard": cluster_shard("north", shard),
            "open_node_id": None,
        }

    yield EXECUTIONS, pattern, change


def _requests(made: LargeWorld) -> Copies:
    pattern = made.pattern(REQUESTS, made.scene.variables["self_update_request_id"])
    yield REQUESTS, pattern, lambda row_id, index: {"due_at": _later(made)}


def _ssh_usernames(made: LargeWorld) -> Copies:
    pattern = made.pattern(SSH_USERNAMES, made.scene.variables["ssh_username_id"])

    def change(row_id: str, index: int) -> Item:
        return {"username": f"user-{index}", "listed_at": f"{pattern['inserted_at']}#{row_id}"}

    yield SSH_USERNAMES, pattern, change


def _ssh_keys(made: LargeWorld) -> Copies:
    pattern = made.pattern(SSH_PUBLIC_KEYS, made.scene.variables["ssh_public_key_id"])

    def change(row_id: str, index: int) -> Item:
        return {"key_name": f"key-{index}", "listed_at": f"{pattern['inserted_at']}#{row_id}"}

    yield SSH_PUBLIC_KEYS, pattern, change


def _webhooks(made: LargeWorld) -> Copies:
    yield WEBHOOKS, made.pattern(WEBHOOKS, made.names["webhook"]), lambda row_id, index: {}


def _deliveries(made: LargeWorld) -> Copies:
    pattern = made.pattern(DELIVERIES, made.scene.variables["delivery_id"])

    def change(row_id: str, index: int) -> Item:
        shard = webhook_shard(made.names["webhook"], index % SHARDS)
        return {"webhook_shard": shard, "listed_at": f"{pattern['inserted_at']}#{row_id}"}

    yield DELIVERIES, pattern, change


def _without_none(row: Item) -> Item:
    return {name: value for name, value in row.items() if value is not None}


def _later(made: LargeWorld) -> str:
    return to_seconds_text(made.world.clock.now() + NOT_DUE_FOR)


_KINDS: Mapping[str, Callable[[LargeWorld], Copies]] = {
    "clusters": _clusters,
    "enrollment_keys": _keys,
    "nodes": _nodes,
    "aliases": _aliases,
    "commands": _commands,
    "command_executions": _executions,
    "self_update_requests": _requests,
    "ssh_usernames": _ssh_usernames,
    "ssh_public_keys": _ssh_keys,
    "webhooks": _webhooks,
    "deliveries": _deliveries,
}
